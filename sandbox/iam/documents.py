"""The policy documents that an IAM entity has, as decisions see them (sandbox/iam/sight.py)."""

from __future__ import annotations

import functools
import importlib.util
import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.iam import sight
from sandbox.iam.policy import Document
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

AWS_MANAGED = "arn:aws:iam::aws:policy/"


def documents_of(world: World, entity: Record) -> list[Document]:
    """Identity policies of a role, user (with its groups) or group."""
    documents = [parsed(d) for d in entity.data.get("inline", {}).values()]
    documents += [managed_document(world, arn) for arn in entity.data.get("attached", [])]
    for name in entity.data.get("groups", []):
        group = sight.get(world, entity.account, "AWS::IAM::Group", name)
        if group is not None:
            documents += documents_of(world, group)
    return documents


def boundary_of(entity: Record) -> str | None:
    arn = entity.properties.get("PermissionsBoundary")
    return str(arn) if arn else None


def managed_document(world: World, arn: str) -> Document:
    """The default version of a managed policy; {} if there is none (it allows nothing)."""
    if arn.startswith(AWS_MANAGED):
        return parsed(aws_managed().get(arn, "{}"))
    record = sight.by_arn(world, arn)
    if record is None:
        return {}
    return parsed(record.data["versions"][record.data["default"]]["document"])


def parsed(document: Any) -> Document:
    value: Document = json.loads(document) if isinstance(document, str) else document
    return value


@functools.cache
def aws_managed() -> dict[str, str]:
    """AWS's managed policies, ARN to JSON document, from the data that moto ships.

    Only that one data module is read: moto.iam itself takes a second and 50 MB.
    """
    spec = importlib.util.find_spec("moto")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("moto is not installed: the sandbox reads AWS's managed policies from it")
    path = Path(next(iter(spec.submodule_search_locations))) / "iam" / "aws_managed_policies.py"
    data: dict[str, Any] = json.loads(runpy.run_path(str(path))["aws_managed_policies_data"])
    return {
        f"arn:aws:iam::aws:policy{entry.get('Path', '/')}{name}": json.dumps(entry["Document"])
        for name, entry in data.items()
    }

"""Every CloudFormation type that the portal deploys, computed from templates: the blueprint with all sizes and options,
the baseline, what `cdk bootstrap` shows, and the way into an account."""

import functools
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from devtools.places import ROOT
from tests.blueprint_cdk.support import ALL_MODULES, EVERYTHING, FACTS, OTHER, SPEC, STANDBY, facts_of

SOURCES: tuple[dict[str, str] | None, ...] = (
    None,
    {"kind": "snapshot", "id": "last-copy"},
    {"kind": "cluster", "id": "sy-other-k3x9"},
)
# What a spec may leave out or turn on, each way once.
OPTIONS: tuple[dict[str, Any], ...] = (
    {"tier": "dev", "deletion_protection": False, "permissions_boundary_arn": None},
    {"tier": "staging", "deletion_protection": True, **EVERYTHING},
    {"tier": "prod", "deletion_protection": True, "log_retention_days": 365, **EVERYTHING},
)


@functools.cache
def environment_types() -> frozenset[str]:
    """Types of an environment's stacks, over all sizes, restore sources, options and kinds of standby."""
    from blueprint_cdk.data import load

    requests = []
    for number, (size, source) in enumerate(itertools.product(load("sizes"), SOURCES)):
        facts = FACTS if number % 2 else {**FACTS, "elb_account_id": "156460612806"}
        spec = {**SPEC, **OPTIONS[number % len(OPTIONS)], "size": size, "restore_source": source}
        requests.append({"app": "environment", "spec": spec, "facts": {spec["home_region"]: facts}})
    for number, (size, standby) in enumerate(itertools.product(load("sizes"), ("pilot-light", "warm"))):
        # The proxy of a standby is there once it has an instance: each way with the modules and without.
        modules = ALL_MODULES if number % 3 else []
        spec = {**SPEC, **STANDBY, "size": size, "standby": standby, "modules": modules}
        requests.append(
            {
                "app": "environment",
                "spec": spec,
                "facts": {spec["home_region"]: FACTS, OTHER: facts_of(OTHER)},
            }
        )
    return _types(requests)


@functools.cache
def account_types() -> frozenset[str]:
    """Types of what an account gets once: the role template, bootstrap and baseline."""
    from blueprint_cdk.access.templates import role_templates

    baseline = {"app": "baseline", "spec": {"account_id": SPEC["account_id"], "region": "eu-west-1"}}
    templates = [*map(json.loads, role_templates("json").values()), yaml.safe_load(_bootstrap())]
    return _types([baseline]).union(*map(_of_template, templates))


@functools.cache
def application_types() -> frozenset[str]:
    """Types of an Application's stack, with both sources of code."""
    spec = {
        "name": "shop",
        "suffix": "k3x9",
        "team": "web",
        "owner": "ann@example.com",
        "account_id": SPEC["account_id"],
        "region": "eu-west-1",
    }
    sources: tuple[dict[str, str], ...] = ({}, {"source": "github", "github_repository": "example/shop"})
    return _types([{"app": "application", "spec": {**spec, **source}} for source in sources])


def _types(requests: list[dict[str, Any]]) -> frozenset[str]:
    from blueprint_cdk import runtime

    runtime.prepare()
    from blueprint_cdk.synthesis import synthesise

    found: set[str] = set()
    for request in requests:
        with tempfile.TemporaryDirectory() as folder:
            out = synthesise({**request, "out": f"{folder}/assembly"})
            for path in out.glob("*.template.json"):
                found |= _of_template(json.loads(path.read_text()))
    return frozenset(found)


def _of_template(template: dict[str, Any]) -> set[str]:
    return {str(resource["Type"]) for resource in template["Resources"].values()}


def _bootstrap() -> str:
    """What the pinned CLI shows: plain YAML, its intrinsic functions written out."""
    command = [str(ROOT / "node_modules/.bin/cdk"), "bootstrap", "--show-template", "--no-notices", "--ci"]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            command, cwd=Path(empty), env=dict(os.environ), capture_output=True, text=True, check=True
        )
    return done.stdout

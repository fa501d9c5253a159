"""What tests of a standby look at: the stacks that there are with one, and what is in a stack."""

from __future__ import annotations

from typing import Any

from blueprint_cdk.data import load
from tests.blueprint_cdk.support import Assembly
from tests.blueprint_cdk.test_permanence import property_at, resources, schema_of

SIZES = ("small", "medium", "large")
KINDS = ("pilot-light", "warm")
ROWS = [row for row in load("stacks")["environment"] if not {"modules", "tier"} & set(row.get("when", {}))]
HOME_STACKS = {f"sy-shop-k3x9-{row['key']}" for row in ROWS if "when" not in row}


def options(assembly: Assembly, key: str) -> dict[tuple[str, str], Any]:
    [environment] = [
        row["Properties"]
        for row in assembly.template(key)["Resources"].values()
        if row["Type"] == "AWS::ElasticBeanstalk::Environment"
    ]
    return {(row["Namespace"], row["OptionName"]): row["Value"] for row in environment["OptionSettings"]}


def of_type(assembly: Assembly, key: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in assembly.template(key)["Resources"].values() if row["Type"] == kind]


def exports(assembly: Assembly) -> dict[str, Any]:
    return {
        output["Export"]["Name"]: output["Value"]
        for template in assembly.templates().values()
        for output in template["Outputs"].values()
        if "Export" in output
    }


def changed_in_place(before: Assembly, after: Assembly, stack: str) -> set[tuple[str, str]]:
    """(type, property) of all that differs between a stack's resources in two assemblies, none of which may be gone or
    differ in what only a new one could have.
    """
    was, now = resources(before), resources(after)
    held = {place: row for place, row in was.items() if place[0] == stack}
    assert held and held.keys() <= now.keys()
    changed = set()
    for place, row in held.items():
        schema = schema_of(row["Type"])
        fixed = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
        for pointer in fixed:
            assert property_at(now[place]["Properties"], pointer) == property_at(row["Properties"], pointer)
        changed |= {
            (row["Type"], name)
            for name, value in now[place]["Properties"].items()
            if row["Properties"].get(name) != value
        }
    return changed


def added_to(before: Assembly, after: Assembly, stack: str) -> list[str]:
    """Types of what a stack has in the second assembly alone, in order."""
    was = resources(before)
    return sorted(
        row["Type"] for place, row in resources(after).items() if place[0] == stack and place not in was
    )

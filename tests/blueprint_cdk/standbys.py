"""What tests of a standby look at: the stacks that there are with one, and what is in a stack."""

from __future__ import annotations

from typing import Any

from blueprint_cdk.data import load
from tests.blueprint_cdk.support import Assembly

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

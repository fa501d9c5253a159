"""Notifications and a standby: the tokens of devices are in both regions, and nothing is replaced by that."""

from __future__ import annotations

from typing import Any

import pytest

from blueprint_cdk.data import load
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import exports, property_at, resources, schema_of

ON: dict[str, Any] = {"modules": ["identity", "notifications", "analytics", "proxy"]}
STACK = "sy-shop-k3x9-messaging"


@pytest.fixture(scope="module")
def alone(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON)


@pytest.fixture(scope="module")
def both(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON, standby="pilot-light")


def test_devices_have_a_replica_once_its_key_is_there(both: Assembly, alone: Assembly) -> None:
    [row] = [row for row in load("stacks")["environment"] if row["key"] == "messaging"]
    assert row["joins"]["after"] == ["other-keys"]
    [table] = [
        resource["Properties"]
        for resource in both.template("messaging")["Resources"].values()
        if resource["Type"] == "AWS::DynamoDB::GlobalTable"
    ]
    home, there = table["Replicas"]
    condition, replica, otherwise = there["Fn::If"]
    assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
    assert (home["Region"], replica["Region"]) == ("eu-west-1", OTHER)
    assert f"kms:{OTHER}" in str(replica["SSESpecification"])
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert replica["DeletionProtectionEnabled"] is False
    assert "Joined" not in alone.template("messaging").get("Parameters", {})


def test_the_replica_replaces_nothing_and_moves_no_export(both: Assembly, alone: Assembly) -> None:
    was, now = resources(alone), resources(both)
    before = {place: row for place, row in was.items() if place[0] == STACK}
    assert before and {place for place in now if place[0] == STACK} == set(before)
    changed = set()
    for place, row in before.items():
        for pointer in schema_of(row["Type"]).get("createOnlyProperties", []):
            assert property_at(now[place]["Properties"], pointer) == property_at(row["Properties"], pointer)
        names = [
            name for name, value in now[place]["Properties"].items() if row["Properties"].get(name) != value
        ]
        changed |= {(row["Type"], name) for name in names}
    assert changed == {("AWS::DynamoDB::GlobalTable", "Replicas")}
    assert exports(alone).items() <= exports(both).items()

"""The resolvers of users' own data, run in Node as AppSync runs them: with AWSJSON that it has parsed before, and makes
text of again (AppSync developer guide, "Scalar types in GraphQL").
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devtools.places import ROOT, node_binary
from tests.blueprint_cdk.support import Assembly, Synthesise

FILES = ROOT / "blueprint_cdk" / "data" / "user_data"
SCRIPT = Path(__file__).with_name("resolve.mjs")
VALUE = {"colour": "blue", "sizes": [1, 2.5], "shown": True, "more": {"none": None}}
STORED = {
    "M": {
        "colour": {"S": "blue"},
        "sizes": {"L": [{"N": 1}, {"N": 2.5}]},
        "shown": {"BOOL": True},
        "more": {"M": {"none": {"NULL": None}}},
    }
}
ITEM = {"owner": "sub-1", "id": "i", "value": VALUE, "_version": 3, "_lastChangedAt": 1_795_860_000_000}


def run(field: str, function: str, **ctx: Any) -> dict[str, Any]:
    told = [{"file": str(FILES / f"{field}.js"), "function": function, "ctx": ctx}]
    done = subprocess.run(
        [node_binary(), SCRIPT],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [answer] = json.loads(done.stdout)
    return dict(answer)


def asked(field: str, **args: Any) -> dict[str, Any]:
    """What the field asks DynamoDB for the user sub-1."""
    return dict(run(field, "request", args=args, identity={"sub": "sub-1"})["value"])


def test_a_value_is_stored_as_the_map_that_appsync_has_made_of_it() -> None:
    request = asked("Mutation.putItem", id="i", value=VALUE, _version=2)
    assert request["operation"] == "PutItem"
    assert request["key"] == {"owner": {"S": "sub-1"}, "id": {"S": "i"}}
    assert request["attributeValues"] == {"value": STORED}
    assert request["_version"] == 2
    assert "_version" not in asked("Mutation.putItem", id="new", value="text")


@pytest.mark.parametrize("field", ["Query.item", "Mutation.putItem", "Mutation.deleteItem"])
def test_an_item_is_answered_as_it_is_stored(field: str) -> None:
    assert run(field, "response", result=ITEM) == {"value": ITEM}
    assert run(field, "response", result=None) == {"value": None}


def test_changes_are_answered_as_they_are_stored_with_where_to_go_on() -> None:
    page = {"items": [ITEM, {**ITEM, "_deleted": True}], "nextToken": "t", "startedAt": 1_795_860_000_001}
    assert run("Query.syncItems", "response", result=page, identity={"sub": "sub-1"}) == {"value": page}


def test_changes_of_others_are_told_to_nobody() -> None:
    page = {"items": [{**ITEM, "owner": "sub-2"}, ITEM], "nextToken": "t"}
    told = run("Query.syncItems", "response", result=page, identity={"sub": "sub-1"})["value"]
    assert told == {"items": [ITEM], "nextToken": "t"}


@pytest.mark.parametrize("field", ["Mutation.putItem", "Mutation.deleteItem"])
def test_a_refused_change_comes_with_the_item_as_it_is_now(field: str) -> None:
    error = {"message": "The version has changed.", "type": "ConflictUnhandled"}
    assert run(field, "response", error=error, result=ITEM) == {"error": [*error.values(), ITEM]}


def test_changes_are_noted_where_a_device_looks_for_them(synthesise: Synthesise) -> None:
    """Both or neither: with `customPartitionKey` AppSync notes a change below its owner, with `basePartitionKey` it
    looks there ("Versioning DynamoDB data sources", ds_pk; "Sync", basePartitionKey).
    """
    for field in ("Mutation.putItem", "Mutation.deleteItem"):
        assert asked(field, id="i", value=1, _version=1)["customPartitionKey"] == _partition(
            synthesise(modules=["identity"])
        )
    request = asked("Query.syncItems", lastSync=1_795_860_000_000)
    assert (request["operation"], request["basePartitionKey"]) == ("Sync", "sub-1")
    assert request["lastSync"] == 1_795_860_000_000
    # A query of DynamoDB takes no filter by its own key, and the owner is the items'.
    assert "filter" not in request


@pytest.mark.parametrize(("limit", "most"), [(None, 100), (0, 100), (-1, 100), (20, 20), (5000, 100)])
def test_a_page_has_its_limit(limit: int | None, most: int) -> None:
    assert asked("Query.syncItems", limit=limit)["limit"] == most


def _partition(assembly: Assembly) -> str:
    """The partition key of the items' table."""
    [table] = [
        row["Properties"]
        for row in assembly.template("identity")["Resources"].values()
        if row["Type"] == "AWS::DynamoDB::GlobalTable"
        and row["Properties"]["TableName"].endswith("user-data")
    ]
    return str(next(key["AttributeName"] for key in table["KeySchema"] if key["KeyType"] == "HASH"))

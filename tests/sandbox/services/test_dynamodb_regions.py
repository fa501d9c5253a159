"""DynamoDB global tables: replicas of regions, writes that follow, the later one winning, dark regions, stacks."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, refused, template

ACCOUNT = "210000000048"
HOME, OTHER, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
Tables = Callable[..., Any]
SHAPE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Tables:
    keys = sandbox.account(ACCOUNT)
    return lambda region=HOME, service="dynamodb": sandbox.client(service, keys, region)


def made(client: Tables, name: str) -> None:
    client().create_table(TableName=name, **SHAPE)
    add(client, name, OTHER)


def add(client: Tables, name: str, region: str) -> dict[str, Any]:
    updates = [{"Create": {"RegionName": region}}]
    answer: dict[str, Any] = client().update_table(TableName=name, ReplicaUpdates=updates)["TableDescription"]
    return answer


def put(client: Tables, region: str, name: str, value: str) -> None:
    item = {"pk": {"S": "k"}, "v": {"S": value}}
    client(region).put_item(TableName=name, Item=item)


def value(client: Tables, region: str, name: str) -> str | None:
    item = client(region).get_item(TableName=name, Key={"pk": {"S": "k"}}).get("Item")
    return str(item["v"]["S"]) if item else None


def until(client: Tables, region: str, name: str, wanted: str | None) -> None:
    deadline = time.monotonic() + 10
    while (found := value(client, region, name)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_replica_begins_with_what_is_there_and_follows(client: Tables) -> None:
    client().create_table(TableName="follows", **SHAPE)
    put(client, HOME, "follows", "before")
    described = add(client, "follows", OTHER)
    assert [(r["RegionName"], r["ReplicaStatus"]) for r in described["Replicas"]] == [(OTHER, "ACTIVE")]
    assert (described["GlobalTableVersion"], described["StreamSpecification"]["StreamViewType"]) == (
        "2019.11.21",
        "NEW_AND_OLD_IMAGES",
    )
    there = client(OTHER).describe_table(TableName="follows")["Table"]
    assert [r["RegionName"] for r in there["Replicas"]] == [HOME]
    assert value(client, OTHER, "follows") == "before"
    put(client, HOME, "follows", "home")
    until(client, OTHER, "follows", "home")
    put(client, OTHER, "follows", "other")
    until(client, HOME, "follows", "other")
    client(OTHER).delete_item(TableName="follows", Key={"pk": {"S": "k"}})
    until(client, HOME, "follows", None)


def test_write_is_elsewhere_a_while_later(client: Tables, sandbox: Sandbox) -> None:
    made(client, "lags")
    sandbox.settings(speed=1, durations={"Sandbox::DynamoDB::Replication": {"create": 5}})
    put(client, HOME, "lags", "new")
    assert (value(client, HOME, "lags"), value(client, OTHER, "lags")) == ("new", None)
    until(client, OTHER, "lags", "new")


def test_later_write_wins_in_both_regions(client: Tables, sandbox: Sandbox) -> None:
    made(client, "wins")
    sandbox.settings(speed=1, durations={"Sandbox::DynamoDB::Replication": {"create": 0.8}})
    put(client, HOME, "wins", "first")
    put(client, OTHER, "wins", "second")
    until(client, HOME, "wins", "second")
    time.sleep(0.8)
    assert [value(client, r, "wins") for r in (HOME, OTHER)] == ["second", "second"]


def test_dark_region_catches_up(client: Tables, sandbox: Sandbox) -> None:
    made(client, "dark")
    sandbox.fault("dark", region=OTHER, account=ACCOUNT)
    put(client, HOME, "dark", "written")
    time.sleep(0.2)
    sandbox.lift_faults()
    until(client, OTHER, "dark", "written")


def test_replicas_are_added_and_taken_away_one_by_one(client: Tables) -> None:
    made(client, "grows")
    change = client().update_table
    both = [{"Create": {"RegionName": THIRD}}, {"Delete": {"RegionName": OTHER}}]
    assert refused(change, TableName="grows", ReplicaUpdates=both)[0] == "ValidationException"
    again = [{"Create": {"RegionName": OTHER}}]
    code, text = refused(change, TableName="grows", ReplicaUpdates=again)
    assert (code, "already existed as tables" in text) == ("ValidationException", True)
    add(client, "grows", THIRD)
    put(client, HOME, "grows", "everywhere")
    until(client, THIRD, "grows", "everywhere")
    change(TableName="grows", ReplicaUpdates=[{"Delete": {"RegionName": OTHER}}])
    assert refused(client(OTHER).describe_table, TableName="grows")[0] == "ResourceNotFoundException"
    left = client().describe_table(TableName="grows")["Table"]["Replicas"]
    assert [r["RegionName"] for r in left] == [THIRD]


def test_settings_are_those_of_all_replicas(client: Tables) -> None:
    made(client, "agrees")
    given = {"Enabled": True, "AttributeName": "until"}
    client().update_time_to_live(TableName="agrees", TimeToLiveSpecification=given)
    there = client(OTHER).describe_time_to_live(TableName="agrees")["TimeToLiveDescription"]
    assert there == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    index = {
        "IndexName": "by-v",
        "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    client().update_table(
        TableName="agrees",
        AttributeDefinitions=[{"AttributeName": "v", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    put(client, HOME, "agrees", "x")
    until(client, OTHER, "agrees", "x")
    asked = {
        "KeyConditionExpression": "v = :x",
        "ExpressionAttributeValues": {":x": {"S": "x"}},
    }
    assert client(OTHER).query(TableName="agrees", IndexName="by-v", **asked)["Count"] == 1
    # Protection is each replica's own.
    client().update_table(TableName="agrees", DeletionProtectionEnabled=True)
    own = client(OTHER).describe_table(TableName="agrees")["Table"]["DeletionProtectionEnabled"]
    assert own is False


def test_stack_makes_changes_and_deletes_a_global_table(client: Tables) -> None:
    stacks = Stacks(client(HOME, "cloudformation"))

    def body(*regions: str, **more: Any) -> str:
        replicas = [{"Region": r, "Tags": [{"Key": "where", "Value": r}]} for r in regions]
        properties = {
            "TableName": "by-stack",
            **SHAPE,
            "Replicas": replicas,
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            **more,
        }
        return template(
            {"Arn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}},
            Table={"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties},
        )

    stack = stacks.create("global", body(HOME, OTHER))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    arn = f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/by-stack"
    assert stack["Outputs"][0]["OutputValue"] == arn
    put(client, HOME, "by-stack", "kept")
    until(client, OTHER, "by-stack", "kept")
    there = client(OTHER).describe_table(TableName="by-stack")["Table"]["TableArn"]
    tags = client(OTHER).list_tags_of_resource(ResourceArn=there)["Tags"]
    assert {"Key": "where", "Value": OTHER} in tags
    ttl = {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "until"}}
    assert stacks.update("global", body(HOME, OTHER, THIRD, **ttl))["StackStatus"] == "UPDATE_COMPLETE"
    until(client, THIRD, "by-stack", "kept")
    found = client(OTHER).describe_time_to_live(TableName="by-stack")["TimeToLiveDescription"]
    assert found["TimeToLiveStatus"] == "ENABLED"
    assert stacks.update("global", body(HOME, THIRD, **ttl))["StackStatus"] == "UPDATE_COMPLETE"
    assert refused(client(OTHER).describe_table, TableName="by-stack")[0] == "ResourceNotFoundException"
    assert stacks.delete("global")["StackStatus"] == "DELETE_COMPLETE"
    for region in (HOME, THIRD):
        assert refused(client(region).describe_table, TableName="by-stack")[0] == "ResourceNotFoundException"


def test_stack_elsewhere_than_its_replicas_is_refused(client: Tables) -> None:
    stacks = Stacks(client(HOME, "cloudformation"))
    properties = {**SHAPE, "Replicas": [{"Region": OTHER}]}
    body = template(Table={"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties})
    assert stacks.create("elsewhere", body)["StackStatus"] == "ROLLBACK_COMPLETE"

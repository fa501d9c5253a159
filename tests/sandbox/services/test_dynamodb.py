"""DynamoDB by its API: tables, items and their expressions, queries, batches, transactions, time to live."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, refused, template, with_credentials

ACCOUNT = "210000000047"
FAILED = "ConditionalCheckFailedException"
INVALID = "ValidationException"


def typed(**values: Any) -> dict[str, Any]:
    """Attribute values of plain ones."""

    def one(value: Any) -> dict[str, Any]:
        if isinstance(value, bool):
            return {"BOOL": value}
        if isinstance(value, (int, Decimal)):
            return {"N": str(value)}
        if isinstance(value, bytes):
            return {"B": value}
        if isinstance(value, set):
            return {"SS": sorted(value)}
        if isinstance(value, list):
            return {"L": [one(v) for v in value]}
        if isinstance(value, dict):
            return {"M": typed(**value)}
        return {"S": value}

    return {name: one(value) for name, value in values.items()}


@pytest.fixture(scope="module")
def dynamodb(sandbox: Sandbox) -> Any:
    return sandbox.client("dynamodb", sandbox.account(ACCOUNT))


@pytest.fixture
def table(dynamodb: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A table with partition key pk, sort key sk (a number) and the index by-kind."""
    name = request.node.name.removeprefix("test_").split("[")[0]
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [
                    {"AttributeName": "kind", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


def put(dynamodb: Any, table: str, **item: Any) -> None:
    dynamodb.put_item(TableName=table, Item=typed(**item))


def got(dynamodb: Any, table: str, pk: str, sk: int, **more: Any) -> Any:
    answer = dynamodb.get_item(TableName=table, Key=typed(pk=pk, sk=sk), **more)
    return answer.get("Item")


def test_table_is_creating_then_active(dynamodb: Any, sandbox: Sandbox) -> None:
    sandbox.settings(speed=1, durations={"AWS::DynamoDB::Table": {"create": 1, "delete": 0.5}})
    params: dict[str, Any] = {
        "TableName": "slow",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    made = dynamodb.create_table(**params)["TableDescription"]
    assert (made["TableStatus"], made["TableArn"]) == (
        "CREATING",
        f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/slow",
    )
    assert refused(dynamodb.get_item, TableName="slow", Key=typed(pk="1"))[0] == "ResourceNotFoundException"
    assert refused(dynamodb.create_table, **params) == (
        "ResourceInUseException",
        "Table already exists: slow",
    )
    assert refused(dynamodb.delete_table, TableName="slow")[0] == "ResourceInUseException"
    dynamodb.get_waiter("table_exists").wait(TableName="slow", WaiterConfig={"Delay": 1})
    dynamodb.delete_table(TableName="slow")
    dynamodb.get_waiter("table_not_exists").wait(TableName="slow", WaiterConfig={"Delay": 1})
    assert refused(dynamodb.describe_table, TableName="slow") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: slow not found",
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}]},
            "not defined in AttributeDefinitions",
        ),
        ({"BillingMode": "PROVISIONED"}, "must both be specified when BillingMode is PROVISIONED"),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            "when BillingMode is PAY_PER_REQUEST",
        ),
    ],
    ids=["keys", "capacity", "on demand"],
)
def test_table_is_refused(dynamodb: Any, change: dict[str, Any], text: str) -> None:
    params: dict[str, Any] = {
        "TableName": "refused",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **change,
    }
    code, said = refused(dynamodb.create_table, **params)
    assert (code, text in said) == (INVALID, True)


def test_protected_table_is_not_deleted(dynamodb: Any, table: str) -> None:
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    code, text = refused(dynamodb.delete_table, TableName=table)
    assert (code, "DeletionProtectionEnabled is set to True" in text) == (INVALID, True)
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)


def test_item_comes_back_as_it_went(dynamodb: Any, table: str) -> None:
    item = typed(pk="a", sk=1, text="x", raw=b"\x00\xff", yes=True, tags={"b", "a"}, many=[1, {"deep": "y"}])
    dynamodb.put_item(TableName=table, Item=item)
    assert got(dynamodb, table, "a", 1) == item
    shown = got(
        dynamodb,
        table,
        "a",
        1,
        ProjectionExpression="#t, many[1].deep",
        ExpressionAttributeNames={"#t": "text"},
    )
    assert shown == typed(text="x", many=[{"deep": "y"}])
    assert got(dynamodb, table, "a", 2) is None


def test_numbers_have_one_form(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"N": "1.0"}, "n": {"N": "0010.50"}})
    assert got(dynamodb, table, "a", 1)["n"] == {"N": "10.5"}
    wrong = {"pk": {"S": "a"}, "sk": {"N": "one"}}
    assert refused(dynamodb.put_item, TableName=table, Item=wrong)[0] == INVALID


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (typed(pk="a"), "Missing the key sk in the item"),
        (typed(pk="a", sk="1"), "Type mismatch for key sk expected: N actual: S"),
        (typed(pk="", sk=1), "cannot contain an empty string value. Key: pk"),
        (typed(pk="a", sk=1, kind=2), "Type mismatch for Index Key kind Expected: S Actual: N"),
        (typed(pk="a", sk=1, big="x" * 410_000), "Item size has exceeded the maximum allowed size"),
    ],
    ids=["missing", "type", "empty", "index", "size"],
)
def test_item_is_refused(dynamodb: Any, table: str, item: dict[str, Any], text: str) -> None:
    code, said = refused(dynamodb.put_item, TableName=table, Item=item)
    assert (code, text in said) == (INVALID, True)


def test_key_must_be_the_whole_key(dynamodb: Any, table: str) -> None:
    assert refused(dynamodb.get_item, TableName=table, Key=typed(pk="a")) == (
        INVALID,
        "The provided key element does not match the schema",
    )


def test_condition_decides(dynamodb: Any, table: str) -> None:
    first = {"TableName": table, "Item": typed(pk="a", sk=1, n=1)}
    only_new = {"ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(**first, **only_new)
    with pytest.raises(ClientError) as caught:
        dynamodb.put_item(**first, **only_new, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Error"] == {
        "Code": FAILED,
        "Message": "The conditional request failed",
    }
    held: dict[str, Any] = dict(caught.value.response)
    assert held["Item"] == typed(pk="a", sk=1, n=1)
    values = {":one": {"N": "1"}, ":low": {"N": "5"}, ":high": {"N": "9"}}
    key = {"TableName": table, "Key": typed(pk="a", sk=1)}
    condition = "(n BETWEEN :low AND :high) OR NOT n = :one"
    delete = {**key, "ConditionExpression": condition, "ExpressionAttributeValues": values}
    assert refused(dynamodb.delete_item, **delete)[0] == FAILED
    dynamodb.delete_item(
        **key, ConditionExpression="n = :one", ExpressionAttributeValues={":one": {"N": "1"}}
    )
    assert got(dynamodb, table, "a", 1) is None


def test_update_expressions(dynamodb: Any, table: str) -> None:
    key = {"TableName": table, "Key": typed(pk="a", sk=1)}
    made = dynamodb.update_item(
        **key,
        UpdateExpression="SET n = if_not_exists(n, :zero) + :one, #l = list_append(if_not_exists(#l, :none), :x) "
        "ADD seen :tags",
        ExpressionAttributeNames={"#l": "list"},
        ExpressionAttributeValues={
            **typed(**{":zero": 0, ":one": 1, ":none": [], ":x": ["x"]}),
            ":tags": {"SS": ["a"]},
        },
        ReturnValues="ALL_NEW",
    )
    assert made["Attributes"] == typed(pk="a", sk=1, n=1, list=["x"], seen={"a"})
    changed = dynamodb.update_item(
        **key,
        UpdateExpression="SET n = n + :one REMOVE #l[0] DELETE seen :tags",
        ExpressionAttributeNames={"#l": "list"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":tags": {"SS": ["a"]}},
        ReturnValues="UPDATED_NEW",
    )
    assert changed["Attributes"] == {"n": {"N": "2"}, "list": {"L": []}}
    code, text = refused(
        dynamodb.update_item,
        **key,
        UpdateExpression="SET pk = :v",
        ExpressionAttributeValues={":v": {"S": "b"}},
    )
    assert (code, "This attribute is part of the key" in text) == (INVALID, True)
    code, text = refused(dynamodb.update_item, **key, UpdateExpression="SET n = :nowhere")
    assert (code, "attribute value: :nowhere" in text) == (INVALID, True)


def test_unused_names_and_values_are_refused(dynamodb: Any, table: str) -> None:
    params = {"TableName": table, "Key": typed(pk="a", sk=1)}
    code, text = refused(dynamodb.get_item, **params, ExpressionAttributeNames={"#a": "a"})
    assert (code, "can only be specified when using expressions" in text) == (INVALID, True)
    code, text = refused(
        dynamodb.get_item,
        **params,
        ProjectionExpression="#a",
        ExpressionAttributeNames={"#a": "a", "#b": "b"},
    )
    assert (code, "unused in expressions: keys: {#b}" in text) == (INVALID, True)


def test_query_by_key_in_order_and_pages(dynamodb: Any, table: str) -> None:
    for number in (10, 9, 2, 1):
        put(dynamodb, table, pk="a", sk=number, even=number % 2 == 0)
    put(dynamodb, table, pk="b", sk=1)
    params: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :a AND sk >= :low",
        "ExpressionAttributeValues": {":a": {"S": "a"}, ":low": {"N": "2"}},
    }

    def numbers(**more: Any) -> list[str]:
        pages = dynamodb.get_paginator("query").paginate(**{**params, **more})
        return [i["sk"]["N"] for p in pages for i in p["Items"]]

    assert numbers() == ["2", "9", "10"]
    assert numbers(Limit=1) == ["2", "9", "10"]
    assert numbers(ScanIndexForward=False, Limit=2) == ["10", "9", "2"]
    filtered = {
        "FilterExpression": "even = :yes",
        "ExpressionAttributeValues": {**params["ExpressionAttributeValues"], ":yes": {"BOOL": True}},
    }
    answer = dynamodb.query(**{**params, **filtered})
    assert (answer["Count"], answer["ScannedCount"]) == (2, 3)
    assert dynamodb.query(**params, Select="COUNT")["Count"] == 3


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("sk = :n", "Query condition missed key schema element: pk"),
        ("pk > :a", "Query key condition not supported"),
        ("pk = :a AND extra = :n", "Query key condition not supported"),
    ],
)
def test_query_is_refused(dynamodb: Any, table: str, condition: str, text: str) -> None:
    values = {k: v for k, v in {":a": {"S": "a"}, ":n": {"N": "1"}}.items() if k in condition}
    params = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    assert refused(dynamodb.query, TableName=table, **params) == (INVALID, text)


def test_index_holds_what_it_projects(dynamodb: Any, table: str) -> None:
    put(dynamodb, table, pk="a", sk=1, kind="x", more="m")
    put(dynamodb, table, pk="b", sk=2, kind="x", more="m")
    put(dynamodb, table, pk="c", sk=3)
    params = {
        "TableName": table,
        "IndexName": "by-kind",
        "KeyConditionExpression": "kind = :x",
        "ExpressionAttributeValues": {":x": {"S": "x"}},
    }
    assert dynamodb.query(**params)["Items"] == [typed(pk="a", sk=1, kind="x"), typed(pk="b", sk=2, kind="x")]
    assert refused(dynamodb.query, **params, ConsistentRead=True)[0] == INVALID
    [index] = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    assert (index["IndexStatus"], index["ItemCount"]) == ("ACTIVE", 2)
    dynamodb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-kind"}}])
    assert "GlobalSecondaryIndexes" not in dynamodb.describe_table(TableName=table)["Table"]
    assert refused(dynamodb.query, **params) == (
        INVALID,
        "The table does not have the specified index: by-kind",
    )


def test_scan_in_segments_finds_everything_once(dynamodb: Any, table: str) -> None:
    for number in range(20):
        put(dynamodb, table, pk=f"p{number}", sk=number)
    found = [
        i["pk"]["S"]
        for segment in range(3)
        for i in dynamodb.scan(TableName=table, TotalSegments=3, Segment=segment)["Items"]
    ]
    assert sorted(found) == sorted(f"p{n}" for n in range(20))
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Limit=7)
    assert [len(p["Items"]) for p in pages] == [7, 7, 6]


def test_batches(dynamodb: Any, table: str) -> None:
    requests = [{"PutRequest": {"Item": typed(pk="a", sk=n)}} for n in range(25)]
    dynamodb.batch_write_item(RequestItems={table: requests})
    keys = [typed(pk="a", sk=n) for n in (3, 4, 99)]
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})
    assert len(answer["Responses"][table]) == 2
    one_more = {table: [*requests, {"DeleteRequest": {"Key": typed(pk="a", sk=1)}}]}
    assert refused(dynamodb.batch_write_item, RequestItems=one_more)[0] == INVALID
    doubled = {table: [{"DeleteRequest": {"Key": typed(pk="a", sk=1)}}] * 2}
    assert refused(dynamodb.batch_write_item, RequestItems=doubled) == (
        INVALID,
        "Provided list of item keys contains duplicates",
    )


def test_transaction_is_whole_or_not_at_all(dynamodb: Any, table: str) -> None:
    put(dynamodb, table, pk="account", sk=1, sum=10)
    take: dict[str, Any] = {
        "Update": {
            "TableName": table,
            "Key": typed(pk="account", sk=1),
            "UpdateExpression": "SET #s = #s - :n",
            "ConditionExpression": "#s >= :n",
            "ExpressionAttributeNames": {"#s": "sum"},
            "ExpressionAttributeValues": {":n": {"N": "7"}},
        }
    }
    note = {"Put": {"TableName": table, "Item": typed(pk="note", sk=1)}}
    dynamodb.transact_write_items(TransactItems=[note, take], ClientRequestToken="once")
    dynamodb.transact_write_items(TransactItems=[note, take], ClientRequestToken="once")
    assert got(dynamodb, table, "account", 1)["sum"] == {"N": "3"}
    mismatch = refused(dynamodb.transact_write_items, TransactItems=[note], ClientRequestToken="once")
    assert mismatch[0] == "IdempotentParameterMismatchException"
    second = {"Put": {"TableName": table, "Item": typed(pk="note", sk=2)}}
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=[second, take])
    error = caught.value.response
    assert error["Error"] == {
        "Code": "TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]",
    }
    assert [r["Code"] for r in error["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert got(dynamodb, table, "note", 2) is None
    gets = [{"Get": {"TableName": table, "Key": typed(pk="note", sk=n)}} for n in (1, 2)]
    answer = dynamodb.transact_get_items(TransactItems=gets)["Responses"]
    assert ["Item" in r for r in answer] == [True, False]
    twice = refused(dynamodb.transact_write_items, TransactItems=[second, second])
    assert twice[1] == "Transaction request cannot include multiple operations on one item"


def test_rights_on_one_table_are_none_on_another(dynamodb: Any, sandbox: Sandbox, table: str) -> None:
    iam = sandbox.client("iam", sandbox.account(ACCOUNT))
    iam.create_user(UserName="writes")
    arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{table}"
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="writes", PolicyName="one-table", PolicyDocument=policy)
    key = iam.create_access_key(UserName="writes")["AccessKey"]
    theirs = with_credentials(sandbox, key, "dynamodb")
    item = typed(pk="a", sk=1)
    theirs.put_item(TableName=table, Item=item)
    theirs.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}}]})
    theirs.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item}}])
    other = {"other": [{"PutRequest": {"Item": item}}]}
    assert refused(theirs.batch_write_item, RequestItems=other)[0] == "AccessDeniedException"
    assert refused(theirs.get_item, TableName="other", Key=item)[0] == "AccessDeniedException"


def test_time_to_live_and_recovery_are_settings(dynamodb: Any, table: str) -> None:
    given = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=given)
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert found == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    again = refused(dynamodb.update_time_to_live, TableName=table, TimeToLiveSpecification=given)
    assert again == (INVALID, "TimeToLive is already enabled")
    put(dynamodb, table, pk="a", sk=1, until=int(time.time()) - 60)
    assert got(dynamodb, table, "a", 1) is not None, "expired items stay until they are looked for"
    recovery = dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["EarliestRestorableDateTime"] <= recovery["LatestRestorableDateTime"]
    missing = refused(dynamodb.describe_continuous_backups, TableName="nowhere")
    assert missing[0] == "TableNotFoundException"


def test_table_of_a_key_that_waits_for_deletion_is_not_read(dynamodb: Any, sandbox: Sandbox) -> None:
    kms = sandbox.client("kms", sandbox.account(ACCOUNT))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    dynamodb.create_table(
        TableName="sealed",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    described = dynamodb.describe_table(TableName="sealed")["Table"]
    assert described["SSEDescription"]["KMSMasterKeyArn"] == key
    kms.schedule_key_deletion(KeyId=key)
    refusal = refused(dynamodb.get_item, TableName="sealed", Key=typed(pk="1"))
    assert refusal[0] == "AccessDeniedException"


def test_stack_makes_a_table_with_tags(dynamodb: Any, sandbox: Sandbox) -> None:
    keys = sandbox.account(ACCOUNT)
    stacks = Stacks(sandbox.client("cloudformation", keys))
    properties = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
        "Tags": [{"Key": "team", "Value": "one"}],
    }
    body = template(
        {"Stream": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}}},
        Table={"Type": "AWS::DynamoDB::Table", "Properties": properties},
    )
    stack = stacks.create("makes-a-table", body)
    name = stacks.physical("makes-a-table")["Table"]
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert stack["Outputs"][0]["OutputValue"] == described["LatestStreamArn"]
    assert described["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    tags = dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert {"Key": "team", "Value": "one"} in tags
    tagging = sandbox.client("resourcegroupstaggingapi", keys)
    found = tagging.get_resources(TagFilters=[{"Key": "team"}], ResourceTypeFilters=["dynamodb:table"])
    assert [r["ResourceARN"] for r in found["ResourceTagMappingList"]] == [described["TableArn"]]
    stacks.delete("makes-a-table")
    assert refused(dynamodb.describe_table, TableName=name)[0] == "ResourceNotFoundException"

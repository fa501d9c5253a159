"""Queries, scans, batches and transactions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.services.dynamodb.support import INVALID, got, put, typed
from tests.sandbox.support import refused

ACCOUNT = "210000000078"


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


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("pk = :a", "pk"),
        ("extra = :a AND #key > :a", "sk"),
        ("NOT (attribute_exists(sk) OR extra = :a)", "sk"),
    ],
)
def test_a_filter_of_a_query_names_no_key(dynamodb: Any, table: str, text: str, key: str) -> None:
    params = {
        "KeyConditionExpression": "pk = :a",
        "FilterExpression": text,
        "ExpressionAttributeValues": {":a": {"S": "a"}},
        **({"ExpressionAttributeNames": {"#key": "sk"}} if "#key" in text else {}),
    }
    said = f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
    assert refused(dynamodb.query, TableName=table, **params) == (INVALID, said)
    del params["KeyConditionExpression"]
    assert dynamodb.scan(TableName=table, **params)["ScannedCount"] >= 0


def test_a_filter_may_name_values_and_paths_like_a_key(dynamodb: Any, table: str) -> None:
    put(dynamodb, table, pk="like", sk=1, more="x")
    answer = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        FilterExpression="more = :sk AND attribute_not_exists(extra.pk)",
        ExpressionAttributeValues={":pk": {"S": "like"}, ":sk": {"S": "x"}},
    )
    assert answer["Count"] == 1


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

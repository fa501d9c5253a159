"""Items and the expressions that change them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.services.dynamodb.support import FAILED, INVALID, got, typed
from tests.sandbox.support import refused

ACCOUNT = "210000000077"


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

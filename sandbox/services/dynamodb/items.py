"""The API on single items."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.dynamodb import content, expressions
from sandbox.services.dynamodb.content import Attributes, inward, shown
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.tables import facts, indexes, schema_of, usable
from sandbox.store import Record

LARGEST = 400 * 1024
"""Bytes of an item (DynamoDB developer guide, quotas)."""
LEGACY = (
    "Expected",
    "AttributeUpdates",
    "ConditionalOperator",
    "AttributesToGet",
    "KeyConditions",
    "QueryFilter",
)


def prepared(params: dict[str, Any], expressions_of: tuple[str, ...]) -> dict[str, Any]:
    """The request with its values as they are kept. Refuses the legacy parameters and undefined names."""
    for name in LEGACY:
        if params.get(name):
            raise invalid(f"The legacy parameter {name} is not supported by the sandbox: use expressions.")
    names = ("Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey")
    params = {**params, **{n: inward(params[n]) for n in names if params.get(n)}}
    expressions.refuse_undefined([params.get(n) for n in expressions_of], params)
    return params


def key_of(table: Record, given: Attributes, *, exactly: bool) -> Attributes:
    """The key in an item, or (exactly) a key that holds nothing else. Raises ValidationException."""
    kinds = {d["AttributeName"]: d["AttributeType"] for d in table.properties["AttributeDefinitions"]}
    wanted = schema_of(table.properties)
    if exactly and set(given) != set(wanted):
        raise invalid("The provided key element does not match the schema")
    for name in wanted:
        if name not in given:
            text = f"One or more parameter values were invalid: Missing the key {name} in the item"
            raise invalid(text)
        [(kind, value)] = given[name].items()
        if kind != kinds[name]:
            if exactly:
                raise invalid("The provided key element does not match the schema")
            raise invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} expected: {kinds[name]} "
                f"actual: {kind}"
            )
        if value == "":
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )
    return {name: given[name] for name in wanted}


def check_item(table: Record, item: Attributes) -> None:
    """Refuse what cannot be stored: too large, or an index key of the wrong type."""
    if sum(len(name) + len(str(value)) for name, value in item.items()) > LARGEST:
        raise invalid("Item size has exceeded the maximum allowed size")
    kinds = {d["AttributeName"]: d["AttributeType"] for d in table.properties["AttributeDefinitions"]}
    for index in indexes(table.properties):
        for key in index["KeySchema"]:
            name = key["AttributeName"]
            if name in item and next(iter(item[name])) != kinds[name]:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: "
                    f"{kinds[name]} Actual: {next(iter(item[name]))} IndexName: {index['IndexName']}"
                )


def refuse_failed(old: Attributes | None, params: dict[str, Any]) -> None:
    """Raise ConditionalCheckFailedException unless the item that is there passes the condition."""
    if expressions.condition(params.get("ConditionExpression"), params)(old):
        return
    wanted = params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None
    more = {"Item": shown(old)} if wanted and old is not None else {}
    raise AwsError("ConditionalCheckFailedException", "The conditional request failed", 400, **more)


def changed(table: Record, kind: str, params: dict[str, Any], old: Attributes | None) -> Attributes | None:
    """The item after a Put, Update or Delete (None: gone). Raises as they do."""
    refuse_failed(old, params)
    if kind == "Delete":
        return None
    if kind == "Put":
        item: Attributes = params["Item"]
    elif params.get("UpdateExpression"):
        start = old if old is not None else dict(params["Key"])
        item = expressions.update(params["UpdateExpression"], params, start, facts(table))
    else:
        item = old if old is not None else dict(params["Key"])
    check_item(table, item)
    return item


def _returned(kind: str, wanted: str, old: Attributes | None, new: Attributes | None) -> dict[str, Any]:
    allowed = ("NONE", "ALL_OLD") if kind != "Update" else RETURNS
    if wanted not in allowed:
        raise invalid(f"ReturnValues can only be {' or '.join(allowed)}")
    found = {"ALL_OLD": old, "ALL_NEW": new}.get(wanted)
    if wanted.startswith("UPDATED"):
        touched = {n for n in {**(old or {}), **(new or {})} if (old or {}).get(n) != (new or {}).get(n)}
        side = (old if wanted == "UPDATED_OLD" else new) or {}
        found = {n: side[n] for n in side if n in touched}
    return {"Attributes": shown(found)} if found else {}


RETURNS = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")


def _capacity(params: dict[str, Any], table: Record) -> dict[str, Any]:
    if params.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    return {"ConsumedCapacity": {"TableName": table.id, "CapacityUnits": 1.0}}


@operation("dynamodb", "PutItem", "UpdateItem", "DeleteItem")
def write_item(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = ctx.operation.removesuffix("Item")
    table = usable(ctx, params["TableName"])
    params = prepared(params, ("ConditionExpression", "UpdateExpression"))
    given = params["Item"] if kind == "Put" else params["Key"]
    key = key_of(table, given, exactly=kind != "Put")
    old = content.read(ctx.world, table, key)
    new = changed(table, kind, params, old)
    answer = _returned(kind, params.get("ReturnValues") or "NONE", old, new)
    content.write(ctx, table, key, new)
    return {**answer, **_capacity(params, table)}


@operation("dynamodb", "GetItem")
def get_item(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    table = usable(ctx, params["TableName"])
    params = prepared(params, ("ProjectionExpression",))
    item = content.read(ctx.world, table, key_of(table, params["Key"], exactly=True))
    project = expressions.projection(params.get("ProjectionExpression"), params)
    found = {"Item": shown(project(item))} if item is not None else {}
    return {**found, **_capacity(params, table)}

"""Query and Scan."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services.dynamodb import content, expressions
from sandbox.services.dynamodb.content import Attributes, shown
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.items import prepared
from sandbox.services.dynamodb.tables import indexes, schema_of, usable
from sandbox.store import Record

PAGE_BYTES = 1024 * 1024
"""A page of Query or Scan ends at one megabyte (API reference)."""


def _rank(value: Attributes | None) -> tuple[Any, ...]:
    """How a key attribute sorts: numbers by value, strings and bytes by their UTF-8 bytes."""
    if value is None:
        return (0,)
    [(kind, inner)] = value.items()
    return (1, Decimal(inner)) if kind == "N" else (1, str(inner).encode())


def _projected(table: Record, index: str | None, item: Attributes) -> Attributes:
    """What an index holds of an item."""
    found = next((i for i in indexes(table.properties) if i["IndexName"] == index), None)
    kind = ((found or {}).get("Projection") or {}).get("ProjectionType", "ALL")
    if found is None or kind == "ALL":
        return item
    kept = {*schema_of(table.properties), *schema_of(table.properties, index)}
    if kind == "INCLUDE":
        kept |= set(found["Projection"].get("NonKeyAttributes") or ())
    return {n: v for n, v in item.items() if n in kept}


def _page(table: Record, found: list[Attributes], params: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The page after ExclusiveStartKey, filtered and projected."""
    own = schema_of(table.properties)
    marks = list(dict.fromkeys([*keys, *own]))
    start = params.get("ExclusiveStartKey")
    if start:
        if set(start) != set(marks):
            raise invalid("The provided starting key is invalid")
        place = [n for n, item in enumerate(found) if all(item[m] == start[m] for m in own)]
        found = found[place[0] + 1 :] if place else _after(found, start, params, keys)
    limit = int(params.get("Limit") or len(found) or 1)
    if limit < 1:
        raise invalid("Limit must be greater than or equal to 1")
    taken, size = [], 0
    for item in found[:limit]:
        taken.append(item)
        size += len(json.dumps(item))
        if size >= PAGE_BYTES:
            break
    test = expressions.condition(params.get("FilterExpression"), params, "FilterExpression")
    project = expressions.projection(params.get("ProjectionExpression"), params)
    index = params.get("IndexName")
    passed = [project(_projected(table, index, i)) for i in taken if test(i)]
    answer: dict[str, Any] = {"Count": len(passed), "ScannedCount": len(taken)}
    if params.get("Select") != "COUNT":
        answer["Items"] = [shown(i) for i in passed]
    if len(taken) < len(found):
        answer["LastEvaluatedKey"] = shown({m: taken[-1][m] for m in marks})
    return answer


def _after(
    found: list[Attributes], start: Attributes, params: dict[str, Any], keys: list[str]
) -> list[Attributes]:
    """What follows a start key whose item is gone."""
    if len(keys) < 2:
        return found
    mark, forward = _rank(start[keys[1]]), params.get("ScanIndexForward", True)
    return [i for i in found if (_rank(i[keys[1]]) > mark) is bool(forward)]


@operation("dynamodb", "Query")
def query(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    table = usable(ctx, params["TableName"])
    names = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
    params = prepared(params, names)
    if not params.get("KeyConditionExpression"):
        text = (
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
        raise invalid(text)
    index = params.get("IndexName")
    if params.get("ConsistentRead") and _is_global(table, index):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    keys = schema_of(table.properties, index)
    test = expressions.key_condition(params["KeyConditionExpression"], params, keys)
    expressions.refuse_keys(params.get("FilterExpression"), params, keys)
    items = content.everything(ctx.world, table)
    found = [i for i in items if all(k in i for k in keys) and test(i)]
    order = [*keys[1:], *schema_of(table.properties)]
    found.sort(key=lambda i: tuple(_rank(i[k]) for k in order))
    if params.get("ScanIndexForward") is False:
        found.reverse()
    return _page(table, found, params, keys)


def _is_global(table: Record, index: str | None) -> bool:
    names = [i["IndexName"] for i in table.properties.get("GlobalSecondaryIndexes") or ()]
    return index in names


@operation("dynamodb", "Scan")
def scan(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    table = usable(ctx, params["TableName"])
    params = prepared(params, ("FilterExpression", "ProjectionExpression"))
    index = params.get("IndexName")
    keys = schema_of(table.properties, index)
    own = schema_of(table.properties)
    found = [i for i in content.everything(ctx.world, table) if all(k in i for k in keys)]
    total = params.get("TotalSegments")
    if total is not None:
        segment = params.get("Segment")
        if segment is None or not 0 <= int(segment) < int(total):
            text = "The Segment parameter is zero-based and must be less than parameter TotalSegments"
            raise invalid(text)
        found = [i for i in found if _hash(i[own[0]]) % int(total) == int(segment)]
    found.sort(key=lambda i: (_hash(i[own[0]]), *(_rank(i[k]) for k in own)))
    return _page(table, found, params, keys)


def _hash(value: Attributes) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(value).encode()).digest()[:4], "big")

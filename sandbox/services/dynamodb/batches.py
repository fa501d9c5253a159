"""Many items at once: batches, and transactions that are carried out as a whole or not at all."""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.dynamodb import content, expressions
from sandbox.services.dynamodb.content import Attributes, shown
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.items import changed, check_item, key_of, prepared, refuse_failed
from sandbox.services.dynamodb.tables import usable
from sandbox.store import Record

MOST_READ, MOST_WRITTEN, MOST_IN_TRANSACTION = 100, 25, 100
"""API reference: BatchGetItem, BatchWriteItem, TransactWriteItems."""
TOKEN_S = 600
"""A client token makes a transaction idempotent for ten minutes."""
_TOKENS = "dynamodb tokens"


def _refuse_doubles(keys: list[tuple[str, str]], text: str) -> None:
    if len(set(keys)) < len(keys):
        raise invalid(text)


@operation("dynamodb", "BatchGetItem")
def batch_get(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    asked = params["RequestItems"]
    if sum(len(r["Keys"]) for r in asked.values()) > MOST_READ:
        raise invalid("Too many items requested for the BatchGetItem call")
    answer: dict[str, Any] = {}
    for name, request in asked.items():
        table = usable(ctx, name)
        request = prepared(request, ("ProjectionExpression",))
        keys = [key_of(table, content.inward(k), exactly=True) for k in request["Keys"]]
        doubles = [(table.id, content.key_text(k)) for k in keys]
        _refuse_doubles(doubles, "Provided list of item keys contains duplicates")
        project = expressions.projection(request.get("ProjectionExpression"), request)
        found = [content.read(ctx.world, table, key) for key in keys]
        answer[name] = [shown(project(item)) for item in found if item is not None]
    return {"Responses": answer, "UnprocessedKeys": {}}


@operation("dynamodb", "BatchWriteItem")
def batch_write(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    asked = params["RequestItems"]
    if sum(len(r) for r in asked.values()) > MOST_WRITTEN:
        raise invalid("Too many items requested for the BatchWriteItem call")
    work: list[tuple[Record, Attributes, Attributes | None]] = []
    for name, requests in asked.items():
        table = usable(ctx, name)
        for request in requests:
            if request.get("PutRequest"):
                item = content.inward(request["PutRequest"]["Item"])
                check_item(table, item)
                work.append((table, key_of(table, item, exactly=False), item))
            else:
                key = content.inward(request["DeleteRequest"]["Key"])
                work.append((table, key_of(table, key, exactly=True), None))
    doubles = [(t.id, content.key_text(k)) for t, k, _ in work]
    _refuse_doubles(doubles, "Provided list of item keys contains duplicates")
    for table, key, new in work:
        content.write(ctx, table, key, new)
    return {"UnprocessedItems": {}}


@operation("dynamodb", "TransactGetItems")
def transact_get(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if len(params["TransactItems"]) > MOST_IN_TRANSACTION:
        raise invalid(f"Member must have length less than or equal to {MOST_IN_TRANSACTION}")
    found = []
    for entry in params["TransactItems"]:
        get = prepared(entry["Get"], ("ProjectionExpression",))
        table = usable(ctx, get["TableName"])
        item = content.read(ctx.world, table, key_of(table, get["Key"], exactly=True))
        project = expressions.projection(get.get("ProjectionExpression"), get)
        found.append({"Item": shown(project(item))} if item is not None else {})
    return {"Responses": found}


@operation("dynamodb", "TransactWriteItems")
def transact_write(ctx: Context, params: dict[str, Any]) -> None:
    entries = params["TransactItems"]
    if len(entries) > MOST_IN_TRANSACTION:
        raise invalid(
            "1 validation error detected at 'transactItems' failed to satisfy constraint: Member must have length less "
            f"than or equal to {MOST_IN_TRANSACTION}."
        )
    if _done_before(ctx, params):
        return
    steps = [_step(ctx, entry) for entry in entries]
    doubles = [(table.id, content.key_text(key)) for _, table, key, _ in steps]
    _refuse_doubles(doubles, "Transaction request cannot include multiple operations on one item")
    results = [_attempt(ctx, *step) for step in steps]
    reasons = [reason for _, reason in results]
    if any(r["Code"] != "None" for r in reasons):
        codes = ", ".join(r["Code"] for r in reasons)
        text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        raise AwsError("TransactionCanceledException", text, 400, CancellationReasons=reasons)
    for (kind, table, key, _), (new, _) in zip(steps, results, strict=True):
        if kind != "ConditionCheck":
            content.write(ctx, table, key, new)
    _remember(ctx, params)


def _step(ctx: Context, entry: dict[str, Any]) -> tuple[str, Record, Attributes, dict[str, Any]]:
    [(kind, request)] = [(k, v) for k, v in entry.items() if v]
    table = usable(ctx, request["TableName"])
    request = prepared(request, ("ConditionExpression", "UpdateExpression"))
    given = request["Item"] if kind == "Put" else request["Key"]
    return kind, table, key_of(table, given, exactly=kind != "Put"), request


def _attempt(
    ctx: Context, kind: str, table: Record, key: Attributes, request: dict[str, Any]
) -> tuple[Attributes | None, dict[str, Any]]:
    """The item as it would be, and the CancellationReason."""
    old = content.read(ctx.world, table, key)
    try:
        if kind == "ConditionCheck":
            refuse_failed(old, request)
            return None, {"Code": "None"}
        return changed(table, kind, request, old), {"Code": "None"}
    except AwsError as problem:
        if problem.code != "ConditionalCheckFailedException":
            raise
        reason = {"Code": "ConditionalCheckFailed", "Message": problem.message}
        item = getattr(problem, "Item", None)
        return None, {**reason, **({"Item": item} if item else {})}


def _done_before(ctx: Context, params: dict[str, Any]) -> bool:
    """Whether this very transaction was carried out with this token. Raises IdempotentParameterMismatchException."""
    token = params.get("ClientRequestToken")
    if not token:
        return False
    held: dict[tuple[str, str, str], tuple[float, str]] = ctx.world.memory.setdefault(_TOKENS, {})
    asked = json.dumps(content.inward(params["TransactItems"]), sort_keys=True)
    place = (ctx.account, ctx.region, token)
    at, before = held.get(place, (0.0, ""))
    if ctx.now - at < TOKEN_S and before:
        if before != asked:
            text = "Request was resubmitted with the same client token but with different parameters."
            raise AwsError("IdempotentParameterMismatchException", text, 400)
        return True
    return False


def _remember(ctx: Context, params: dict[str, Any]) -> None:
    token = params.get("ClientRequestToken")
    if token:
        asked = json.dumps(content.inward(params["TransactItems"]), sort_keys=True)
        ctx.world.memory.setdefault(_TOKENS, {})[ctx.account, ctx.region, token] = (ctx.now, asked)

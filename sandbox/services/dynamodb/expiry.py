"""Time to live, and point-in-time recovery as a setting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_reset, on_start, operation
from sandbox.services.dynamodb import content, replicas
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.tables import TABLE, find, schema_of
from sandbox.store import Record
from sandbox.world import World

EVERY_S = 3600
"""How often expired items are looked for; DynamoDB promises "within a few days"."""
OLDEST_S = 5 * 365 * 86400
"""Items that expired more than five years ago are left (developer guide, TTL)."""
LATEST_DELAY_S = 300
"""LatestRestorableDateTime is typically five minutes before now (API reference)."""


@on_start
@on_reset
def look_hourly(world: World) -> None:
    """Delete what has expired, as a client would: replicas and streams see it."""
    for table in list(world.store.everywhere(TABLE)):
        given = table.properties.get("TimeToLiveSpecification") or {}
        if given.get("Enabled") and table.state == "ACTIVE":
            _expire(world, table, str(given["AttributeName"]))
    world.scheduler.at(world.scheduler.now() + EVERY_S, lambda: look_hourly(world))


def _expire(world: World, table: Record, attribute: str) -> None:
    ctx = world.context(table.account, table.region)
    for item in content.everything(world, table):
        number = item.get(attribute, {}).get("N")
        if number is not None and ctx.now - OLDEST_S < Decimal(number) <= ctx.now:
            key = {n: item[n] for n in schema_of(table.properties)}
            content.write(ctx, table, key, None)


@operation("dynamodb", "UpdateTimeToLive")
def update_time_to_live(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, wanted = find(ctx, params["TableName"]), params["TimeToLiveSpecification"]
    held = record.properties.get("TimeToLiveSpecification") or {}
    if bool(held.get("Enabled")) == bool(wanted["Enabled"]):
        raise invalid(f"TimeToLive is already {'enabled' if wanted['Enabled'] else 'disabled'}")
    record.properties["TimeToLiveSpecification"] = dict(wanted)
    ctx.store.put(record)
    replicas.agree(ctx, record)
    return {"TimeToLiveSpecification": dict(wanted)}


@operation("dynamodb", "DescribeTimeToLive")
def describe_time_to_live(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = find(ctx, params["TableName"]).properties.get("TimeToLiveSpecification") or {}
    if not given.get("Enabled"):
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": given["AttributeName"]}}


def _recovery(ctx: Context, record: Record) -> dict[str, Any]:
    given = record.properties.get("PointInTimeRecoverySpecification") or {}
    if not given.get("PointInTimeRecoveryEnabled"):
        described: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    else:
        days = int(given.get("RecoveryPeriodInDays") or 35)
        since = float(record.data.get("recovery_since", record.created_at))
        described = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": days,
            "EarliestRestorableDateTime": max(since, ctx.now - days * 86400),
            "LatestRestorableDateTime": max(since, ctx.now - LATEST_DELAY_S),
        }
    answer = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": described}
    return {"ContinuousBackupsDescription": answer}


def _table(ctx: Context, params: dict[str, Any]) -> Record:
    try:
        return find(ctx, params["TableName"])
    except AwsError as problem:
        raise AwsError("TableNotFoundException", f"Table not found: {params['TableName']}") from problem


@operation("dynamodb", "UpdateContinuousBackups")
def update_continuous_backups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record, wanted = _table(ctx, params), params["PointInTimeRecoverySpecification"]
    days = wanted.get("RecoveryPeriodInDays")
    if days is not None and not 1 <= int(days) <= 35:
        raise invalid("RecoveryPeriodInDays must be between 1 and 35")
    record.properties["PointInTimeRecoverySpecification"] = dict(wanted)
    record.data["recovery_since"] = ctx.now
    ctx.store.put(record)
    return _recovery(ctx, record)


@operation("dynamodb", "DescribeContinuousBackups")
def describe_continuous_backups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _recovery(ctx, _table(ctx, params))

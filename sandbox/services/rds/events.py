"""What happened to clusters, instances and snapshots, as DescribeEvents tells it for fourteen days.

Messages and categories: Aurora user guide, "Amazon RDS event categories and event messages for Aurora".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.rds.common import CLUSTER, INSTANCE, PROXY, SNAPSHOT, page
from sandbox.store import Record
from sandbox.world import World

SOURCES = {CLUSTER: "db-cluster", INSTANCE: "db-instance", SNAPSHOT: "db-cluster-snapshot", PROXY: "db-proxy"}
KEPT_S = 14 * 86400
ON_EVENT: list[Callable[[World, str, str, dict[str, Any]], None]] = []
"""Called with account, region and the event: subscriptions tell of it."""
DEFAULT_MINUTES = 60


def note(world: World, record: Record, category: str, message: str) -> None:
    """Write an event of a cluster, instance, cluster snapshot or proxy."""
    entry = {
        "SourceIdentifier": record.id,
        "SourceType": SOURCES[record.type],
        "Message": message,
        "EventCategories": [category] if category else [],
        "Date": world.scheduler.now(),
        "SourceArn": record.arn,
    }
    world.store.append(_stream(record.account, record.region), entry)
    for told in ON_EVENT:
        told(world, record.account, record.region, entry)


def _stream(account: str, region: str) -> str:
    return f"rds-events:{account}:{region}"


def _epoch(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)


@operation("rds", "DescribeEvents")
def describe_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind, id = params.get("SourceType"), params.get("SourceIdentifier")
    if id and not kind:
        text = "SourceType must be provided if SourceIdentifier is specified."
        raise AwsError("InvalidParameterCombination", text)
    until = _epoch(params["EndTime"]) if params.get("EndTime") else ctx.now
    minutes = int(params.get("Duration") or DEFAULT_MINUTES)
    since = _epoch(params["StartTime"]) if params.get("StartTime") else until - minutes * 60
    since = max(since, ctx.now - KEPT_S)
    categories = set(params.get("EventCategories") or ())
    found = [
        e
        for e in ctx.store.log(_stream(ctx.account, ctx.region))
        if since <= e["Date"] <= until
        and kind in (None, e["SourceType"])
        and id in (None, e["SourceIdentifier"], e["SourceArn"])
        and (not categories or categories & set(e["EventCategories"]))
    ]
    return page(found, params, "Events", lambda e: e)

"""Lifecycle runs: once a day at midnight UTC of the sandbox's clock (S3 user guide, "Managing your storage lifecycle").

An age in days counts from the next midnight after the object was made, as in S3.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from sandbox.context import Context
from sandbox.registry import on_reset, on_start
from sandbox.services.s3 import forms, object_lock
from sandbox.services.s3.multipart import drop_upload
from sandbox.services.s3.state import BUCKET, UPLOAD, version_add, version_remove, versioning, versions
from sandbox.store import Record
from sandbox.world import World

DAY_S = 86400


def due(made: float, days: Any) -> float:
    """When an action of `days` after `made` (epoch seconds) is due: the midnight UTC that follows."""
    return math.ceil((made + int(days) * DAY_S) / DAY_S) * DAY_S


@on_start
@on_reset
def run_daily(world: World) -> None:
    """Arm the next midnight."""
    midnight = (int(world.scheduler.now()) // DAY_S + 1) * DAY_S
    world.scheduler.at(midnight, lambda: _midnight(world))


def _midnight(world: World) -> None:
    for bucket in list(world.store.everywhere(BUCKET)):
        if bucket.pending != "delete":
            run(world.context(bucket.account, bucket.region), bucket)
    run_daily(world)


def run(ctx: Context, bucket: Record) -> None:
    """Carry out a bucket's enabled rules."""
    rules = (bucket.properties.get("LifecycleConfiguration") or {}).get("Rules") or ()
    for rule in (r for r in rules if r.get("Status") == "Enabled"):
        for entries in list(versions(ctx.world, bucket).values()):
            _current(ctx, bucket, rule, list(entries))
            _noncurrent(ctx, bucket, rule, list(entries))
        _uploads(ctx, bucket, rule)


def _covers(rule: dict[str, Any], record: Record) -> bool:
    size = int(record.data["size"])
    over, under = rule.get("ObjectSizeGreaterThan"), rule.get("ObjectSizeLessThan")
    return (
        record.data["key"].startswith(rule.get("Prefix") or "")
        and all(record.tags.get(t["Key"]) == t["Value"] for t in rule.get("TagFilters") or ())
        and (over is None or size > int(over))
        and (under is None or size < int(under))
    )


def _current(ctx: Context, bucket: Record, rule: dict[str, Any], entries: list[Record]) -> None:
    record = entries[-1]
    if not _covers(rule, record):
        return
    if record.data["marker"]:
        if len(entries) == 1 and rule.get("ExpiredObjectDeleteMarker"):
            version_remove(ctx, bucket, record.data["key"], record.data["version"])
        return
    if _expired(ctx, rule, record):
        if versioning(bucket):
            # The rule's own deletions are not replicated (user guide, "What isn't replicated").
            version_add(ctx, bucket, record.data["key"], {"marker": True, "size": 0, "etag": ""}, {})
        else:
            version_remove(ctx, bucket, record.data["key"], record.data["version"])
        return
    _transit(ctx, record, forms.transitions(rule), record.created_at)


def _expired(ctx: Context, rule: dict[str, Any], record: Record) -> bool:
    if rule.get("ExpirationDate"):
        return datetime.fromisoformat(str(rule["ExpirationDate"])).timestamp() <= ctx.now
    days = rule.get("ExpirationInDays")
    return days is not None and due(record.created_at, days) <= ctx.now


def _transit(ctx: Context, record: Record, steps: list[dict[str, Any]], since: float) -> None:
    reached = [t for t in steps if due(since, t.get("TransitionInDays", 0)) <= ctx.now]
    if reached:
        last = max(reached, key=lambda t: int(t.get("TransitionInDays", 0)))
        record.data["kept"]["StorageClass"] = last["StorageClass"]
        ctx.store.put(record)


def _noncurrent(ctx: Context, bucket: Record, rule: dict[str, Any], entries: list[Record]) -> None:
    expiration = rule.get("NoncurrentVersionExpiration") or {}
    days = expiration.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    spared = int(expiration.get("NewerNoncurrentVersions") or 0)
    for index, record in enumerate(entries[:-1]):
        if not _covers(rule, record):
            continue
        since = entries[index + 1].created_at
        newer = len(entries) - 2 - index
        gone = days is not None and newer >= spared and due(since, days) <= ctx.now
        if gone and not object_lock.locked(ctx, record):
            version_remove(ctx, bucket, record.data["key"], record.data["version"])
        elif not record.data["marker"]:
            _transit(ctx, record, forms.noncurrent_transitions(rule), since)


def _uploads(ctx: Context, bucket: Record, rule: dict[str, Any]) -> None:
    days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    if days is None:
        return
    for upload in ctx.store.list(bucket.account, bucket.region, UPLOAD):
        fits = upload.data["bucket"] == bucket.id and upload.data["key"].startswith(rule.get("Prefix") or "")
        if fits and due(upload.created_at, days) <= ctx.now:
            drop_upload(ctx, upload)

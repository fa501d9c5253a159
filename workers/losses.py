"""What an environment holds that nobody could make again: counted per store, before anything is asked or deleted."""

from typing import Any

from environments.lifecycle.models import Environment
from workers.aws import logs, metrics, rds, s3
from workers.aws.session import Session
from workers.names import names_of

LOGS = frozenset({"logs", "log-groups"})
"""Log groups are counted and not asked for: CloudWatch knows no copy that could be kept and read as they can."""


def losses_count(session: Session, environment: Environment, copies: dict[str, bool]) -> list[dict[str, Any]]:
    """[{"store", "key", "what", "count", "bytes", "copy"}], as Plan.document holds them."""
    names = names_of(environment)
    found = []
    cluster = rds.cluster_find(session, names["db-cluster"])
    if cluster is not None:
        size = metrics.latest(
            session, "AWS/RDS", "VolumeBytesUsed", {"DBClusterIdentifier": names["db-cluster"]}
        )
        snapshots = rds.snapshots_of(session, names["db-cluster"])
        automated = sum(1 for snapshot in snapshots if snapshot.get("SnapshotType") == "automated")
        found.append(
            _loss(
                "database",
                "The database",
                f"cluster {names['db-cluster']} with {_size(size)} of rows and {automated} automated snapshots",
                automated,
                size,
                copies,
            )
        )
    found += _bucket(session, names["uploads-bucket"], "uploads", "The uploaded files", copies)
    found += _bucket(session, names["logs-bucket"], "logs", "The access logs", copies)
    groups = logs.groups_named(session, names["prefix"])
    if groups:
        size = sum(groups.values())
        what = f"{len(groups)} log groups with {_size(size)}, as CloudWatch has counted them last"
        found.append(_loss("log-groups", "The log groups", what, len(groups), size, copies))
    return found


def grown(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """Which store holds much more than when the plan was approved, in words; empty when none does.

    Logs grow by themselves, while a notice runs too: that changes nobody's mind.
    """
    planned = {loss["key"]: loss for loss in before}
    for loss in (loss for loss in now if loss["key"] not in LOGS):
        then = planned.get(loss["key"])
        if then is None:
            return f"{loss['store']} was not there when the plan was made: {loss['what']}"
        for unit in ("count", "bytes"):
            if (loss[unit] or 0) > 1.5 * (then[unit] or 0) + (100 if unit == "count" else 1_000_000_000):
                return f"{loss['store']} has grown since the plan: {then['what']}; now {loss['what']}"
    return ""


def _bucket(
    session: Session, bucket: str, key: str, store: str, copies: dict[str, bool]
) -> list[dict[str, Any]]:
    if not s3.bucket_exists(session, bucket):
        return []
    counted = s3.bucket_size(session, bucket)
    what = (
        f"{counted['objects']} objects, {counted['versions']} versions in all, {_size(counted['bytes'])},"
        f" in bucket {bucket}"
    )
    return [_loss(key, store, what, counted["versions"], counted["bytes"], copies)]


def _loss(
    key: str, store: str, what: str, count: int, size: float | None, copies: dict[str, bool]
) -> dict[str, Any]:
    return {
        "store": store,
        "key": key,
        "what": what,
        "count": count,
        "bytes": None if size is None else int(size),
        "copy": bool(copies.get(key)),
    }


def _size(value: float | None) -> str:
    if value is None:
        return "an unknown size"
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"

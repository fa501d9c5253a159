"""What an environment holds that nobody could make again: counted per store, before anything is asked or deleted."""

from typing import Any

from environments.lifecycle.models import Environment
from workers.aws import metrics, rds, s3
from workers.aws.session import Session
from workers.names import names_of


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
    if s3.bucket_exists(session, names["uploads-bucket"]):
        counted = s3.bucket_size(session, names["uploads-bucket"])
        found.append(
            _loss(
                "uploads",
                "The uploaded files",
                f"{counted['objects']} objects, {counted['versions']} versions in all, {_size(counted['bytes'])},"
                f" in bucket {names['uploads-bucket']}",
                counted["versions"],
                counted["bytes"],
                copies,
            )
        )
    return found


def grown(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """Which store holds much more than when the plan was approved, in words; empty when none does."""
    planned = {loss["key"]: loss for loss in before}
    for loss in now:
        then = planned.get(loss["key"])
        if then is None:
            return f"{loss['store']} was not there when the plan was made: {loss['what']}"
        for unit in ("count", "bytes"):
            if (loss[unit] or 0) > 1.5 * (then[unit] or 0) + (100 if unit == "count" else 1_000_000_000):
                return f"{loss['store']} has grown since the plan: {then['what']}; now {loss['what']}"
    return ""


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

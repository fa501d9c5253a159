"""What an environment holds that nobody could make again: counted per store, before anything is asked or deleted."""

from collections.abc import Callable
from typing import Any

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import regions_known
from environments.lifecycle.stores import Store, stores_beside
from workers.aws import backup, cognito, dynamodb, logs, metrics, rds, s3, secretsmanager
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.names import names_of

LOGS = frozenset({"logs", "log-groups"})
"""Log groups are counted and not asked for: CloudWatch knows no copy that could be kept and read as they can."""


def losses_count(ctx: StepContext, environment: Environment, copies: dict[str, bool]) -> list[dict[str, Any]]:
    """[{"store", "key", "what", "count", "bytes", "copy"}], as Plan.document holds them, of all its regions."""
    home = ctx.session(environment.account, environment.home_region, READER)
    found = _core(home, environment, copies)
    for store in stores_beside(environment):
        session = ctx.session(environment.account, store.region, READER)
        found += _beside(session, store, copies)
    for region in regions_known(environment):
        session = ctx.session(environment.account, region, READER)
        found += _log_groups(session, environment, copies, is_home=session is home)
    return found


def _core(session: Session, environment: Environment, copies: dict[str, bool]) -> list[dict[str, Any]]:
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
                f"cluster {names['db-cluster']} with {_size(size)} of rows and"
                f" {_many(automated, 'automated snapshot')}",
                automated,
                size,
                copies,
            )
        )
    found += _bucket(session, names["uploads-bucket"], "uploads", "The uploaded files", copies)
    return found + _bucket(session, names["logs-bucket"], "logs", "The access logs", copies)


def _beside(session: Session, store: Store, copies: dict[str, bool]) -> list[dict[str, Any]]:
    """A store of a module or of the standby's region."""
    title = f"{store.what[0].upper()}{store.what[1:]}"
    if store.type == "AWS::S3::Bucket":
        return _bucket(session, store.physical_id, store.key, title, copies)
    count, what = COUNTS[store.type](session, store.physical_id)
    return [] if count is None else [_loss(store.key, title, what, count, None, copies)]


def _users(session: Session, pool: str) -> tuple[int | None, str]:
    count = cognito.users_count(session, pool)
    return count, f"about {count} users, with their passwords and second factors, in {session.region}"


def _items(session: Session, table: str) -> tuple[int | None, str]:
    count = dynamodb.items_count(session, table)
    return count, f"about {count} items, as DynamoDB has counted them last, and its backups"


def _value(session: Session, secret: str) -> tuple[int | None, str]:
    has_value = secretsmanager.secret_has_value(session, secret)
    if has_value is None:
        return None, ""
    return int(has_value), "a value, which nobody can read again afterwards" if has_value else "no value yet"


def _points(session: Session, vault: str) -> tuple[int | None, str]:
    found = backup.points_count(session, vault)
    if found is None:
        return None, ""
    many = _many(found["count"], "recovery point")
    return found["count"], f"{many} with {_size(found['bytes'])}, in {session.region}"


COUNTS: dict[str, Callable[[Session, str], tuple[int | None, str]]] = {
    "AWS::Backup::BackupVault": _points,
    "AWS::Cognito::UserPool": _users,
    "AWS::DynamoDB::Table": _items,
    "AWS::DynamoDB::GlobalTable": _items,
    "AWS::SecretsManager::Secret": _value,
}
"""(how many, in words) of a physical id; None for what is gone."""


def _log_groups(
    session: Session, environment: Environment, copies: dict[str, bool], *, is_home: bool
) -> list[dict[str, Any]]:
    groups = logs.groups_named(session, names_of(environment)["prefix"])
    if not groups:
        return []
    size = sum(groups.values())
    where = "" if is_home else f" in {session.region}"
    what = f"{_many(len(groups), 'log group')}{where} with {_size(size)}, as CloudWatch has counted them last"
    key = "log-groups" if is_home else f"log-groups.{session.region}"
    return [_loss(key, f"The log groups{where}", what, len(groups), size, copies)]


def grown(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """Which store holds much more than when the plan was approved, in words; empty when none does.

    Logs grow by themselves, while a notice runs too: that changes nobody's mind.
    """
    planned = {loss["key"]: loss for loss in before}
    for loss in (loss for loss in now if loss["key"].split(".")[0] not in LOGS):
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


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _size(value: float | None) -> str:
    if value is None:
        return "an unknown size"
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"

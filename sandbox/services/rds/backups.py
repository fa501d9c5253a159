"""Automated backups: the daily snapshot, the restore window, and what outlives a deleted cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.application.volumes import volume_drop, volume_of
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start, operation
from sandbox.resource_types import tag_list
from sandbox.services.rds.common import BACKUP, CLUSTER, SNAPSHOT, page
from sandbox.services.rds.origins import DAY_S, carried, from_when, snapshot, window
from sandbox.store import Record
from sandbox.world import World

DEFAULT_WINDOW = "03:00-03:30"


def automated_snapshot(ctx: Context, cluster: Record) -> Record:
    """An automated snapshot; those older than the retention period go."""
    stamp = datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%d-%H-%M-%S")
    made = snapshot(ctx, cluster, f"rds:{cluster.id}-{stamp}", "automated", at_once=True)
    oldest = ctx.now - int(cluster.properties.get("BackupRetentionPeriod") or 1) * DAY_S
    for old in of_cluster(ctx, cluster):
        if old.created_at < oldest:
            ctx.world.delete(ctx, old, at_once=True)
    return made


def of_cluster(ctx: Context, cluster: Record) -> list[Record]:
    """The cluster's automated snapshots."""
    return [
        s
        for s in ctx.store.list(cluster.account, cluster.region, SNAPSHOT)
        if s.data["kind"] == "automated" and s.data["cluster_resource"] == cluster.data["resource_id"]
    ]


def begin(ctx: Context, cluster: Record) -> None:
    """A cluster is there: its first automated snapshot, and from now on one a day, as its backup window begins."""
    automated_snapshot(ctx, cluster)
    _daily(ctx.world, cluster)


def _daily(world: World, cluster: Record) -> None:
    start = str(cluster.properties.get("PreferredBackupWindow") or DEFAULT_WINDOW)[:5]
    now = datetime.fromtimestamp(world.scheduler.now(), UTC)
    due = now.replace(hour=int(start[:2]), minute=int(start[3:]), second=0, microsecond=0)
    due += timedelta(days=1) if due <= now else timedelta()

    def take() -> None:
        if world.store.get(*cluster.key) is not cluster:
            return
        if cluster.state == "available":
            automated_snapshot(world.context(cluster.account, cluster.region), cluster)
        _daily(world, cluster)

    world.scheduler.at(due.timestamp(), take)


@on_start
def take_up(world: World) -> None:
    """Arm the ends of retained backups and the daily snapshots again after a restart."""
    for record in world.store.everywhere(BACKUP):
        _arm(world, record)
    for cluster in world.store.everywhere(CLUSTER):
        if cluster.pending != "create":
            _daily(world, cluster)


# -- automated backups that outlive their cluster


def retain_backup(ctx: Context, cluster: Record) -> Record:
    """Keep a deleted cluster's automated backup until its retention period is over."""
    days = int(cluster.properties.get("BackupRetentionPeriod") or 1)
    record = Record(
        cluster.account,
        cluster.region,
        BACKUP,
        cluster.data["resource_id"],
        state="retained",
        arn=ctx.arn("rds", f"cluster-auto-backup:ab-{cluster.data['resource_id'].lower()}"),
        created_at=cluster.created_at,
        updated_at=ctx.now,
        tags=dict(cluster.tags),
        data={
            **carried(cluster),
            "cluster": cluster.id,
            "cluster_arn": cluster.arn,
            "volume": volume_of(cluster),
            "zones": cluster.data["zones"],
            "days": days,
            "latest": ctx.now,
            "expires": ctx.now + days * DAY_S,
        },
    )
    ctx.store.put(record)
    _arm(ctx.world, record)
    return record


def _remove(world: World, record: Record) -> None:
    volume_drop(world, record.data["volume"])
    world.store.remove(record)


def _arm(world: World, record: Record) -> None:
    def expire() -> None:
        if world.store.get(*record.key) is record:
            _remove(world, record)

    world.scheduler.at(float(record.data["expires"]), expire)


@operation("rds", "DescribeDBClusterAutomatedBackups")
def describe_automated_backups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    clusters = ctx.store.list(ctx.account, ctx.region, CLUSTER)
    active = [
        _backup(
            r,
            r.data["resource_id"],
            r.id,
            r.arn,
            r.properties.get("BackupRetentionPeriod") or 1,
            window(ctx, r),
        )
        for r in clusters
        if r.state not in ("creating", "deleting")
    ]
    retained = [_retained(ctx, r) for r in ctx.store.list(ctx.account, ctx.region, BACKUP)]
    found = active + retained
    for name, member in (
        ("DbClusterResourceId", "DbClusterResourceId"),
        ("DBClusterIdentifier", "DBClusterIdentifier"),
    ):
        if params.get(name):
            found = [b for b in found if b[member] == params[name]]
    for rule in params.get("Filters") or ():
        member = {"status": "Status", "db-cluster-id": "DBClusterIdentifier"}.get(
            rule["Name"], "DbClusterResourceId"
        )
        found = [b for b in found if b[member] in rule["Values"]]
    return page(found, params, "DBClusterAutomatedBackups", lambda b: b)


def _retained(ctx: Context, record: Record) -> dict[str, Any]:
    data = record.data
    held = (from_when(ctx, record), float(data["latest"]))
    return _backup(record, record.id, data["cluster"], data["cluster_arn"], data["days"], held)


def _backup(
    record: Record, resource: str, cluster: str, arn: str, days: Any, held: tuple[float, float]
) -> dict[str, Any]:
    data, status = record.data, "retained" if record.type == BACKUP else "active"
    answer = {
        "Engine": data["Engine"],
        "EngineVersion": data["EngineVersion"],
        "DBClusterAutomatedBackupsArn": record.arn
        if status == "retained"
        else arn.replace(f":cluster:{cluster}", f":cluster-auto-backup:ab-{resource.lower()}"),
        "DBClusterIdentifier": cluster,
        "DBClusterArn": arn,
        "DbClusterResourceId": resource,
        "RestoreWindow": {"EarliestTime": held[0], "LatestTime": held[1]},
        "MasterUsername": data["MasterUsername"],
        "Region": record.region,
        "Status": status,
        "ClusterCreateTime": record.created_at,
        "StorageEncrypted": data["StorageEncrypted"],
        "AllocatedStorage": 1,
        "BackupRetentionPeriod": int(days),
        "AvailabilityZones": data["zones"],
        "Port": data["Port"],
        "TagList": tag_list(record.tags),
    }
    if data.get("KmsKeyArn"):
        answer["KmsKeyId"] = data["KmsKeyArn"]
    return answer


@operation("rds", "DeleteDBClusterAutomatedBackup")
def delete_automated_backup(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, BACKUP, params["DbClusterResourceId"])
    if record is None:
        text = f"DBClusterAutomatedBackup {params['DbClusterResourceId']} not found."
        raise AwsError("DBClusterAutomatedBackupNotFoundFault", text)
    _remove(ctx.world, record)
    return {"DBClusterAutomatedBackup": {**_retained(ctx, record), "Status": "deleting"}}

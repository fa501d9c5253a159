"""Where a cluster's data comes from and goes to: snapshots, automated backups, restores, clones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds.common import BACKUP, CLUSTER, SNAPSHOT, find, refuse_identifier, usable_key
from sandbox.store import Record
from sandbox.world import World

DAY_S = 86400
CARRIED = (
    "Engine",
    "EngineVersion",
    "MasterUsername",
    "DatabaseName",
    "Port",
    "StorageEncrypted",
    "KmsKeyArn",
    "VolumeBytesUsed",
)


@resource_type(SNAPSHOT)
class Snapshot(ResourceType):
    """A cluster snapshot. data: what it carries, kind (manual, automated), cluster, cluster_resource, source_arn."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["id"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("rds", f"cluster-snapshot:{id}")

    def duration(self, ctx: Context, record: Record, action: str) -> float:
        """An estimate: Aurora's snapshots take a minute, copies to another region more."""
        return 120.0 if record.data.get("source_arn") else 60.0


def carried(record: Record) -> dict[str, Any]:
    return {n: record.data[n] for n in CARRIED if n in record.data}


def source_of(ctx: Context, properties: dict[str, Any]) -> dict[str, Any] | None:
    """What a new cluster takes over from its source; None for a cluster without one.

    Raises the source's not-found fault.
    """
    if properties.get("SnapshotIdentifier"):
        record = find(ctx, SNAPSHOT, properties["SnapshotIdentifier"])
        return {**carried(record), "state": record.state, "what": "snapshot", "id": record.id}
    cluster = properties.get("SourceDBClusterIdentifier")
    if cluster:
        record = find(ctx, CLUSTER, cluster)
        clone = properties.get("RestoreType") == "copy-on-write"
        group = {"clone_group": record.data["clone_group"]} if clone else {}
        return {**carried(record), **group, "state": record.state, "what": "cluster", "id": record.id}
    resource = properties.get("SourceDbClusterResourceId")
    if resource:
        for backup in ctx.store.list(ctx.account, ctx.region, BACKUP):
            if backup.id == resource:
                return {**carried(backup), "state": "available", "what": "backup", "id": backup.id}
        text = f"DBClusterAutomatedBackup {resource} not found."
        raise AwsError("DBClusterAutomatedBackupNotFoundFault", text)
    return None


def check(ctx: Context, source: dict[str, Any], properties: dict[str, Any]) -> None:
    """Refuse a restore that AWS refuses: state, engine, key, point in time."""
    if source["what"] == "snapshot" and source["state"] != "available":
        text = f"The snapshot {source['id']} is not in the available state."
        raise AwsError("InvalidDBClusterSnapshotStateFault", text)
    if source["what"] == "cluster":
        if source["state"] in ("creating", "deleting"):
            text = f"Source cluster {source['id']} is in {source['state']} state."
            raise AwsError("InvalidDBClusterStateFault", text)
        if not properties.get("UseLatestRestorableTime") and not properties.get("RestoreToTime"):
            text = "Either RestoreToTime or UseLatestRestorableTime must be specified."
            raise AwsError("InvalidParameterCombination", text)
    if properties.get("Engine") and properties["Engine"] != source["Engine"]:
        text = f"The engine {properties['Engine']} does not match the source's engine {source['Engine']}."
        raise AwsError("InvalidParameterCombination", text)
    if source.get("StorageEncrypted"):
        # Reading the source needs its own key, whatever the new cluster is encrypted with.
        usable_key(ctx, source["KmsKeyArn"])
    if properties.get("KmsKeyId"):
        usable_key(ctx, properties["KmsKeyId"])


def snapshot(
    ctx: Context,
    cluster: Record,
    id: str,
    kind: str,
    tags: dict[str, str] | None = None,
    at_once: bool = False,
) -> Record:
    """Take a snapshot of a cluster. Raises DBClusterSnapshotAlreadyExistsFault, KMSKeyNotAccessibleFault."""
    if kind == "manual":
        refuse_identifier("DBClusterSnapshotIdentifier", id, 255)
    refuse_taken(ctx, id)
    if cluster.data["StorageEncrypted"]:
        usable_key(ctx, cluster.data["KmsKeyArn"])
    own = dict(cluster.tags) if cluster.properties.get("CopyTagsToSnapshot") else {}
    # aws: tags belong to the stack's own resources and are not copied.
    own = {k: v for k, v in own.items() if not k.startswith("aws:")}
    data = {
        **carried(cluster),
        "kind": kind,
        "cluster": cluster.id,
        "cluster_resource": cluster.data["resource_id"],
        "cluster_created": cluster.created_at,
        "zones": cluster.data["zones"],
    }
    there = ctx.world.context(cluster.account, cluster.region, principal=ctx.principal)
    return ctx.world.create(
        there, SNAPSHOT, {"id": id.lower()}, tags={**own, **(tags or {})}, data=data, at_once=at_once
    )


def refuse_taken(ctx: Context, id: str) -> None:
    if ctx.store.get(ctx.account, ctx.region, SNAPSHOT, id.lower()):
        text = f"Cannot create the cluster snapshot because one with the identifier {id} already exists."
        raise AwsError("DBClusterSnapshotAlreadyExistsFault", text)


def automated_snapshot(ctx: Context, cluster: Record) -> Record:
    """The first automated snapshot, which RDS takes when a cluster is there. (No daily ones in the sandbox.)"""
    stamp = datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%d-%H-%M-%S")
    return snapshot(ctx, cluster, f"rds:{cluster.id}-{stamp}", "automated", at_once=True)


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
            "zones": cluster.data["zones"],
            "days": days,
            "latest": ctx.now,
            "expires": ctx.now + days * DAY_S,
        },
    )
    ctx.store.put(record)
    _arm(ctx.world, record)
    return record


def _arm(world: World, record: Record) -> None:
    def expire() -> None:
        if world.store.get(*record.key) is record:
            world.store.remove(record)

    world.scheduler.at(float(record.data["expires"]), expire)


@on_start
def take_up(world: World) -> None:
    """Arm the ends of retained backups again after a restart."""
    for record in world.store.everywhere(BACKUP):
        _arm(world, record)

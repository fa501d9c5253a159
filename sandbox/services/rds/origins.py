"""Where a cluster's data comes from and goes to: snapshots, automated backups, restores, clones."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.application.volumes import held_from, volume_copy, volume_drop, volume_of
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds import lagging
from sandbox.services.rds.common import BACKUP, CLUSTER, SNAPSHOT, find, refuse_identifier, usable_key
from sandbox.store import Record

DAY_S = 86400
LATEST_DELAY_S = 300.0
CARRIED = (
    "Engine",
    "EngineVersion",
    "MasterUsername",
    "DatabaseName",
    "Port",
    "StorageEncrypted",
    "KmsKeyArn",
    "VolumeBytesUsed",
    "master_password",
)


@resource_type(SNAPSHOT)
class Snapshot(ResourceType):
    """A cluster snapshot. data: what it carries, kind (manual, automated), cluster, cluster_resource, source_arn."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["id"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("rds", f"cluster-snapshot:{id}")

    def deleted(self, ctx: Context, record: Record) -> None:
        volume_drop(ctx.world, record.data["volume"])

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
        record = snapshot_of(ctx, properties["SnapshotIdentifier"])
        more = {"state": record.state, "what": "snapshot", "id": record.id, "volume": record.data["volume"]}
        return {**carried(record), **more}
    cluster = properties.get("SourceDBClusterIdentifier")
    if cluster:
        record = find(ctx, CLUSTER, cluster)
        clone = properties.get("RestoreType") == "copy-on-write"
        group = {"clone_group": record.data["clone_group"]} if clone else {}
        more = {"state": record.state, "what": "cluster", "id": record.id, "window": window(ctx, record)}
        more.update(volume=volume_of(record), seen=lagging.seen(ctx.world, record))
        return {**carried(record), **group, **more}
    resource = properties.get("SourceDbClusterResourceId")
    if resource:
        for backup in ctx.store.list(ctx.account, ctx.region, BACKUP):
            if backup.id == resource:
                held = (from_when(ctx, backup), float(backup.data["latest"]))
                return {
                    **carried(backup),
                    "state": "available",
                    "what": "backup",
                    "id": backup.id,
                    "window": held,
                    "volume": backup.data["volume"],
                }
        text = f"DBClusterAutomatedBackup {resource} not found."
        raise AwsError("DBClusterAutomatedBackupNotFoundFault", text)
    return None


def snapshot_of(ctx: Context, name: str) -> Record:
    """A snapshot by name, or by ARN where another account shares it. Raises DBClusterSnapshotNotFoundFault."""
    record = ctx.store.by_arn(name) if name.startswith("arn:") else None
    here = record is not None and record.type == SNAPSHOT and record.region == ctx.region
    if record is not None and here and shared_with(record, ctx.account):
        return record
    return find(ctx, SNAPSHOT, name)


def shared_with(snapshot: Record, account: str) -> bool:
    """Whether an account may restore or copy another account's snapshot."""
    accounts = snapshot.data.get("shared_with", ())
    return snapshot.account != account and ("all" in accounts or account in accounts)


def window(ctx: Context, cluster: Record) -> tuple[float, float]:
    """EarliestRestorableTime and LatestRestorableTime: the retention period, to five minutes ago (API reference:
    "within the last five minutes of the current time"), of a stopped cluster to when it stopped."""
    days = int(cluster.properties.get("BackupRetentionPeriod") or 1)
    delay = LATEST_DELAY_S * float(ctx.world.settings["speed"])
    latest = max(cluster.created_at, float(cluster.data.get("stopped_at", ctx.now - delay)))
    return min(latest, max(from_when(ctx, cluster), ctx.now - days * DAY_S)), latest


def from_when(ctx: Context, record: Record) -> float:
    """Where the restorable time of a cluster or retained backup begins: later than on AWS where so much was written
    that the log of it was cut."""
    return max(record.created_at, held_from(ctx.world, volume_of(record)))


def moment(value: Any) -> float:
    """Epoch seconds of a time as the API or a template gives it. Raises InvalidParameterValue."""
    try:
        made = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as problem:
        raise AwsError("InvalidParameterValue", f"Invalid time: {value}") from problem
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()


def moment_of(ctx: Context, source: dict[str, Any], properties: dict[str, Any]) -> float | None:
    """The moment as of which a new cluster has its source's data; None: what the source holds by now."""
    seen: float | None = source.get("seen")
    if "window" not in source or properties.get("RestoreType") == "copy-on-write":
        return seen
    wanted = moment(properties["RestoreToTime"]) if properties.get("RestoreToTime") else source["window"][1]
    if seen is not None:
        return min(seen, wanted)
    return wanted if wanted < ctx.now else None


def _check_moment(source: dict[str, Any], properties: dict[str, Any]) -> None:
    """The rules of RestoreToTime and UseLatestRestorableTime (API reference, RestoreDBClusterToPointInTime)."""
    last, time = properties.get("UseLatestRestorableTime"), properties.get("RestoreToTime")
    clone = properties.get("RestoreType") == "copy-on-write"
    if properties.get("RestoreType") not in (None, "full-copy", "copy-on-write"):
        raise AwsError("InvalidParameterValue", f"Invalid restore type: {properties['RestoreType']}")
    if time and (last or clone):
        other = "UseLatestRestorableTime is enabled" if last else "RestoreType is copy-on-write"
        raise AwsError("InvalidParameterCombination", f"RestoreToTime can't be specified if {other}.")
    if not last and not time:
        text = "Either RestoreToTime or UseLatestRestorableTime must be specified."
        raise AwsError("InvalidParameterCombination", text)
    earliest, latest = source["window"]
    if time and not int(earliest) <= moment(time) <= latest:
        span = " and ".join(datetime.fromtimestamp(t, UTC).isoformat() for t in (earliest, latest))
        text = f"RestoreToTime {time} is not within the restorable window of {source['id']}: between {span}."
        raise AwsError("InvalidParameterValue", text)


def check(ctx: Context, source: dict[str, Any], properties: dict[str, Any]) -> None:
    """Refuse a restore that AWS refuses: state, engine, key, point in time."""
    if source["what"] == "snapshot" and source["state"] != "available":
        text = f"The snapshot {source['id']} is not in the available state."
        raise AwsError("InvalidDBClusterSnapshotStateFault", text)
    if source["what"] == "cluster" and source["state"] in ("creating", "deleting"):
        text = f"Source cluster {source['id']} is in {source['state']} state."
        raise AwsError("InvalidDBClusterStateFault", text)
    if source["what"] in ("cluster", "backup"):
        _check_moment(source, properties)
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
    record = ctx.world.create(
        there, SNAPSHOT, {"id": id.lower()}, tags={**own, **(tags or {})}, data=data, at_once=at_once
    )
    fill(ctx, record, volume_of(cluster), lagging.seen(ctx.world, cluster))
    return record


def fill(ctx: Context, record: Record, source: str, moment: float | None = None) -> None:
    """Give a cluster or snapshot a volume of its own with what the source volume holds by now, or held at a moment."""
    record.data["volume"] = f"{record.id}-{uuid.uuid4()}"
    volume_copy(ctx.world, source, record.data["volume"], moment)
    ctx.store.put(record)


def refuse_taken(ctx: Context, id: str) -> None:
    if ctx.store.get(ctx.account, ctx.region, SNAPSHOT, id.lower()):
        text = f"Cannot create the cluster snapshot because one with the identifier {id} already exists."
        raise AwsError("DBClusterSnapshotAlreadyExistsFault", text)

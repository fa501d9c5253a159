"""Stopping, starting and failing over a cluster."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.rds import events, global_clusters, phases
from sandbox.services.rds.cluster_operations import shape
from sandbox.services.rds.clusters import members, writer
from sandbox.services.rds.common import CLUSTER, INSTANCE, find, usable_key
from sandbox.services.rds.credentials import RECOVERABLE


@operation("rds", "StopDBCluster")
def stop_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    phases.refuse_unless(record, "available")
    group = global_clusters.of(ctx, record)
    if group is not None and global_clusters.others(group, record.arn):
        raise AwsError(
            "InvalidDBClusterStateFault",
            "You can only stop and start a cluster that's part of an Aurora global database if it's the only cluster "
            "in the global database.",
        )
    for member in members(ctx, record.id):
        if member.state != "available":
            text = f"Instance {member.id} is not in available state."
            raise AwsError("InvalidDBInstanceState", text)
    phases.begin(ctx, record, "stopping")
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "StartDBCluster")
def start_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    phases.refuse_unless(record, "stopped", RECOVERABLE)
    if record.data["StorageEncrypted"]:
        usable_key(ctx, record.data["KmsKeyArn"])
    phases.begin(ctx, record, "starting")
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "FailoverDBCluster")
def failover_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    phases.refuse_unless(record, "available")
    old = writer(ctx, record.id)
    wanted = params.get("TargetDBInstanceIdentifier")
    found = members(ctx, record.id)
    if wanted:
        target = find(ctx, INSTANCE, wanted)
        if target not in found or target is old:
            text = f"Instance {target.id} is no reader of DB cluster {record.id}."
            raise AwsError("InvalidDBInstanceState", text)
        found = [target]
    readers = [m for m in found if m is not old and m.state == "available"]
    if not readers or old is None:
        text = f"DB cluster {record.id} has no reader that is available to fail over to."
        raise AwsError("InvalidDBClusterStateFault", text)
    chosen = min(readers, key=lambda m: int(m.properties.get("PromotionTier", 1)))
    record.data["target"] = chosen.id
    kind = "same" if chosen.data.get("zone") == old.data.get("zone") else "cross"
    started = f"Started {kind} AZ failover to DB instance: {chosen.id}"
    events.note(ctx.world, record, "failover", started)
    phases.begin(ctx, record, "failing-over")
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "RebootDBCluster")
def reboot_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """For Multi-AZ DB clusters only (API reference): the sandbox has none."""
    find(ctx, CLUSTER, params["DBClusterIdentifier"])
    text = "RebootDBCluster is supported for Multi-AZ DB clusters only."
    raise AwsError("InvalidDBClusterStateFault", text)

"""The API on global databases. Switchover and failover between regions are not in it yet."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.rds import global_clusters, lagging, phases
from sandbox.services.rds.common import CLUSTER, GLOBAL_CLUSTER, filtered, find, page, picked, tags_of
from sandbox.store import GLOBAL, Record

CREATE = (
    "GlobalClusterIdentifier",
    "SourceDBClusterIdentifier",
    "Engine",
    "EngineVersion",
    "DeletionProtection",
    "DatabaseName",
    "StorageEncrypted",
)


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """GlobalCluster."""
    data = record.data
    answer = {
        "GlobalClusterIdentifier": record.id,
        "GlobalClusterResourceId": data["resource_id"],
        "GlobalClusterArn": record.arn,
        "Status": record.state,
        "Engine": data["Engine"],
        "EngineVersion": data["EngineVersion"],
        "StorageEncrypted": bool(data["StorageEncrypted"]),
        "DeletionProtection": bool(record.properties.get("DeletionProtection")),
        "GlobalClusterMembers": [_member(ctx, record, m) for m in data["members"]],
        "Endpoint": record.attributes["GlobalEndpoint"]["Address"],
        "TagList": tag_list(record.tags),
    }
    if data.get("DatabaseName"):
        answer["DatabaseName"] = data["DatabaseName"]
    return answer


def _member(ctx: Context, group: Record, member: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "DBClusterArn": member["arn"],
        "IsWriter": member["writer"],
        "Readers": [m["arn"] for m in global_clusters.others(group, member["arn"])]
        if member["writer"]
        else [],
    }
    if not member["writer"]:
        cluster = ctx.store.by_arn(member["arn"])
        forwards = cluster is not None and cluster.properties.get("EnableGlobalWriteForwarding")
        answer["GlobalWriteForwardingStatus"] = "enabled" if forwards else "disabled"
        answer["SynchronizationStatus"] = "connected"
    return answer


@operation("rds", "CreateGlobalCluster")
def create_global_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    source = params.get("SourceDBClusterIdentifier")
    if source and not source.startswith("arn:"):
        raise AwsError("InvalidParameterValue", f"Malformed db cluster arn {source}")
    record = ctx.world.create(ctx, GLOBAL_CLUSTER, picked(params, CREATE), tags=tags_of(params))
    return {"GlobalCluster": shape(ctx, record)}


@operation("rds", "DescribeGlobalClusters")
def describe_global_clusters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The same in every region."""
    id = params.get("GlobalClusterIdentifier")
    records = [find(ctx, GLOBAL_CLUSTER, id)] if id else ctx.store.list(ctx.account, GLOBAL, GLOBAL_CLUSTER)
    known = {
        "db-cluster-id": lambda r: [
            n for m in r.data["members"] for n in (m["arn"], m["arn"].rpartition(":")[2])
        ]
    }
    records = filtered(records, params, known)
    return page(records, params, "GlobalClusters", lambda r: shape(ctx, r))


@operation("rds", "ModifyGlobalCluster")
def modify_global_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, GLOBAL_CLUSTER, params["GlobalClusterIdentifier"])
    if params.get("NewGlobalClusterIdentifier"):
        raise not_supported("Renaming a global cluster")
    if params.get("EngineVersion"):
        raise not_supported("Upgrading all members of a global cluster at once")
    changes = picked(params, ("DeletionProtection",))
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"GlobalCluster": shape(ctx, record)}


@operation("rds", "RemoveFromGlobalCluster")
def remove_from_global_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The cluster is `promoting` until it stands alone, and a member till then; it is asked for by its ARN
    (aws-cloudformation-resource-providers-rds, #103; terraform-provider-aws, #40333)."""
    group = find(ctx, GLOBAL_CLUSTER, params["GlobalClusterIdentifier"])
    arn = params["DbClusterIdentifier"]
    if not arn.startswith("arn:"):
        raise AwsError("InvalidParameterValue", f"Malformed db cluster arn {arn}")
    if global_clusters.member_of(group, arn) is None:
        raise AwsError("InvalidParameterValue", f"Cluster {arn} is not found in global cluster {group.id}")
    cluster = ctx.store.by_arn(arn)
    if cluster is None or cluster.type != CLUSTER:
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {arn} not found.")
    phases.refuse_unless(cluster, "available")
    global_clusters.refuse_last_member(ctx, cluster)
    there = ctx.world.context(cluster.account, cluster.region, principal=ctx.principal)
    lagging.cut(ctx.world, cluster)
    phases.begin(there, cluster, "promoting")
    return {"GlobalCluster": shape(ctx, group)}


@operation("rds", "DeleteGlobalCluster")
def delete_global_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, GLOBAL_CLUSTER, params["GlobalClusterIdentifier"])
    if record.state == "deleting":
        text = f"Global cluster {record.id} is already being deleted."
        raise AwsError("InvalidGlobalClusterStateFault", text)
    ctx.world.delete(ctx, record)
    return {"GlobalCluster": shape(ctx, record)}

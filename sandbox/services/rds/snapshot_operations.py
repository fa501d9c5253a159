"""The API on cluster snapshots."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.rds import origins, sharing
from sandbox.services.rds.common import CLUSTER, SNAPSHOT, filtered, find, page, tags_of, usable_key
from sandbox.store import Record


def shape(record: Record) -> dict[str, Any]:
    """DBClusterSnapshot."""
    data = record.data
    answer = {
        "AvailabilityZones": data["zones"],
        "DBClusterSnapshotIdentifier": record.id,
        "DBClusterIdentifier": data["cluster"],
        "SnapshotCreateTime": record.created_at,
        "Engine": data["Engine"],
        "EngineMode": "provisioned",
        "EngineVersion": data["EngineVersion"],
        # Aurora MySQL: 1 here too; AWS tells a snapshot's size in no API.
        "AllocatedStorage": 1,
        "Status": "copying" if record.state == "creating" and data.get("source_arn") else record.state,
        "PercentProgress": 0 if record.pending else 100,
        "Port": data["Port"],
        "ClusterCreateTime": data["cluster_created"],
        "MasterUsername": data["MasterUsername"],
        "SnapshotType": data["kind"],
        "StorageEncrypted": data["StorageEncrypted"],
        "DBClusterSnapshotArn": record.arn,
        "DbClusterResourceId": data["cluster_resource"],
        "IAMDatabaseAuthenticationEnabled": False,
        "StorageType": "aurora",
        "TagList": tag_list(record.tags),
    }
    if data.get("KmsKeyArn"):
        answer["KmsKeyId"] = data["KmsKeyArn"]
    if data.get("source_arn"):
        answer["SourceDBClusterSnapshotArn"] = data["source_arn"]
    return answer


@operation("rds", "CreateDBClusterSnapshot")
def create_snapshot(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    cluster = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    sharing.refuse_too_many(ctx)
    if cluster.state != "available":
        text = f"Cluster {cluster.id} is not in the available state: {cluster.state}."
        raise AwsError("InvalidDBClusterStateFault", text)
    record = origins.snapshot(ctx, cluster, params["DBClusterSnapshotIdentifier"], "manual", tags_of(params))
    return {"DBClusterSnapshot": shape(record)}


def _source(ctx: Context, name: str) -> Record:
    """The snapshot to copy: an ARN may be of another region, or of an account that shares it."""
    record = ctx.store.by_arn(name) if name.startswith("arn:") else None
    found = record if record is not None and record.type == SNAPSHOT else None
    if found is not None and (found.account == ctx.account or origins.shared_with(found, ctx.account)):
        return found
    return find(ctx, SNAPSHOT, name)


@operation("rds", "CopyDBClusterSnapshot")
def copy_snapshot(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    source = _source(ctx, params["SourceDBClusterSnapshotIdentifier"])
    id = params["TargetDBClusterSnapshotIdentifier"]
    origins.refuse_identifier("TargetDBClusterSnapshotIdentifier", id, 255)
    origins.refuse_taken(ctx, id)
    sharing.refuse_too_many(ctx)
    if source.state != "available":
        text = f"The source snapshot {source.id} is not in the available state."
        raise AwsError("InvalidDBClusterSnapshotStateFault", text)
    data = {k: v for k, v in source.data.items() if k != "shared_with"}
    data.update(kind="manual", source_arn=source.arn)
    key = params.get("KmsKeyId")
    if source.data["StorageEncrypted"]:
        there = ctx.world.context(ctx.account, source.region)
        usable_key(there, source.data["KmsKeyArn"])
        if not key and source.region != ctx.region:
            text = "KmsKeyId must be specified when an encrypted snapshot is copied to another region."
            raise AwsError("InvalidParameterCombination", text)
        data["KmsKeyArn"] = usable_key(ctx, key or source.data["KmsKeyArn"]).arn
    elif key:
        data.update(StorageEncrypted=True, KmsKeyArn=usable_key(ctx, key).arn)
    tags = {**(source.tags if params.get("CopyTags") else {}), **tags_of(params)}
    record = ctx.world.create(ctx, SNAPSHOT, {"id": id.lower()}, tags=tags, data=data)
    origins.fill(ctx, record, source.data["volume"])
    return {"DBClusterSnapshot": shape(record)}


@operation("rds", "DescribeDBClusterSnapshots")
def describe_snapshots(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    id = params.get("DBClusterSnapshotIdentifier")
    cluster, kind = params.get("DBClusterIdentifier"), params.get("SnapshotType")
    records = [origins.snapshot_of(ctx, id)] if id else ctx.store.list(ctx.account, ctx.region, SNAPSHOT)
    if not id and (
        kind in ("shared", "public") or params.get("IncludeShared") or params.get("IncludePublic")
    ):
        records = records + sharing.shared(ctx, params)
    if cluster:
        records = [r for r in records if r.data["cluster"] == cluster.rpartition(":")[2].lower()]
    if params.get("DbClusterResourceId"):
        records = [r for r in records if r.data["cluster_resource"] == params["DbClusterResourceId"]]
    if kind in ("automated", "manual"):
        records = [r for r in records if r.data["kind"] == kind]
    elif kind in ("shared", "public"):
        records = [r for r in records if r.account != ctx.account]
    elif kind == "awsbackup":
        records = []
    known = {
        "db-cluster-id": lambda r: [r.data["cluster"]],
        "db-cluster-snapshot-id": lambda r: [r.id],
        "snapshot-type": lambda r: [r.data["kind"]],
        "engine": lambda r: [r.data["Engine"]],
    }
    return page(filtered(records, params, known), params, "DBClusterSnapshots", shape)


@operation("rds", "DeleteDBClusterSnapshot")
def delete_snapshot(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, SNAPSHOT, params["DBClusterSnapshotIdentifier"])
    if record.data["kind"] != "manual":
        text = "Only manual snapshots may be deleted."
        raise AwsError("InvalidDBClusterSnapshotStateFault", text)
    if record.state != "available":
        text = f"The snapshot {record.id} is not in the available state."
        raise AwsError("InvalidDBClusterSnapshotStateFault", text)
    ctx.world.delete(ctx, record, at_once=True)
    record.state = "deleted"
    return {"DBClusterSnapshot": shape(record)}


@operation("rds", "DescribeDBSnapshots")
def describe_instance_snapshots(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Snapshots of instances outside Aurora: the sandbox can make none."""
    return {"DBSnapshots": []}

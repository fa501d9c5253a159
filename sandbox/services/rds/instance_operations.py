"""The API on instances."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.rds import engines
from sandbox.services.rds.common import INSTANCE, SUBNET_GROUP, filtered, find, page, picked, tags_of
from sandbox.services.rds.groups import subnet_group_shape
from sandbox.services.rds.instances import cluster_of
from sandbox.store import Record

# API member: CloudFormation property, where the names differ
RENAMED = {
    "VpcSecurityGroupIds": "VPCSecurityGroups",
}
SAME = (
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "AvailabilityZone",
    "BackupRetentionPeriod",
    "CopyTagsToSnapshot",
    "DBClusterIdentifier",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "DBName",
    "DBParameterGroupName",
    "DBSubnetGroupName",
    "DeletionProtection",
    "Engine",
    "EngineVersion",
    "KmsKeyId",
    "MasterUsername",
    "MasterUserPassword",
    "MonitoringInterval",
    "MultiAZ",
    "EnablePerformanceInsights",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "Port",
    "PreferredMaintenanceWindow",
    "PromotionTier",
    "PubliclyAccessible",
    "StorageEncrypted",
    "StorageType",
)


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """DBInstance."""
    properties, data = record.properties, record.data
    cluster = cluster_of(ctx, record)
    source = cluster.data if cluster else {}
    engine = properties.get("Engine") or source["Engine"]
    group = properties.get("DBSubnetGroupName") or (
        cluster.properties.get("DBSubnetGroupName") if cluster else None
    )
    subnets = ctx.store.get(ctx.account, ctx.region, SUBNET_GROUP, str(group).lower())
    security = properties.get("VPCSecurityGroups") or (
        cluster.properties.get("VpcSecurityGroupIds") if cluster else []
    )
    endpoint = record.attributes["Endpoint"]
    answer = {
        "DBInstanceIdentifier": record.id,
        "DBInstanceClass": properties["DBInstanceClass"],
        "Engine": engine,
        "EngineVersion": source.get("EngineVersion")
        or engines.version_of(engine, properties.get("EngineVersion")),
        "DBInstanceStatus": record.state,
        "MasterUsername": source.get("MasterUsername") or properties.get("MasterUsername", ""),
        "AllocatedStorage": 1 if cluster else int(properties.get("AllocatedStorage") or 20),
        "InstanceCreateTime": record.created_at,
        "BackupRetentionPeriod": int((cluster or record).properties.get("BackupRetentionPeriod") or 1),
        "VpcSecurityGroups": [{"VpcSecurityGroupId": g, "Status": "active"} for g in security or ()],
        "AvailabilityZone": data["zone"],
        "PreferredMaintenanceWindow": properties.get("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"),
        "PendingModifiedValues": {},
        "MultiAZ": bool(properties.get("MultiAZ")),
        "AutoMinorVersionUpgrade": properties.get("AutoMinorVersionUpgrade", True),
        "PubliclyAccessible": bool(properties.get("PubliclyAccessible")),
        "StorageType": "aurora" if cluster else properties.get("StorageType", "gp3"),
        "DbInstancePort": 0,
        "StorageEncrypted": bool(source.get("StorageEncrypted") or properties.get("StorageEncrypted")),
        "DbiResourceId": data["resource_id"],
        "CopyTagsToSnapshot": bool(properties.get("CopyTagsToSnapshot")),
        "MonitoringInterval": int(properties.get("MonitoringInterval") or 0),
        "DBInstanceArn": record.arn,
        "PerformanceInsightsEnabled": bool(properties.get("EnablePerformanceInsights")),
        "DeletionProtection": bool(properties.get("DeletionProtection")),
        "PromotionTier": int(properties.get("PromotionTier", 1)),
        "TagList": tag_list(record.tags),
    }
    if record.state != "creating":
        answer["Endpoint"] = {**endpoint, "Port": int(endpoint["Port"])}
    if subnets is not None:
        answer["DBSubnetGroup"] = subnet_group_shape(ctx, subnets)
    for name, value in (
        ("DBClusterIdentifier", cluster.id if cluster else None),
        ("KmsKeyId", source.get("KmsKeyArn") or properties.get("KmsKeyId")),
        ("DBName", source.get("DatabaseName") or properties.get("DBName")),
    ):
        if value:
            answer[name] = value
    return answer


def _properties(params: dict[str, Any]) -> dict[str, Any]:
    renamed = {theirs: params[ours] for ours, theirs in RENAMED.items() if params.get(ours) is not None}
    return {**picked(params, SAME), **renamed}


@operation("rds", "CreateDBInstance")
def create_instance(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, INSTANCE, _properties(params), tags=tags_of(params))
    return {"DBInstance": shape(ctx, record)}


@operation("rds", "DescribeDBInstances")
def describe_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    id = params.get("DBInstanceIdentifier")
    records = [find(ctx, INSTANCE, id)] if id else ctx.store.list(ctx.account, ctx.region, INSTANCE)

    def cluster_names(record: Record) -> list[str]:
        cluster = cluster_of(ctx, record)
        return [cluster.id, cluster.arn] if cluster else []

    known = {
        "db-cluster-id": cluster_names,
        "db-instance-id": lambda r: [r.id, r.arn],
        "dbi-resource-id": lambda r: [r.data["resource_id"]],
        "engine": lambda r: [shape(ctx, r)["Engine"]],
    }
    return page(filtered(records, params, known), params, "DBInstances", lambda r: shape(ctx, r))


@operation("rds", "ModifyDBInstance")
def modify_instance(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, INSTANCE, params["DBInstanceIdentifier"])
    if params.get("NewDBInstanceIdentifier"):
        raise not_supported("Renaming an instance")
    if record.pending:
        text = f"Database instance is not in available state: {record.state}."
        raise AwsError("InvalidDBInstanceState", text)
    changes = {k: v for k, v in _properties(params).items() if k != "DBInstanceIdentifier"}
    light = set(changes) <= {"DeletionProtection", "CopyTagsToSnapshot", "PromotionTier"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=light)
    return {"DBInstance": shape(ctx, record)}


@operation("rds", "DeleteDBInstance")
def delete_instance(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, INSTANCE, params["DBInstanceIdentifier"])
    if cluster_of(ctx, record) is None:
        if not params.get("SkipFinalSnapshot") and not params.get("FinalDBSnapshotIdentifier"):
            text = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            raise AwsError("InvalidParameterCombination", text)
        if params.get("FinalDBSnapshotIdentifier"):
            raise not_supported("A snapshot of an instance outside a cluster")
    elif params.get("FinalDBSnapshotIdentifier"):
        text = "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance"
        raise AwsError("InvalidParameterCombination", text)
    ctx.world.delete(ctx, record)
    return {"DBInstance": shape(ctx, record)}


@operation("rds", "RebootDBInstance")
def reboot_instance(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, INSTANCE, params["DBInstanceIdentifier"])
    if record.pending:
        raise AwsError(
            "InvalidDBInstanceState", f"Database instance is not in available state: {record.state}."
        )
    ctx.world.update(ctx, record, record.properties)
    if record.pending:
        record.state = "rebooting"
    return {"DBInstance": shape(ctx, record)}

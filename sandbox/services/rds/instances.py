"""Instances: members of Aurora clusters, and plain ones in outline."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list
from sandbox.services.rds import engines
from sandbox.services.rds.cluster_operations import promote
from sandbox.services.rds.clusters import members, refuse_password, writer
from sandbox.services.rds.common import (
    CLUSTER,
    INSTANCE,
    SUBNET_GROUP,
    filtered,
    find,
    host,
    page,
    picked,
    refuse_identifier,
    resource_id,
    tags_of,
    usable_key,
)
from sandbox.services.rds.groups import subnet_group_shape
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


@resource_type(INSTANCE)
class Instance(ResourceType):
    """An instance. data: resource_id, zone, writer (of its cluster)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return super().identify(ctx, properties, hint).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = properties.get("DBInstanceIdentifier")
        if id:
            refuse_identifier("DBInstanceIdentifier", id)
            if ctx.store.get(ctx.account, ctx.region, INSTANCE, id.lower()):
                raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
        if properties.get("DBInstanceClass") not in engines.CLASSES:
            text = f"Invalid DB Instance class: {properties.get('DBInstanceClass')}"
            raise AwsError("InvalidParameterValue", text)
        if properties.get("DBSubnetGroupName"):
            find(ctx, SUBNET_GROUP, properties["DBSubnetGroupName"])
        cluster = properties.get("DBClusterIdentifier")
        if cluster:
            self._check_member(find(ctx, CLUSTER, cluster), properties)
        else:
            self._check_plain(ctx, properties)

    @staticmethod
    def _check_member(cluster: Record, properties: dict[str, Any]) -> None:
        engine = properties.get("Engine")
        if engine and engine != cluster.data["Engine"]:
            raise AwsError(
                "InvalidParameterCombination",
                f"The engine name requested for your DB instance ({engine}) doesn't match the engine name of your DB "
                f"cluster ({cluster.data['Engine']}).",
            )
        if cluster.state == "deleting":
            raise AwsError("InvalidDBClusterStateFault", f"DB cluster {cluster.id} is being deleted.")
        serverless = properties["DBInstanceClass"] == "db.serverless"
        if serverless and not cluster.properties.get("ServerlessV2ScalingConfiguration"):
            raise AwsError(
                "InvalidDBClusterStateFault",
                "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 "
                "DB instance.",
            )

    @staticmethod
    def _check_plain(ctx: Context, properties: dict[str, Any]) -> None:
        engine = str(properties.get("Engine", ""))
        if engine.startswith("aurora"):
            text = "DBClusterIdentifier must be specified for an Aurora DB instance."
            raise AwsError("InvalidParameterCombination", text)
        engines.version_of(engine, properties.get("EngineVersion"))
        if not properties.get("ManageMasterUserPassword"):
            refuse_password(properties.get("MasterUserPassword"))
        if properties.get("KmsKeyId"):
            usable_key(ctx, properties["KmsKeyId"])

    def created(self, ctx: Context, record: Record) -> None:
        cluster = cluster_of(ctx, record)
        count = len(members(ctx, cluster.id)) - 1 if cluster else 0
        zones = cluster.data["zones"] if cluster else [f"{ctx.region}a"]
        record.data.update(
            resource_id=resource_id("db-"),
            zone=record.properties.get("AvailabilityZone") or zones[count % len(zones)],
        )
        if cluster:
            first = writer(ctx, cluster.id)
            record.data["writer"] = first is None or first is record
        port = cluster.data["Port"] if cluster else engines.PORTS[record.properties["Engine"]]
        record.attributes = {
            "DBInstanceArn": record.arn,
            "DbiResourceId": record.data["resource_id"],
            "Endpoint": {
                "Address": host(ctx, record.id),
                "Port": str(record.properties.get("Port") or port),
                "HostedZoneId": "Z29XKXDKYMONMX",
            },
        }

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        if properties.get("DBInstanceClass") not in engines.CLASSES:
            text = f"Invalid DB Instance class: {properties.get('DBInstanceClass')}"
            raise AwsError("InvalidParameterValue", text)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.state == "deleting":
            raise AwsError("InvalidDBInstanceState", f"Instance {record.id} is already being deleted.")
        if record.properties.get("DeletionProtection"):
            text = "Cannot delete protected DB Instance, please disable deletion protection and try again."
            raise AwsError("InvalidParameterCombination", text)

    def deleting(self, ctx: Context, record: Record) -> None:
        """A reader takes over from a writer that goes, the one of the lowest tier first."""
        cluster = cluster_of(ctx, record)
        if cluster is None or not record.data.get("writer"):
            return
        rest = [m for m in members(ctx, cluster.id) if m is not record and m.state == "available"]
        if rest:
            promote(ctx, cluster.id, min(rest, key=lambda m: int(m.properties.get("PromotionTier", 1))))

    def last_copy(self, ctx: Context, record: Record) -> None:
        if cluster_of(ctx, record) is None:
            raise not_supported("A snapshot of an instance outside a cluster")


def cluster_of(ctx: Context, record: Record) -> Record | None:
    id = str(record.properties.get("DBClusterIdentifier", "")).lower()
    return ctx.store.get(ctx.account, ctx.region, CLUSTER, id) if id else None


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

"""The API on clusters."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.rds import origins
from sandbox.services.rds.clusters import members, refuse_password, writer
from sandbox.services.rds.common import CLUSTER, filtered, find, page, picked, tags_of
from sandbox.services.rds.engines import family_of
from sandbox.store import Record

# Members that are the same in the API and in CloudFormation.
SAME = (
    "AvailabilityZones",
    "BackupRetentionPeriod",
    "BacktrackWindow",
    "CopyTagsToSnapshot",
    "DatabaseInsightsMode",
    "DatabaseName",
    "DBClusterIdentifier",
    "DBClusterParameterGroupName",
    "DBSubnetGroupName",
    "DeletionProtection",
    "EnableCloudwatchLogsExports",
    "EnableHttpEndpoint",
    "EnableIAMDatabaseAuthentication",
    "Engine",
    "EngineMode",
    "EngineVersion",
    "KmsKeyId",
    "ManageMasterUserPassword",
    "MasterUsername",
    "MasterUserPassword",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "NetworkType",
    "Port",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "RestoreType",
    "ServerlessV2ScalingConfiguration",
    "SnapshotIdentifier",
    "SourceDBClusterIdentifier",
    "SourceDbClusterResourceId",
    "StorageEncrypted",
    "StorageType",
    "UseLatestRestorableTime",
    "VpcSecurityGroupIds",
)


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """DBCluster."""
    properties, data = record.properties, record.data
    group = str(properties.get("DBSubnetGroupName", "default"))
    first = writer(ctx, record.id)
    instances = members(ctx, record.id)
    answer = {
        "AllocatedStorage": 1,  # Aurora: always 1 (API reference); the volume's size is VolumeBytesUsed in CloudWatch
        "AvailabilityZones": data["zones"],
        "BackupRetentionPeriod": int(properties.get("BackupRetentionPeriod") or 1),
        "DBClusterIdentifier": record.id,
        "DBClusterParameterGroup": properties.get("DBClusterParameterGroupName")
        or f"default.{family_of(data['Engine'], data['EngineVersion'])}",
        "DBSubnetGroup": group.lower(),
        "Status": record.state,
        "EarliestRestorableTime": record.created_at,
        "LatestRestorableTime": ctx.now,
        "Endpoint": record.attributes["Endpoint"]["Address"],
        "ReaderEndpoint": record.attributes["ReadEndpoint"]["Address"],
        "MultiAZ": len({m.data.get("zone") for m in instances}) > 1,
        "Engine": data["Engine"],
        "EngineVersion": data["EngineVersion"],
        "EngineMode": properties.get("EngineMode", "provisioned"),
        "Port": data["Port"],
        "MasterUsername": data["MasterUsername"],
        "PreferredBackupWindow": properties.get("PreferredBackupWindow", "03:00-03:30"),
        "PreferredMaintenanceWindow": properties.get("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"),
        "DBClusterMembers": [
            {
                "DBInstanceIdentifier": m.id,
                "IsClusterWriter": m is first,
                "DBClusterParameterGroupStatus": "in-sync",
                "PromotionTier": int(m.properties.get("PromotionTier", 1)),
            }
            for m in instances
        ],
        "VpcSecurityGroups": [
            {"VpcSecurityGroupId": g, "Status": "active"} for g in properties.get("VpcSecurityGroupIds", ())
        ],
        "HostedZoneId": "Z29XKXDKYMONMX",
        "StorageEncrypted": data["StorageEncrypted"],
        "DbClusterResourceId": data["resource_id"],
        "DBClusterArn": record.arn,
        "AssociatedRoles": [],
        "IAMDatabaseAuthenticationEnabled": bool(properties.get("EnableIAMDatabaseAuthentication")),
        "CloneGroupId": data["clone_group"],
        "ClusterCreateTime": record.created_at,
        "EnabledCloudwatchLogsExports": properties.get("EnableCloudwatchLogsExports", []),
        "DeletionProtection": bool(properties.get("DeletionProtection")),
        "CopyTagsToSnapshot": bool(properties.get("CopyTagsToSnapshot")),
        "CrossAccountClone": False,
        "HttpEndpointEnabled": bool(properties.get("EnableHttpEndpoint")),
        "AutoMinorVersionUpgrade": True,
        "StorageType": properties.get("StorageType", "aurora"),
        "NetworkType": properties.get("NetworkType", "IPV4"),
        "TagList": tag_list(record.tags),
    }
    for name, value in (
        ("DatabaseName", data["DatabaseName"]),
        ("KmsKeyId", data.get("KmsKeyArn")),
        ("ServerlessV2ScalingConfiguration", properties.get("ServerlessV2ScalingConfiguration")),
        ("MasterUserSecret", record.attributes.get("MasterUserSecret")),
    ):
        if value:
            answer[name] = value
    return answer


def _made(ctx: Context, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {**picked(params, SAME), **more}
    record = ctx.world.create(ctx, CLUSTER, properties, tags=tags_of(params))
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "CreateDBCluster")
def create_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("GlobalClusterIdentifier") or params.get("ReplicationSourceIdentifier"):
        raise not_supported("A cluster of a global database")
    return _made(ctx, params)


@operation("rds", "RestoreDBClusterFromSnapshot")
def restore_from_snapshot(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _made(ctx, params)


@operation("rds", "RestoreDBClusterToPointInTime")
def restore_to_point_in_time(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if not params.get("SourceDBClusterIdentifier") and not params.get("SourceDbClusterResourceId"):
        text = "Either SourceDBClusterIdentifier or SourceDbClusterResourceId must be specified."
        raise AwsError("InvalidParameterCombination", text)
    time = params.get("RestoreToTime")
    return _made(ctx, params, **({"RestoreToTime": str(time)} if time else {}))


@operation("rds", "DescribeDBClusters")
def describe_clusters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    id = params.get("DBClusterIdentifier")
    records = [find(ctx, CLUSTER, id)] if id else ctx.store.list(ctx.account, ctx.region, CLUSTER)
    known = {
        "db-cluster-id": lambda r: [r.id, r.arn],
        "db-cluster-resource-id": lambda r: [r.data["resource_id"]],
        "engine": lambda r: [r.data["Engine"]],
        "clone-group-id": lambda r: [r.data["clone_group"]],
    }
    return page(filtered(records, params, known), params, "DBClusters", lambda r: shape(ctx, r))


@operation("rds", "ModifyDBCluster")
def modify_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    if params.get("NewDBClusterIdentifier"):
        raise not_supported("Renaming a cluster")
    if record.pending or record.state != "available":
        text = f"DB cluster isn't available for modification with status {record.state}."
        raise AwsError("InvalidDBClusterStateFault", text)
    changes = picked(params, tuple(n for n in SAME if n != "DBClusterIdentifier"))
    if "MasterUserPassword" in changes:
        refuse_password(changes["MasterUserPassword"])
    logs = params.get("CloudwatchLogsExportConfiguration") or {}
    if logs:
        kept = set(record.properties.get("EnableCloudwatchLogsExports", ())) - set(
            logs.get("DisableLogTypes") or ()
        )
        changes["EnableCloudwatchLogsExports"] = sorted(kept | set(logs.get("EnableLogTypes") or ()))
    # Protection and tags of snapshots are only settings: the cluster stays available.
    light = set(changes) <= {"DeletionProtection", "CopyTagsToSnapshot"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=light)
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "DeleteDBCluster")
def delete_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    if record.state == "creating":
        raise AwsError(
            "InvalidDBClusterStateFault", f"Cluster {record.id} cannot be deleted while it is creating."
        )
    final, skip = params.get("FinalDBSnapshotIdentifier"), bool(params.get("SkipFinalSnapshot"))
    if final and skip:
        text = "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."
        raise AwsError("InvalidParameterCombination", text)
    if not final and not skip:
        text = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        raise AwsError("InvalidParameterCombination", text)
    ctx.world.type(CLUSTER).check_delete(ctx, record)
    if final:
        origins.snapshot(ctx, record, final, "manual")
    record.data["retain_backups"] = params.get("DeleteAutomatedBackups") is False
    ctx.world.delete(ctx, record)
    return {"DBCluster": shape(ctx, record)}


@operation("rds", "FailoverDBCluster")
def failover_cluster(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER, params["DBClusterIdentifier"])
    old = writer(ctx, record.id)
    readers = [m for m in members(ctx, record.id) if m is not old and m.state == "available"]
    wanted = params.get("TargetDBInstanceIdentifier")
    chosen = [m for m in readers if wanted in (None, m.id)]
    if not chosen:
        text = f"DB cluster {record.id} has no reader that is available to fail over to."
        raise AwsError("InvalidDBClusterStateFault", text)
    promote(ctx, record.id, min(chosen, key=lambda m: int(m.properties.get("PromotionTier", 1))))
    return {"DBCluster": shape(ctx, record)}


def promote(ctx: Context, cluster: str, instance: Record) -> None:
    """Make an instance the cluster's writer."""
    for member in members(ctx, cluster):
        member.data["writer"] = member is instance
        ctx.store.put(member)


@operation("rds", "DescribeDBClusterAutomatedBackups")
def describe_automated_backups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    active = [
        _backup(
            r,
            r.data["resource_id"],
            r.id,
            r.arn,
            "active",
            r.properties.get("BackupRetentionPeriod") or 1,
            ctx.now,
        )
        for r in ctx.store.list(ctx.account, ctx.region, CLUSTER)
        if r.state not in ("creating", "deleting")
    ]
    retained = [
        _backup(
            r, r.id, r.data["cluster"], r.data["cluster_arn"], "retained", r.data["days"], r.data["latest"]
        )
        for r in ctx.store.list(ctx.account, ctx.region, origins.BACKUP)
    ]
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


def _backup(
    record: Record, resource: str, cluster: str, arn: str, status: str, days: Any, latest: float
) -> dict[str, Any]:
    data = record.data
    answer = {
        "Engine": data["Engine"],
        "EngineVersion": data["EngineVersion"],
        "DBClusterAutomatedBackupsArn": record.arn
        if status == "retained"
        else arn.replace(f":cluster:{cluster}", f":cluster-auto-backup:ab-{resource.lower()}"),
        "DBClusterIdentifier": cluster,
        "DBClusterArn": arn,
        "DbClusterResourceId": resource,
        "RestoreWindow": {"EarliestTime": record.created_at, "LatestTime": latest},
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
    record = ctx.store.get(ctx.account, ctx.region, origins.BACKUP, params["DbClusterResourceId"])
    if record is None:
        text = f"DBClusterAutomatedBackup {params['DbClusterResourceId']} not found."
        raise AwsError("DBClusterAutomatedBackupNotFoundFault", text)
    ctx.store.remove(record)
    data = record.data
    shape = _backup(
        record, record.id, data["cluster"], data["cluster_arn"], "deleting", data["days"], data["latest"]
    )
    return {"DBClusterAutomatedBackup": shape}

"""The API on clusters."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.rds import cluster_endpoints, origins, phases
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
    "EnableGlobalWriteForwarding",
    "GlobalClusterIdentifier",
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
    earliest, latest = origins.window(ctx, record)
    answer = {
        "AllocatedStorage": 1,  # Aurora: always 1 (API reference); the volume's size is VolumeBytesUsed in CloudWatch
        "AvailabilityZones": data["zones"],
        "BackupRetentionPeriod": int(properties.get("BackupRetentionPeriod") or 1),
        "DBClusterIdentifier": record.id,
        "DBClusterParameterGroup": properties.get("DBClusterParameterGroupName")
        or f"default.{family_of(data['Engine'], data['EngineVersion'])}",
        "DBSubnetGroup": group.lower(),
        "Status": record.state,
        "EarliestRestorableTime": earliest,
        "LatestRestorableTime": latest,
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
    if data.get("read_only"):
        forwarding = bool(properties.get("EnableGlobalWriteForwarding"))
        answer["GlobalWriteForwardingRequested"] = forwarding
        answer["GlobalWriteForwardingStatus"] = "enabled" if forwarding else "disabled"
    for name, value in (
        ("DatabaseName", data["DatabaseName"]),
        ("KmsKeyId", data.get("KmsKeyArn")),
        ("ServerlessV2ScalingConfiguration", properties.get("ServerlessV2ScalingConfiguration")),
        ("MasterUserSecret", record.attributes.get("MasterUserSecret")),
        ("AutomaticRestartTime", data.get("restart_at")),
        ("GlobalClusterIdentifier", data.get("global")),
        ("CustomEndpoints", cluster_endpoints.custom(ctx, record)),
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
    if params.get("ReplicationSourceIdentifier"):
        raise not_supported("A cluster that replicates by the binary log")
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
    if record.data.get("global") and changes.get("ManageMasterUserPassword"):
        text = "ManageMasterUserPassword is not supported for a cluster of a global database."
        raise AwsError("InvalidParameterCombination", text)
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
        phases.refuse_unless(record, "available")
        origins.snapshot(ctx, record, final, "manual")
    record.data["retain_backups"] = params.get("DeleteAutomatedBackups") is False
    ctx.world.delete(ctx, record)
    return {"DBCluster": shape(ctx, record)}

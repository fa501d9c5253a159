"""Where CloudFormation may do what it needs for a standby: global database, replicas, health checks, backups."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import OWN_ROLES, arn, passed_to

RECOVERY: tuple[Scope, ...] = (
    # A global cluster has no region; its members are named after the environment as it is.
    Scope(
        "GlobalDatabase",
        "rds",
        "*GlobalCluster *GlobalClusters CreateDBCluster *TagsToResource *TagsFromResource ListTagsForResource",
        [arn("rds", "cluster:sy-*"), arn("rds", "global-cluster:sy-*", region="")],
    ),
    Scope("KeyReplicas", "kms", "ReplicateKey", arn("kms", "key/mrk-*")),
    # Health checks have generated ids, and a new one has none.
    Scope("HealthChecks", "route53", "*HealthCheck *HealthCheckStatus *TagsForResource"),
    Scope(
        "Switches",
        "cloudwatch",
        "PutMetricAlarm DeleteAlarms DescribeAlarms *Resource *TagsForResource",
        arn("cloudwatch", "alarm:sy-*"),
    ),
    Scope("SwitchesLook", "cloudwatch", "DescribeAlarms"),
    Scope(
        "Vaults",
        "backup",
        "*BackupVault *BackupVaultAccessPolicy GetBackupVaultNotifications *Resource ListTags",
        arn("backup", "backup-vault:sy-*"),
    ),
    # A plan has a generated id, and its selections are within it.
    Scope(
        "BackupPlans",
        "backup",
        "*BackupPlan *BackupSelection *Resource ListTags",
        arn("backup", "backup-plan:*"),
    ),
    Scope("VaultStorage", "backup-storage", "MountCapsule"),
    Scope("VaultKeys", "kms", "GenerateDataKey RetireGrant", arn("kms", "key/*")),
    Scope("RolesToBackup", "iam", "PassRole", OWN_ROLES, passed_to("backup")),
)

"""Where CloudFormation may do what it needs for a standby: global database, replicas, health checks, backups."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import arn

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
)

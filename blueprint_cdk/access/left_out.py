"""Documented for the types that the stacks make, or for a call, and not granted: what the blueprint never uses.

Whoever makes the blueprint use it takes it out of this table.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True)
class LeftOut:
    """Actions of one service (apart by spaces, `*` for any letters), of every role or of one, and why not."""

    service: str
    actions: str
    reason: str
    role: str = ""

    def holds(self, role: str, action: str) -> bool:
        """Whether the role does not get the action."""
        service, _, name = action.partition(":")
        return (
            self.role in ("", role)
            and service == self.service
            and any(fnmatch.fnmatchcase(name, pattern) for pattern in self.actions.split())
        )


_OTHER_TARGETS = (
    "the web ACL stands before a load balancer, a user pool and a GraphQL API, and before nothing else"
)
_OPERATIONS = "the registry names operations here, which are no actions; those (Put…) are granted"
_NOT_SET = "no template of ours sets the property that it is for"

LEFT_OUT: tuple[LeftOut, ...] = (
    LeftOut("acm-pca", "*", "certificates are public ones"),
    LeftOut("amplify", "*", _OTHER_TARGETS),
    LeftOut("apigateway", "*", _OTHER_TARGETS),
    LeftOut("apprunner", "*", _OTHER_TARGETS),
    LeftOut("bedrock-agentcore", "*", _OTHER_TARGETS),
    LeftOut(
        "backup",
        "*BackupVaultLockConfiguration PutBackupVaultNotifications DeleteBackupVaultNotifications "
        "DeleteBackupVaultAccessPolicy",
        _NOT_SET,
    ),
    LeftOut("backup-storage", "Mount", "the registry's older name of MountCapsule"),
    LeftOut("cognito-sync", "*", "Cognito Sync is closed: no identity pool has streams or events"),
    LeftOut("codecommit", "CreateCommit PutRepositoryTriggers UpdateRepositoryName", _NOT_SET),
    LeftOut(
        "codestar-connections", "PassConnection", "connections are CodeConnections' own, by its newer name"
    ),
    LeftOut("cloudfront", "UpdateDistribution", "the sign-in pages have a prefix of Cognito's domain"),
    LeftOut("kinesis", "ListStreams DescribeStream PutRecords", "no table streams to Kinesis"),
    LeftOut(
        "dynamodb",
        "*KinesisStreamingDestination UpdateContributorInsights UpdateTableReplicaAutoScaling PutResourcePolicy "
        "DeleteResourcePolicy",
        _NOT_SET,
    ),
    LeftOut("dynamodb", "DisassociateTableReplica", "a replica goes with the standby; none is made a table"),
    LeftOut("ec2", "*ssociateVerifiedAccess* GetVerifiedAccess*", _OTHER_TARGETS),
    LeftOut("wafv2", "*PermissionPolicy", "they share rule groups between accounts"),
    LeftOut("ec2", "AcceptAddressTransfer", "addresses are allocated, never taken over"),
    LeftOut("ec2", "*NatGatewayAddress", "a NAT gateway has one public address, and no secondary ones"),
    LeftOut("ec2", "*SubnetCidrBlock *VpnGateway CreateVpcEncryptionControl ModifyVpcTenancy", _NOT_SET),
    LeftOut("vpc-lattice", "*", "the one endpoint is S3's gateway"),
    LeftOut("vpce", "*", "the one endpoint is S3's gateway"),
    LeftOut("route53", "AssociateVPCWithHostedZone", "the one endpoint is S3's gateway: no private DNS"),
    LeftOut("dynamodb", "DescribeLimits", "no quota of tables is asked for", "reader"),
    LeftOut("kinesis", "DescribeLimits", "no quota of streams is asked for", "reader"),
    LeftOut("route53", "GetAccountLimit", "no quota of zones is asked for", "reader"),
    LeftOut("ecs", "*", "flow logs have no fields of ECS"),
    LeftOut("elasticloadbalancing", "ModifyCapacityReservation ModifyIpPools", _NOT_SET),
    LeftOut("firehose", "ListDeliveryStreams", "logs go to log groups"),
    LeftOut("glue", "*Connection GetSchemaVersion", "the table describes files, by columns of its own"),
    LeftOut("lakeformation", "*", "rights to the catalog are IAM's: Lake Formation governs none of it"),
    LeftOut(
        "quicksight",
        "*FolderMembership DescribeTemplate DescribeTheme PassTopic UpdateDashboardLinks "
        "DeleteDataSetRefreshProperties PutDataSetRefreshProperties",
        _NOT_SET,
    ),
    LeftOut("iam", "*GroupPolicy *UserPolicy", "policies are on roles", "bootstrap"),
    LeftOut("iam", "*GroupPolicy *UserPolicy", "policies are on roles", "execution"),
    LeftOut("iam", "DeleteRolePermissionsBoundary", "the boundary itself denies it"),
    LeftOut("iam", "ListRoles", "instances have neither a monitoring role nor a domain", "execution"),
    LeftOut("iam", "DescribeOrganization", "IAM has no such action"),
    LeftOut("iam", "PassRole", "what cdk bootstrap makes is given no role", "bootstrap"),
    LeftOut("kms", "*", "bucket and repository are encrypted with AWS's keys", "bootstrap"),
    LeftOut("kms", "DisableKey", "keys are enabled"),
    LeftOut(
        "logs", "DeleteIndexPolicy DeleteResourcePolicy PutIndexPolicy PutDataProtectionPolicy", _NOT_SET
    ),
    LeftOut("logs", "PutBearerTokenAuthentication PutLogGroupDeletionProtection", _NOT_SET),
    LeftOut("sns", "PutDataProtectionPolicy", _NOT_SET),
    LeftOut("application-autoscaling", "Describe[*]", "what readers that scale need is granted by name"),
    LeftOut("lambda", "*ProvisionedConcurrencyConfig", "what scales is a cluster's readers, and no function"),
    LeftOut("cloudwatch", "GetMetricData", "no policy of ours predicts", "execution"),
    LeftOut("organizations", "*", "analyzer and trail are the account's own, not an organization's"),
    LeftOut("inspector2", "Disable", "scans of images are never turned off"),
    LeftOut("cloudtrail", "PutInsightSelectors PutEventConfiguration", _NOT_SET, "guard"),
    LeftOut("iam", "PassRole GetRole CreateServiceLinkedRole", "the trail writes to no log group", "guard"),
    LeftOut("iam", "*UserPolicy *RolePolicy", "policies are on groups", "guard"),
    LeftOut("payments", "*", "no rule of ours takes payments"),
    LeftOut(
        "rds",
        "*HttpEndpoint *RoleFromDBCluster *RoleFromDBInstance *RoleToDBCluster *RoleToDBInstance",
        _NOT_SET,
    ),
    LeftOut("rds", "*TenantDatabase *AutomatedBackupsReplication", _NOT_SET),
    LeftOut(
        "rds",
        "CreateDBInstanceReadReplica CreateDBSnapshot PromoteReadReplica RestoreDBInstance*",
        "instances are of an Aurora cluster, which is what is copied and restored",
    ),
    LeftOut(
        "route53-recovery-control-config", "*", "health checks are driven by alarms, not by routing controls"
    ),
    LeftOut("s3", "*MetadataTable* *MetadataAnnotation* *MetadataInventory* *MetadataJournal*", _NOT_SET),
    LeftOut(
        "s3",
        "DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle "
        "DeleteBucketMetricsConfiguration DeleteBucketReplication PutBucketEncryption PutBucketReplication "
        "PutObjectLockConfiguration REST.PUT.OBJECT",
        _OPERATIONS,
    ),
    LeftOut(
        "s3",
        "PutAccelerateConfiguration PutAnalyticsConfiguration PutInventoryConfiguration PutMetricsConfiguration",
        _NOT_SET,
    ),
    LeftOut("s3", "PutBucketWebsite DeleteBucketWebsite PutBucketAbac", _NOT_SET),
    LeftOut("s3", "DeleteObject PutObjectAcl", "objects are the deployer's", "bootstrap"),
    LeftOut("s3", "DeleteObject PutObjectAcl", "objects are the deployer's and the trail's", "guard"),
    LeftOut("s3tables", "*", _NOT_SET),
    LeftOut("synthetics", "ReplicateCanary", "the registry names it; Synthetics has no such action"),
    LeftOut("lambda", "GetLayerVersionByArn", "an operation; its action is GetLayerVersion"),
    LeftOut(
        "secretsmanager", "RotateSecret", "the cluster's password is a secret of ours, not managed by RDS"
    ),
)

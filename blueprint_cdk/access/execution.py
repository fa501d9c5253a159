"""What CloudFormation may do for the portal's stacks: the needs of the blueprint's types, and no more.

Resources are bound by name where the service names them after the stack (sy-…); actions whose resources have
generated ids, or that know none, are listed one by one.
"""

from __future__ import annotations

from blueprint_cdk.access.statements import BOUND, OWN_ROLES, allow, arn, bucket, iam

NETWORK = [
    allow(
        "Network",
        "ec2",
        "CreateVpc DeleteVpc ModifyVpcAttribute CreateSubnet DeleteSubnet ModifySubnetAttribute CreateRouteTable "
        "DeleteRouteTable AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation CreateRoute "
        "DeleteRoute ReplaceRoute CreateInternetGateway DeleteInternetGateway AttachInternetGateway "
        "DetachInternetGateway CreateNatGateway DeleteNatGateway AllocateAddress ReleaseAddress AssociateAddress "
        "DisassociateAddress CreateVpcEndpoint DeleteVpcEndpoints ModifyVpcEndpoint CreateFlowLogs DeleteFlowLogs "
        "CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress "
        "RevokeSecurityGroupIngress RevokeSecurityGroupEgress UpdateSecurityGroupRuleDescriptionsIngress "
        "UpdateSecurityGroupRuleDescriptionsEgress ModifySecurityGroupRules CreateTags DeleteTags",
    ),
    allow("NetworkLook", "ec2", "Describe* GetSecurityGroupsForVpc"),
    allow("KeysMake", "kms", "CreateKey ListKeys ListAliases"),
    allow(
        "Keys",
        "kms",
        "DescribeKey PutKeyPolicy GetKeyPolicy EnableKeyRotation DisableKeyRotation GetKeyRotationStatus "
        "UpdateKeyDescription ScheduleKeyDeletion CancelKeyDeletion TagResource UntagResource ListResourceTags "
        "CreateGrant Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext EnableKey",
        arn("kms", "key/*"),
    ),
    allow(
        "KeyAliases",
        "kms",
        "CreateAlias UpdateAlias DeleteAlias",
        [arn("kms", "alias/sy-*"), arn("kms", "key/*")],
    ),
    allow(
        "Secrets",
        "secretsmanager",
        "CreateSecret UpdateSecret DeleteSecret DescribeSecret GetSecretValue PutSecretValue TagResource "
        "UntagResource RestoreSecret ReplicateSecretToRegions RemoveRegionsFromReplication",
        arn("secretsmanager", "secret:sy-*"),
    ),
    allow("SecretsGenerate", "secretsmanager", "GetRandomPassword"),
    allow(
        "LogGroups",
        "logs",
        "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey "
        "TagResource UntagResource ListTagsForResource ListTagsLogGroup TagLogGroup UntagLogGroup "
        "DescribeIndexPolicies GetDataProtectionPolicy",
        [
            arn("logs", f"log-group:{name}*")
            for name in (
                "/switchyard/",
                "aws-waf-logs-sy-",
                "/aws/rds/cluster/sy-",
                "/aws/rds/proxy/sy-",
                "/aws/elasticbeanstalk/sy-",
            )
        ],
    ),
    allow(
        "LogsLook",
        "logs",
        "DescribeLogGroups DescribeResourcePolicies PutResourcePolicy CreateLogDelivery DeleteLogDelivery "
        "GetLogDelivery UpdateLogDelivery ListLogDeliveries",
    ),
    allow(
        "RolesWithinTheBoundary",
        "iam",
        "CreateRole PutRolePolicy AttachRolePolicy PutRolePermissionsBoundary",
        OWN_ROLES,
        BOUND,
    ),
    allow(
        "Roles",
        "iam",
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListRolePolicies "
        "ListAttachedRolePolicies ListRoleTags ListInstanceProfilesForRole TagRole UntagRole UpdateRole "
        "UpdateRoleDescription UpdateAssumeRolePolicy",
        OWN_ROLES,
    ),
    allow(
        "InstanceProfiles",
        "iam",
        "CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile AddRoleToInstanceProfile "
        "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
        iam("instance-profile/sy-*"),
    ),
    allow(
        "RolesToServices",
        "iam",
        "PassRole",
        OWN_ROLES,
        {
            "StringEquals": {
                "iam:PassedToService": [
                    "vpc-flow-logs.amazonaws.com",
                    "rds.amazonaws.com",
                    "ec2.amazonaws.com",
                    "elasticbeanstalk.amazonaws.com",
                ]
            }
        },
    ),
    allow(
        "ServiceLinkedRoles",
        "iam",
        "CreateServiceLinkedRole",
        iam("role/aws-service-role/*"),
        {
            "StringEquals": {
                "iam:AWSServiceName": [
                    "rds.amazonaws.com",
                    "elasticloadbalancing.amazonaws.com",
                    "autoscaling.amazonaws.com",
                    "elasticbeanstalk.amazonaws.com",
                    "managedupdates.elasticbeanstalk.amazonaws.com",
                    "wafv2.amazonaws.com",
                    "spot.amazonaws.com",
                ]
            }
        },
    ),
]

DATA = [
    allow(
        "Database",
        "rds",
        "CreateDBCluster DeleteDBCluster ModifyDBCluster RestoreDBClusterFromSnapshot "
        "RestoreDBClusterToPointInTime CreateDBInstance DeleteDBInstance ModifyDBInstance RebootDBInstance "
        "CreateDBSubnetGroup DeleteDBSubnetGroup ModifyDBSubnetGroup CreateDBClusterParameterGroup "
        "DeleteDBClusterParameterGroup ModifyDBClusterParameterGroup ResetDBClusterParameterGroup "
        "CreateDBClusterSnapshot AddTagsToResource RemoveTagsFromResource ListTagsForResource "
        "DescribeDBClusters DescribeDBInstances DescribeDBSubnetGroups DescribeDBClusterParameterGroups "
        "DescribeDBClusterParameters DescribeDBClusterSnapshots",
        [
            arn("rds", f"{kind}:sy-*")
            for kind in ("cluster", "db", "subgrp", "cluster-pg", "cluster-snapshot", "es")
        ],
    ),
    # A restore names its source, which may be a snapshot that RDS named itself, and AWS's own groups.
    allow(
        "DatabaseSources",
        "rds",
        "RestoreDBClusterFromSnapshot RestoreDBClusterToPointInTime CreateDBInstance CreateDBCluster "
        "DescribeDBClusterSnapshots",
        [
            arn("rds", "cluster-snapshot:*"),
            arn("rds", "cluster-pg:default*"),
            arn("rds", "pg:default*"),
            arn("rds", "og:default*"),
        ],
    ),
    # Proxies have generated ids in their ARNs.
    allow(
        "DatabaseProxies",
        "rds",
        "CreateDBProxy DeleteDBProxy ModifyDBProxy CreateDBProxyEndpoint DeleteDBProxyEndpoint ModifyDBProxyEndpoint "
        "RegisterDBProxyTargets DeregisterDBProxyTargets ModifyDBProxyTargetGroup AddTagsToResource "
        "RemoveTagsFromResource ListTagsForResource DescribeDBProxies DescribeDBProxyEndpoints "
        "DescribeDBProxyTargetGroups DescribeDBProxyTargets",
        [
            arn("rds", kind)
            for kind in ("db-proxy:*", "db-proxy-endpoint:*", "target-group:*", "cluster:sy-*", "db:sy-*")
        ],
    ),
    allow(
        "DatabaseLook",
        "rds",
        "DescribeDBClusters DescribeDBInstances DescribeDBEngineVersions DescribeGlobalClusters "
        "DescribeOrderableDBInstanceOptions DescribeEvents DescribeDBClusterEndpoints",
    ),
    allow(
        "Buckets",
        "s3",
        "CreateBucket DeleteBucket ListBucket GetBucket* PutBucket* DeleteBucketPolicy GetEncryptionConfiguration "
        "PutEncryptionConfiguration GetLifecycleConfiguration PutLifecycleConfiguration "
        "GetAccelerateConfiguration GetAnalyticsConfiguration GetInventoryConfiguration GetMetricsConfiguration "
        "GetReplicationConfiguration GetIntelligentTieringConfiguration TagResource UntagResource ListTagsForResource",
        bucket("sy-*"),
    ),
    allow(
        "Assets",
        "s3",
        "GetObject GetObjectVersion GetBucketLocation ListBucket",
        [bucket("cdk-swyard-assets-${AWS::AccountId}-*"), bucket("cdk-swyard-assets-${AWS::AccountId}-*/*")],
    ),
    allow(
        "Queues",
        "sqs",
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl SetQueueAttributes TagQueue UntagQueue ListQueueTags "
        "AddPermission RemovePermission",
        arn("sqs", "switchyard-*"),
    ),
    allow(
        "Rules",
        "events",
        "PutRule DeleteRule DescribeRule EnableRule DisableRule PutTargets RemoveTargets ListTargetsByRule "
        "TagResource UntagResource ListTagsForResource",
        arn("events", "rule/switchyard-*"),
    ),
]

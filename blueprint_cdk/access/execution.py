"""Where CloudFormation may do what the portal's stacks need: network, keys, secrets, logs, roles, and data.

Resources are bound by name where the service names them after the stack (sy-…). Actions on resources with generated
ids, or that know none, are bound by nothing: their scopes name them, so that none comes in by chance. An action that
knows no resource is allowed on `*` or not at all, whatever the name of what it makes (docs/decisions/0205).

A policy holds 6,144 characters and the role ten policies, so each theme has a policy and a module of its own. What a
new service needs goes into the module of its theme; a policy of which nothing is needed is not made.
"""

from __future__ import annotations

from blueprint_cdk.access.execution_account import ACCOUNT
from blueprint_cdk.access.execution_analytics import ANALYTICS
from blueprint_cdk.access.execution_app import APP, EDGE
from blueprint_cdk.access.execution_delivery import DELIVERY
from blueprint_cdk.access.execution_identity import IDENTITY
from blueprint_cdk.access.execution_messaging import MESSAGING
from blueprint_cdk.access.execution_operations import OPERATIONS
from blueprint_cdk.access.execution_recovery import RECOVERY
from blueprint_cdk.access.needs import policies
from blueprint_cdk.access.portal import ASSETS
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import BOUND, OWN_ROLES, arn, bucket, iam

NETWORK = (
    Scope(
        "Network",
        "ec2",
        "*Vpc *VpcAttribute *Subnet *SubnetAttribute *RouteTable *RouteTableAssociation *Route *InternetGateway "
        "*NatGateway *Address *VpcEndpoint *VpcEndpoints *FlowLogs *SecurityGroup *SecurityGroupIngress "
        "*SecurityGroupEgress *SecurityGroupRuleDescriptions* CreateTags DeleteTags",
    ),
    Scope("NetworkLook", "ec2", "Describe* GetSecurityGroupsForVpc"),
    Scope("KeysMake", "kms", "CreateKey ListAliases"),
    Scope(
        "Keys",
        "kms",
        "*Key *KeyPolicy *KeyRotation* UpdateKeyDescription ScheduleKeyDeletion TagResource UntagResource "
        "ListResourceTags CreateGrant Decrypt Encrypt GenerateDataKeyWithoutPlaintext",
        arn("kms", "key/*"),
    ),
    Scope(
        "KeyAliases",
        "kms",
        "CreateAlias UpdateAlias DeleteAlias",
        [arn("kms", "alias/sy-*"), arn("kms", "key/*")],
    ),
    Scope(
        "Secrets",
        "secretsmanager",
        "*Secret *Secret* *Resource *Replication",
        arn("secretsmanager", "secret:sy-*"),
    ),
    Scope("SecretsGenerate", "secretsmanager", "GetRandomPassword"),
    Scope(
        "LogGroups",
        "logs",
        "CreateLogGroup DeleteLogGroup *RetentionPolicy *KmsKey *Resource DescribeIndexPolicies *DataProtectionPolicy",
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
    Scope(
        "LogsLook",
        "logs",
        "DescribeLogGroups DescribeIndexPolicies DescribeResourcePolicies PutResourcePolicy *LogDelivery "
        "ListLogDeliveries",
    ),
    Scope(
        "RolesWithinTheBoundary",
        "iam",
        "CreateRole PutRolePolicy AttachRolePolicy PutRolePermissionsBoundary",
        OWN_ROLES,
        BOUND,
    ),
    Scope(
        "Roles",
        "iam",
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListRolePolicies "
        "ListAttachedRolePolicies TagRole UntagRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy",
        OWN_ROLES,
    ),
    Scope("InstanceProfiles", "iam", "*InstanceProfile", iam("instance-profile/sy-*")),
    Scope(
        "RolesToServices",
        "iam",
        "PassRole",
        OWN_ROLES,
        {
            "StringEquals": {
                "iam:PassedToService": [
                    "vpc-flow-logs.amazonaws.com",
                    "rds.amazonaws.com",
                    "s3.amazonaws.com",
                    "ec2.amazonaws.com",
                    "elasticbeanstalk.amazonaws.com",
                    "codebuild.amazonaws.com",
                    "lambda.amazonaws.com",
                ]
            }
        },
    ),
    Scope(
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
                    "rds.application-autoscaling.amazonaws.com",
                    "elasticbeanstalk.amazonaws.com",
                    "managedupdates.elasticbeanstalk.amazonaws.com",
                    "wafv2.amazonaws.com",
                    "spot.amazonaws.com",
                    "access-analyzer.amazonaws.com",
                    "inspector2.amazonaws.com",
                    "replication.ecr.amazonaws.com",
                    "mrk.kms.amazonaws.com",
                    "backup.amazonaws.com",
                ]
            }
        },
    ),
)

DATA = (
    Scope(
        "Database",
        "rds",
        "*DBCluster *DBClusterFromSnapshot *DBClusterToPointInTime *DBInstance *DBSubnetGroup "
        "*DBClusterParameterGroup CreateDBClusterSnapshot *TagsToResource *TagsFromResource ListTagsForResource "
        "DescribeDBClusterParameter* DescribeDBClusterSnapshots DescribeDBSubnetGroups",
        [
            arn("rds", f"{kind}:sy-*")
            for kind in ("cluster", "db", "subgrp", "cluster-pg", "cluster-snapshot", "es")
        ],
    ),
    # A restore names its source, which may be a snapshot that RDS named itself, and AWS's own groups.
    Scope(
        "DatabaseSources",
        "rds",
        "RestoreDBCluster* CreateDBInstance CreateDBCluster DescribeDBClusterSnapshots",
        [
            arn("rds", "cluster-snapshot:*"),
            arn("rds", "cluster-pg:default*"),
            arn("rds", "pg:default*"),
            arn("rds", "og:default*"),
        ],
    ),
    # Proxies have generated ids in their ARNs.
    Scope(
        "DatabaseProxies",
        "rds",
        "*DBProxy *DBProxyEndpoint *DBProxyTargets *DBProxyTargetGroup *TagsToResource *TagsFromResource "
        "ListTagsForResource DescribeDBProx*",
        [
            arn("rds", kind)
            for kind in ("db-proxy:*", "db-proxy-endpoint:*", "target-group:*", "cluster:sy-*", "db:sy-*")
        ],
    ),
    # Looking, and what knows no resource.
    Scope(
        "DatabaseAnywhere",
        "rds",
        "CreateDBProxy DescribeDBClusters DescribeDBInstances DescribeDBEngineVersions DescribeGlobalClusters "
        "DescribeEvents DescribeDBParameterGroups DescribeDBSnapshots *AutomatedBackups "
        "DescribeEngineDefaultClusterParameters",
    ),
    Scope("Buckets", "s3", "*Bucket *Bucket?* *Configuration *Resource", bucket("sy-*")),
    Scope(
        "Assets",
        "s3",
        "GetObject GetObjectVersion GetBucketLocation ListBucket",
        [bucket(ASSETS), bucket(f"{ASSETS}/*")],
    ),
    Scope("Queues", "sqs", "*", arn("sqs", "switchyard-*")),
    Scope("Rules", "events", "*", arn("events", "rule/switchyard-*")),
)

EXECUTION_SCOPES = {
    "SwitchyardExecution": NETWORK,
    "SwitchyardExecutionData": DATA,
    "SwitchyardExecutionEdge": (*EDGE, *ACCOUNT),
    "SwitchyardExecutionApp": APP,
    "SwitchyardExecutionIdentity": IDENTITY,
    "SwitchyardExecutionMessaging": MESSAGING,
    "SwitchyardExecutionAnalytics": ANALYTICS,
    "SwitchyardExecutionOperations": OPERATIONS,
    "SwitchyardExecutionRecovery": RECOVERY,
    "SwitchyardExecutionDelivery": DELIVERY,
}
FIRST = (
    "SwitchyardExecution",
    "SwitchyardExecutionData",
    "SwitchyardExecutionEdge",
    "SwitchyardExecutionApp",
)
"""Those of the stack switchyard-access, where accounts have them attached since they were added: they stay there."""

EXECUTION = {name: made for name, made in policies("execution", EXECUTION_SCOPES).items() if made}

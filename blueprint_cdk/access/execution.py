"""What CloudFormation may do for the portal's stacks: the needs of the blueprint's types, and no more.

Resources are bound by name where the service names them after the stack (sy-…); actions whose resources have
generated ids, or that know none, are listed one by one.
"""

from __future__ import annotations

from blueprint_cdk.access.statements import BOUNDARY_ARN, allow, arn, bucket, deny, iam

BOUND = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY_ARN}}
OWN_ROLES = iam("role/sy-*")

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

EDGE = [
    allow(
        "LoadBalancers",
        "elasticloadbalancing",
        "CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets "
        "SetIpAddressType SetWebACL CreateListener DeleteListener ModifyListener ModifyListenerAttributes CreateRule "
        "DeleteRule ModifyRule SetRulePriorities CreateTargetGroup DeleteTargetGroup ModifyTargetGroup "
        "ModifyTargetGroupAttributes RegisterTargets DeregisterTargets AddTags RemoveTags AddListenerCertificates "
        "RemoveListenerCertificates",
        [
            arn("elasticloadbalancing", resource)
            for resource in (
                "loadbalancer/app/sy-*",
                "listener/app/sy-*",
                "listener-rule/app/sy-*",
                "targetgroup/awseb-*",
                "targetgroup/sy-*",
            )
        ],
    ),
    allow("LoadBalancersLook", "elasticloadbalancing", "Describe*"),
    allow(
        "WebFirewall",
        "wafv2",
        "CreateWebACL DeleteWebACL UpdateWebACL GetWebACL AssociateWebACL DisassociateWebACL GetWebACLForResource "
        "PutLoggingConfiguration DeleteLoggingConfiguration GetLoggingConfiguration TagResource UntagResource "
        "ListTagsForResource",
        [
            arn("wafv2", "regional/webacl/sy-*"),
            arn("wafv2", "regional/managedruleset/*", account="*"),
            arn("elasticloadbalancing", "loadbalancer/app/sy-*"),
        ],
    ),
    allow(
        "WebFirewallLook",
        "wafv2",
        "ListWebACLs ListLoggingConfigurations ListResourcesForWebACL DescribeManagedRuleGroup",
    ),
    allow(
        "Certificates",
        "acm",
        "RequestCertificate DeleteCertificate DescribeCertificate AddTagsToCertificate RemoveTagsFromCertificate "
        "ListTagsForCertificate UpdateCertificateOptions",
        arn("acm", "certificate/*"),
    ),
    allow("CertificatesMake", "acm", "RequestCertificate ListCertificates"),
    allow(
        "Records",
        "route53",
        "ChangeResourceRecordSets ListResourceRecordSets GetHostedZone",
        {"Fn::Sub": "arn:${AWS::Partition}:route53:::hostedzone/*"},
    ),
    allow("RecordsWait", "route53", "GetChange ListHostedZones ListHostedZonesByName"),
]

BEANSTALK_BUCKET = "elasticbeanstalk-*-${AWS::AccountId}"

APP = [
    allow(
        "Beanstalk",
        "elasticbeanstalk",
        "CreateApplication DeleteApplication UpdateApplication CreateApplicationVersion DeleteApplicationVersion "
        "UpdateApplicationVersion CreateEnvironment UpdateEnvironment TerminateEnvironment RebuildEnvironment "
        "AddTags RemoveTags ListTagsForResource UpdateTagsForResource AssociateEnvironmentOperationsRole "
        "CreateConfigurationTemplate DeleteConfigurationTemplate UpdateApplicationResourceLifecycle",
        [
            arn("elasticbeanstalk", f"{kind}/sy-*")
            for kind in ("application", "applicationversion", "environment", "configurationtemplate")
        ],
    ),
    allow(
        "BeanstalkLook",
        "elasticbeanstalk",
        "Describe* ListPlatformVersions ListAvailableSolutionStacks CheckDNSAvailability ValidateConfigurationSettings "
        "CreateStorageLocation",
    ),
    allow(
        "BeanstalkBucket",
        "s3",
        "CreateBucket GetBucketLocation GetBucketPolicy ListBucket GetObject GetObjectAcl GetObjectVersion PutObject "
        "PutObjectAcl DeleteObject PutBucketPolicy PutBucketOwnershipControls PutBucketPublicAccessBlock "
        "PutBucketVersioning",
        [bucket(BEANSTALK_BUCKET), bucket(f"{BEANSTALK_BUCKET}/*"), bucket("elasticbeanstalk-samples-*/*")],
    ),
    # Beanstalk works through a stack of its own, with the permissions of whoever made the environment.
    allow("BeanstalkStacks", "cloudformation", "*", arn("cloudformation", "stack/awseb-*")),
    allow(
        "BeanstalkGroups",
        "autoscaling",
        "CreateAutoScalingGroup DeleteAutoScalingGroup UpdateAutoScalingGroup CreateOrUpdateTags DeleteTags "
        "PutScalingPolicy DeletePolicy PutScheduledUpdateGroupAction DeleteScheduledAction SuspendProcesses "
        "ResumeProcesses SetDesiredCapacity TerminateInstanceInAutoScalingGroup PutNotificationConfiguration "
        "DeleteNotificationConfiguration AttachLoadBalancerTargetGroups DetachLoadBalancerTargetGroups "
        "StartInstanceRefresh CancelInstanceRefresh EnableMetricsCollection SetInstanceProtection AttachInstances "
        "DetachInstances",
        arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/awseb-*"),
    ),
    allow("BeanstalkGroupsLook", "autoscaling", "Describe*"),
    allow(
        "BeanstalkInstances",
        "ec2",
        "RunInstances TerminateInstances CreateLaunchTemplate DeleteLaunchTemplate CreateLaunchTemplateVersion "
        "DeleteLaunchTemplateVersions ModifyLaunchTemplate",
        [arn("ec2", "*"), arn("ec2", "image/*", account="")],
    ),
    allow(
        "BeanstalkImages",
        "ssm",
        "GetParameter GetParameters",
        arn("ssm", "parameter/aws/service/*", account=""),
    ),
    allow(
        "BeanstalkAlarms",
        "cloudwatch",
        "PutMetricAlarm DeleteAlarms DescribeAlarms TagResource UntagResource ListTagsForResource",
        arn("cloudwatch", "alarm:awseb-*"),
    ),
]

_SERVICES = (
    "acm autoscaling cloudformation cloudwatch ec2 ecr elasticbeanstalk elasticloadbalancing events kms logs rds "
    "rds-db route53 s3 secretsmanager servicequotas sqs ssm sts tag wafv2"
)

BOUNDARY = [
    allow("Services", "acm", "*") | {"Action": [f"{service}:*" for service in _SERVICES.split()]},
    allow("RolesLook", "iam", "Get* List* Simulate*"),
    allow(
        "RolesOfTheStacks",
        "iam",
        "CreateRole DeleteRole PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy TagRole UntagRole "
        "UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy PutRolePermissionsBoundary PassRole "
        "CreateInstanceProfile DeleteInstanceProfile AddRoleToInstanceProfile RemoveRoleFromInstanceProfile "
        "TagInstanceProfile UntagInstanceProfile",
        [OWN_ROLES, iam("role/cdk-swyard-*"), iam("instance-profile/sy-*")],
    ),
    allow("PassBootstrap", "iam", "PassRole", iam("role/SwitchyardBootstrap")),
    allow("ServiceLinkedRoles", "iam", "CreateServiceLinkedRole", iam("role/aws-service-role/*")),
    # Whatever a role's own policies say, it can give no one more than this boundary.
    deny(
        "OnlyWithinTheBoundary",
        ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"),
        "*",
        {"StringNotEquals": {"iam:PermissionsBoundary": BOUNDARY_ARN}},
    ),
    deny("BoundaryStays", ("iam:DeleteRolePermissionsBoundary",), "*"),
    deny(
        "AccessStays",
        [f"cloudformation:{verb}*" for verb in ("Create", "Update", "Delete", "Execute", "Set")],
        arn("cloudformation", "stack/switchyard-access*"),
    ),
    deny(
        "AccountStays",
        (
            "ec2:DisableEbsEncryptionByDefault",
            "s3:PutAccountPublicAccessBlock",
            "kms:DeleteImportedKeyMaterial",
        ),
        "*",
    ),
]

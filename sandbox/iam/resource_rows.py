"""Rows for `resources_of`: what the usual parameters of a service name, and operations that differ.

Forms: see `resources.filled`. Source: the Service Authorization Reference, "Resource types" of each action.
"""

from __future__ import annotations

_ZONE = "arn:aws:route53:::hostedzone/{v}"
USUAL: dict[str, dict[str, str]] = {
    "autoscaling": {"AutoScalingGroupName": "autoScalingGroup:*:autoScalingGroupName/{v}"},
    "backup": {"BackupVaultName": "backup-vault:{v}", "BackupPlanId": "backup-plan:{v}"},
    "cloudwatch": {"AlarmName": "alarm:{v}", "AlarmNames": "alarm:{v}"},
    "cloudtrail": {"Name": "trail/{v}", "trailName": "trail/{v}"},
    "codebuild": dict.fromkeys(("projectName", "name", "names", "ids", "id"), "project/{v}"),
    "cognito-identity": {"IdentityPoolId": "identitypool/{v}"},
    "cognito-idp": {"UserPoolId": "userpool/{v}"},
    "dynamodb": {"TableName": "table/{v}"},
    "ec2": {
        "NatGatewayId": "natgateway/{v}",
        "AllocationId": "elastic-ip/{v}",
        "GroupId": "security-group/{v}",
        "SubnetId": "subnet/{v}",
        "RouteTableId": "route-table/{v}",
        "InternetGatewayId": "internet-gateway/{v}",
        "VpcEndpointId": "vpc-endpoint/{v}",
        "VpcEndpointIds": "vpc-endpoint/{v}",
        "NetworkInterfaceId": "network-interface/{v}",
        "VolumeId": "volume/{v}",
        "InstanceIds": "instance/{v}",
        "FlowLogIds": "vpc-flow-log/{v}",
        "LaunchTemplateId": "launch-template/{v}",
        "VpcId": "vpc/{v}",
    },
    "ecr": {"repositoryName": "repository/{v}"},
    "elasticbeanstalk": {"ApplicationName": "application/{v}"},
    "elbv2": {"Name": "loadbalancer/app/{v}/*"},
    "events": {"Rule": "rule/{v}", "Name": "rule/{v}"},
    "firehose": {"DeliveryStreamName": "deliverystream/{v}"},
    "iam": {
        "InstanceProfileName": "arn:aws:iam::{@a}:instance-profile/{Path=}{v}",
        "RoleName": "arn:aws:iam::{@a}:role/{Path=}{v}",
        "UserName": "arn:aws:iam::{@a}:user/{Path=}{v}",
        "GroupName": "arn:aws:iam::{@a}:group/{Path=}{v}",
        "PolicyName": "arn:aws:iam::{@a}:policy/{Path=}{v}",
    },
    # The resource of a log group ends so, which is why policies name `log-group:<name>:*`.
    "logs": {"logGroupName": "log-group:{v}:log-stream:"},
    "pinpoint": {"ApplicationId": "apps/{v}"},
    "rds": {
        "DBProxyEndpointName": "db-proxy-endpoint:*",
        "DBProxyName": "db-proxy:*",
        "DBInstanceIdentifier": "db:{v}",
        "DBClusterEndpointIdentifier": "cluster-endpoint:{v}",
        "DBClusterIdentifier": "cluster:{v}",
        "DBClusterSnapshotIdentifier": "cluster-snapshot:{v}",
        "DBSnapshotIdentifier": "snapshot:{v}",
        "DBClusterParameterGroupName": "cluster-pg:{v}",
        "DBParameterGroupName": "pg:{v}",
        "DBSubnetGroupName": "subgrp:{v}",
        "GlobalClusterIdentifier": "arn:aws:rds::{@a}:global-cluster:{v}",
    },
    "route53": {
        "HostedZoneId": _ZONE,
        "HealthCheckId": "arn:aws:route53:::healthcheck/{v}",
        "Id": _ZONE,
    },
    "s3control": {"JobId": "job/{v}"},
    "secretsmanager": {"SecretId": "secret:{v}-??????", "Name": "secret:{v}-??????"},
    "service-quotas": {"QuotaCode": "{ServiceCode}/{v}"},
    "sesv2": {"EmailIdentity": "identity/{v}"},
    "sns": {"TopicArn": "{v}", "TargetArn": "{v}"},
    "sqs": {"QueueName": "{v}"},
    "ssm": dict.fromkeys(("Name", "Path", "Names", "ResourceId"), "parameter/{v}"),
}

OF_USER = "arn:aws:iam::{@a}:user/{UserName}"
_PROFILE = ("arn:aws:iam::{@a}:instance-profile/{InstanceProfileName}",)
_GROUP = ("arn:aws:iam::{@a}:group/{GroupName}",)
_LINKED = "arn:aws:iam::{@a}:role/aws-service-role/{AWSServiceName}/AWSServiceRoleFor*"
_STREAM = ("log-group:{logGroupName}:log-stream:{logStreamName}",)
_GROUP_OF_LOGS = ("log-group:{logGroupName|logGroupIdentifier}:log-stream:",)
_TEMPLATE = ("configurationtemplate/{ApplicationName}/{TemplateName}",)
_TARGETS = ("target-group:*",)
_NAMED = ("{ResourceName}",)
_GROUPS = ("?cluster-pg:{DBClusterParameterGroupName}", "?subgrp:{DBSubnetGroupName}")
_SECURITY_GROUP = ("security-group/{GroupId}",)
ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "autoscaling": dict.fromkeys(
        ("CreateOrUpdateTags", "DeleteTags"), ("autoScalingGroup:*:autoScalingGroupName/{Tags.ResourceId}",)
    ),
    "budgets": {"DescribeBudgets": ("arn:aws:budgets::{@a}:budget/*",)},
    "backup": {
        "DeleteRecoveryPoint": ("{RecoveryPointArn}",),
        "StartCopyJob": ("{RecoveryPointArn}",),
    },
    "cloudwatch": {
        "GetDashboard": ("arn:aws:cloudwatch::{@a}:dashboard/{DashboardName}",),
        "DescribeAlarms": ("alarm:{AlarmNames}",),
        "DescribeAlarmHistory": ("alarm:{AlarmName}",),
    },
    "cognito-identity": {"SetIdentityPoolRoles": ("*",), "SetPrincipalTagAttributeMap": ("*",)},
    "cognito-idp": {"UpdateManagedLoginBranding": ("userpool/{UserPoolId}",)},
    "ec2": {
        "AllocateAddress": ("elastic-ip/*",),
        "AssociateRouteTable": ("route-table/{RouteTableId}", "?subnet/{SubnetId}"),
        "AttachInternetGateway": ("internet-gateway/{InternetGatewayId}", "vpc/{VpcId}"),
        "AuthorizeSecurityGroupIngress": _SECURITY_GROUP,
        "CreateFlowLogs": ("vpc-flow-log/*",),
        "CreateInternetGateway": ("internet-gateway/*",),
        "CreateLaunchTemplate": ("launch-template/*",),
        "CreateNatGateway": ("natgateway/*", "?subnet/{SubnetId}", "?elastic-ip/{AllocationId}"),
        "CreateNetworkInterface": ("network-interface/*", "subnet/{SubnetId}"),
        "CreateRouteTable": ("route-table/*", "vpc/{VpcId}"),
        "CreateSecurityGroup": ("security-group/*", "?vpc/{VpcId}"),
        "CreateSubnet": ("subnet/*", "vpc/{VpcId}"),
        "CreateVolume": ("volume/*",),
        "CreateVpc": ("vpc/*",),
        "CreateVpcEndpoint": ("vpc-endpoint/*", "vpc/{VpcId}"),
        "DeleteLaunchTemplate": ("launch-template/{LaunchTemplateId}",),
        "DeleteSecurityGroup": _SECURITY_GROUP,
        "DetachInternetGateway": ("internet-gateway/{InternetGatewayId}", "vpc/{VpcId}"),
        "DisassociateRouteTable": ("route-table/*",),
        "ReleaseAddress": ("elastic-ip/{AllocationId}",),
        "RevokeSecurityGroupIngress": _SECURITY_GROUP,
        "RunInstances": (
            "arn:aws:ec2:{@r}::image/{ImageId}",
            "instance/*",
            "network-interface/*",
            "security-group/{SecurityGroupIds}",
            "subnet/{SubnetId}",
        ),
    },
    "ecr": {"DescribeRepositories": ("repository/{repositoryNames}",)},
    "elasticbeanstalk": {
        **dict.fromkeys(
            (
                "AbortEnvironmentUpdate",
                "ApplyEnvironmentManagedAction",
                "CreateEnvironment",
                "DescribeConfigurationOptions",
                "DescribeConfigurationSettings",
                "ValidateConfigurationSettings",
                "DescribeEnvironmentHealth",
                "DescribeEnvironmentManagedActionHistory",
                "DescribeEnvironmentManagedActions",
                "DescribeEnvironmentResources",
                "DescribeEnvironments",
                "DescribeInstancesHealth",
                "RebuildEnvironment",
                "RestartAppServer",
                "RetrieveEnvironmentInfo",
                "RequestEnvironmentInfo",
                "SwapEnvironmentCNAMEs",
                "TerminateEnvironment",
                "UpdateEnvironment",
            ),
            ("environment",),
        ),
        "CreateApplicationVersion": (
            "application/{ApplicationName}",
            "applicationversion/{ApplicationName}/{VersionLabel}",
        ),
        **dict.fromkeys(
            ("DeleteApplicationVersion", "UpdateApplicationVersion", "DescribeApplicationVersions"),
            ("applicationversion/{ApplicationName}/{VersionLabel|VersionLabels}",),
        ),
        **dict.fromkeys(
            ("CreateConfigurationTemplate", "UpdateConfigurationTemplate", "DeleteConfigurationTemplate"),
            _TEMPLATE,
        ),
        "DescribeApplications": ("application/{ApplicationNames}",),
        "DescribeEvents": ("application/{ApplicationName}",),
    },
    "elbv2": {
        "CreateTargetGroup": ("targetgroup/{Name}/*",),
        "SetRulePriorities": ("{RulePriorities.RuleArn}",),
    },
    "events": {
        "DescribeEventBus": ("event-bus/{Name=default}",),
        "PutEvents": ("event-bus/{Entries.EventBusName=default}",),
    },
    "iam": {
        "AddRoleToInstanceProfile": _PROFILE,
        "RemoveRoleFromInstanceProfile": _PROFILE,
        "AddUserToGroup": _GROUP,
        "RemoveUserFromGroup": _GROUP,
        "CreateServiceLinkedRole": (_LINKED,),
        "CreateVirtualMFADevice": ("arn:aws:iam::{@a}:mfa/{Path=}{VirtualMFADeviceName}",),
        "DeleteVirtualMFADevice": ("arn:aws:iam::{@a}:mfa/{SerialNumber}",),
        **dict.fromkeys(
            (
                "ChangePassword",
                "CreateAccessKey",
                "CreateLoginProfile",
                "DeactivateMFADevice",
                "DeleteAccessKey",
                "DeleteLoginProfile",
                "EnableMFADevice",
                "GetAccessKeyLastUsed",
                "GetLoginProfile",
                "GetUser",
                "ListAccessKeys",
                "ListMFADevices",
                "UpdateAccessKey",
            ),
            (OF_USER,),
        ),
    },
    "logs": {
        "CreateLogStream": _STREAM,
        "DeleteLogStream": _STREAM,
        "DescribeLogStreams": _GROUP_OF_LOGS,
        "FilterLogEvents": _GROUP_OF_LOGS,
        "GetLogEvents": _STREAM,
        "PutLogEvents": _STREAM,
    },
    "pinpoint": {"SendMessages": ("apps/{ApplicationId}/messages",)},
    "glue": {"GetDatabases": ("catalog",)},
    "quicksight": {"DescribeAccountSubscription": ("account/{AwsAccountId}",)},
    "rds": {
        "AddTagsToResource": _NAMED,
        "ListTagsForResource": _NAMED,
        "RemoveTagsFromResource": _NAMED,
        "CopyDBClusterParameterGroup": (
            "cluster-pg:{SourceDBClusterParameterGroupIdentifier}",
            "cluster-pg:{TargetDBClusterParameterGroupIdentifier}",
        ),
        "CopyDBClusterSnapshot": (
            "cluster-snapshot:{SourceDBClusterSnapshotIdentifier}",
            "cluster-snapshot:{TargetDBClusterSnapshotIdentifier}",
        ),
        "CopyDBParameterGroup": (
            "pg:{SourceDBParameterGroupIdentifier}",
            "pg:{TargetDBParameterGroupIdentifier}",
        ),
        "CreateDBClusterSnapshot": (
            "cluster:{DBClusterIdentifier}",
            "cluster-snapshot:{DBClusterSnapshotIdentifier}",
        ),
        "CreateDBClusterEndpoint": (
            "cluster:{DBClusterIdentifier}",
            "cluster-endpoint:{DBClusterEndpointIdentifier}",
        ),
        "CreateDBCluster": (
            "cluster:{DBClusterIdentifier}",
            *_GROUPS,
            "?arn:aws:rds::{@a}:global-cluster:{GlobalClusterIdentifier}",
        ),
        "CreateDBProxy": ("*",),
        "CreateDBProxyEndpoint": ("db-proxy:{DBProxyName}", "db-proxy-endpoint:*"),
        "CreateGlobalCluster": (
            "arn:aws:rds::{@a}:global-cluster:{GlobalClusterIdentifier}",
            "?cluster:{SourceDBClusterIdentifier}",
        ),
        "DeleteDBCluster": ("cluster:{DBClusterIdentifier}", "?cluster-snapshot:{FinalDBSnapshotIdentifier}"),
        "DeleteDBClusterAutomatedBackup": ("cluster-auto-backup:*",),
        "DeregisterDBProxyTargets": ("db-proxy:{DBProxyName}", *_TARGETS),
        "DescribeDBClusterAutomatedBackups": ("cluster-auto-backup:*",),
        "DescribeDBClusterEndpoints": ("cluster:{DBClusterIdentifier}",),
        "DescribeDBClusterParameterGroups": ("cluster-pg:{DBClusterParameterGroupName}",),
        "DescribeDBClusterSnapshots": (
            "?cluster:{DBClusterIdentifier}",
            "cluster-snapshot:{DBClusterSnapshotIdentifier}",
        ),
        "DescribeDBClusters": ("cluster:{DBClusterIdentifier}",),
        "DescribeDBInstances": ("db:{DBInstanceIdentifier}",),
        "DescribeDBParameterGroups": ("pg:{DBParameterGroupName}",),
        "DescribeDBProxies": ("db-proxy:{DBProxyName}",),
        "DescribeDBProxyEndpoints": ("db-proxy-endpoint:*",),
        "DescribeDBSnapshots": ("snapshot:{DBSnapshotIdentifier}",),
        "DescribeDBSubnetGroups": ("subgrp:{DBSubnetGroupName}",),
        "DescribeGlobalClusters": ("arn:aws:rds::{@a}:global-cluster:{GlobalClusterIdentifier}",),
        "ModifyDBProxyTargetGroup": _TARGETS,
        "RegisterDBProxyTargets": _TARGETS,
        "RestoreDBClusterFromSnapshot": (
            "cluster:{DBClusterIdentifier}",
            *_GROUPS,
            "cluster-snapshot:{SnapshotIdentifier}",
        ),
        "RestoreDBClusterToPointInTime": (
            "cluster:{DBClusterIdentifier}",
            *_GROUPS,
            "?cluster:{SourceDBClusterIdentifier}",
        ),
        "RemoveFromGlobalCluster": (
            "cluster:{DbClusterIdentifier}",
            "arn:aws:rds::{@a}:global-cluster:{GlobalClusterIdentifier}",
        ),
    },
    "route53": {"GetChange": ("arn:aws:route53:::change/{Id}",)},
    "s3control": {"CreateJob": ("*",)},
    "secretsmanager": {"ValidateResourcePolicy": ("secret:{SecretId}",)},
    "service-quotas": {"GetAWSDefaultServiceQuota": ("*",)},
    "wafv2": {
        "AssociateWebACL": ("{WebACLArn}", "{ResourceArn}"),
        "GetWebACL": ("{ARN}",),
        "PutLoggingConfiguration": ("{LoggingConfiguration.ResourceArn}",),
    },
}

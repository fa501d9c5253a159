"""IAM action names and resource ARNs of operations.

The generic rule: `<prefix>:<Operation>`; the resource is the first parameter that this service's table knows, or any
that is an ARN, else `*`. Exceptions are in the tables. Source: the Service Authorization Reference.
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.store import GLOBAL, Record
from sandbox.wire.models import IAM_PREFIXES

# -- actions whose name is not the operation's

_S3 = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_SQS = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
# A transaction needs the right of each of its parts; here the commonest one stands for all.
_DYNAMODB = {"TransactGetItems": "GetItem", "TransactWriteItems": "PutItem"}
ACTIONS: dict[str, dict[str, str]] = {"s3": _S3, "sqs": _SQS, "dynamodb": _DYNAMODB}
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging"}

# -- resources: parameter -> ARN form ({v}: value, {r}: region, {a}: account)

_R = "arn:aws:{s}:{{r}}:{{a}}:"


def _forms(service: str, **forms: str) -> dict[str, str]:
    return {k: _R.format(s=service) + v for k, v in forms.items()}


_TABLE = "arn:aws:dynamodb:{r}:{a}:table/{v}"
RESOURCES: dict[str, dict[str, str]] = {
    "rds": {
        **_forms(
            "rds",
            DBProxyEndpointName="db-proxy-endpoint:*",
            DBProxyName="db-proxy:*",
            DBInstanceIdentifier="db:{v}",
            DBClusterIdentifier="cluster:{v}",
            DBClusterSnapshotIdentifier="cluster-snapshot:{v}",
            DBSnapshotIdentifier="snapshot:{v}",
            DBClusterParameterGroupName="cluster-pg:{v}",
            DBParameterGroupName="pg:{v}",
            DBSubnetGroupName="subgrp:{v}",
        ),
        "GlobalClusterIdentifier": "arn:aws:rds::{a}:global-cluster:{v}",
    },
    "iam": {
        "RoleName": "arn:aws:iam::{a}:role/{v}",
        "UserName": "arn:aws:iam::{a}:user/{v}",
        "GroupName": "arn:aws:iam::{a}:group/{v}",
        "InstanceProfileName": "arn:aws:iam::{a}:instance-profile/{v}",
        "PolicyName": "arn:aws:iam::{a}:policy/{v}",
    },
    "events": _forms("events", Rule="rule/{v}", Name="rule/{v}"),
    "logs": _forms("logs", logGroupName="log-group:{v}"),
    "ecr": _forms("ecr", repositoryName="repository/{v}"),
    "sqs": _forms("sqs", QueueName="{v}"),
    "ssm": _forms(
        "ssm", Name="parameter/{v}", Path="parameter/{v}", Names="parameter/{v}", ResourceId="parameter/{v}"
    ),
    "kms": _forms("kms", KeyId="key/{v}", TargetKeyId="key/{v}"),
    "secretsmanager": _forms("secretsmanager", SecretId="secret:{v}-??????", Name="secret:{v}-??????"),
    "route53": {
        "HostedZoneId": "arn:aws:route53:::hostedzone/{v}",
        "Id": "arn:aws:route53:::hostedzone/{v}",
    },
    "elasticbeanstalk": _forms(
        "elasticbeanstalk",
        EnvironmentName="environment/*/{v}",
        EnvironmentNames="environment/*/{v}",
        ApplicationName="application/{v}",
    ),
    "elbv2": _forms("elasticloadbalancing", Name="loadbalancer/app/{v}/*"),
    "ec2": _forms(
        "ec2",
        NatGatewayId="natgateway/{v}",
        AllocationId="elastic-ip/{v}",
        GroupId="security-group/{v}",
        SubnetId="subnet/{v}",
        RouteTableId="route-table/{v}",
        InternetGatewayId="internet-gateway/{v}",
        VpcEndpointIds="vpc-endpoint/{v}",
        VpcId="vpc/{v}",
    ),
    "autoscaling": {
        "AutoScalingGroupName": "arn:aws:autoscaling:{r}:{a}:autoScalingGroup:*:autoScalingGroupName/{v}"
    },
    "dynamodb": {"TableName": _TABLE},
    "cognito-identity": _forms("cognito-identity", IdentityPoolId="identitypool/{v}"),
    "cognito-idp": _forms("cognito-idp", UserPoolId="userpool/{v}"),
    "cloudwatch": _forms("cloudwatch", AlarmName="alarm:{v}", AlarmNames="alarm:{v}"),
    "codebuild": _forms(
        "codebuild",
        projectName="project/{v}",
        name="project/{v}",
        names="project/{v}",
        ids="project/{v}",
        id="project/{v}",
    ),
}
_GLOBAL_TYPES = {
    "RoleName": "AWS::IAM::Role",
    "UserName": "AWS::IAM::User",
    "GroupName": "AWS::IAM::Group",
    "InstanceProfileName": "AWS::IAM::InstanceProfile",
}


def action_of(service: str, operation: str, params: dict[str, Any]) -> str:
    """The IAM action of an operation."""
    name = ACTIONS.get(service, {}).get(operation, operation)
    if service == "s3" and params.get("VersionId") and name in _VERSIONED:
        name = name.replace("Object", "ObjectVersion", 1)
    return f"{IAM_PREFIXES.get(service, service)}:{name}"


def resources_of(ctx: Context, service: str, operation: str, params: dict[str, Any]) -> list[str]:
    """ARNs that the operation is about; ["*"] where that cannot be told."""
    if service == "s3":
        return _s3_resources(params)
    if service == "cloudformation":
        return [_stack_arn(ctx, params)]
    if service == "sqs" and params.get("QueueUrl"):
        return [ctx.arn("sqs", params["QueueUrl"].rpartition("/")[2])]
    if service == "ec2" and operation in ("CreateTags", "DeleteTags"):
        return [_ec2_arn(ctx, id) for id in params.get("Resources") or ()] or ["*"]
    if service == "dynamodb" and operation.startswith(("Batch", "Transact")):
        return [_named(ctx, service, "TableName", _TABLE, t) for t in _tables(params)] or ["*"]
    for name, form in RESOURCES.get(service, {}).items():
        value = params.get(name)
        if value:
            values = value if isinstance(value, list) else [value]
            return [_named(ctx, service, name, form, str(v)) for v in values]
    for value in params.values():
        if isinstance(value, str) and value.startswith("arn:"):
            return [value]
        if isinstance(value, list) and value and isinstance(value[0], str) and value[0].startswith("arn:"):
            return list(value)
    return ["*"]


def _tables(params: dict[str, Any]) -> list[str]:
    """Tables of a DynamoDB batch or transaction."""
    steps = [step for entry in params.get("TransactItems") or () for step in entry.values() if step]
    names = {str(step["TableName"]) for step in steps}
    return sorted(names | set(params.get("RequestItems") or ()))


def _named(ctx: Context, service: str, name: str, form: str, value: str) -> str:
    if service == "codebuild" and name in ("id", "ids"):
        # Rights on builds are rights on their project.
        value = value.rpartition("build/")[2].partition(":")[0]
    if value.startswith("arn:"):
        return value
    if name in _GLOBAL_TYPES:
        record = ctx.store.get(ctx.account, GLOBAL, _GLOBAL_TYPES[name], value)
        if record is not None:
            return record.arn
    if service == "secretsmanager":
        record = _by_name(ctx, "AWS::SecretsManager::Secret", value)
        if record is not None:
            return record.arn
    if service == "rds" and name == "DBProxyName":
        record = ctx.store.get(ctx.account, ctx.region, "AWS::RDS::DBProxy", value)
        if record is not None:
            return record.arn
    if service == "kms" and value.startswith("alias/"):
        return ctx.arn("kms", value)
    if service in ("ssm", "route53"):
        value = value.removeprefix("/hostedzone/").lstrip("/")
    if service == "events" and name == "Name" and value.startswith("default/"):
        value = value.removeprefix("default/")
    return form.format(v=value, r=ctx.region, a=ctx.account)


def _by_name(ctx: Context, type_name: str, name: str) -> Record | None:
    for record in ctx.store.list(ctx.account, ctx.region, type_name):
        if record.get("Name") == name:
            return record
    return None


def _s3_resources(params: dict[str, Any]) -> list[str]:
    bucket = params.get("Bucket")
    if not bucket:
        return ["*"]
    arn = f"arn:aws:s3:::{bucket}"
    if params.get("Delete"):
        return [f"{arn}/{o['Key']}" for o in params["Delete"].get("Objects", ())]
    return [f"{arn}/{params['Key']}" if params.get("Key") else arn]


def _stack_arn(ctx: Context, params: dict[str, Any]) -> str:
    name = params.get("StackName") or ""
    if name.startswith("arn:"):
        return str(name)
    change_set = params.get("ChangeSetName") or ""
    if not name and change_set.startswith("arn:"):
        record = ctx.store.by_arn(change_set)
        return str(record.stack) if record is not None and record.stack else change_set
    if not name:
        return "*"
    for record in ctx.store.list(ctx.account, ctx.region, "AWS::CloudFormation::Stack"):
        if record.data["name"] == name and record.state != "DELETE_COMPLETE":
            return record.arn
    return ctx.arn("cloudformation", f"stack/{name}/*")


def _ec2_arn(ctx: Context, id: str) -> str:
    kinds = {
        "vpc": "vpc",
        "subnet": "subnet",
        "rtb": "route-table",
        "igw": "internet-gateway",
        "eipalloc": "elastic-ip",
        "nat": "natgateway",
        "sg": "security-group",
        "vpce": "vpc-endpoint",
        "i": "instance",
        "vol": "volume",
        "eni": "network-interface",
    }
    return ctx.arn("ec2", f"{kinds.get(id.split('-')[0], '*')}/{id}")


# -- what CloudFormation's handlers do, per type: (create, update, delete)

_HANDLERS: dict[str, tuple[str, str, str]] = {
    "AWS::CodeBuild::Project": (
        "codebuild:CreateProject",
        "codebuild:UpdateProject",
        "codebuild:DeleteProject",
    ),
    "AWS::CertificateManager::Certificate": (
        "acm:RequestCertificate",
        "acm:UpdateCertificateOptions",
        "acm:DeleteCertificate",
    ),
    "AWS::Cognito::IdentityPoolPrincipalTag": ("cognito-identity:SetPrincipalTagAttributeMap",) * 3,
    "AWS::Cognito::IdentityPoolRoleAttachment": ("cognito-identity:SetIdentityPoolRoles",) * 3,
    "AWS::Cognito::LogDeliveryConfiguration": ("cognito-idp:SetLogDeliveryConfiguration",) * 3,
    "AWS::Cognito::UserPoolGroup": (
        "cognito-idp:CreateGroup",
        "cognito-idp:UpdateGroup",
        "cognito-idp:DeleteGroup",
    ),
    "AWS::Cognito::UserPoolIdentityProvider": (
        "cognito-idp:CreateIdentityProvider",
        "cognito-idp:UpdateIdentityProvider",
        "cognito-idp:DeleteIdentityProvider",
    ),
    "AWS::Cognito::UserPoolRegionalConfigurationAttachment": ("cognito-idp:UpdateUserPool",) * 3,
    "AWS::Cognito::UserPoolResourceServer": (
        "cognito-idp:CreateResourceServer",
        "cognito-idp:UpdateResourceServer",
        "cognito-idp:DeleteResourceServer",
    ),
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": ("cognito-idp:SetRiskConfiguration",) * 3,
    "AWS::EC2::EIP": ("ec2:AllocateAddress", "ec2:CreateTags", "ec2:ReleaseAddress"),
    "AWS::EC2::FlowLog": ("ec2:CreateFlowLogs", "ec2:CreateTags", "ec2:DeleteFlowLogs"),
    "AWS::EC2::SecurityGroupEgress": (
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "ec2:RevokeSecurityGroupEgress",
    ),
    "AWS::EC2::SecurityGroupIngress": (
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        "ec2:RevokeSecurityGroupIngress",
    ),
    "AWS::EC2::SubnetRouteTableAssociation": (
        "ec2:AssociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
        "ec2:DisassociateRouteTable",
    ),
    "AWS::EC2::VPCEndpoint": ("ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"),
    "AWS::EC2::VPCGatewayAttachment": (
        "ec2:AttachInternetGateway",
        "ec2:AttachInternetGateway",
        "ec2:DetachInternetGateway",
    ),
    "AWS::Events::Rule": ("events:PutRule", "events:PutRule", "events:DeleteRule"),
    "AWS::IAM::ManagedPolicy": ("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy"),
    "AWS::IAM::Policy": ("iam:PutRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"),
    "AWS::IAM::Role": ("iam:CreateRole", "iam:UpdateRole", "iam:DeleteRole"),
    "AWS::IAM::InstanceProfile": (
        "iam:CreateInstanceProfile",
        "iam:AddRoleToInstanceProfile",
        "iam:DeleteInstanceProfile",
    ),
    "AWS::KMS::Key": ("kms:CreateKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"),
    "AWS::RDS::DBProxyTargetGroup": (
        "rds:RegisterDBProxyTargets",
        "rds:ModifyDBProxyTargetGroup",
        "rds:DeregisterDBProxyTargets",
    ),
    "AWS::Route53::RecordSet": ("route53:ChangeResourceRecordSets",) * 3,
    "AWS::S3::Bucket": ("s3:CreateBucket", "s3:PutBucketTagging", "s3:DeleteBucket"),
    "AWS::S3::BucketPolicy": ("s3:PutBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
    "AWS::SQS::QueuePolicy": ("sqs:SetQueueAttributes",) * 3,
    "AWS::SQS::Queue": ("sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue"),
    "AWS::SSM::Parameter": ("ssm:PutParameter", "ssm:PutParameter", "ssm:DeleteParameter"),
    "AWS::SecretsManager::ResourcePolicy": ("secretsmanager:PutResourcePolicy",) * 2
    + ("secretsmanager:DeleteResourcePolicy",),
    "AWS::SecretsManager::SecretTargetAttachment": ("secretsmanager:PutSecretValue",) * 3,
    "AWS::WAFv2::LoggingConfiguration": ("wafv2:PutLoggingConfiguration",) * 2
    + ("wafv2:DeleteLoggingConfiguration",),
    "AWS::WAFv2::WebACLAssociation": ("wafv2:AssociateWebACL",) * 2 + ("wafv2:DisassociateWebACL",),
}
_VERBS = {
    "create": ("Create",),
    "update": ("Modify", "Update", "Set", "Put"),
    "delete": ("Delete", "Terminate"),
}


def handler_action(type_name: str, action: str, permissions: list[str]) -> str | None:
    """The one action that stands for a handler's `create`, `update` or `delete`; None: not checked.

    From the table, else `<Verb><Kind>` among the permissions that the registry schema lists.
    """
    if type_name in _HANDLERS:
        return _HANDLERS[type_name][("create", "update", "delete").index(action)]
    kind = type_name.rpartition("::")[2].lower()
    wanted = [verb.lower() + kind for verb in _VERBS[action]]
    for permission in permissions:
        if permission.partition(":")[2].lower() in wanted:
            return permission
    return None

"""What IAM is asked when CloudFormation's handler of a type creates, updates or deletes: the action that it is about,
and one more for each given property that takes a call of its own (`beside`).

Sources: the handlers' permissions in the registry schemas; the service authorization reference.
"""

from __future__ import annotations

import re

_HANDLERS: dict[str, tuple[str, str, str]] = {
    "AWS::Budgets::Budget": ("budgets:ModifyBudget",) * 3,
    "AWS::CloudWatch::AnomalyDetector": ("cloudwatch:PutAnomalyDetector",) * 2
    + ("cloudwatch:DeleteAnomalyDetector",),
    "AWS::AppSync::GraphQLSchema": ("appsync:StartSchemaCreation",) * 3,
    "AWS::CodeBuild::Project": (
        "codebuild:CreateProject",
        "codebuild:UpdateProject",
        "codebuild:DeleteProject",
    ),
    "AWS::CodeCommit::Repository": (
        "codecommit:CreateRepository",
        "codecommit:UpdateRepositoryDescription",
        "codecommit:DeleteRepository",
    ),
    "AWS::CodeConnections::Connection": (
        "codeconnections:CreateConnection",
        "codeconnections:TagResource",
        "codeconnections:DeleteConnection",
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
    "AWS::DynamoDB::GlobalTable": ("dynamodb:CreateTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable"),
    "AWS::EC2::Instance": ("ec2:RunInstances", "ec2:ModifyInstanceAttribute", "ec2:TerminateInstances"),
    "AWS::EC2::NatGateway": ("ec2:CreateNatGateway", "ec2:CreateTags", "ec2:DeleteNatGateway"),
    "AWS::EC2::SubnetNetworkAclAssociation": ("ec2:ReplaceNetworkAclAssociation",) * 3,
    "AWS::EC2::VPCDHCPOptionsAssociation": ("ec2:AssociateDhcpOptions",) * 3,
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
    "AWS::ECR::RegistryScanningConfiguration": ("ecr:PutRegistryScanningConfiguration",) * 3,
    "AWS::ECR::ReplicationConfiguration": ("ecr:PutReplicationConfiguration",) * 3,
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": ("elasticloadbalancing:AddListenerCertificates",) * 2
    + ("elasticloadbalancing:RemoveListenerCertificates",),
    "AWS::Events::Rule": ("events:PutRule", "events:PutRule", "events:DeleteRule"),
    "AWS::IAM::AccessKey": ("iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"),
    "AWS::IAM::UserToGroupAddition": ("iam:AddUserToGroup",) * 2 + ("iam:RemoveUserFromGroup",),
    "AWS::IAM::ManagedPolicy": ("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy"),
    "AWS::IAM::Policy": ("iam:PutRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"),
    "AWS::IAM::Role": ("iam:CreateRole", "iam:UpdateRole", "iam:DeleteRole"),
    "AWS::IAM::InstanceProfile": (
        "iam:CreateInstanceProfile",
        "iam:AddRoleToInstanceProfile",
        "iam:DeleteInstanceProfile",
    ),
    "AWS::KMS::Key": ("kms:CreateKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"),
    "AWS::Logs::StorageTierPolicy": ("logs:PutStorageTierPolicy",) * 3,
    "AWS::Logs::SubscriptionFilter": ("logs:PutSubscriptionFilter",) * 2 + ("logs:DeleteSubscriptionFilter",),
    "AWS::Pinpoint::App": (
        "mobiletargeting:CreateApp",
        "mobiletargeting:UpdateApplicationSettings",
        "mobiletargeting:DeleteApp",
    ),
    **{
        f"AWS::Pinpoint::{name}Channel": (f"mobiletargeting:Update{kind}Channel",) * 2
        + (f"mobiletargeting:Delete{kind}Channel",)
        for name, kind in (
            ("ADM", "Adm"),
            ("APNS", "Apns"),
            ("APNSSandbox", "ApnsSandbox"),
            ("Baidu", "Baidu"),
            ("GCM", "Gcm"),
            ("SMS", "Sms"),
            ("Voice", "Voice"),
        )
    },
    "AWS::RDS::DBProxyTargetGroup": (
        "rds:RegisterDBProxyTargets",
        "rds:ModifyDBProxyTargetGroup",
        "rds:DeregisterDBProxyTargets",
    ),
    "AWS::Route53::RecordSet": ("route53:ChangeResourceRecordSets",) * 3,
    "AWS::Route53::RecordSetGroup": ("route53:ChangeResourceRecordSets",) * 3,
    "AWS::SNS::Subscription": ("sns:Subscribe", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
    "AWS::SNS::TopicPolicy": ("sns:SetTopicAttributes",) * 3,
    "AWS::SQS::QueueInlinePolicy": ("sqs:SetQueueAttributes",) * 3,
    "AWS::XRay::TransactionSearchConfig": ("xray:UpdateTraceSegmentDestination",) * 3,
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
_LOOKS = re.compile(r"Describe|Get|List|Head|Batch[Gg]et|Search|Lookup|View|Check")
_ENDS = re.compile(
    r"Delete|Remove|Deregister|Release|Disassociate|Detach|Disable|Terminate|Unsubscribe|Revoke|Cancel|Schedule"
)
_ASIDE = re.compile(r"(Un)?[Tt]ag|CreateTags|DeleteTags|PassRole|CreateServiceLinkedRole|CreateGrant")

_BESIDE: dict[str, dict[str, str]] = {
    "AWS::DynamoDB::Table": {
        "PointInTimeRecoverySpecification": "dynamodb:UpdateContinuousBackups",
        "TimeToLiveSpecification": "dynamodb:UpdateTimeToLive",
    },
    "AWS::EC2::SecurityGroup": {
        "SecurityGroupEgress": "ec2:AuthorizeSecurityGroupEgress",
        "SecurityGroupIngress": "ec2:AuthorizeSecurityGroupIngress",
    },
    "AWS::EC2::Subnet": {"MapPublicIpOnLaunch": "ec2:ModifySubnetAttribute"},
    "AWS::EC2::VPC": {
        "EnableDnsHostnames": "ec2:ModifyVpcAttribute",
        "EnableDnsSupport": "ec2:ModifyVpcAttribute",
    },
    "AWS::ECR::Repository": {
        "LifecyclePolicy": "ecr:PutLifecyclePolicy",
        "RepositoryPolicyText": "ecr:SetRepositoryPolicy",
    },
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "LoadBalancerAttributes": "elasticloadbalancing:ModifyLoadBalancerAttributes"
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {
        "TargetGroupAttributes": "elasticloadbalancing:ModifyTargetGroupAttributes"
    },
    "AWS::Events::Rule": {"Targets": "events:PutTargets"},
    "AWS::IAM::Group": {"ManagedPolicyArns": "iam:AttachGroupPolicy", "Policies": "iam:PutGroupPolicy"},
    "AWS::IAM::InstanceProfile": {"Roles": "iam:AddRoleToInstanceProfile"},
    "AWS::IAM::Role": {"ManagedPolicyArns": "iam:AttachRolePolicy", "Policies": "iam:PutRolePolicy"},
    "AWS::IAM::User": {
        "Groups": "iam:AddUserToGroup",
        "LoginProfile": "iam:CreateLoginProfile",
        "ManagedPolicyArns": "iam:AttachUserPolicy",
        "Policies": "iam:PutUserPolicy",
    },
    "AWS::KMS::Key": {"EnableKeyRotation": "kms:EnableKeyRotation"},
    "AWS::Logs::LogGroup": {"KmsKeyId": "logs:AssociateKmsKey", "RetentionInDays": "logs:PutRetentionPolicy"},
    "AWS::S3::Bucket": {
        "BucketEncryption": "s3:PutEncryptionConfiguration",
        "IntelligentTieringConfigurations": "s3:PutIntelligentTieringConfiguration",
        "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
        "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "LoggingConfiguration": "s3:PutBucketLogging",
        "OwnershipControls": "s3:PutBucketOwnershipControls",
        "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
        "ReplicationConfiguration": "s3:PutReplicationConfiguration",
        "VersioningConfiguration": "s3:PutBucketVersioning",
    },
    "AWS::SNS::Topic": {"Subscription": "sns:Subscribe"},
    "AWS::SecretsManager::Secret": {"ReplicaRegions": "secretsmanager:ReplicateSecretToRegions"},
}
"""Properties that the handler sets by a call of their own, which is asked for on the resource itself."""


def handler_action(type_name: str, action: str, permissions: list[str]) -> str | None:
    """The action that a handler's `create`, `update` or `delete` is about, from the table or the schema's permissions.

    None: there is no such handler (what cannot be updated is replaced), or it belongs to whom a custom resource asks.
    """
    if type_name in _HANDLERS:
        return _HANDLERS[type_name][("create", "update", "delete").index(action)]
    kind = type_name.rpartition("::")[2].lower()
    wanted = [verb.lower() + kind for verb in _VERBS[action]]
    named = [p for p in permissions if p.partition(":")[2].lower() in wanted]
    changing = [
        p for p in permissions if not _LOOKS.match(name := p.partition(":")[2]) and not _ASIDE.match(name)
    ]
    ending = [p for p in changing if _ENDS.match(p.partition(":")[2])]
    beginning = [p for p in changing if p not in ending]
    found = next(
        iter([*named, *((ending or changing) if action == "delete" else (beginning or changing))]), None
    )
    if found is None:
        return None
    service, _, name = found.partition(":")
    return f"{service.lower()}:{name}"


def beside(type_name: str, properties: dict[str, object], before: dict[str, object] | None) -> list[str]:
    """Further actions of a create (`before` None) or update: of each given property that has changed."""
    table = _BESIDE.get(type_name, {})
    return sorted(
        {
            action
            for name, action in table.items()
            if properties.get(name) and (before is None or before.get(name) != properties[name])
        }
    )

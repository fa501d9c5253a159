"""The IAM action that stands for what CloudFormation's handler of a type does, per type: (create, update, delete)."""

from __future__ import annotations

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

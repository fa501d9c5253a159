"""The permissions boundary of every role that the portal's stacks make, and of the portal's own."""

from __future__ import annotations

from blueprint_cdk.access.statements import (
    BOUNDARY_ARN,
    GUARD_ARN,
    LOCKED,
    LOCKED_OBJECTS,
    OWN_ROLES,
    allow,
    arn,
    deny,
    iam,
)

_SERVICES = (
    # Network, data, edge, application.
    "acm autoscaling cloudformation ec2 elasticbeanstalk elasticloadbalancing kms rds rds-db route53 s3 secretsmanager "
    "sqs wafv2 "
    # Identity, messaging, analytics.
    "appsync athena cognito-identity cognito-idp dynamodb firehose glue mobiletargeting quicksight ses sns "
    # Operations, recovery, delivery.
    "application-autoscaling backup backup-storage billing budgets cloudwatch codebuild codecommit codeconnections "
    "codepipeline ecr events lambda logs pi scheduler ssm ssmmessages synthetics xray "
    # The account.
    "access-analyzer ce cloudtrail inspector-scan inspector2 servicequotas sts tag trustedadvisor"
)
_NOT_THE_GUARD = {"StringNotEquals": {"aws:PrincipalArn": GUARD_ARN}}
_LOCKED_CHANGES = (
    "s3:BypassGovernanceRetention",
    "s3:Delete*",
    "s3:PutBucket*",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutReplicationConfiguration",
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
    allow("PassToCloudFormation", "iam", "PassRole", [iam("role/SwitchyardBootstrap"), GUARD_ARN]),
    allow(
        "GroupsByTheGuard",
        "iam",
        "CreateGroup DeleteGroup UpdateGroup *GroupPolicy CreatePolicy DeletePolicy CreatePolicyVersion "
        "DeletePolicyVersion",
        [iam("group/switchyard-*"), iam("policy/switchyard-*")],
        {"StringEquals": {"aws:PrincipalArn": GUARD_ARN}},
    ),
    allow("PasswordPolicy", "iam", "UpdateAccountPasswordPolicy"),
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
        [
            f"cloudformation:{verb}*"
            for verb in ("Cancel", "Continue", "Create", "Delete", "Execute", "Rollback", "Set", "Update")
        ],
        arn("cloudformation", "stack/switchyard-access*"),
    ),
    deny("RecordsStay", _LOCKED_CHANGES, [*LOCKED, *LOCKED_OBJECTS], _NOT_THE_GUARD),
    deny("TrailWritesItself", ("s3:PutObject",), LOCKED_OBJECTS[1], None),
    deny(
        "TrailStays",
        [f"cloudtrail:{verb}*" for verb in ("Delete", "Put", "Stop", "Update")],
        "*",
        _NOT_THE_GUARD,
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

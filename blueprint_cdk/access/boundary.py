"""The permissions boundary of every role that the portal's stacks make, and of the portal's own."""

from __future__ import annotations

from blueprint_cdk.access.statements import BOUNDARY_ARN, OWN_ROLES, allow, arn, deny, iam

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

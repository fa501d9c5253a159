"""Where the role SwitchyardBootstrap may do what it needs: CloudFormation makes `cdk bootstrap`'s template with it."""

from __future__ import annotations

from blueprint_cdk.access.needs import policies
from blueprint_cdk.access.portal import ASSETS
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import BOUND, arn, bucket, iam

OWN = iam("role/cdk-swyard-*")

BOOTSTRAP_SCOPES = {
    "SwitchyardBootstrap": (
        Scope(
            "RolesWithinTheBoundary",
            "iam",
            "CreateRole PutRolePolicy AttachRolePolicy PutRolePermissionsBoundary",
            OWN,
            BOUND,
        ),
        Scope(
            "Roles",
            "iam",
            "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy List* TagRole UntagRole UpdateRole "
            "UpdateRoleDescription UpdateAssumeRolePolicy",
            OWN,
        ),
        Scope("AssetsBucket", "s3", "*", bucket(ASSETS)),
        Scope("AssetsRepository", "ecr", "*", arn("ecr", "repository/cdk-swyard-*")),
        Scope("Version", "ssm", "*", arn("ssm", "parameter/cdk-bootstrap/swyard/*")),
    ),
}

BOOTSTRAP = policies("bootstrap", BOOTSTRAP_SCOPES)

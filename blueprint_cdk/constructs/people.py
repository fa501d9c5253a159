"""What people may do in an environment, or with an Application: an IAM role for each AWS role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from blueprint_cdk.aws_roles import AwsRole, Part, trust


class PeoplesRole(Construct):
    """One AWS role, by the name that the account's groups may take (sy-*-aws-operator), with its policy inline.

    CloudFormation tags it with its environment or Application: that tag is what its conditions compare resources' tags
    with.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role: AwsRole,
        parts: Mapping[str, Part],
        prefix: str,
        account_id: str,
        regions: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        fields = {"prefix": prefix, "account_id": account_id}
        self.role = iam.CfnRole(
            self,
            "Role",
            role_name=f"{prefix}-{role.key}",
            description=f"{role.title}: {role.who}",
            max_session_duration=role.session_s,
            assume_role_policy_document=trust(account_id),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name=role.key, policy_document=_document(role.statements(parts, fields, regions))
                )
            ],
        )


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}

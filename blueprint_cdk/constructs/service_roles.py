"""The role that one AWS service takes for a construct, and the policy with what it may do there."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct


def service_role(
    scope: Construct, service: str, description: str, statements: Sequence[iam.PolicyStatement]
) -> tuple[iam.Role, iam.Policy]:
    """The construct's `Role`, for a service named as in `lambda.amazonaws.com`, and its `Policy`.

    What uses the role at once is made to depend on the policy: CloudFormation makes the two side by side.
    """
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal(service), description=description)
    return role, iam.Policy(scope, "Policy", roles=[role], statements=list(statements))

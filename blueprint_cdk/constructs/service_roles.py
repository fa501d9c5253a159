"""The role that one AWS service takes for a construct, and the policy with what it may do there."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct


def service_role(
    scope: Construct,
    service: str,
    description: str,
    statements: Sequence[iam.PolicyStatement],
    *,
    for_own_account: bool = False,
) -> tuple[iam.Role, iam.Policy]:
    """The construct's `Role`, for a service named as in `lambda.amazonaws.com`, and its `Policy`.

    for_own_account: only where the service says that it acts for this account (aws:SourceAccount), which not all do.
    What uses the role at once is made to depend on the policy: CloudFormation makes the two side by side.
    """
    principal = own_service(scope, service) if for_own_account else iam.ServicePrincipal(service)
    role = iam.Role(scope, "Role", assumed_by=principal, description=description)
    return role, iam.Policy(scope, "Policy", roles=[role], statements=list(statements))


def own_service(scope: Construct, service: str) -> iam.ServicePrincipal:
    """The service where it acts for this account, and for no other one."""
    account = cdk.Stack.of(scope).account
    return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": account}})

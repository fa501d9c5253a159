"""Small words that the policies are written in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Statement = dict[str, Any]

BOUNDARY_ARN = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/SwitchyardBoundary"}


def arn(
    service: str, resource: str, *, region: str = "*", account: str = "${AWS::AccountId}"
) -> dict[str, str]:
    """An ARN in the account that the template is deployed to, in any region."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{resource}"}


def bucket(name: str) -> dict[str, str]:
    """ARN of a bucket (or, with a slash, of objects), which has neither region nor account."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}"}


def iam(resource: str) -> dict[str, str]:
    """ARN of something in IAM, which has no region."""
    return arn("iam", resource, region="")


def allow(
    sid: str, service: str, actions: str, resources: Any = "*", condition: dict[str, Any] | None = None
) -> Statement:
    """Allows the actions (names apart by spaces) of one service."""
    return _statement(
        "Allow", sid, [f"{service}:{action}" for action in actions.split()], resources, condition
    )


def deny(
    sid: str, actions: Iterable[str], resources: Any, condition: dict[str, Any] | None = None
) -> Statement:
    """Denies actions, each with its service."""
    return _statement("Deny", sid, list(actions), resources, condition)


def _statement(
    effect: str, sid: str, actions: list[str], resources: Any, condition: dict[str, Any] | None
) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": effect, "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


BOUND = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY_ARN}}
"""The condition that what is made has the boundary."""

LOCKED = [bucket("switchyard-audit-${AWS::AccountId}-*"), bucket("switchyard-trail-${AWS::AccountId}-*")]
"""The buckets of the stack switchyard-guard."""
LOCKED_OBJECTS = [{"Fn::Sub": row["Fn::Sub"] + "/*"} for row in LOCKED]

GUARD_ARN = iam("role/SwitchyardGuard")
"""The role that CloudFormation makes the stack switchyard-guard with."""

OWN_ROLES = iam("role/sy-*")
"""The roles of the portal's environments."""


def passed_to(*services: str) -> dict[str, Any]:
    """The condition that a role is passed (iam:PassRole) to one of these services ("firehose") and no other."""
    return {"StringEquals": {"iam:PassedToService": [f"{service}.amazonaws.com" for service in services]}}


def linked_to(*services: str) -> dict[str, Any]:
    """The condition that a service-linked role (iam:CreateServiceLinkedRole) is that of one of these services."""
    return {"StringEquals": {"iam:AWSServiceName": [f"{service}.amazonaws.com" for service in services]}}


SERVICE_LINKED = iam("role/aws-service-role/*")
"""Where service-linked roles are."""

"""IAM: what an account has once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code, error_message
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "iam"
READ_ONLY = ("ExpirePasswords",)
"""What GetAccountPasswordPolicy tells and UpdateAccountPasswordPolicy does not take."""

BY_ORGANIZATION, BY_BOUNDARY = "a policy of the organization", "its permissions boundary"
BY_DENIAL, BY_NOBODY = "a policy that denies it", "the lack of a policy that allows it"
APART = "require different authorization information"
MOST_ANSWERS = 100
"""Results that SimulatePrincipalPolicy is asked for at once (IAM API reference: MaxItems, 100 by default)."""


def policies_missing(session: Session, names: Sequence[str]) -> list[str]:
    """Which of the account's own managed policies of these names are not there."""
    if not names:
        return []
    found = entries(session.client(SERVICE), "list_policies", "Policies", Scope="Local")
    there = {policy["PolicyName"] for policy in found}
    return [name for name in names if name not in there]


@dataclass(frozen=True)
class Simulated:
    """The simulator's word on one action on one resource. `by` says who refuses, empty where it is allowed."""

    action: str
    resource: str
    by: str


def simulated(
    session: Session, role_arn: str, actions: Sequence[str], resources: Sequence[str]
) -> Iterator[Simulated]:
    """Whether a role may do each action on each resource, in about as many calls as keep an answer on one page."""
    client = session.client(SERVICE)
    batch = max(1, MOST_ANSWERS // len(resources))
    for first in range(0, len(actions), batch):
        yield from _simulated(client, role_arn, actions[first : first + batch], resources)


def _simulated(
    client: Any, role_arn: str, actions: Sequence[str], resources: Sequence[str]
) -> Iterator[Simulated]:
    request = {"PolicySourceArn": role_arn, "ActionNames": list(actions), "ResourceArns": list(resources)}
    try:
        rows = list(entries(client, "simulate_principal_policy", "EvaluationResults", **request))
    except ClientError as error:
        groups = _asked_apart(error, actions)
        if len(groups) < 2:
            raise
        for group in groups:
            yield from _simulated(client, role_arn, group, resources)
        return
    for row in rows:
        # What is said of an action as a whole is the strictest of what is said of each resource, which is below it.
        for each in row.get("ResourceSpecificResults") or [row]:
            resource = each.get("EvalResourceName", "*")
            yield Simulated(row["EvalActionName"], resource, _refuses(row, each))


def _asked_apart(error: ClientError, actions: Sequence[str]) -> list[list[str]]:
    """The actions as the simulator wants them asked: it takes none together that "require different authorization
    information", and says which ones those are; what it does not name is asked alone. Empty for another refusal.
    """
    if error_code(error) != "InvalidInput" or APART not in error_message(error):
        return []
    left = set(actions)
    groups = []
    for text in re.findall(r"\[([^\]]*)\]", error_message(error)):
        group = sorted(left & {name.strip() for name in text.split(",")})
        left -= set(group)
        groups += [group] if group else []
    groups += [[action] for action in sorted(left)]
    return groups if len(groups) > 1 else [[action] for action in actions]


def _refuses(row: Mapping[str, Any], each: Mapping[str, Any]) -> str:
    """Who refuses. `row` is about an action, `each` about it and one resource, or the same; organizations are told of
    by action only.
    """
    decision = each.get("EvalResourceDecision") or each["EvalDecision"]
    if decision == "allowed":
        return ""
    if not row.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return BY_ORGANIZATION
    if not each.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return BY_BOUNDARY
    return BY_DENIAL if decision == "explicitDeny" else BY_NOBODY


def password_policy(session: Session) -> dict[str, Any]:
    """The account's password policy, as UpdateAccountPasswordPolicy takes it; empty where there is none."""
    try:
        found = session.client(SERVICE).get_account_password_policy()["PasswordPolicy"]
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return {}
        raise
    return {name: value for name, value in found.items() if name not in READ_ONLY}


def password_policy_put(session: Session, policy: Mapping[str, Any]) -> None:
    """Set the whole policy: a member that is not named goes back to IAM's default."""
    session.client(SERVICE).update_account_password_policy(**policy)

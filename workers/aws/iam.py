"""IAM: what an account has once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "iam"
READ_ONLY = ("ExpirePasswords",)
"""What GetAccountPasswordPolicy tells and UpdateAccountPasswordPolicy does not take."""

BY_ORGANIZATION, BY_BOUNDARY = "a policy of the organization", "its permissions boundary"
BY_DENIAL, BY_NOBODY = "a policy that denies it", "the lack of a policy that allows it"
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
    """Whether a role may do each action on each resource, in as many calls as keep an answer on one page."""
    client = session.client(SERVICE)
    batch = max(1, MOST_ANSWERS // len(resources))
    for first in range(0, len(actions), batch):
        answer = client.simulate_principal_policy(
            PolicySourceArn=role_arn,
            ActionNames=list(actions[first : first + batch]),
            ResourceArns=list(resources),
            MaxItems=MOST_ANSWERS,
        )
        for row in answer["EvaluationResults"]:
            yield Simulated(row["EvalActionName"], row.get("EvalResourceName", "*"), _refuses(row))


def _refuses(row: Mapping[str, Any]) -> str:
    if row["EvalDecision"] == "allowed":
        return ""
    if not row.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return BY_ORGANIZATION
    if not row.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return BY_BOUNDARY
    return BY_DENIAL if row["EvalDecision"] == "explicitDeny" else BY_NOBODY


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

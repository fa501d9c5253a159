"""IAM: what an account has once."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "iam"
READ_ONLY = ("ExpirePasswords",)
"""What GetAccountPasswordPolicy tells and UpdateAccountPasswordPolicy does not take."""


def policies_missing(session: Session, names: Sequence[str]) -> list[str]:
    """Which of the account's own managed policies of these names are not there."""
    if not names:
        return []
    found = entries(session.client(SERVICE), "list_policies", "Policies", Scope="Local")
    there = {policy["PolicyName"] for policy in found}
    return [name for name in names if name not in there]


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

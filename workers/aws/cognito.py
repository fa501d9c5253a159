"""Cognito: user pools and identity pools."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "cognito-idp"
# Both lists want to be told how long a page is; 60 is the longest.
PAGE = {"PaginationConfig": {"PageSize": 60}}


def user_pools(session: Session) -> Iterator[dict[str, Any]]:
    """Each user pool of the region: {"Id", "Name"} and more."""
    return entries(session.client(SERVICE), "list_user_pools", "UserPools", **PAGE)


def identity_pools(session: Session) -> Iterator[dict[str, Any]]:
    """Each identity pool of the region: {"IdentityPoolId", "IdentityPoolName"}."""
    return entries(session.client("cognito-identity"), "list_identity_pools", "IdentityPools", **PAGE)


def users_count(session: Session, pool_id: str) -> int | None:
    """About how many users the pool has, as Cognito estimates; None when there is no such pool."""
    try:
        pool = session.client(SERVICE).describe_user_pool(UserPoolId=pool_id)["UserPool"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return int(pool.get("EstimatedNumberOfUsers", 0))

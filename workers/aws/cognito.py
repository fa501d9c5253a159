"""Cognito: user pools."""

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "cognito-idp"


def users_count(session: Session, pool_id: str) -> int | None:
    """About how many users the pool has, as Cognito estimates; None when there is no such pool."""
    try:
        pool = session.client(SERVICE).describe_user_pool(UserPoolId=pool_id)["UserPool"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return int(pool.get("EstimatedNumberOfUsers", 0))

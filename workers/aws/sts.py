"""STS: can a role be taken?"""

from botocore.exceptions import ClientError

from workers.aws.faults import DENIED_CODES, error_code
from workers.aws.session import Session


def role_works(session: Session) -> bool:
    """Whether the session's role can be taken now. False when AWS says no; other errors are raised."""
    try:
        session.client("sts").get_caller_identity()
    except ClientError as error:
        if error.operation_name == "AssumeRole" and error_code(error) in DENIED_CODES:
            return False
        raise
    return True

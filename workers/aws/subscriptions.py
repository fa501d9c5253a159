"""What an account has by subscription or by asking AWS. Each answers whether it is there."""

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

TRUSTED_ADVISOR_REGION = "us-east-1"
NO_PLAN = frozenset({"AccessDeniedException", "SubscriptionRequiredException"})
"""What Trusted Advisor says to an account whose Support plan has no checks (mem: the API has no code of its own)."""
NO_QUICK_SIGHT = frozenset({"ResourceNotFoundException"})


def trusted_advisor_is_there(session: Session) -> bool:
    """Whether the Support plan includes Trusted Advisor's checks: Business Support+ or more."""
    client = session.client("trustedadvisor", region=TRUSTED_ADVISOR_REGION)
    try:
        client.list_checks(maxResults=1)
    except ClientError as error:
        if error_code(error) in NO_PLAN:
            return False
        raise
    return True


def mail_is_open(session: Session) -> bool:
    """Whether SES sends to anybody in this region: it is out of its sandbox, and not paused."""
    found = session.client("sesv2").get_account()
    return bool(found.get("ProductionAccessEnabled") and found.get("SendingEnabled"))


def quick_sight_is_there(session: Session, account_id: str) -> bool:
    """Whether the account is signed up for Quick Sight."""
    try:
        session.client("quicksight").describe_account_subscription(AwsAccountId=account_id)
    except ClientError as error:
        if error_code(error) in NO_QUICK_SIGHT:
            return False
        raise
    return True

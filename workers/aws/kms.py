"""KMS: keys of what is gone."""

from datetime import datetime

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "kms"


PENDING_DELETION = "PendingDeletion"
PENDING_REPLICAS = "PendingReplicaDeletion"
"""A multi-Region key that is to be deleted, and waits for its replicas to be gone first. It has no date yet."""
AFTER_REPLICAS = "when its replicas are gone"


def key_state(session: Session, key_id: str) -> tuple[str, datetime | None]:
    """(state, date of deletion): Enabled, PendingDeletion …; ("", None) when there is no such key."""
    try:
        metadata = session.client(SERVICE).describe_key(KeyId=key_id)["KeyMetadata"]
    except ClientError as error:
        if error_code(error) == "NotFoundException":
            return "", None
        raise
    return str(metadata["KeyState"]), metadata.get("DeletionDate")


def key_schedule_deletion(session: Session, key_id: str, days: int) -> None:
    """Let the key be deleted after 7 to 30 days. One that waits for its deletion already is left alone."""
    try:
        session.client(SERVICE).schedule_key_deletion(KeyId=key_id, PendingWindowInDays=days)
    except ClientError as error:
        if error_code(error) not in ("KMSInvalidStateException", "NotFoundException"):
            raise


def aliases_named(session: Session, prefix: str) -> list[str]:
    """Names of aliases that begin so, with their alias/."""
    pages = session.client(SERVICE).get_paginator("list_aliases").paginate()
    return [
        alias["AliasName"]
        for page in pages
        for alias in page["Aliases"]
        if alias["AliasName"].startswith(prefix)
    ]

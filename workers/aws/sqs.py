"""SQS: draining a queue in batches."""

from collections.abc import Sequence
from typing import Any

from workers.aws.session import Session

SERVICE = "sqs"
BATCH = 10
"""The most that SQS hands out, or deletes, in one call."""
HIDDEN_S = 150
"""So long a message that was handed out stays hidden: time to gather ten before they are deleted."""


def receive(session: Session, queue_url: str) -> list[dict[str, Any]]:
    """Up to ten messages, without waiting: [{"Body", "ReceiptHandle", "MessageId"}]."""
    answer = session.client(SERVICE).receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=0, VisibilityTimeout=HIDDEN_S
    )
    return list(answer.get("Messages", []))


def delete(session: Session, queue_url: str, handles: Sequence[str]) -> None:
    """Delete messages that were received, ten a call. One that stays comes again, which does no harm."""
    for first in range(0, len(handles), BATCH):
        session.client(SERVICE).delete_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[first : first + BATCH])
            ],
        )

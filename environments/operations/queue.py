"""Telling workers, by task name, that an operation wants attention.

A message is a hint: the row is the truth. When the broker is down, the tick starts the operation later.
"""

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

ADVANCE = "workers.advance"


def wake(operation_id: int, *, countdown_s: float = 0.0) -> None:
    """Ask a worker to advance the operation once the current transaction is committed."""
    transaction.on_commit(lambda: send(operation_id, countdown_s=countdown_s))


def send(operation_id: int, *, countdown_s: float = 0.0) -> bool:
    """Send the message now. Answers whether the broker took it; False is no failure, only later."""
    return ring(ADVANCE, operation_id, countdown_s=countdown_s)


def ring(task: str, *arguments: int, countdown_s: float = 0.0) -> bool:
    """Send a task by its name, now. Answers whether the broker took it."""
    try:
        current_app.send_task(task, args=list(arguments), countdown=countdown_s or None, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("queue.unreachable", task=task, arguments=arguments, reason=str(error))
        return False
    return True

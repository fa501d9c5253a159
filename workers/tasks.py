"""The few tasks. Each is short, takes ids, and may run twice or late without harm."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from environments.operations.approvals import operation_expire_approval
from environments.operations.models import Operation
from environments.operations.queue import send
from environments.operations.selectors import operations_due
from environments.operations.states import OperationStatus
from workers.runner import advance

# A due operation is not sent again by the next ticks while its message may still wait in the queue.
RESEND = timedelta(seconds=20)


@shared_task(name="workers.advance", ignore_result=True)
def advance_operation(operation_id: int) -> None:
    """Move one operation on."""
    advance(operation_id)


@shared_task(name="workers.tick", ignore_result=True)
def tick() -> None:
    """The net under all countdown messages: wake what is due, re-claim what a dead worker held."""
    now = timezone.now()
    due = operations_due(now)
    Operation.objects.filter(pk__in=due, wake_at__lte=now).update(wake_at=now + RESEND)
    for operation_id in due:
        send(operation_id)
    expired = Operation.objects.filter(
        status=OperationStatus.AWAITING_APPROVAL, approval_expires_at__lte=now
    ).values_list("pk", flat=True)
    for operation_id in expired:
        operation_expire_approval(operation_id)

"""Reading operations: what is due, who queues, what a page tells."""

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from environments.operations.models import Event, Operation, Step
from environments.operations.states import DRIVEN, HOLDING, OperationStatus

NOT_BEGUN = Q(status=OperationStatus.PENDING, wake_at__isnull=True)
"""What no worker has looked at, and no tick has sent a message for."""


def due(now: datetime) -> Q:
    """Of operations: those that a worker should look at now, and that none looks at."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return free & (Q(wake_at__lte=now) | NOT_BEGUN | Q(lease_until__lt=now)) & Q(status__in=DRIVEN)


def operations_due(now: datetime | None = None, *, limit: int = 500) -> list[int]:
    """Ids of operations that a worker should look at now: due, not begun, or left by a worker that died."""
    return list(
        Operation.objects.filter(due(now or timezone.now()))
        .order_by("-priority", "wake_at", "id")
        .values_list("pk", flat=True)[:limit]
    )


def operations_list() -> QuerySet[Operation]:
    """All operations with who asked and who blocks."""
    return Operation.objects.select_related("requested_by", "blocked_by", "subject_type")


def operation_detail(operation_id: int) -> Operation:
    """One operation with steps, decisions and plan at hand."""
    return (
        operations_list()
        .prefetch_related(
            Prefetch("steps", Step.objects.order_by("phase", "position")), "decisions__decided_by"
        )
        .get(pk=operation_id)
    )


def events_after(operation_id: int, after: int = 0, *, limit: int = 500) -> list[Event]:
    """Events with a number above `after`, oldest first."""
    return list(Event.objects.filter(operation_id=operation_id, number__gt=after).order_by("number")[:limit])


def approvals_waiting() -> QuerySet[Operation]:
    """What waits for approval, oldest first."""
    return (
        operations_list()
        .select_related("plan")
        .prefetch_related("decisions__decided_by")
        .filter(status=OperationStatus.AWAITING_APPROVAL)
        .order_by("id")
    )


def operations_stuck() -> QuerySet[Operation]:
    """What the watchdog has found not to move, the longest first."""
    return operations_list().filter(stuck_since__isnull=False).order_by("stuck_since")


def scopes_moving() -> list[dict[str, Any]]:
    """Scopes in which operations run, with how many: [{"scope", "running"}]."""
    rows = Operation.objects.filter(status__in=HOLDING).exclude(scope="").only("scope", "more_scopes")
    counts = Counter(scope for row in rows for scope in row.scopes)
    return [{"scope": scope, "running": running} for scope, running in sorted(counts.items())]

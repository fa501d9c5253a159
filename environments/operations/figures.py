"""How the engine is, in figures, by a constant number of queries: for whoever watches the portal."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from environments.operations.models import Operation, Pause, Pulse
from environments.operations.scheduling import TICK
from environments.operations.selectors import due
from environments.operations.states import OPEN, RETRYABLE
from environments.operations.watchdog import CAUSES

# A due operation that nobody has taken for this long means that no worker, or no tick, is there.
LATE_S = 60
FAILED_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class EngineFigures:
    """Counts of operations, and ages in seconds; an age is None when there is nothing that it could be the age of."""

    by_status: dict[str, int]
    """Every open status, also those that no operation has."""
    due: int
    late: int
    """Due for more than LATE_S."""
    oldest_due_s: float | None
    failed: int
    """Failed or errored within the last day, and neither retried nor repeated as the same operation."""
    oldest_approval_s: float | None
    tick_age_s: float | None
    """Since a worker last carried out a tick of beat's; None when none ever did."""
    pauses: int
    stuck: dict[str, int]
    """What the watchdog has found not to move, by cause; every cause, also those that nothing has."""
    oldest_stuck_s: float | None


def standstill(now: datetime | None = None) -> datetime | None:
    """When a worker last carried out a tick, if that is so long ago that nothing moves any more; by one query.

    The watchdog runs in a worker, so that none is left is for the pages to say. None also where there never was one.
    """
    now = now or timezone.now()
    return (
        Pulse.objects.filter(name=TICK, at__lt=now - timedelta(seconds=LATE_S))
        .values_list("at", flat=True)
        .first()
    )


def engine_figures(now: datetime | None = None) -> EngineFigures:
    """The figures of this moment, by seven queries."""
    now = now or timezone.now()
    open_rows = Operation.objects.filter(status__in=OPEN).order_by().values("status")
    by_status = dict.fromkeys(sorted(OPEN), 0) | {
        row["status"]: row["count"] for row in open_rows.annotate(count=Count("pk"))
    }
    # A tick puts wake_at off when it sends for one, and notes since when; Least leaves out what is null; what was
    # never looked at is due since it was asked for.
    since = Coalesce("due_since", Least("wake_at", "lease_until"), "requested_at")
    waiting = (
        Operation.objects.filter(due(now))
        .annotate(late_since=since)
        .aggregate(
            count=Count("pk"),
            late=Count("pk", filter=Q(late_since__lt=now - timedelta(seconds=LATE_S))),
            oldest=Min("late_since"),
        )
    )
    approvals = Operation.objects.filter(status="awaiting-approval").aggregate(oldest=Min("requested_at"))
    failed = Operation.objects.filter(status__in=RETRYABLE, ended_at__gte=now - FAILED_WITHIN)
    marked = Operation.objects.filter(stuck_since__isnull=False).order_by().values("stuck__cause")
    stuck = list(marked.annotate(count=Count("pk"), oldest=Min("stuck_since")))
    tick = Pulse.objects.filter(name=TICK).first()

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else max(0.0, (now - moment).total_seconds())

    return EngineFigures(
        by_status=by_status,
        due=waiting["count"],
        late=waiting["late"],
        oldest_due_s=age(waiting["oldest"]),
        failed=failed.count(),
        oldest_approval_s=age(approvals["oldest"]),
        tick_age_s=age(tick.at if tick else None),
        pauses=Pause.objects.count(),
        stuck=dict.fromkeys(CAUSES, 0) | {row["stuck__cause"]: row["count"] for row in stuck},
        oldest_stuck_s=age(min((row["oldest"] for row in stuck), default=None)),
    )

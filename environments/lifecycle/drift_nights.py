"""The nightly look at every environment: one row per environment and night, spread over hours, and its ends."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models import DriftCheck, Environment
from environments.lifecycle.models.drift import CHECK_OPEN, CheckStatus
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.models import Claim, Operation
from environments.operations.scheduling import occurrence_take
from environments.operations.states import ClaimMode

BATCH = 500
KEPT = timedelta(days=90)
LATE = timedelta(hours=6)
"""A portal that was down at night does not begin this long after."""
CHANGES = (ClaimMode.CHANGE, ClaimMode.END, ClaimMode.RECOVER)


def drift_night_take(now: datetime) -> int:
    """When the night's hour has come and nobody has taken it: a row for each active environment; answers how many.

    Several beats do it once; a second call after a kill in the middle is told no by the occurrence, so both are in
    one transaction of the caller's.
    """
    if not settings.DRIFT_NIGHT:
        return 0
    hour, minute = map(int, settings.DRIFT_NIGHT.split(":"))
    begin = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    begin = begin if begin <= now else begin - timedelta(days=1)
    if now - begin > LATE or not occurrence_take("drift", begin):
        return 0
    rows = Environment.objects.filter(status=EnvironmentStatus.ACTIVE).order_by("pk")
    regions = rows.values_list("pk", "account__account_id", "home_region", "other_region").iterator()
    places = (
        (pk, account_id, region)
        for pk, account_id, home, other in regions
        for region in filter(None, (home, other))
    )
    count = 0
    while some := list(islice(places, BATCH)):
        checks = [
            DriftCheck(
                environment_id=pk,
                night=begin.date(),
                scope=f"{account_id}/{region}",
                due_at=begin + timedelta(seconds=_spread(pk)),
                sentence="Waiting for its turn in the night.",
            )
            for pk, account_id, region in some
        ]
        # One that is being looked at right now, or has its row of the night, is left alone.
        DriftCheck.objects.bulk_create(checks, ignore_conflicts=True)
        count += len(checks)
    return count


def _spread(pk: int) -> float:
    """Seconds into the night, the same every night: neighbours of one account come at different times."""
    return float(pk * 0.6180339887 % 1 * settings.DRIFT_SPREAD_S)


def drift_checks_forget(now: datetime | None = None) -> int:
    """Drop looks that ended long ago; findings stay. Answers how many."""
    return DriftCheck.objects.filter(ended_at__lt=(now or timezone.now()) - KEPT).delete()[0]


def drift_scopes_due(now: datetime | None = None) -> list[str]:
    """Scopes ("account/region") that have a look to be taken or gone on with."""
    due = DriftCheck.objects.filter(status__in=CHECK_OPEN, due_at__lte=now or timezone.now())
    return list(due.order_by().values_list("scope", flat=True).distinct())


def drift_checks_due(scope: str, status: str, limit: int) -> list[DriftCheck]:
    """Those of a scope and status whose look is due, the oldest first, with their environments."""
    due = DriftCheck.objects.filter(scope=scope, status=status, due_at__lte=timezone.now())
    return list(due.select_related("environment__account").order_by("due_at")[:limit])


def drift_in_flight(scope: str) -> int:
    """How many stacks of a scope are in detection now."""
    states = DriftCheck.objects.filter(scope=scope, status=CheckStatus.DETECTING).values_list(
        "state", flat=True
    )
    return sum("drifted" not in row for state in states for row in state["stacks"].values())


def drift_next_due(scope: str, *, statuses: Collection[str] = CHECK_OPEN) -> datetime | None:
    """When the scope's next look is due; None when none is open."""
    rows = DriftCheck.objects.filter(scope=scope, status__in=statuses).order_by("due_at")
    return rows.values_list("due_at", flat=True).first()


def drift_disturbed(checks: Sequence[DriftCheck]) -> dict[int, Operation]:
    """By environment, the operation that changes it now or has changed it since its look began."""
    environments = {check.environment_id: check for check in checks}
    kind = ContentType.objects.get_for_model(Environment)
    claims = Claim.objects.filter(
        subject_type=kind, subject_id__in=environments, mode__in=CHANGES
    ).select_related("operation")
    found = {claim.subject_id: claim.operation for claim in claims}
    begun = [check for check in checks if check.started_at is not None]
    if begun:
        since = Q()
        for check in begun:
            since |= Q(subject_id=check.environment_id, ended_at__gte=check.started_at)
        ended = Operation.objects.filter(
            since, subject_type=kind, claim_mode__in=CHANGES, started_at__isnull=False
        )
        found |= {operation.subject_id: operation for operation in ended}
    return found


def drift_check_begun(check: DriftCheck, state: dict[str, Any], *, sentence: str, look_in_s: float) -> None:
    """Detections run from now on."""
    check.status, check.state, check.started_at = CheckStatus.DETECTING, state, timezone.now()
    drift_check_wait(check, sentence=sentence, look_in_s=look_in_s, looks=1, faults=0)


def drift_check_wait(check: DriftCheck, *, sentence: str, look_in_s: float, **fields: Any) -> None:
    """Look again then."""
    for name, value in fields.items():
        setattr(check, name, value)
    check.sentence, check.due_at = sentence[:500], timezone.now() + timedelta(seconds=look_in_s)
    check.save(update_fields=["status", "state", "started_at", "looks", "faults", "sentence", "due_at"])


def drift_check_end(check: DriftCheck, status: str, *, sentence: str, found: int = 0, new: int = 0) -> None:
    """It is over. What it was in the middle of is forgotten."""
    now = timezone.now()
    check.status, check.sentence, check.ended_at = status, sentence[:500], now
    check.found, check.new, check.state = found, new, {}
    check.save(update_fields=["status", "sentence", "ended_at", "found", "new", "state"])
    if status == CheckStatus.DONE:
        Environment.objects.filter(pk=check.environment_id).update(drift_checked_at=now)

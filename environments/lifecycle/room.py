"""Making room for a team at its limit: what has expired and is still there goes, where its limit says so.

An expiry opens one teardown. When that failed or was cancelled, a person decides what comes next, and the environment
stays; a team at its limit with the rule "tear down what has expired" has decided already: it is asked for again, the
longest expired first, once a day at most, until what remains is below the limit. What is protected stays.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from environments.lifecycle.limits import Usage, limits_observe
from environments.lifecycle.models import Environment, TeamLimit
from environments.lifecycle.pauses import environment_pause_of
from environments.lifecycle.states import AtLimit, EnvironmentStatus, Tier
from environments.lifecycle.teardown import MAY_TEAR_DOWN, environment_teardown_expired
from environments.operations.models import Operation
from environments.operations.scheduling import occurrence_take
from environments.operations.states import OPEN

log = structlog.get_logger(__name__)

SCHEDULE = "team-limits"
AGAIN_AFTER = timedelta(hours=24)
"""An environment whose teardown was asked for is left alone for so long."""


def limits_round(now: datetime | None = None) -> bool:
    """Once an hour, however many beats there are: tell of teams at their limit, and make room. Answers whether this
    was the hour's round."""
    now = now or timezone.now()
    with transaction.atomic():
        if not occurrence_take(SCHEDULE, now.replace(minute=0, second=0, microsecond=0)):
            return False
        reached = limits_observe(now=now)
    for usage in reached:
        if usage.limit is not None and usage.limit.at_limit == AtLimit.TEAR_DOWN:
            _make_room(usage, usage.limit, now)
    return True


def _make_room(usage: Usage, limit: TeamLimit, now: datetime) -> None:
    """Ask for teardowns until what is left would be below the limit."""
    going = _living(usage).filter(Exists(_teardowns().filter(status__in=OPEN)))
    count, cost = usage.environments - len(going), usage.monthly_cost - _cost(going)
    for row in _candidates(usage, now):
        if not _is_full(limit, count, cost):
            return
        try:
            if _tear_down(row.pk, usage, now):
                count, cost = count - 1, cost - (row.monthly_cost or Decimal(0))
        except Exception:
            log.exception("limit.no-room", environment=row.pk)


def _candidates(usage: Usage, now: datetime) -> QuerySet[Environment]:
    """What has expired, and whose expiry has done what it does; the longest expired first."""
    return (
        _living(usage)
        .filter(
            tier=Tier.DEV,
            expires_at__lte=now,
            expiry_due_at__isnull=True,
            is_protected=False,
            status__in=MAY_TEAR_DOWN - {EnvironmentStatus.TEARING_DOWN},
        )
        .exclude(Exists(_teardowns().filter(requested_at__gt=now - AGAIN_AFTER)))
        .exclude(Exists(_operations().filter(status__in=OPEN)))
        .order_by("expires_at")
    )


def _tear_down(environment_id: int, usage: Usage, now: datetime) -> bool:
    """Ask for one, if it still is as it was found."""
    with transaction.atomic():
        row = (
            Environment.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("account")
            .filter(pk=environment_id, expires_at__lte=now, is_protected=False)
            .first()
        )
        if row is None or environment_pause_of(row) is not None:
            return False
        environment_teardown_expired(
            environment=row,
            rule=f"{usage.team} has reached its limit: development environments that have expired go first",
        )
    return True


def _living(usage: Usage) -> QuerySet[Environment]:
    return Environment.objects.filter(team=usage.team, is_canary=False, gone_at__isnull=True)


def _operations() -> QuerySet[Operation]:
    return Operation.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment), subject_id=OuterRef("pk")
    )


def _teardowns() -> QuerySet[Operation]:
    return _operations().filter(kind="teardown")


def _cost(rows: QuerySet[Environment]) -> Decimal:
    return sum((row.monthly_cost or Decimal(0) for row in rows), Decimal(0))


def _is_full(limit: TeamLimit, count: int, cost: Decimal) -> bool:
    by_number = limit.max_environments is not None and count >= limit.max_environments
    return by_number or (limit.max_monthly_cost is not None and cost >= limit.max_monthly_cost)

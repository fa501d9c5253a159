"""Moving the end of an environment: at once within its tier's maximum, by another person's approval beyond it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.lifecycle.expired import (
    NOT_BEGUN,
    expiry_teardown,
    expiry_teardown_lock,
    expiry_teardown_withdraw,
)
from environments.lifecycle.expiry import (
    expiry_limit,
    expiry_problem,
    expiry_rule,
    expiry_set,
    is_beyond,
    moment_words,
    span_left,
    when_words,
)
from environments.lifecycle.models import Environment
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

DAYS_A_MONTH = Decimal("30.42")
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Extension:
    """What an extension came to: the environment as it is now, when it expired before, and the operation that waits
    for approval, when the new date is beyond what its owner may give alone (then nothing has changed yet)."""

    environment: Environment
    before: datetime | None
    operation: Operation | None = None


class _Moved(Exception):
    """Its teardown was opened between two locks: begin again."""


def environment_extend(
    *, environment: Environment, until: datetime | None, reason: str = "", actor: User
) -> Extension:
    """Let an environment expire at another moment, or never (None). An earlier moment takes time back.

    Within its tier's maximum that is done at once, and withdraws a teardown that the expiry has opened and that has
    not begun. Beyond it, an `extend` operation waits for another person's approval. Raises Forbidden, Invalid,
    Conflict.
    """
    require(actor, "environment.extend", team=environment.team, owner_id=environment.owner_id)
    for _ in range(3):
        try:
            with transaction.atomic():
                return _extend(environment, until, reason, actor)
        except _Moved:
            continue
    raise Conflict(f"The teardown of {environment.name} is being opened at this moment. Ask once more.")


def environment_extend_hours(
    *, environment: Environment, hours: int, reason: str = "", actor: User
) -> Extension:
    """The same by so many hours more: on top of its expiry, or of now when that has passed or there is none."""
    now = timezone.now()
    until = max(environment.expires_at or now, now) + timedelta(hours=hours)
    return environment_extend(environment=environment, until=until, reason=reason, actor=actor)


def _extend(environment: Environment, until: datetime | None, reason: str, actor: User) -> Extension:
    teardown = expiry_teardown_lock(environment)
    row = Environment.objects.select_for_update(of=("self",)).select_related("team").get(pk=environment.pk)
    if teardown is None and expiry_teardown(row) is not None:
        raise _Moved
    now = timezone.now()
    extendable_require(row, teardown)
    before = row.expires_at
    if until == before:
        raise Conflict(f"{row.name} expires {when_words(before)} already.")
    if problem := expiry_problem(until, now):
        raise Invalid(problem, field="until")
    if is_beyond(until, before) and is_beyond(until, extend_limit(row)):
        asked = {"until": _iso(until), "before": _iso(before), "reason": reason}
        operation = operation_open(kind="extend", subject=row, parameters=asked, actor=actor)
        return Extension(row, before, operation)
    expiry_set(row, until, now)
    if teardown is not None:
        expiry_teardown_withdraw(teardown, f"{actor} extended {row.name}: it expires {when_words(until)}.")
    audit_record(
        "environment.extended" if is_beyond(until, before) else "environment.expiry-shortened",
        row,
        actor=actor,
        before={"expires_at": _iso(before)},
        after={"expires_at": _iso(until), "reason": reason},
    )
    return Extension(row, before)


def extend_limit(environment: Environment) -> datetime | None:
    """The latest expiry that its owner may give alone; None where the tier has no maximum."""
    return expiry_limit(expiry_rule(environment.tier), environment.expiry_from)


def extendable_require(environment: Environment, teardown: Operation | None) -> None:
    """Raise Conflict when the environment's end cannot be moved (any more). `teardown` is what its expiry opened."""
    if environment.is_canary:
        raise Conflict(f"{environment.name} is a canary's: the canary tears it down.")
    if environment.is_gone:
        raise Conflict(f"{environment.name} is {environment.status}: there is nothing to extend.")
    if teardown is not None and teardown.status not in NOT_BEGUN:
        raise Conflict(
            f"{environment.name} has expired, and operation {teardown.pk} is tearing it down. Cancel that first: as"
            " long as nothing is deleted, the environment stays."
        )
    if environment.status == EnvironmentStatus.TEARING_DOWN:
        raise Conflict(f"{environment.name} is being torn down: there is nothing to extend.")


def extension_summary(operation: Operation) -> str:
    """What an extension means, for who approves it: the dates, the time between them, and what that costs."""
    environment = Environment.objects.get(pk=operation.subject_id)
    before, until = extension_dates(operation)
    told = f"{environment.name} would expire {when_words(until)}"
    if before is None or until is None:
        each = f"USD {environment.monthly_cost or 0:,.2f} a month by estimate"
        return f"{told} instead of {'on ' + moment_words(before) if before else 'never'}: {each}."
    more = until - max(before, timezone.now())
    cost = (environment.monthly_cost or Decimal(0)) * Decimal(more.total_seconds()) / 86400 / DAYS_A_MONTH
    return (
        f"{told} instead of on {moment_words(before)}: {span_left(more)} more, about USD {cost.quantize(CENT):,} by"
        " estimate."
    )


def extension_dates(operation: Operation) -> tuple[datetime | None, datetime | None]:
    """The expiry before, and the one that is asked for."""
    asked = operation.parameters
    return _moment(asked["before"]), _moment(asked["until"])


def extension_check(operation: Operation) -> None:
    """Raise Conflict when an approved extension cannot be given any more."""
    environment = Environment.objects.get(pk=operation.subject_id)
    extendable_require(environment, expiry_teardown(environment))
    _, until = extension_dates(operation)
    if until is not None and until <= timezone.now():
        raise Conflict(f"{environment.name} was to live until {moment_words(until)}, which has passed.")


def extension_give(operation: Operation) -> None:
    """Carry an approved extension out: at the good end of its operation, in that transaction."""
    teardown = expiry_teardown_lock(Environment(pk=operation.subject_id))
    row = Environment.objects.select_for_update().get(pk=operation.subject_id)
    _, until = extension_dates(operation)
    before = row.expires_at
    if not is_beyond(until, before):
        return
    expiry_set(row, until, timezone.now())
    if teardown is not None and teardown.status in NOT_BEGUN:
        given = f"operation {operation.pk} extended {row.name}: it expires {when_words(until)}."
        expiry_teardown_withdraw(teardown, given)
    audit_record(
        "environment.extended",
        row,
        actor=operation.requested_by,
        before={"expires_at": _iso(before)},
        after={"expires_at": _iso(until), "operation": operation.pk},
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

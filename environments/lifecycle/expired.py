"""What the portal does by itself as an expiry comes nearer: it warns, and then opens the teardown, once.

`Environment.expiry_due_at` is the next moment at which something is due. Each round takes the environments whose
moment has come, each in a transaction of its own that tells, acts, and moves the moment on: a worker that dies in it
has done nothing, and of two rounds at once the second finds the row taken or the moment moved.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from environments.errors import Conflict
from environments.lifecycle.expiry import (
    WARNINGS,
    expiry_next,
    expiry_rule,
    expiry_warning,
    moment_words,
    span_left,
    tier_words,
    when_words,
)
from environments.lifecycle.models import Environment, ExpiryRule
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.teardown import EXPIRED, MAY_TEAR_DOWN, environment_teardown_expired
from environments.operations.events import event_write
from environments.operations.models import Claim, Operation, Pause
from environments.operations.moves import operation_end
from environments.operations.notices import notice_write
from environments.operations.states import HOLDING, OPEN, OperationStatus

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""The most environments of one round; what is left over is due in the next."""
LOOK_AGAIN = timedelta(seconds=15)
"""When something that expired is looked at anew, while an operation has it."""
NOT_BEGUN = frozenset(
    {
        OperationStatus.PENDING,
        OperationStatus.PLANNING,
        OperationStatus.AWAITING_APPROVAL,
        OperationStatus.QUEUED,
    }
)
"""Statuses of a teardown in which nothing has been changed, so that it can still be withdrawn."""
E = EnvironmentStatus


def expiries_due(now: datetime) -> QuerySet[Environment]:
    """Environments for whose expiry something is to be told or done, the longest due first. None while everything is
    paused; none that is paused itself, or whose account or region is."""
    paused = set(Pause.objects.values_list("covers", flat=True))
    if Pause.EVERYTHING in paused:
        return Environment.objects.none()
    rows = Environment.objects.filter(expiry_due_at__lte=now).order_by("expiry_due_at")
    for covers in paused:
        of, _, which = covers.partition("/")
        if of == Environment._meta.model_name:
            covered = Q(pk=int(which))
        else:
            there = Q(home_region=which) | Q(other_region=which) if which else Q()
            covered = Q(account__account_id=of) & there
        rows = rows.exclude(covered)
    return rows


def expiries_round(
    now: datetime | None = None, *, passed: Callable[[str], None] = lambda _point: None
) -> int:
    """Tell and do what is due; answers for how many environments. One that cannot be handled keeps no other from it.

    `passed` is called at the points where a test kills the process: expiry.warned, expiry.opened.
    """
    now = now or timezone.now()
    handled = 0
    for environment_id in list(expiries_due(now).values_list("pk", flat=True)[:AT_ONCE]):
        try:
            with transaction.atomic():
                handled += _handle(environment_id, now, passed)
        except Exception:
            log.exception("expiry.not-handled", environment=environment_id)
    return handled


def _handle(environment_id: int, now: datetime, passed: Callable[[str], None]) -> bool:
    """One environment, unless another round, an extension or a worker has its row at this moment."""
    row = (
        Environment.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("team", "owner", "account")
        .filter(pk=environment_id, expiry_due_at__lte=now)
        .first()
    )
    if row is None:
        return False
    expires_at = None if row.is_gone else row.expires_at
    warning = expiry_warning(expires_at, now) if expires_at else None
    if expires_at is None or warning is None:
        _next(row, expiry_next(expires_at, now))
    elif row.is_protected or row.status == E.REQUESTED:
        _keep(row, expires_at, now)
    elif warning:
        _warn(row, expires_at, warning, now)
        passed("expiry.warned")
    else:
        _expire(row, now)
        passed("expiry.opened")
    return True


def _keep(row: Environment, expires_at: datetime, now: datetime) -> None:
    """What is protected, or was never built, is not torn down. When its time has come, that is told."""
    if now >= expires_at and row.is_protected:
        _tell(
            row,
            "It is kept, for it is protected. Extend it; or turn its protection off, and it is torn down half an hour"
            " later.",
            "kept",
        )
    elif now >= expires_at:
        _tell(row, "It was never built: withdraw the request, or extend it.", "kept")
    _next(row, expiry_next(expires_at, now))


def _warn(row: Environment, end: datetime, span: timedelta, now: datetime) -> None:
    """Tell that it will be torn down at `end`, which the warning `span` comes before."""
    told = (
        f"{row.name} ({row.team}) expires in {span_left(end - now)}, on {moment_words(end)}: then it is torn down, with"
        " last copies of its database, uploads and access logs. Extend it on its page, or by POST"
        f" environments/{row.name}/extend/."
    )
    key = f"expiring/{row.pk}/{end.isoformat()}/{int(span.total_seconds())}"
    notice_write("environment.expiring", row, told, key=key, data={"expires_at": end.isoformat()})
    row.expiry_warned_at = row.expiry_warned_at or now
    row.expiry_due_at = expiry_next(end, now)
    row.save(update_fields=["expiry_warned_at", "expiry_due_at"])


def _expire(row: Environment, now: datetime) -> None:
    """Open the teardown, unless nobody was warned, or an operation has the environment."""
    grace = WARNINGS[-1]
    if row.expiry_warned_at is None:
        # Workers were down, or a pause or protection was on, when it was time to warn.
        _warn(row, now + grace, grace, now)
        return
    if now < row.expiry_warned_at + grace:
        _next(row, row.expiry_warned_at + grace)
        return
    busy = environment_busy(row)
    if busy is not None:
        _tell(row, f"It is torn down as soon as operation {busy.pk} ({busy.kind}) has ended.", "waits")
        _next(row, now + LOOK_AGAIN)
    elif row.status not in MAY_TEAR_DOWN or row.status == E.TEARING_DOWN:
        _tell(row, f"It is {row.status} at present, and is torn down when it can be.", "waits")
        _next(row, now + LOOK_AGAIN)
    else:
        operation = environment_teardown_expired(environment=row, rule=_rule_words(expiry_rule(row.tier)))
        copies = "with last copies of its database, uploads and access logs"
        _tell(row, f"Operation {operation.pk} tears it down, {copies}.", "teardown")
        _next(row, None)


def environment_busy(environment: Environment) -> Operation | None:
    """What runs on it or is about to, and whoever keeps it (a clone of it); or a teardown that somebody asked for."""
    of_it = Q(subject_type=ContentType.objects.get_for_model(Environment), subject_id=environment.pk)
    claims = Claim.objects.filter(of_it).values("operation")
    moving = Q(status__in=[*HOLDING, OperationStatus.QUEUED]) | Q(status__in=OPEN, kind="teardown")
    return Operation.objects.filter(Q(pk__in=claims) | of_it & moving).order_by("pk").first()


def _rule_words(rule: ExpiryRule) -> str:
    """The rule by which no person has to approve; empty when the tier's rule wants one."""
    if not rule.approves_teardown:
        return ""
    return f"{tier_words(rule.tier)} environments that have expired are torn down with last copies"


def _next(row: Environment, moment: datetime | None) -> None:
    row.expiry_due_at = moment
    row.save(update_fields=["expiry_due_at"])


def _tell(row: Environment, what: str, key: str) -> None:
    """That it has expired, and what comes of it: once for each expiry."""
    end = row.expires_at.isoformat() if row.expires_at else ""
    sentence = f"{row.name} ({row.team}) expired {when_words(row.expires_at)}. {what}"
    notice_write(
        "environment.expired", row, sentence, key=f"expired/{row.pk}/{end}/{key}", data={"expires_at": end}
    )


def expiry_teardown(environment: Environment) -> Operation | None:
    """The open teardown that its expiry opened, if there is one."""
    return Operation.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id=environment.pk,
        kind="teardown",
        status__in=OPEN,
        parameters__has_key=EXPIRED,
    ).first()


def expiry_teardown_lock(environment: Environment) -> Operation | None:
    """The same with its row locked. Ask before locking the environment: workers do so, and each would wait for the
    other."""
    found = expiry_teardown(environment)
    if found is None:
        return None
    locked = Operation.objects.select_for_update(of=("self",)).get(pk=found.pk)
    return None if locked.is_ended else locked


def expiry_teardown_withdraw(teardown: Operation, why: str) -> None:
    """End a teardown that has not begun, because its reason is gone. The caller has locked its row."""
    event_write(teardown.pk, "operation.withdrawn", why)
    operation_end(teardown, OperationStatus.CANCELLED, sentence=f"Withdrawn: {why} Nothing had been changed.")


def expiry_teardown_check(operation: Operation) -> None:
    """Raise Conflict when the reason of a teardown that an expiry opened is gone."""
    if EXPIRED not in operation.parameters:
        return
    row = Environment.objects.get(pk=operation.subject_id)
    if row.status == E.TEARING_DOWN:
        return
    if row.is_protected:
        raise Conflict(f"{row.name} was protected meanwhile.")
    if row.expires_at is None or row.expires_at > timezone.now():
        raise Conflict(f"{row.name} was extended meanwhile: it expires {when_words(row.expires_at)}.")


def expiry_unexpired_require(operation: Operation) -> None:
    """Raise Conflict when what is to be built has expired before it was begun: it would be torn down at once."""
    row = Environment.objects.get(pk=operation.subject_id)
    if row.status == E.REQUESTED and row.expires_at and row.expires_at <= timezone.now():
        raise Conflict(
            f"{row.name} was to live until {moment_words(row.expires_at)}, which has passed. Extend it, then retry."
        )

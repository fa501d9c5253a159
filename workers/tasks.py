"""The few tasks. Each is short, takes ids, and may run twice or late without harm."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from celery import current_app, shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from kombu.exceptions import OperationalError

from environments.lifecycle.applications import applications_delivering
from environments.lifecycle.drift import drift_acceptances_lapse
from environments.lifecycle.drift_nights import drift_checks_forget, drift_night_take, drift_scopes_due
from environments.lifecycle.expired import expiries_due, expiries_round
from environments.lifecycle.faults import orders_wait
from environments.lifecycle.models import Account, Comparison
from environments.lifecycle.room import SCHEDULE as LIMITS
from environments.lifecycle.room import limits_round
from environments.lifecycle.secrets import SCHEDULE as SECRETS
from environments.lifecycle.secrets import with_secrets
from environments.lifecycle.selectors import audit_account
from environments.operations.approvals import operation_call, operation_expire_approval
from environments.operations.chain import export_wanted
from environments.operations.models import Operation
from environments.operations.pauses import pause_covering, paused_among
from environments.operations.queue import send
from environments.operations.scheduling import (
    TICK,
    occurrence_is_taken,
    occurrence_take,
    occurrences_forget,
    pulse_record,
)
from environments.operations.selectors import NOT_BEGUN, due, operations_due, scopes_moving
from environments.operations.states import HOLDING, OperationStatus
from environments.operations.watchdog import watchdog_look
from environments.people.proposals import proposals_expire
from workers import watermark
from workers.audit_export import audit_export
from workers.comparisons import comparison_make
from workers.drift_rounds import RightLost, drift_round, right_of
from workers.faultpoints import fault_point
from workers.observer import SOON_S, is_watched, observe, watch_end, watch_take
from workers.reconcile import reconcile
from workers.retention import assemblies_drop, comparisons_forget
from workers.runner import advance
from workers.sandbox import sandbox_round
from workers.secrets import secrets_round
from workers.versions import versions_round

log = structlog.get_logger(__name__)

# A due operation is not sent again by the next ticks while its message may still wait in the queue.
RESEND = timedelta(seconds=20)
ROUND_AGAIN_S = 10.0
"""A round that has nothing to do for longer gives up its right; the tick starts the next one."""
AT_ONCE = 200
"""The most approvals that one tick ends, and reminds of: a task stays short."""


@shared_task(name="workers.advance", ignore_result=True)
def advance_operation(operation_id: int) -> None:
    """Move one operation on, and see that what it moves is watched."""
    advance(operation_id)
    moving = Operation.objects.filter(pk=operation_id, status__in=HOLDING).exclude(scope="")
    for scope in (scope for row in moving.only("scope", "more_scopes") for scope in row.scopes):
        if not is_watched(scope):
            _watch([scope])


@shared_task(name="workers.tick", ignore_result=True)
def tick() -> None:
    """The net under all countdown messages: wake what is due, re-claim what a dead worker held."""
    watermark.watermark_check()
    if watermark.comparison_is_due():
        _send("workers.reconcile")
    now = timezone.now()
    pulse_record(TICK, now)
    waiting = operations_due(now)
    # Asked once more in the update: a worker may have taken one since, and be done with it.
    Operation.objects.filter(due(now), pk__in=waiting).update(
        due_since=Coalesce("due_since", Value(now)),
        wake_at=Case(When(NOT_BEGUN | Q(wake_at__lte=now), then=Value(now + RESEND)), default=F("wake_at")),
    )
    for operation_id in waiting:
        send(operation_id)
    _watch_what_moves()
    if orders_wait():
        _send("workers.sandbox")
    _look_for_drift(now)
    hour = now.replace(minute=0, second=0, microsecond=0)
    if occurrence_take("housekeeping", hour):
        _send("workers.housekeeping")
    if expiries_due(now).exists():
        _send("workers.expiries")
    if not occurrence_is_taken(LIMITS, hour):
        _send("workers.limits")
    minute = now.replace(second=0, microsecond=0)
    if with_secrets().exists() and occurrence_take(SECRETS, minute):
        _send("workers.secrets")
    # Every minute until the hour's object lies there: a message may be lost, and AWS out of reach.
    if export_wanted(hour) and audit_account() is not None and occurrence_take("audit-export", minute):
        _send("workers.audit_export", [hour.isoformat()])
    five = minute - timedelta(minutes=minute.minute % 5)
    if applications_delivering().exists() and occurrence_take("versions", five):
        _send("workers.versions")
    _expire_approvals(now)
    _call_approvers(now)
    _expire_proposals(now)


@shared_task(name="workers.sandbox", ignore_result=True)
def sandbox() -> None:
    """Carry an administrator's orders to the sandbox, and look at its faults."""
    sandbox_round()


@shared_task(name="workers.watchdog", ignore_result=True)
def watchdog() -> None:
    """Find what no longer moves, and tell a person."""
    for stuck in watchdog_look():
        log.warning("operation.stuck", operation=stuck.operation.pk, cause=stuck.cause)


@shared_task(name="workers.housekeeping", ignore_result=True)
def housekeeping() -> None:
    """Once an hour: drop sessions that have expired, and what is long past: occurrences, comparisons, assemblies."""
    SessionStore.clear_expired()
    log.info(
        "housekeeping.done",
        occurrences=occurrences_forget(),
        comparisons=comparisons_forget(),
        assemblies=assemblies_drop(),
        acceptances=drift_acceptances_lapse(),
        looks=drift_checks_forget(),
    )


@shared_task(name="workers.compare", ignore_result=True)
def compare(comparison_id: int) -> None:
    """Compare templates for a page or an API call that waits for it."""
    row = Comparison.objects.filter(pk=comparison_id).first()
    if row is not None:
        comparison_make(row)


@shared_task(name="workers.expiries", ignore_result=True)
def expiries() -> None:
    """Warn of expiries that come, and open the teardown of what has expired."""
    handled = expiries_round(passed=fault_point)
    log.info("expiries.done", environments=handled)


@shared_task(name="workers.secrets", ignore_result=True)
def secrets() -> None:
    """See which secrets of applications have a value."""
    secrets_round()


@shared_task(name="workers.limits", ignore_result=True)
def limits() -> None:
    """Once an hour: tell of teams at their limit, and make room where their limit says so."""
    limits_round()


@shared_task(name="workers.versions", ignore_result=True)
def versions() -> None:
    """Every five minutes: which versions the registries of applications have."""
    log.info("versions.done", new=versions_round())


@shared_task(name="workers.audit_export", ignore_result=True)
def export_audit(due_at: str) -> None:
    """Once an hour: the chain's head, approvals and reports into the locked bucket."""
    audit_export(datetime.fromisoformat(due_at))


@shared_task(name="workers.observe", ignore_result=True)
def observe_region(account_pk: int, region: str, token: str) -> None:
    """One look at what CloudFormation tells of a region; sends itself again while something moves there."""
    account = Account.objects.get(pk=account_pk)
    right = uuid.UUID(token)
    seconds = observe(account, region, right)
    if seconds is None:
        watch_end(f"{account.account_id}/{region}", right)
    else:
        _send_observe(account_pk, region, right, countdown_s=seconds)


@shared_task(name="workers.drift", ignore_result=True)
def drift(account_pk: int, region: str, token: str) -> None:
    """A part of one account and region's looks for drift; sends itself again while there are more."""
    account = Account.objects.get(pk=account_pk)
    right = uuid.UUID(token)
    try:
        seconds = drift_round(account, region, right)
    except RightLost:
        log.info("drift.right-lost", account=account.account_id, region=region)
        return
    if seconds is None or seconds > ROUND_AGAIN_S:
        watch_end(right_of(f"{account.account_id}/{region}"), right)
    else:
        _send("workers.drift", [account_pk, region, token], seconds)


def _look_for_drift(now: datetime) -> None:
    """Begin a night whose hour has come, and a round in each scope that has something due and no round."""
    with transaction.atomic():
        planned = drift_night_take(now)
    if planned:
        log.info("drift.night", environments=planned)
    due = [scope for scope in drift_scopes_due(now) if pause_covering(scope) is None]
    _start(due, right_of, "workers.drift")


def _expire_approvals(now: datetime) -> None:
    """End what nobody approved in time. One that cannot be ended is logged, and keeps no other from its end."""
    for row in _not_paused("approval_expires_at", now):
        try:
            operation_expire_approval(row.pk)
        except Exception:
            log.exception("approval.not-expired", operation=row.pk)


def _call_approvers(now: datetime) -> None:
    """Remind of approvals that are due. Of what is paused nobody is asked to hurry."""
    for row in _not_paused("approval_call_at", now):
        try:
            operation_call(row.pk)
        except Exception:
            log.exception("approval.not-reminded", operation=row.pk)


def _not_paused(due_field: str, now: datetime) -> list[Operation]:
    """Of what waits for approval, what this field says is due, and no pause covers."""
    due = Operation.objects.filter(
        **{"status": OperationStatus.AWAITING_APPROVAL, f"{due_field}__lte": now}
    ).order_by(due_field)
    rows = list(due.select_related("subject_type").prefetch_related("subject")[: 5 * AT_ONCE])
    paused = paused_among(rows)
    return [row for row in rows if row.pk not in paused][:AT_ONCE]


def _expire_proposals(now: datetime) -> None:
    """End proposals that nobody decided about in time. A mistake here keeps no operation from moving."""
    try:
        proposals_expire(now)
    except Exception:
        log.exception("proposals.not-expired")


def _watch_what_moves() -> None:
    """Start an observer for each scope that moves and has none: the first, or after one has died."""
    _watch([row["scope"] for row in scopes_moving()])


def _watch(scopes: Sequence[str]) -> None:
    _start(scopes, str, "workers.observe", SOON_S)


def _start(
    scopes: Sequence[str], right_of: Callable[[str], str], task: str, countdown_s: float = 0.0
) -> None:
    """Send a task that has the right to a scope, for each whose right is free."""
    if not scopes:
        return
    accounts = {
        account.account_id: account.pk
        for account in Account.objects.filter(account_id__in={scope.split("/")[0] for scope in scopes})
    }
    for scope in scopes:
        account_id, region = scope.split("/")
        right = watch_take(right_of(scope)) if account_id in accounts else None
        if right is not None:
            # The right passes by itself: if the message is lost, the tick starts another one.
            _send(task, [accounts[account_id], region, str(right)], countdown_s)


@shared_task(name="workers.reconcile", ignore_result=True)
def reconcile_all() -> None:
    """After a restore: compare with AWS, and keep the list for the page of health."""
    log.warning("reconciled", differences=len(reconcile()))


def _send_observe(account_pk: int, region: str, right: uuid.UUID, *, countdown_s: float = 0.0) -> None:
    # The right passes by itself: if the message is lost, the tick starts another observer.
    _send("workers.observe", [account_pk, region, str(right)], countdown_s)


def _send(task: str, arguments: Sequence[object] = (), countdown_s: float = 0.0) -> None:
    try:
        current_app.send_task(task, args=list(arguments), countdown=countdown_s or None, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("queue.unreachable", task=task, reason=str(error))

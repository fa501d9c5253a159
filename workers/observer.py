"""What CloudFormation tells by itself: one account and region's queue, drained in batches into rows and events.

Calls grow with accounts and regions, never with environments: a few receives a second while something moves, and
one listing of all stacks each half minute for what an event did not tell.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models import Account
from environments.operations.claims import in_scopes
from environments.operations.models import Operation, Resource, Stack, Step
from environments.operations.queue import send
from environments.operations.states import HOLDING, OperationStatus, StepStatus
from workers.aws import cloudformation, sqs
from workers.aws.session import NoEndpoint, Session
from workers.context import DEPLOYER, READER, connection, role_of
from workers.intake import take_in
from workers.models import Watch
from workers.rows import resources_fill, stack_seen

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=20)
POLL = timedelta(seconds=30)
POLL_BLIND = timedelta(seconds=5)
"""While the queue cannot be read."""
LINGER_S = 2.5
"""From the last news to the last look when no operation runs any more. What comes later waits in the queue."""
KEPT = timedelta(seconds=60)
"""Handled messages are deleted by the ten, the last few after so much silence: before SQS shows them again."""
SOON_S, LATE_S = 1.0, 5.0
"""Between two looks at the queue: soon after news, and later the longer there was none …"""
PATIENCE = 0.1
"""… namely this part of the silence so far: what takes 20 seconds is told at most 2 seconds late."""
BATCHES = 25
"""The most batches of one run: a task stays short."""
HANDLED_MOST = BATCHES * sqs.BATCH
"""Handles that could not be deleted are of no use for long: SQS shows their messages again."""


def watch_take(scope: str) -> uuid.UUID | None:
    """The right to watch a scope, if nobody has it; None otherwise."""
    now = timezone.now()
    Watch.objects.get_or_create(scope=scope)
    token = uuid.uuid4()
    taken = Watch.objects.filter(Q(until__isnull=True) | Q(until__lt=now), scope=scope).update(
        token=token, until=now + LEASE, observed_at=now, polled_at=now
    )
    return token if taken else None


def is_watched(scope: str) -> bool:
    """Whether an observer has the right to a scope now."""
    return Watch.objects.filter(scope=scope, until__gt=timezone.now()).exists()


def watch_keep(scope: str, token: uuid.UUID) -> bool:
    """Renew the right; False when somebody else has it."""
    return bool(Watch.objects.filter(scope=scope, token=token).update(until=timezone.now() + LEASE))


def watch_end(scope: str, token: uuid.UUID) -> None:
    """Give it up: nothing moves any more."""
    Watch.objects.filter(scope=scope, token=token).update(token=None, until=None)


def observe(account: Account, region: str, token: uuid.UUID) -> float | None:
    """One look at the queue, and at all stacks when it is time. Handled messages are deleted when they are ten.

    Answers in how many seconds to look again; None when nothing moves any more, or the right was lost.
    """
    scope = f"{account.account_id}/{region}"
    if not watch_keep(scope, token):
        return None
    watch = Watch.objects.get(scope=scope)
    told, is_blind = 0, False
    try:
        told = drain(account, region, watch)
    except (BotoCoreError, ClientError, NoEndpoint) as error:
        log.warning("observer.blind", scope=scope, reason=str(error)[:300])
        is_blind = True
    is_dark = is_blind and watch.dark_since is not None
    if watch.polled_at is None or timezone.now() - watch.polled_at > (POLL_BLIND if is_blind else POLL):
        Watch.objects.filter(pk=watch.pk).update(polled_at=timezone.now())
        is_dark = is_blind
        try:
            poll(account, region)
        except (BotoCoreError, ClientError, NoEndpoint) as error:
            log.warning("observer.poll-failed", scope=scope, reason=str(error)[:300])
        else:
            is_dark = False
    _dark_note(watch, is_dark=is_dark)
    steps_wake(scope)
    now = timezone.now()
    if told:
        watch.observed_at = now
        Watch.objects.filter(pk=watch.pk).update(observed_at=now)
    runs = Operation.objects.filter(in_scopes([scope]), status__in=HOLDING).exists()
    if not told and not runs:
        _delete_handled(account, region, watch)
        return None
    silence = now - (watch.observed_at or now)
    if silence > KEPT:
        _delete_handled(account, region, watch)
    return min(LATE_S, max(SOON_S if runs else LINGER_S, PATIENCE * silence.total_seconds()))


def dark_since(scope: str) -> datetime | None:
    """Since when a scope has answered nothing, as whoever watches it now has found."""
    watch = Watch.objects.filter(scope=scope, until__gt=timezone.now()).first()
    return watch.dark_since if watch else None


def _dark_note(watch: Watch, *, is_dark: bool) -> None:
    """Note that a region went dark, or answers again: steps that wait there look up at once, and say so."""
    if is_dark == (watch.dark_since is not None):
        return
    now = timezone.now()
    Watch.objects.filter(pk=watch.pk).update(dark_since=now if is_dark else None)
    account_id, region = watch.scope.split("/")
    names = Stack.objects.filter(
        account_id=account_id, region=region, operation__status__in=HOLDING
    ).values_list("operation_id", "name")
    _steps_wake(names, now)


def drain(account: Account, region: str, watch: Watch) -> int:
    """Take what the queue has; answers how many messages were read."""
    queue_url = account.baseline.get(region, {}).get("queue_url")
    if not queue_url:
        return 0
    session = _session(account, region, DEPLOYER)
    count = 0
    for _ in range(BATCHES):
        messages = sqs.receive(session, queue_url)
        if not messages:
            break
        take_in(account.account_id, region, [message["Body"] for message in messages])
        handles = [*watch.handled, *(message["ReceiptHandle"] for message in messages)]
        _handled_keep(watch, handles[-HANDLED_MOST:])
        count += len(messages)
        if len(watch.handled) >= sqs.BATCH:
            sqs.delete(session, queue_url, watch.handled[: sqs.BATCH])
            _handled_keep(watch, watch.handled[sqs.BATCH :])
        if len(messages) < sqs.BATCH:
            break
    return count


def _delete_handled(account: Account, region: str, watch: Watch) -> None:
    """Delete what is left of handled messages. Those that stay for a fault come again, which does no harm."""
    queue_url = account.baseline.get(region, {}).get("queue_url")
    if not queue_url or not watch.handled:
        return
    try:
        sqs.delete(_session(account, region, DEPLOYER), queue_url, watch.handled)
    except (BotoCoreError, ClientError, NoEndpoint) as error:
        log.warning("observer.not-deleted", scope=watch.scope, reason=str(error)[:300])
    _handled_keep(watch, [])


def _handled_keep(watch: Watch, handles: list[str]) -> None:
    watch.handled = handles
    Watch.objects.filter(pk=watch.pk).update(handled=handles)


def poll(account: Account, region: str) -> None:
    """One listing of all stacks, for what no event told; and the resources of stacks at rest that seem to move."""
    stacks = Stack.objects.filter(account_id=account.account_id, region=region).exclude(stack_id="")
    # Only those: the rows of all that were ever deleted stay, and are many in time.
    moving = dict(stacks.filter(status__endswith="_IN_PROGRESS").values_list("stack_id", "pk"))
    behind = dict(
        Resource.objects.filter(
            stack__account_id=account.account_id, stack__region=region, status__endswith="_IN_PROGRESS"
        )
        .exclude(stack__status__endswith="_IN_PROGRESS")
        .exclude(stack__status="DELETE_COMPLETE")
        .exclude(stack__stack_id="")
        .values_list("stack__stack_id", "stack_id")
        .distinct()[:5]
    )
    if not moving and not behind:
        return
    session = _session(account, region, READER)
    for state in cloudformation.stacks_all(session):
        if state.stack_id in moving:
            stack_seen(moving[state.stack_id], state)
    for stack_id, row_id in behind.items():
        resources_fill(row_id, cloudformation.resources_of(session, stack_id))


def steps_wake(scope: str) -> None:
    """Wake each step that still waits for a stack which is at rest by now."""
    account_id, region = scope.split("/")
    at_rest = (
        Stack.objects.filter(account_id=account_id, region=region, operation__status__in=HOLDING)
        .exclude(status="")
        .exclude(status__endswith="_IN_PROGRESS")
        .values_list("operation_id", "name")
    )
    _steps_wake(at_rest, timezone.now())


def _steps_wake(stacks: Iterable[tuple[int, str]], now: datetime) -> None:
    """Wake the steps of operations (by id) that wait for a stack (by name)."""
    wanted: dict[int, list[str]] = defaultdict(list)
    for operation_id, name in stacks:
        wanted[operation_id].append(name)
    for operation_id, names in wanted.items():
        woken = Step.objects.filter(
            operation_id=operation_id,
            status=StepStatus.WAITING,
            waits_for__in=["aws", "dark"],
            wake_at__gt=now + timedelta(seconds=0.2),
            parameters__stack_name__in=names,
        ).update(wake_at=now)
        if woken:
            Operation.objects.filter(pk=operation_id).exclude(status=OperationStatus.PAUSED).update(
                wake_at=now
            )
            send(operation_id)


def reader_session(account: Account, region: str) -> Session:
    """A session that reads, outside any operation."""
    return _session(account, region, READER)


def _session(account: Account, region: str, role: str) -> Session:
    return Session(
        connection(),
        role_of(account, role, session_name="observer", source_identity="switchyard"),
        region,
        before=_nothing,
        after=_nothing,
        is_on_sandbox=account.is_on_sandbox,
    )


def _nothing(_service: str, _operation: str) -> None:
    """The observer holds no lease that a call would renew."""

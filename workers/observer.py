"""What CloudFormation tells by itself: one account and region's queue, drained in batches into rows and events.

Calls grow with accounts and regions, never with environments: a few receives a second while something moves, and
one listing of all stacks each half minute for what an event did not tell.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from environments.lifecycle.models import Account
from environments.lifecycle.states import AccountMode
from environments.operations.events import Draft, events_write
from environments.operations.models import Operation, Resource, Stack, Step
from environments.operations.queue import send
from environments.operations.states import HOLDING, OperationStatus, StepStatus
from workers.aws import cloudformation, sqs
from workers.aws.session import NoEndpoint, Session
from workers.context import DEPLOYER, READER, connection, role_of
from workers.models import Watch
from workers.rows import StackNews, resources_fill, stack_is_news, stack_seen, status_rank

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=20)
POLL = timedelta(seconds=30)
POLL_BLIND = timedelta(seconds=5)
"""While the queue cannot be read."""
LINGER = timedelta(seconds=15)
"""So long after the last operation events may still come."""
SOON_S, LATE_S = 0.6, 5.0
"""Between two looks at the queue: soon after news, and later the longer there was none …"""
PATIENCE = 0.02
"""… namely this part of the silence so far: what takes 4 minutes is told at most 5 seconds late."""
BATCHES = 25
"""The most batches of one run: a task stays short."""


def watch_take(scope: str) -> uuid.UUID | None:
    """The right to watch a scope, if nobody has it; None otherwise."""
    now = timezone.now()
    Watch.objects.get_or_create(scope=scope)
    token = uuid.uuid4()
    taken = Watch.objects.filter(Q(until__isnull=True) | Q(until__lt=now), scope=scope).update(
        token=token, until=now + LEASE, observed_at=now
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
    """One look at the queue, and at all stacks when it is time.

    Answers in how many seconds to look again; None when nothing moves any more, or the right was lost.
    """
    scope = f"{account.account_id}/{region}"
    if not watch_keep(scope, token):
        return None
    watch = Watch.objects.get(scope=scope)
    told, every = 0, POLL
    try:
        told = drain(account, region)
    except (BotoCoreError, ClientError, NoEndpoint) as error:
        # A dark or throttled region: the steps say so themselves; here it only means no news by this way.
        log.warning("observer.blind", scope=scope, reason=str(error)[:300])
        every = POLL_BLIND
    if watch.polled_at is None or timezone.now() - watch.polled_at > every:
        Watch.objects.filter(pk=watch.pk).update(polled_at=timezone.now())
        try:
            poll(account, region)
        except (BotoCoreError, ClientError, NoEndpoint) as error:
            log.warning("observer.poll-failed", scope=scope, reason=str(error)[:300])
    steps_wake(scope)
    now = timezone.now()
    if told:
        watch.observed_at = now
        Watch.objects.filter(pk=watch.pk).update(observed_at=now)
    if told or Operation.objects.filter(scope=scope, status__in=HOLDING).exists():
        Watch.objects.filter(pk=watch.pk).update(moved_at=now)
    elif watch.moved_at is None or now - watch.moved_at > LINGER:
        return None
    silence = (now - (watch.observed_at or now)).total_seconds()
    return min(LATE_S, max(SOON_S, PATIENCE * silence))


def drain(account: Account, region: str) -> int:
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
        sqs.delete(session, queue_url, [message["ReceiptHandle"] for message in messages])
        count += len(messages)
        if len(messages) < sqs.BATCH:
            break
    return count


def take_in(account_id: str, region: str, bodies: Sequence[str]) -> None:
    """Put a batch of EventBridge events into rows. Doubled, late and foreign ones do no harm."""
    events = [event for event in map(_parse, bodies) if event is not None]
    by_stack: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event["at"], status_rank(event["status"]))):
        by_stack[event["stack_id"]].append(event)
    names = {stack_id.split("/")[1] for stack_id in by_stack}
    rows = {
        row.name: row for row in Stack.objects.filter(account_id=account_id, region=region, name__in=names)
    }
    by_operation: dict[int | None, list[tuple[Stack, str]]] = defaultdict(list)
    for stack_id in by_stack:
        row = rows.get(stack_id.split("/")[1])
        if row is not None:
            by_operation[row.operation_id].append((row, stack_id))
    for operation_id, stacks in by_operation.items():
        _take_in_operation(operation_id, stacks, by_stack)


def _take_in_operation(
    operation_id: int | None, stacks: Sequence[tuple[Stack, str]], by_stack: dict[str, list[dict[str, Any]]]
) -> None:
    """Rows and lines of one operation in one transaction: a line is lost with neither or told with both."""
    with transaction.atomic():
        if operation_id is not None:
            # The operation's row first, as steps do: two orders of locking would be a deadlock.
            Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
        drafts: list[Draft] = []
        for row, stack_id in sorted(stacks, key=lambda pair: pair[0].pk):
            drafts += _take_in_stack(row.pk, stack_id, by_stack[stack_id])
        if operation_id is not None:
            events_write(operation_id, sorted(drafts, key=lambda draft: draft.at or timezone.now()))


def _take_in_stack(row_id: int, stack_id: str, news: list[dict[str, Any]]) -> list[Draft]:
    row = Stack.objects.select_for_update().get(pk=row_id)
    drafts = []
    for event in news:
        if event["logical_id"]:
            continue
        told = StackNews(stack_id, event["status"], event["reason"], event["token"], event["at"])
        if stack_is_news(row, told):
            row.stack_id, row.status, row.status_reason = stack_id, event["status"], event["reason"]
            row.seen_at = timezone.now()
            drafts.append(_draft("stack", row, f"Stack {row.name}", event))
    row.save(update_fields=["stack_id", "status", "status_reason", "seen_at"])
    if row.stack_id in ("", stack_id):
        drafts += _take_in_resources(row, [event for event in news if event["logical_id"]])
    return drafts


def _take_in_resources(row: Stack, news: list[dict[str, Any]]) -> list[Draft]:
    ids = {event["logical_id"] for event in news}
    known = {found.logical_id: found for found in Resource.objects.filter(stack=row, logical_id__in=ids)}
    changed: dict[str, Resource] = {}
    drafts = []
    for event in news:
        old = known.get(event["logical_id"])
        if old is not None and not _is_later(event, old):
            continue
        began = event["status"].endswith("_IN_PROGRESS")
        same_life = old is not None and old.status.split("_")[0] == event["status"].split("_")[0]
        found = Resource(
            stack=row,
            logical_id=event["logical_id"],
            physical_id=(event["physical_id"] or (old.physical_id if old else ""))[:600],
            type=event["type"],
            status=event["status"],
            reason=event["reason"],
            started_at=old.started_at if same_life and old else event["at"],
            ended_at=None if began else event["at"],
            seen_at=event["at"],
        )
        if old is None or old.status != event["status"]:
            drafts.append(_draft("resource", row, f"{event['type']} {event['logical_id']}", event))
        known[event["logical_id"]] = changed[event["logical_id"]] = found
    Resource.objects.bulk_create(
        changed.values(),
        update_conflicts=True,
        unique_fields=["stack", "logical_id"],
        update_fields=["physical_id", "type", "status", "reason", "started_at", "ended_at", "seen_at"],
    )
    if changed and row.operation_id is not None:
        done = Resource.objects.filter(stack=row, status__in=["CREATE_COMPLETE", "UPDATE_COMPLETE"]).count()
        Step.objects.filter(
            operation_id=row.operation_id,
            parameters__stack_name=row.name,
            status=StepStatus.WAITING,
            progress_total__gt=0,
        ).update(progress_done=done)
    return drafts


def _is_later(event: dict[str, Any], old: Resource) -> bool:
    """Times are whole seconds on AWS: within one second the further status is the later one."""
    same_second = event["at"].replace(microsecond=0) == old.seen_at.replace(microsecond=0)
    if same_second:
        return status_rank(event["status"]) > status_rank(old.status)
    return bool(event["at"] > old.seen_at)


def _draft(what: str, row: Stack, subject: str, event: dict[str, Any]) -> Draft:
    status = event["status"]
    failed = status.endswith("_FAILED") or "ROLLBACK" in status
    reason = f": {event['reason']}" if event["reason"] and failed else ""
    return Draft(
        kind=f"{what}.{status.lower().replace('_', '-')}"[:60],
        text=f"{subject}: {status}{reason}",
        level="error" if failed else "info",
        step_key=row.key,
        data={"stack": row.name, "status": status, "logical_id": event["logical_id"], "type": event["type"]},
        at=event["at"],
    )


def _parse(body: str) -> dict[str, Any] | None:
    """One message as a flat event; None for what is no CloudFormation event."""
    try:
        event = json.loads(body)
        detail = event["detail"]
        status = detail["status-details"]
        at: datetime | None = parse_datetime(event["time"])
        stack_id = detail["stack-id"]
    except (ValueError, KeyError, TypeError):
        log.warning("observer.unreadable", body=body[:200])
        return None
    if at is None or stack_id.count("/") < 2:
        return None
    return {
        "stack_id": stack_id,
        "at": at,
        "status": status["status"],
        "reason": status.get("status-reason") or "",
        "token": detail.get("client-request-token") or "",
        "logical_id": detail.get("logical-resource-id", ""),
        "physical_id": detail.get("physical-resource-id") or "",
        "type": detail.get("resource-type", "AWS::CloudFormation::Stack"),
    }


def poll(account: Account, region: str) -> None:
    """One listing of all stacks, for what no event told; and the resources of stacks at rest that seem to move."""
    rows = {
        row.stack_id: row
        for row in Stack.objects.filter(account_id=account.account_id, region=region).exclude(stack_id="")
    }
    moving = {stack_id for stack_id, row in rows.items() if row.status.endswith("_IN_PROGRESS")}
    behind = set(
        Resource.objects.filter(
            stack__account_id=account.account_id, stack__region=region, status__endswith="_IN_PROGRESS"
        )
        .exclude(stack__status__endswith="_IN_PROGRESS")
        .exclude(stack__status="DELETE_COMPLETE")
        .values_list("stack__stack_id", flat=True)[:5]
    )
    if not moving and not behind:
        return
    session = _session(account, region, READER)
    for state in cloudformation.stacks_all(session):
        if state.stack_id in moving:
            stack_seen(rows[state.stack_id].pk, state)
    for stack_id in behind:
        if stack_id in rows:
            resources_fill(rows[stack_id].pk, cloudformation.resources_of(session, stack_id))


def steps_wake(scope: str) -> None:
    """Wake each step that still waits for a stack which is at rest by now."""
    account_id, region = scope.split("/")
    now = timezone.now()
    at_rest = (
        Stack.objects.filter(account_id=account_id, region=region, operation__status__in=HOLDING)
        .exclude(status="")
        .exclude(status__endswith="_IN_PROGRESS")
        .values_list("operation_id", "name")
    )
    wanted: dict[int, list[str]] = defaultdict(list)
    for operation_id, name in at_rest:
        wanted[operation_id].append(name)
    for operation_id, names in wanted.items():
        woken = Step.objects.filter(
            operation_id=operation_id,
            status=StepStatus.WAITING,
            waits_for="aws",
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
        is_sandbox=account.mode == AccountMode.SANDBOX,
    )


def _nothing(_service: str, _operation: str) -> None:
    """The observer holds no lease that a call would renew."""

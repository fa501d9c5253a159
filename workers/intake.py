"""EventBridge's events of CloudFormation, in batches, into rows of stacks and resources and lines of operations."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from environments.operations.events import Draft, events_write
from environments.operations.models import Operation, Resource, Stack, Step
from environments.operations.states import StepStatus
from workers.rows import StackNews, resources_done, resources_gone, stack_is_news, status_rank

log = structlog.get_logger(__name__)


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
    if row.status == "DELETE_COMPLETE":
        resources_gone(row.pk)
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
        # Of most resources only the end is told: when it began is not known then.
        same_life = old is not None and old.status.split("_")[0] == event["status"].split("_")[0]
        found = Resource(
            stack=row,
            logical_id=event["logical_id"],
            physical_id=(event["physical_id"] or (old.physical_id if old else ""))[:600],
            type=event["type"],
            status=event["status"],
            reason=event["reason"],
            started_at=old.started_at if same_life and old else event["at"] if began else None,
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
        _steps_progress(row, row.operation_id)
    return drafts


def _steps_progress(row: Stack, operation_id: int) -> None:
    waiting = Step.objects.filter(
        operation_id=operation_id,
        parameters__stack_name=row.name,
        status=StepStatus.WAITING,
        progress_total__gt=0,
    )
    for step in waiting.only("pk", "state", "progress_total"):
        done = min(resources_done(row, step.state.get("quiet", ())), step.progress_total)
        Step.objects.filter(pk=step.pk, status=StepStatus.WAITING).update(progress_done=done)


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

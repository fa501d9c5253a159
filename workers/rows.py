"""Keeping the rows of stacks and resources: newer news wins, whoever brings it and however late.

CloudFormation's events are told at least once, in no order, with times in whole seconds on real AWS. Within one
operation of a stack (one ClientRequestToken) a status only goes forward, so its rank decides and not its time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments.operations.models import Resource, Stack
from workers.aws.cloudformation import StackState

CREATED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
QUIET = (
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
)
"""Types whose success the baseline's rule does not tell (blueprint_cdk/baseline/events.py; a test compares)."""

_ACTIONS = {"REVIEW": 0, "CREATE": 1, "IMPORT": 2, "UPDATE": 3, "ROLLBACK": 5, "DELETE": 6}


def status_rank(status: str) -> int:
    """How far along a status is within one operation, as a number to compare."""
    if not status:
        return -1
    action = status.split("_")[0]
    rank = _ACTIONS.get(action, 0) * 10
    if "ROLLBACK" in status and action != "ROLLBACK":
        rank += 5
    if "CLEANUP" in status:
        return rank + 1
    return rank if status.endswith("_IN_PROGRESS") else rank + 2


@dataclass(frozen=True)
class StackNews:
    """One stack event."""

    stack_id: str
    status: str
    reason: str
    token: str
    at: datetime


def stack_is_news(row: Stack, news: StackNews) -> bool:
    """Whether a stack event tells something later than the row."""
    if row.stack_id and row.stack_id != news.stack_id:
        # Another life of the same name: ours only when it carries the token that we called with.
        return bool(news.token) and news.token == row.last_token and row.status in ("", "DELETE_COMPLETE")
    if news.token and news.token == row.last_token:
        return status_rank(news.status) > status_rank(row.status)
    if not row.stack_id:
        return False
    return row.seen_at is None or news.at > row.seen_at


def stack_seen(row_id: int, found: StackState | None) -> None:
    """Keep what DescribeStacks just said. None is a stack that is not there."""
    with transaction.atomic():
        row = Stack.objects.select_for_update().get(pk=row_id)
        row.seen_at = timezone.now()
        if found is None:
            if row.stack_id:
                row.status, row.status_reason, row.outputs = "DELETE_COMPLETE", "", {}
        else:
            row.stack_id, row.status, row.status_reason = found.stack_id, found.status, found.reason
            row.outputs = found.outputs
        row.save(update_fields=["stack_id", "status", "status_reason", "outputs", "seen_at"])
        if row.status == "DELETE_COMPLETE":
            resources_gone(row_id)


def resources_done(row: Stack, quiet: Iterable[tuple[list[str], int]]) -> int:
    """How many of the stack's resources are there; `quiet` as from `workers.needs.quiet_groups`.

    Resources that nothing is told of count as soon as all that they need is there: they take seconds.
    """
    done = dict(Resource.objects.filter(stack=row, status__in=CREATED).values_list("logical_id", "type"))
    if any(kind in QUIET for kind in done.values()):
        # Somebody told of them as well: the listing at the end, or the rule of an older baseline.
        return len(done)
    return len(done) + sum(count for needs, count in quiet if done.keys() >= set(needs))


def resources_gone(row_id: int) -> None:
    """A stack that is deleted holds nothing any more; what was told to stay keeps its word.

    The times of a resource are those of its creation until an event tells of its deletion.
    """
    Resource.objects.filter(stack_id=row_id).exclude(status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"]).update(
        status="DELETE_COMPLETE", started_at=None, ended_at=None
    )


def resources_fill(row_id: int, described: Iterable[dict[str, Any]]) -> None:
    """Keep what `resources_of` or `resources_told` answered. When a change began is kept where they do not say."""
    with transaction.atomic():
        # The stack's row first, as whoever takes in events does: the rows of resources refer to it, and PostgreSQL
        # looks for it when they are committed. Two orders of locking would be a deadlock.
        Stack.objects.select_for_update().get(pk=row_id)
        _resources_write(row_id, described)


def _resources_write(row_id: int, described: Iterable[dict[str, Any]]) -> None:
    now = timezone.now()
    known = dict(Resource.objects.filter(stack_id=row_id).values_list("logical_id", "started_at"))
    rows = [
        Resource(
            stack_id=row_id,
            logical_id=entry["LogicalResourceId"],
            physical_id=entry.get("PhysicalResourceId", "")[:600],
            type=entry["ResourceType"],
            status=entry["ResourceStatus"],
            reason=entry.get("ResourceStatusReason", ""),
            started_at=entry.get("StartedAt") or known.get(entry["LogicalResourceId"]),
            ended_at=entry.get("Timestamp"),
            seen_at=entry.get("Timestamp") or now,
        )
        for entry in described
    ]
    Resource.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["stack", "logical_id"],
        update_fields=["physical_id", "type", "status", "reason", "started_at", "ended_at", "seen_at"],
    )

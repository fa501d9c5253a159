"""The start page: what waits for me, what runs, what failed, what it costs, and my environments."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import accounts_ready, environments_list
from environments.lifecycle.states import GONE
from environments.operations.models import Operation, Pause
from environments.operations.selectors import approvals_waiting, operations_list
from environments.operations.states import HOLDING, RETRYABLE, OperationStatus
from environments.people.models import User
from environments.people.rights import may
from portal.pages.base import page, viewer

ROWS = 6
CARDS = 24
# A failure older than this is history, and in the list of operations.
RECENT = timedelta(days=14)
UNDER_WAY = HOLDING | {OperationStatus.PENDING, OperationStatus.PLANNING, OperationStatus.QUEUED}


@dataclass(frozen=True)
class Moving:
    """An operation under way: n of m, and that in percent."""

    row: Operation
    done: int
    total: int
    percent: int


def start(request: HttpRequest) -> HttpResponse:
    """Start, for whoever looks; the live part asks for itself again and again."""
    user = viewer(request)
    context = _context(user)
    if request.headers.get("HX-Target") == "moving":
        return render(request, "portal/start/moving.html", context)
    return page(request, "portal/start/page.html", "Start", **context)


def _context(user: User) -> dict[str, Any]:
    approvals = _approvals(user)
    moving = _moving()
    failed = _failed()
    mine = _mine(user)
    cost = _living().aggregate(total=Sum("monthly_cost"), count=Count("pk"))
    return {
        "approvals": approvals[:ROWS],
        "approvals_count": len(approvals),
        "moving": moving[:ROWS],
        "moving_count": len(moving),
        "failed": failed[:ROWS],
        "mine": mine[:CARDS],
        "month_cost": cost["total"] or Decimal(0),
        "environment_count": cost["count"],
        "pause": Pause.objects.filter(covers=Pause.EVERYTHING).first(),
        "may_request": may(user, "environment.request"),
        "has_account": accounts_ready().exists(),
        "says": _sentence(len(approvals), len(moving), len(failed), cost["count"]),
        "tone": "amber" if approvals else "red" if failed else "blue" if moving else "green",
    }


def _approvals(user: User) -> list[Operation]:
    """What the viewer can approve: not their own, and within their reach."""
    if not may(user, "operation.approve"):
        return []
    waiting = list(approvals_waiting().exclude(requested_by=user)[:100])
    reached = may(user, "operation.approve", owner_id=0)
    if reached:
        return waiting
    teams = set(user.teams.values_list("pk", flat=True))
    subjects = dict(
        Environment.objects.filter(pk__in=[row.subject_id for row in waiting]).values_list("pk", "team_id")
    )
    return [row for row in waiting if subjects.get(row.subject_id) in teams]


def _moving() -> list[Moving]:
    """Operations under way, each with how far its steps have come."""
    moving = []
    rows = list(operations_list().filter(status__in=UNDER_WAY).prefetch_related("steps").order_by("-id")[:50])
    for row in rows:
        steps = [step for step in row.steps.all() if step.phase == row.phase]
        total = sum(step.progress_total for step in steps) or len(steps)
        done = (
            sum(step.progress_done for step in steps)
            if any(s.progress_total for s in steps)
            else sum(step.is_done for step in steps)
        )
        moving.append(Moving(row, done, total, round(100 * done / total) if total else 0))
    return moving


def _failed() -> list[Operation]:
    """Failures of late that nothing newer on the same subject has made good."""
    since = timezone.now() - RECENT
    rows = operations_list().filter(status__in=RETRYABLE, ended_at__gte=since).order_by("-id")[:50]
    latest = _latest_ids(rows)
    return [row for row in rows if latest.get((row.subject_type_id, row.subject_id)) == row.pk]


def _latest_ids(rows: Any) -> dict[tuple[int, int], int]:
    newest: dict[tuple[int, int], int] = {}
    ids = {row.subject_id for row in rows}
    for pk, kind, subject in Operation.objects.filter(subject_id__in=ids).values_list(
        "pk", "subject_type_id", "subject_id"
    ):
        newest[(kind, subject)] = max(pk, newest.get((kind, subject), 0))
    return newest


def _living() -> QuerySet[Environment]:
    return Environment.objects.exclude(status__in=GONE)


def _mine(user: User) -> list[Environment]:
    """The viewer's teams' environments; everybody's for those who are in no team."""
    rows = environments_list().exclude(status__in=GONE)
    teams = list(user.teams.values_list("pk", flat=True))
    if teams:
        rows = rows.filter(team__in=teams)
    return list(rows.order_by("name")[:CARDS])


def _sentence(approvals: int, moving: int, failed: int, environments: int) -> str:
    parts = []
    if approvals:
        parts.append("One plan waits for you." if approvals == 1 else f"{approvals} plans wait for you.")
    if failed:
        parts.append(
            "One operation failed and wants a look."
            if failed == 1
            else f"{failed} operations failed and want a look."
        )
    if moving:
        parts.append("One operation is under way." if moving == 1 else f"{moving} operations are under way.")
    if not parts:
        if not environments:
            return "There is no environment yet. Request the first one."
        return "All is calm: nothing waits for you and nothing is under way."
    return " ".join(parts)

"""The start page: what waits for me, what runs, what failed, what it costs, and my environments."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import accounts_ready, environments_list
from environments.lifecycle.states import GONE
from environments.operations.figures import standstill
from environments.operations.models import Operation, Pause
from environments.operations.selectors import approvals_waiting, operations_list, operations_stuck
from environments.operations.states import HOLDING, RETRYABLE, OperationStatus
from environments.people.models import PortalRole, User
from environments.people.rights import RIGHTS, Reach, may
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
    return page(
        request,
        "portal/start/page.html",
        "Start",
        mine=_mine(user),
        pause=Pause.objects.select_related("set_by").filter(covers=Pause.EVERYTHING).first(),
        may_request=may(user, "environment.request"),
        has_account=accounts_ready().exists(),
        **context,
    )


def _context(user: User) -> dict[str, Any]:
    """The part that moves."""
    approvals, approvals_count = _approvals(user)
    under_way = operations_list().filter(status__in=UNDER_WAY)
    moving_count = under_way.count()
    failures = _failures()
    failed_count = failures.count()
    cost = _living().aggregate(total=Sum("monthly_cost"), count=Count("pk"))
    return {
        "stuck": operations_stuck()[:ROWS],
        "standstill": standstill(),
        "approvals": approvals,
        "approvals_count": approvals_count,
        "moving": _moving(under_way) if moving_count else [],
        "moving_count": moving_count,
        "failed": failures[:ROWS] if failed_count else [],
        "month_cost": cost["total"] or Decimal(0),
        "environment_count": cost["count"],
        "says": _sentence(approvals_count, moving_count, failed_count, cost["count"]),
        "tone": "amber"
        if approvals_count
        else "red"
        if failed_count
        else "blue"
        if moving_count
        else "green",
    }


def _approvals(user: User) -> tuple[list[Operation], int]:
    """What the viewer can approve, oldest first, and how many: not their own, and within their reach."""
    if not may(user, "operation.approve"):
        return [], 0
    waiting = approvals_waiting().exclude(requested_by=user)
    if RIGHTS["operation.approve"][PortalRole(user.portal_role)] is not Reach.ALL:
        environments = Environment.objects.filter(team__in=user.teams.all()).values("pk")
        waiting = waiting.filter(subject_type__model="environment", subject_id__in=environments)
    return list(waiting[:ROWS]), waiting.count()


def _moving(under_way: QuerySet[Operation]) -> list[Moving]:
    """The newest operations under way, each with how far its steps have come."""
    moving = []
    for row in under_way.prefetch_related("steps").order_by("-id")[:ROWS]:
        steps = [step for step in row.steps.all() if step.phase == row.phase]
        total, done = sum(s.progress_total for s in steps), sum(s.progress_done for s in steps)
        if not total:
            total, done = len(steps), sum(step.is_done for step in steps)
        moving.append(Moving(row, done, total, round(100 * done / total) if total else 0))
    return moving


def _failures() -> QuerySet[Operation]:
    """Failures of late that nothing newer on the same subject has made good."""
    newer = Operation.objects.filter(
        subject_type=OuterRef("subject_type"), subject_id=OuterRef("subject_id"), pk__gt=OuterRef("pk")
    )
    since = timezone.now() - RECENT
    failed = operations_list().filter(status__in=RETRYABLE, ended_at__gte=since)
    return failed.exclude(Exists(newer)).order_by("-id")


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
            return "No environment is up. Request one."
        return "All is calm: nothing waits for you and nothing is under way."
    return " ".join(parts)

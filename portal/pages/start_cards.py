"""The start page's cards: what waits, runs, failed, hangs, expires, drifts; each a constant number of queries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from environments.display import kind_word, money
from environments.lifecycle.figures import costs_at
from environments.lifecycle.limits import team_usage
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import drift_open_environments, environments_expiring
from environments.lifecycle.states import GONE
from environments.lifecycle.terms import approvals_for
from environments.operations.models import Operation
from environments.operations.selectors import operations_list
from environments.operations.states import HOLDING, RETRYABLE, OperationStatus
from environments.people.changes import title_of
from environments.people.models import Proposal, User
from environments.people.selectors import proposals_for, proposals_waiting

ROWS = 6
# A failure older than this is history, and in the list of operations.
RECENT = timedelta(days=14)
UNDER_WAY = HOLDING | {OperationStatus.PENDING, OperationStatus.PLANNING, OperationStatus.QUEUED}
PLANS, SETTINGS, OWN_FAILED = "Plans to decide on", "Settings to decide on", "Yours that failed"
WEEKS = 5
TREND_KEPT_S = 600


@dataclass(frozen=True)
class Line:
    """One thing of a card: what it is and where it leads, and what is said of it."""

    title: str
    address: str
    says: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Group:
    """Lines of a card under one heading, and how many there are in all."""

    title: str
    lines: list[Line]
    count: int
    tone: str = ""
    more: str = ""


@dataclass(frozen=True)
class Card:
    """One card. Without groups it says `empty`. An alarm says its part of the sentence on top, in its tone, and is
    absent while it has nothing to tell.
    """

    title: str
    groups: list[Group]
    empty: str = "Nothing."
    says: str = ""
    tone: str = ""

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True)
class Moving:
    """An operation under way: n of m, and that in percent."""

    row: Operation
    done: int
    total: int
    percent: int


@dataclass(frozen=True)
class Cost:
    """Estimated USD a month: of all, of the viewer's teams (None without teams), and the past weeks, oldest first."""

    total: Decimal
    environments: int
    mine: Decimal | None
    weeks: list[Decimal] = field(default_factory=list)

    @property
    def change(self) -> Decimal:
        """More (or less) than the oldest of the weeks."""
        return self.total - self.weeks[0] if self.weeks else Decimal(0)

    @property
    def line(self) -> str:
        """The weeks and now as points of a drawing 100 wide and 28 high."""
        values = [*self.weeks, self.total]
        top = max(values) or Decimal(1)
        step = 100 / (len(values) - 1) if len(values) > 1 else 0
        return " ".join(
            f"{n * step:.1f},{26 - 24 * float(value / top):.1f}" for n, value in enumerate(values)
        )


def waits_for(user: User) -> Card:
    """What the viewer can do something about: plans and settings to decide on, own requests that wait, own failures to
    retry.
    """
    groups = [
        _operations(PLANS, approvals_for(user), _asked, more=reverse("admin:approvals"), tone="amber"),
        _proposals(SETTINGS, proposals_for(user), lambda row: f"proposed by {row.proposed_by}", tone="amber"),
        _operations(
            "Your requests that wait for somebody",
            operations_list()
            .select_related("plan")
            .filter(requested_by=user, status=OperationStatus.AWAITING_APPROVAL)
            .order_by("id"),
            lambda row: row.sentence,
        ),
        _proposals(
            "Settings that you proposed",
            proposals_waiting().filter(proposed_by=user),
            lambda row: "Another person has to approve it.",
        ),
        _operations(
            OWN_FAILED,
            failures().filter(requested_by=user),
            lambda row: row.sentence,
            tone="red",
        ),
    ]
    return Card("Waits for me", [group for group in groups if group.count])


def failures() -> QuerySet[Operation]:
    """Failures of late that nothing newer on the same subject has made good, newest first."""
    newer = Operation.objects.filter(
        subject_type=OuterRef("subject_type"), subject_id=OuterRef("subject_id"), pk__gt=OuterRef("pk")
    )
    since = timezone.now() - RECENT
    failed = operations_list().filter(status__in=RETRYABLE, ended_at__gte=since)
    return failed.exclude(Exists(newer)).order_by("-id")


def failed_of_others(user: User) -> Card:
    """Failures of late that somebody else asked for; one's own wait for oneself."""
    group = _operations("", failures().exclude(requested_by=user), lambda row: row.sentence, tone="red")
    return Card("Failed", [group] if group.count else [], "Nothing of anybody else's of late.")


def moving(under_way: QuerySet[Operation]) -> list[Moving]:
    """The newest operations under way, each with how far its steps have come."""
    found = []
    for row in under_way.prefetch_related("steps").order_by("-id")[:ROWS]:
        steps = [step for step in row.steps.all() if step.phase == row.phase]
        total, done = sum(s.progress_total for s in steps), sum(s.progress_done for s in steps)
        if not total:
            total, done = len(steps), sum(step.is_done for step in steps)
        found.append(Moving(row, done, total, round(100 * done / total) if total else 0))
    return found


def under_way() -> QuerySet[Operation]:
    """Operations that go on, or will as soon as they can."""
    return operations_list().filter(status__in=UNDER_WAY)


def living() -> QuerySet[Environment]:
    """Environments that are not gone."""
    return Environment.objects.exclude(status__in=GONE)


def cost_of(user: User, teams: list[int]) -> Cost:
    """What all costs a month by estimate, and how that has moved."""
    all_of_them = living().aggregate(total=Sum("monthly_cost"))["total"] or Decimal(0)
    mine = living().filter(team__in=teams).aggregate(total=Sum("monthly_cost"))["total"] if teams else None
    return Cost(all_of_them, living().count(), mine, _weeks())


def _weeks() -> list[Decimal]:
    """The past weeks' estimates, oldest first, from the first that has any. Worked out once in ten minutes."""
    kept: list[str] | None = cache.get("start-cost-weeks")
    if kept is None:
        now = timezone.now()
        kept = [str(cost) for cost in costs_at([now - timedelta(weeks=n) for n in range(WEEKS, 0, -1)])]
        cache.set("start-cost-weeks", kept, TREND_KEPT_S)
    costs = [Decimal(cost) for cost in kept]
    first = next((n for n, cost in enumerate(costs) if cost), len(costs))
    return costs[first:]


def _asked(row: Operation) -> str:
    cost = row.plan.monthly_cost_after
    price = f", {money(cost)}" if cost else ""
    return f"asked for by {row.requested_by or 'the portal'}{price}"


def _operations(
    title: str,
    rows: QuerySet[Operation],
    says: Callable[[Operation], str],
    *,
    tone: str = "",
    more: str = "",
) -> Group:
    count = rows.count()
    shown: Iterable[Any] = rows[:ROWS] if count else ()
    lines = [
        Line(
            f"{kind_word(row.kind)} {row.subject_label}",
            reverse("admin:operation", args=[row.pk]),
            says(row),
            row.ended_at or row.requested_at,
        )
        for row in shown
    ]
    return Group(title, lines, count, tone, more)


def _proposals(
    title: str, rows: QuerySet[Proposal], says: Callable[[Proposal], str], *, tone: str = ""
) -> Group:
    count = rows.count()
    shown: Iterable[Proposal] = rows[:ROWS] if count else ()
    lines = [
        Line(capfirst(title_of(row)), reverse("admin:proposal", args=[row.pk]), says(row), row.proposed_at)
        for row in shown
    ]
    return Group(title, lines, count, tone, reverse("admin:approvals"))


def expires_soon(user: User) -> Card:
    """What of one's teams (of all, for who is in none) expires within a week, or has expired."""
    rows = environments_expiring(user)
    count = rows.count()
    shown: Iterable[Environment] = rows[:ROWS] if count else ()
    lines = [
        Line(row.name, reverse("admin:environment", args=[row.pk]), f"of {row.team}", row.expires_at)
        for row in shown
    ]
    says = (
        "One environment expires within a week."
        if count == 1
        else f"{count} environments expire within a week."
    )
    return Card("Expires soon", [Group("", lines, count)] if count else [], "", says, "amber")


def over_limit(user: User) -> Card:
    """Teams, of one's own or all for who is in none, to which nothing more can be given."""
    teams = user.teams.all() if user.teams.exists() else None
    full = [usage for usage in team_usage(teams) if usage.is_reached]
    if not full:
        return Card("At its limit", [])
    address = reverse("admin:policies")
    lines = [Line(str(usage.team), address, usage.words) for usage in full[:ROWS]]
    says = f"{full[0].team} is at its limit." if len(full) == 1 else f"{len(full)} teams are at their limits."
    return Card("At its limit", [Group("", lines, len(full))], "", says, "amber")


def drifted(user: User) -> Card:
    """What of one's teams (of all, for who is in none) is no longer as its templates say, the longest first."""
    rows = drift_open_environments()
    teams = list(user.teams.values_list("pk", flat=True))
    rows = rows.filter(team__in=teams) if teams else rows
    count = rows.count()
    shown: Iterable[Environment] = rows[:ROWS] if count else ()
    lines = [
        Line(
            row.name,
            f"{reverse('admin:environment', args=[row.pk])}?tab=drift",
            f"{row.drift_count} {'finding' if row.drift_count == 1 else 'findings'}",
            row.drift_since,
        )
        for row in shown
    ]
    says = "One environment has drifted." if count == 1 else f"{count} environments have drifted."
    return Card("Drifted", [Group("", lines, count)] if count else [], "", says, "amber")


ALARMS: tuple[Callable[[User], Card], ...] = (expires_soon, drifted, over_limit)
"""What wants a look besides, in this order; each is absent while it has nothing to tell."""

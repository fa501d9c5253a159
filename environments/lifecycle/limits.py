"""What a team may have: how many environments, and what they cost a month by estimate, for bills come a day late."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from environments.errors import InvalidFields
from environments.lifecycle.models import Environment, TeamLimit
from environments.lifecycle.states import GONE, AtLimit, EnvironmentStatus
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.notices import notice_write
from environments.operations.states import OPEN
from environments.people.models import PortalRole, Team, User
from environments.people.rights import require

MONTHLY_COST = "monthly_cost"
"""The parameter of an update that says what its environment costs once it is done, in USD a month."""
MOST_ENVIRONMENTS = 10_000
NAMED = 3
"""How many administrators a refusal names."""
LIVING = Q(environments__is_canary=False) & ~Q(environments__status__in=sorted(GONE))
"""What counts: everything that is not gone, requests that wait too. Canaries are an account's, and no team's wish."""


@dataclass(frozen=True)
class Usage:
    """What a team has, and may have. `requested` of the environments are asked for and not begun; `monthly_cost` is
    of all, and of updates that are under way, in USD."""

    team: Team
    limit: TeamLimit | None
    environments: int
    requested: int
    monthly_cost: Decimal

    @property
    def environments_percent(self) -> int:
        """How full it is by number, 0 to 100; 0 without a limit."""
        return _percent(self.environments, self.limit.max_environments if self.limit else None)

    @property
    def cost_percent(self) -> int:
        """How full it is by cost, 0 to 100; 0 without a limit."""
        return _percent(self.monthly_cost, self.limit.max_monthly_cost if self.limit else None)

    @property
    def is_reached(self) -> bool:
        """Whether nothing more fits: the number or the cost is at its limit, or above."""
        return max(self.environments_percent, self.cost_percent) >= 100

    @property
    def words(self) -> str:
        """What it has of what it may have: 5 of 5 environments, USD 812.40 of 2,000.00 a month by estimate."""
        most = self.limit.max_environments if self.limit else None
        cap = self.limit.max_monthly_cost if self.limit else None
        number = f"{self.environments} of {most}" if most is not None else str(self.environments)
        cost = f"{self.monthly_cost:,.2f}" + (f" of {cap:,.2f}" if cap is not None else "")
        noun = "environment" if most is None and self.environments == 1 else "environments"
        return f"{number} {noun}, USD {cost} a month by estimate"


def team_usage(teams: QuerySet[Team] | None = None) -> list[Usage]:
    """What each team has against what it may have, by name: one query over all, and two for updates under way."""
    rows = (Team.objects.all() if teams is None else teams).select_related("limit")
    rows = rows.annotate(
        living=Count("environments", filter=LIVING),
        asked=Count("environments", filter=LIVING & Q(environments__status=EnvironmentStatus.REQUESTED)),
        cost=Sum("environments__monthly_cost", filter=LIVING),
    )
    growth = _growth()
    return [
        Usage(
            team=team,
            limit=getattr(team, "limit", None),
            environments=team.living,
            requested=team.asked,
            monthly_cost=(team.cost or Decimal(0)) + growth.get(team.pk, Decimal(0)),
        )
        for team in rows.order_by("name")
    ]


def limit_problems(team: Team, *, cost: Decimal, adds: int = 1, field: str = "size") -> dict[str, str]:
    """Why the team may not have `adds` environments more that cost `cost` USD a month more: sentences by field.

    Empty when it may, and where its limit only tells.
    """
    limit = TeamLimit.objects.filter(team=team).first()
    if limit is None or limit.at_limit == AtLimit.TELL or (not adds and cost <= 0):
        return {}
    (usage,) = team_usage(Team.objects.filter(pk=team.pk))
    problems = {}
    if adds and limit.max_environments is not None and usage.environments + adds > limit.max_environments:
        asked = f" ({usage.requested} of them only asked for)" if usage.requested else ""
        problems["team"] = (
            f"{team} has {usage.environments} of {limit.max_environments} environments{asked}. Tear one down first, or"
            f" ask {_who_helps()} for a higher limit."
        )
    after = usage.monthly_cost + cost
    if limit.max_monthly_cost is not None and after > limit.max_monthly_cost:
        problems[field] = (
            f"With it {team} would cost about USD {after:,.2f} a month by estimate; its limit is USD"
            f" {limit.max_monthly_cost:,.2f}. Choose a smaller size, tear something down first, or ask {_who_helps()}"
            " for a higher limit."
        )
    return problems


def limit_problems_locked(team: Team, *, cost: Decimal, adds: int = 1, field: str = "size") -> dict[str, str]:
    """The same, for who goes on to write: until the transaction ends nobody else of the team is answered, so that two
    requests at once do not both get the last place."""
    TeamLimit.objects.select_for_update().filter(team=team).first()
    return limit_problems(team, cost=cost, adds=adds, field=field)


def limits_observe(teams: Iterable[Team] | None = None, now: datetime | None = None) -> list[Usage]:
    """Tell of teams that have just reached their limit, once per crossing; answers the teams that are at theirs.

    Asked after each request of a team, and for all teams every hour.
    """
    now = now or timezone.now()
    rows = Team.objects.filter(limit__isnull=False)
    if teams is not None:
        rows = rows.filter(pk__in=[team.pk for team in teams])
    reached = []
    for usage in team_usage(rows):
        assert usage.limit is not None
        if usage.is_reached:
            reached.append(usage)
        if usage.is_reached == (usage.limit.reached_at is not None):
            continue
        with transaction.atomic():
            # Of two that find it at once, one tells.
            mark = TeamLimit.objects.filter(pk=usage.limit.pk, reached_at__isnull=usage.is_reached).update(
                reached_at=now if usage.is_reached else None
            )
            if mark and usage.is_reached:
                _tell(usage, usage.limit, now)
    return reached


def team_limit_set(
    *,
    team: Team,
    max_environments: int | None,
    max_monthly_cost: Decimal | None,
    at_limit: str,
    actor: User | None,
) -> TeamLimit:
    """Give a team its limit. What it has already stays, also when that is more. Raises Forbidden, InvalidFields."""
    require(actor, "limit.change")
    problems = team_limit_problems(max_environments, max_monthly_cost, at_limit)
    if problems:
        raise InvalidFields(problems)
    with transaction.atomic():
        limit, fresh = TeamLimit.objects.select_for_update().get_or_create(team=team)
        before = None if fresh else team_limit_words(limit)
        limit.max_environments, limit.max_monthly_cost = max_environments, max_monthly_cost
        limit.at_limit = at_limit
        limit.save(update_fields=["max_environments", "max_monthly_cost", "at_limit"])
        limits_observe([team])
        audit_record("team-limit.set", team, actor=actor, before=before, after=team_limit_words(limit))
    limit.refresh_from_db()
    return limit


def team_limit_remove(*, limit: TeamLimit, actor: User | None) -> None:
    """Let the team have what it asks for. Raises Forbidden."""
    require(actor, "limit.change")
    with transaction.atomic():
        TeamLimit.objects.filter(pk=limit.pk).delete()
        audit_record("team-limit.removed", limit.team, actor=actor, before=team_limit_words(limit))


def team_limit_words(limit: TeamLimit) -> dict[str, Any]:
    """A limit as the audit keeps it."""
    cost = limit.max_monthly_cost
    return {
        "max_environments": limit.max_environments,
        "max_monthly_cost": None if cost is None else f"{cost:.2f}",
        "at_limit": limit.at_limit,
    }


def team_limit_problems(
    max_environments: int | None, max_monthly_cost: Decimal | None, at_limit: str
) -> dict[str, str]:
    """What is wrong with a limit, by field."""
    problems = {}
    if max_environments is not None and not 0 <= max_environments <= MOST_ENVIRONMENTS:
        problems["max_environments"] = f"A number of environments is from 0 to {MOST_ENVIRONMENTS}."
    if max_monthly_cost is not None and not 0 <= max_monthly_cost < Decimal(10) ** 9:
        problems["max_monthly_cost"] = "A cost is an amount in USD a month, from 0 up."
    if max_environments is None and max_monthly_cost is None:
        problems["max_environments"] = (
            "Limit the number, the cost, or both; to limit neither, remove the limit."
        )
    if at_limit not in AtLimit.values:
        problems["at_limit"] = f"{at_limit[:40]} is not known. Choose one of: {', '.join(AtLimit.values)}."
    return problems


def _growth() -> dict[int, Decimal]:
    """By team, what open updates will cost more a month than their environments do now."""
    kind = ContentType.objects.get_for_model(Environment)
    updates = Operation.objects.filter(
        kind="update", subject_type=kind, status__in=OPEN, parameters__has_key=MONTHLY_COST
    )
    after = dict(updates.values_list("subject_id", f"parameters__{MONTHLY_COST}"))
    grown: dict[int, Decimal] = defaultdict(Decimal)
    for row in Environment.objects.filter(pk__in=after, is_canary=False) if after else ():
        grown[row.team_id] += max(Decimal(0), Decimal(after[row.pk]) - (row.monthly_cost or Decimal(0)))
    return grown


def _tell(usage: Usage, limit: TeamLimit, now: datetime) -> None:
    then = {
        AtLimit.TELL: "Nothing is stopped.",
        AtLimit.STOP_NEW: "New ones are refused until there is room.",
        AtLimit.TEAR_DOWN: "New ones are refused, and development environments that have expired are torn down, until"
        " there is room.",
    }[AtLimit(limit.at_limit)]
    notice_write(
        "limit.reached",
        usage.team,
        f"{usage.team} has reached its limit: {usage.words}. {then}",
        key=f"limit/{limit.pk}/{now.isoformat()}",
        data={"environments": usage.environments, "monthly_cost": f"{usage.monthly_cost:.2f}"},
    )


def _who_helps() -> str:
    people = User.objects.filter(portal_role=PortalRole.ADMINISTRATOR, is_active=True).order_by("username")
    names = ", ".join(str(person) for person in people[:NAMED])
    return f"an administrator ({names})" if names else "an administrator"


def _percent(have: int | Decimal, most: int | Decimal | None) -> int:
    if most is None:
        return 0
    return min(100, int(100 * have / most)) if most else 100

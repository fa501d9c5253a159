"""The start page: what waits for me, what runs, what failed, what it costs, and my environments."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import accounts_ready, environments_list, release_default
from environments.lifecycle.states import GONE
from environments.operations.figures import standstill
from environments.operations.models import Operation, Pause
from environments.operations.selectors import operations_stuck
from environments.people.models import User
from environments.people.rights import may
from portal.pages import start_cards
from portal.pages.base import page, viewer

CARDS = 24


@dataclass(frozen=True)
class Mine:
    """An environment's card: with the failure that nothing has made good yet, and whether a newer release is there."""

    row: Environment
    failed: Operation | None
    is_behind: bool

    @property
    def tone(self) -> str:
        """What its card's edge says: the failure's status, else its own."""
        return self.failed.status if self.failed else self.row.status


def start(request: HttpRequest) -> HttpResponse:
    """Start, for whoever looks; the live part asks for itself again and again."""
    user = viewer(request)
    teams = list(user.teams.values_list("pk", flat=True))
    context = _context(user, teams)
    if request.headers.get("HX-Target") == "moving":
        return render(request, "portal/start/moving.html", context)
    return page(
        request,
        "portal/start/page.html",
        "Start",
        mine=_mine(teams),
        has_teams=bool(teams),
        pause=Pause.objects.select_related("set_by").filter(covers=Pause.EVERYTHING).first(),
        may_request=may(user, "environment.request"),
        has_account=accounts_ready().exists(),
        **context,
    )


def _context(user: User, teams: list[int]) -> dict[str, Any]:
    """The part that moves."""
    under_way = start_cards.under_way()
    moving_count = under_way.count()
    waits, failed = start_cards.waits_for(user), start_cards.failed_of_others(user)
    alarms = [card for card in (alarm(user) for alarm in start_cards.ALARMS) if card.count]
    cost = start_cards.cost_of(user, teams)
    says, tone = _sentence(waits, failed, alarms, moving_count, cost.environments)
    return {
        "stuck": operations_stuck()[: start_cards.ROWS],
        "standstill": standstill(),
        "waits": waits,
        "failed": failed,
        "alarms": alarms,
        "moving": start_cards.moving(under_way) if moving_count else [],
        "moving_count": moving_count,
        "cost": cost,
        "environment_count": cost.environments,
        "says": says,
        "tone": tone,
    }


def _mine(teams: list[int]) -> list[Mine]:
    """The viewer's teams' environments; everybody's for those who are in no team."""
    rows = environments_list().exclude(status__in=GONE)
    if teams:
        rows = rows.filter(team__in=teams)
    shown = list(rows.order_by("name")[:CARDS])
    failed = {
        row.subject_id: row
        for row in start_cards.failures().filter(
            subject_type__model="environment", subject_id__in=[row.pk for row in shown]
        )
    }
    newest = release_default()
    return [
        Mine(
            row,
            failed.get(row.pk),
            newest is not None
            and row.release_id != newest.pk
            and row.release.blueprint_id == newest.blueprint_id
            and row.release.registered_at < newest.registered_at,
        )
        for row in shown
    ]


def _sentence(
    waits: start_cards.Card,
    failed: start_cards.Card,
    alarms: list[start_cards.Card],
    moving: int,
    environments: int,
) -> tuple[str, str]:
    """(how things are and what to do next, its tone)."""
    counts = {group.title: group.count for group in waits.groups}
    plans, own = counts.get(start_cards.PLANS, 0), counts.get(start_cards.OWN_FAILED, 0)
    settings = counts.get(start_cards.SETTINGS, 0)
    parts = [
        _many(plans, "One plan waits for you.", "{} plans wait for you."),
        _many(settings, "One proposed setting waits for you.", "{} proposed settings wait for you."),
        _many(
            failed.count + own,
            "One operation failed and wants a look.",
            "{} operations failed and want a look.",
        ),
        *(card.says for card in alarms),
        _many(moving, "One operation is under way.", "{} operations are under way."),
    ]
    told = " ".join(part for part in parts if part)
    if not told:
        calm = "All is calm: nothing waits for you and nothing is under way."
        return (calm if environments else "No environment is up. Request one."), "green"
    tones = {card.tone for card in alarms}
    if failed.count + own or "red" in tones:
        return told, "red"
    return told, "amber" if plans or settings or alarms else "blue"


def _many(count: int, one: str, more: str) -> str:
    return "" if not count else one if count == 1 else more.format(count)

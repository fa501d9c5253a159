"""Expiry and limits: how long each tier's environments live, what each team may have and has."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from environments.errors import DomainError, Forbidden, Invalid
from environments.lifecycle.limits import Usage, team_usage
from environments.lifecycle.models import ExpiryRule
from environments.lifecycle.policies import (
    expiry_rule_propose,
    team_limit_propose,
    team_limit_remove_propose,
)
from environments.lifecycle.states import AtLimit
from environments.people.models import Team, User
from environments.people.rights import may, require
from portal.pages.base import page, problems_of, proposed, view_requires, viewer


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The rules, and what each team has of what it may have."""
    return _page(request, view_requires(request, "rule.view"))


@require_POST
def rule(request: HttpRequest) -> HttpResponse:
    """Propose another rule for a tier."""
    user = viewer(request)
    require(user, "expiry.change")
    tier = request.POST.get("tier", "")
    try:
        proposal = expiry_rule_propose(
            tier=tier,
            default_days=_whole(request.POST, "default_days"),
            maximum_days=_whole(request.POST, "maximum_days"),
            approves_teardown=request.POST.get("approves_teardown") == "on",
            actor=user,
        )
    except DomainError as error:
        return _refused(request, user, error, tier)
    return proposed(
        request,
        proposal,
        done="The rule was set. Expiries that environments have stay.",
        then="admin:policies",
    )


@require_POST
def limit(request: HttpRequest) -> HttpResponse:
    """Propose a limit for a team."""
    user = viewer(request)
    require(user, "limit.change")
    team = Team.objects.get(slug=request.POST.get("team", ""))
    try:
        proposal = team_limit_propose(
            team=team,
            max_environments=_whole(request.POST, "max_environments"),
            max_monthly_cost=_amount(request.POST, "max_monthly_cost"),
            at_limit=request.POST.get("at_limit", ""),
            actor=user,
        )
    except DomainError as error:
        return _refused(request, user, error, team.slug)
    return proposed(
        request, proposal, done="The limit was set. What the team has stays.", then="admin:policies"
    )


@require_POST
def unlimit(request: HttpRequest) -> HttpResponse:
    """Propose that a team's limit go."""
    user = viewer(request)
    require(user, "limit.change")
    team = Team.objects.get(slug=request.POST.get("team", ""))
    try:
        proposal = team_limit_remove_propose(team=team, actor=user)
    except DomainError as error:
        return _refused(request, user, error, team.slug)
    return proposed(request, proposal, done="The team has no limit any more.", then="admin:policies")


def _page(
    request: HttpRequest,
    user: User,
    *,
    problems: dict[str, str] | None = None,
    at: str = "",
    status: int = 200,
) -> HttpResponse:
    """`problems` are those of the row `at`: a tier, or a team's slug."""
    usages = team_usage()
    return page(
        request,
        "portal/administration/policies.html",
        "Expiry and limits",
        status=status,
        rules=ExpiryRule.objects.all(),
        usages=usages,
        without=[usage.team for usage in usages if usage.limit is None],
        outcomes=AtLimit.choices,
        may_rule=may(user, "expiry.change"),
        may_limit=may(user, "limit.change"),
        says=_sentence(usages),
        tone="amber" if any(usage.is_reached for usage in usages) else "green",
        problems=problems or {},
        at=at,
        typed=request.POST if problems else {},
    )


def _refused(request: HttpRequest, user: User, error: DomainError, at: str) -> HttpResponse:
    if isinstance(error, Forbidden):
        raise error
    return _page(request, user, problems=problems_of(error), at=at, status=400)


def _sentence(usages: list[Usage]) -> str:
    reached = [usage.team.name for usage in usages if usage.is_reached]
    limited = sum(usage.limit is not None for usage in usages)
    if reached:
        verb = "is at its limit" if len(reached) == 1 else "are at their limits"
        return f"{', '.join(reached)} {verb}: what happens then stands beside it."
    if not limited:
        return "No team has a limit yet; how long environments live is settled by tier."
    return "Every team is below its limit; how long environments live is settled by tier."


def _whole(typed: Any, field: str) -> int | None:
    """The number typed, None for nothing. Raises Invalid."""
    text = typed.get(field, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Invalid(f"{text[:20]} is no whole number.", field=field)
    return int(text)


def _amount(typed: Any, field: str) -> Decimal | None:
    """The amount typed, None for nothing. Raises Invalid."""
    text = typed.get(field, "").strip().replace(",", "")
    if not text:
        return None
    try:
        amount = Decimal(text).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise Invalid(f"{text[:20]} is no amount in USD.", field=field) from error
    return amount

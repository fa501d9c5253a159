"""Proposing how long environments live and what teams may have: each is done once a second person agrees
(environments/people/proposals.py), for it says what is torn down without one.
"""

from decimal import Decimal
from typing import Any

from environments.lifecycle.expiry import expiry_rule_set, expiry_rule_words, tier_words
from environments.lifecycle.limits import team_limit_remove, team_limit_set, team_limit_words
from environments.lifecycle.models import ExpiryRule, TeamLimit
from environments.people.changes import Change, change_register
from environments.people.models import Proposal, Team, User
from environments.people.proposals import proposal_open


def expiry_rule_propose(
    *,
    tier: str,
    default_days: int | None,
    maximum_days: int | None,
    approves_teardown: bool,
    reason: str = "",
    actor: User,
) -> Proposal:
    """Propose another rule for a tier (see expiry_rule_set). Raises Forbidden, InvalidFields, Conflict."""
    rule = ExpiryRule.objects.filter(tier=tier).first()
    after = {
        "tier": tier,
        "default_days": default_days,
        "maximum_days": maximum_days,
        "approves_teardown": approves_teardown,
    }
    label = f"{tier_words(tier)} environments"
    return proposal_open(
        verb="expiry-rule.set", subject=rule, label=label, after=after, reason=reason, actor=actor
    )


def team_limit_propose(
    *,
    team: Team,
    max_environments: int | None,
    max_monthly_cost: Decimal | None,
    at_limit: str,
    reason: str = "",
    actor: User,
) -> Proposal:
    """Propose a limit for a team (see team_limit_set). Raises Forbidden, InvalidFields, Conflict."""
    limit = TeamLimit(
        team=team, max_environments=max_environments, max_monthly_cost=max_monthly_cost, at_limit=at_limit
    )
    return proposal_open(
        verb="team-limit.set",
        subject=team,
        label=team.name,
        after=team_limit_words(limit),
        reason=reason,
        actor=actor,
    )


def team_limit_remove_propose(*, team: Team, reason: str = "", actor: User) -> Proposal:
    """Propose that a team's limit go. Raises Forbidden, Conflict (it has none)."""
    return proposal_open(
        verb="team-limit.remove", subject=team, label=team.name, after=None, reason=reason, actor=actor
    )


def _rule(rule: ExpiryRule | None) -> dict[str, Any] | None:
    return None if rule is None else {"tier": rule.tier, **expiry_rule_words(rule)}


def _limit(team: Team) -> dict[str, Any] | None:
    limit = TeamLimit.objects.filter(team=team).first()
    return None if limit is None else team_limit_words(limit)


def _set_rule(proposal: Proposal, _rule: ExpiryRule | None, actor: User) -> ExpiryRule:
    return expiry_rule_set(**(proposal.after or {}), actor=actor)


def _set_limit(proposal: Proposal, team: Team, actor: User) -> Team:
    after = proposal.after or {}
    cost = after["max_monthly_cost"]
    team_limit_set(
        team=team,
        max_environments=after["max_environments"],
        max_monthly_cost=None if cost is None else Decimal(cost),
        at_limit=after["at_limit"],
        actor=actor,
    )
    return team


def _remove_limit(_proposal: Proposal, team: Team, actor: User) -> Team:
    team_limit_remove(limit=TeamLimit.objects.select_related("team").get(team=team), actor=actor)
    return team


CHANGES = (
    Change("expiry-rule.set", "change how long {} live", "expiry.change", _rule, _set_rule),
    Change("team-limit.set", "limit what {} may have", "limit.change", _limit, _set_limit),
    Change("team-limit.remove", "remove the limit of {}", "limit.change", _limit, _remove_limit),
)


def register() -> None:
    """Make these changes known."""
    for change in CHANGES:
        change_register(change)

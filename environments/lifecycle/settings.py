"""Proposing what changes rules, releases and accounts. Each is done once a second person agrees
(environments/people/proposals.py).
"""

from collections.abc import Sequence
from typing import Any

from environments.errors import Conflict, Invalid
from environments.lifecycle import acts
from environments.lifecycle.models import Account, ApprovalRule, Release
from environments.lifecycle.rule_fields import rule_defaults, rule_state
from environments.people.changes import Change, change_register
from environments.people.models import Proposal, User
from environments.people.proposals import proposal_open

RELEASE_VERBS = ("make-default", "withdraw", "restore")


def rule_create_propose(
    *, fields: dict[str, Any], position: int | None = None, reason: str = "", actor: User
) -> Proposal:
    """Propose a rule. Fields that are not told are those of a new rule. Raises Forbidden, InvalidFields."""
    after = {**rule_defaults(), **fields}
    label = str(after["name"]).strip() or "A rule"
    return proposal_open(
        verb="rule.create",
        subject=None,
        label=label,
        after={**after, "position": position},
        reason=reason,
        actor=actor,
    )


def rule_change_propose(
    *, rule: ApprovalRule, fields: dict[str, Any], reason: str = "", actor: User
) -> Proposal:
    """Propose other values of these fields. Raises Forbidden, InvalidFields, Conflict (like that already)."""
    after = {**rule_state(rule), **fields}
    return proposal_open(
        verb="rule.change", subject=rule, label=rule.name, after=after, reason=reason, actor=actor
    )


def rule_delete_propose(*, rule: ApprovalRule, reason: str = "", actor: User) -> Proposal:
    """Propose that a rule go. Raises Forbidden, Conflict."""
    return proposal_open(
        verb="rule.delete", subject=rule, label=rule.name, after=None, reason=reason, actor=actor
    )


def rules_order_propose(*, ids: Sequence[int], reason: str = "", actor: User) -> Proposal:
    """Propose another order of all rules, by their ids. Raises Forbidden, Invalid, Conflict."""
    names = dict(ApprovalRule.objects.values_list("pk", "name"))
    if sorted(ids) != sorted(names):
        raise Invalid("Name each rule once.", field="ids")
    after = {"order": [f"{pk} · {names[pk]}" for pk in ids]}
    return proposal_open(
        verb="rules.order", subject=None, label="the rules", after=after, reason=reason, actor=actor
    )


def release_propose(*, release: Release, verb: str, reason: str = "", actor: User) -> Proposal:
    """Propose to make a release the default, withdraw it or restore it (RELEASE_VERBS). Raises Forbidden, Conflict."""
    after = {"is_default": release.is_default, "is_withdrawn": release.is_withdrawn}
    after |= {
        "make-default": {"is_default": True},
        "withdraw": {"is_withdrawn": True},
        "restore": {"is_withdrawn": False},
    }[verb]
    return proposal_open(
        verb=f"release.{verb}", subject=release, label=str(release), after=after, reason=reason, actor=actor
    )


def account_change_propose(
    *, account: Account, regions: Sequence[str], mode: str, reason: str = "", actor: User
) -> Proposal:
    """Propose other regions of an account, or to make a live one plan-only again. Raises Forbidden, InvalidFields."""
    after = {"regions": sorted(set(regions)), "mode": mode}
    return proposal_open(
        verb="account.change", subject=account, label=account.name, after=after, reason=reason, actor=actor
    )


def _order(_none: None) -> dict[str, Any]:
    return {"order": [f"{rule.pk} · {rule.name}" for rule in ApprovalRule.objects.all()]}


def _release(release: Release) -> dict[str, Any]:
    return {"is_default": release.is_default, "is_withdrawn": release.is_withdrawn}


def _account(account: Account) -> dict[str, Any]:
    return {"regions": sorted(account.regions), "mode": account.mode}


def _after(proposal: Proposal) -> dict[str, Any]:
    after: dict[str, Any] = {**(proposal.after or {})}
    return after


def _create_rule(proposal: Proposal, _none: None, actor: User) -> ApprovalRule:
    # A field that rules have since it was proposed says what a new rule's does.
    fields = {**rule_defaults(), **_after(proposal)}
    position = fields.pop("position")
    return acts.rule_create(fields=fields, position=position, actor=actor)


def _delete_rule(_proposal: Proposal, rule: ApprovalRule, actor: User) -> None:
    acts.rule_delete(rule=rule, actor=actor)


def _order_rules(proposal: Proposal, _none: None, actor: User) -> None:
    ids = [int(line.split(" ")[0]) for line in _after(proposal)["order"]]
    if sorted(_order(None)["order"]) != sorted(_after(proposal)["order"]):
        raise Conflict(
            "The rules have changed meanwhile. Name each of them once, as they are now.", field="ids"
        )
    acts.rules_order(ids=ids, actor=actor)


CHANGES = (
    Change(
        "rule.create",
        "add the rule “{}”",
        "rule.change",
        lambda rule: None,
        _create_rule,
    ),
    Change(
        "rule.change",
        "change the rule “{}”",
        "rule.change",
        rule_state,
        lambda proposal, rule, actor: acts.rule_change(rule=rule, fields=_after(proposal), actor=actor),
    ),
    Change("rule.delete", "delete the rule “{}”", "rule.change", rule_state, _delete_rule),
    Change("rules.order", "put {} in another order", "rule.change", _order, _order_rules),
    Change(
        "release.make-default",
        "offer {} first in new requests",
        "release.change",
        _release,
        lambda proposal, release, actor: acts.release_make_default(release=release, actor=actor),
    ),
    Change(
        "release.withdraw",
        "withdraw {}",
        "release.change",
        _release,
        lambda proposal, release, actor: acts.release_withdraw(release=release, actor=actor),
    ),
    Change(
        "release.restore",
        "offer {} again",
        "release.change",
        _release,
        lambda proposal, release, actor: acts.release_restore(release=release, actor=actor),
    ),
    Change(
        "account.change",
        "change the account {}",
        "account.change",
        _account,
        lambda proposal, account, actor: acts.account_change(
            account=account, **_after(proposal), actor=actor
        ),
    ),
)


def register() -> None:
    """Make the changes of rules, releases and accounts known."""
    for change in CHANGES:
        change_register(change)

"""What changes rules, releases and accounts, done at once. Faces do not come here: they propose (settings.py), and a
second person lets the act happen, in the name of who proposed it.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from environments.errors import Conflict, Invalid, InvalidFields
from environments.lifecycle.models import Account, ApprovalRule, Release
from environments.lifecycle.rule_fields import rule_state, rule_values
from environments.lifecycle.states import GONE, AccountMode
from environments.operations.audit import audit_record
from environments.people.models import User
from environments.people.rights import require


def rule_create(*, fields: dict[str, Any], position: int | None, actor: User | None) -> ApprovalRule:
    """Add a rule at the end, or at a position, moving those behind it. `fields` as `rule_state` tells them."""
    require(actor, "rule.change")
    values = rule_values(fields)
    with transaction.atomic():
        rules = _rules_locked()
        rule = ApprovalRule.objects.create(**values, position=len(rules) + 1)
        place = len(rules) if position is None else min(max(position, 1) - 1, len(rules))
        _number([*rules[:place], rule, *rules[place:]])
        audit_record("rule.created", rule, actor=actor, after={**rule_state(rule), "position": rule.position})
    return rule


def rule_change(*, rule: ApprovalRule, fields: dict[str, Any], actor: User | None) -> ApprovalRule:
    """Change what a rule says, whole. What waits for approval already keeps what it was told."""
    require(actor, "rule.change")
    values = rule_values(fields)
    with transaction.atomic():
        rule = ApprovalRule.objects.select_for_update().get(pk=rule.pk)
        before = rule_state(rule)
        for name, value in values.items():
            setattr(rule, name, value)
        rule.save(update_fields=list(values))
        audit_record("rule.changed", rule, actor=actor, before=before, after=rule_state(rule))
    return rule


def rule_delete(*, rule: ApprovalRule, actor: User | None) -> None:
    """Take a rule away; what it decided goes to the next one that fits, or to one other person."""
    require(actor, "rule.change")
    with transaction.atomic():
        rules = [row for row in _rules_locked() if row.pk != rule.pk]
        audit_record("rule.deleted", rule, actor=actor, before=rule_state(rule))
        ApprovalRule.objects.filter(pk=rule.pk).delete()
        _number(rules)


def rules_order(*, ids: Sequence[int], actor: User | None) -> None:
    """Put the rules in this order. Raises Invalid unless each is named once."""
    require(actor, "rule.change")
    with transaction.atomic():
        rules = {rule.pk: rule for rule in _rules_locked()}
        if sorted(ids) != sorted(rules):
            raise Invalid("Name each rule once.", field="ids")
        before = [str(rule) for rule in rules.values()]
        _number([rules[pk] for pk in ids])
        after = [str(rules[pk]) for pk in ids]
        audit_record("rules.ordered", "rules", actor=actor, before={"order": before}, after={"order": after})


def release_make_default(*, release: Release, actor: User) -> Release:
    """Offer this release first in new requests."""
    require(actor, "release.change")
    with transaction.atomic():
        if release.is_withdrawn:
            raise Conflict(f"Release {release.version} was withdrawn: it cannot be the default.")
        release.blueprint.releases.filter(is_default=True).update(is_default=False)
        release.is_default = True
        release.save(update_fields=["is_default"])
        audit_record("release.made-default", release, actor=actor)
    return release


def release_withdraw(*, release: Release, actor: User) -> Release:
    """Make no new environments from it. Environments that have it keep it."""
    require(actor, "release.change")
    with transaction.atomic():
        if release.is_default:
            raise Conflict("This is the default release. Make another one the default first.")
        release.is_withdrawn = True
        release.save(update_fields=["is_withdrawn"])
        audit_record("release.withdrawn", release, actor=actor)
    return release


def release_restore(*, release: Release, actor: User) -> Release:
    """Offer a withdrawn release again."""
    require(actor, "release.change")
    with transaction.atomic():
        release.is_withdrawn = False
        release.save(update_fields=["is_withdrawn"])
        audit_record("release.restored", release, actor=actor)
    return release


def account_change(*, account: Account, regions: list[str], mode: str, actor: User) -> Account:
    """Change which regions environments may use, or make a live account plan-only again. Raises InvalidFields.

    A new region gets its bootstrap and baseline when the account is added again.
    """
    require(actor, "account.change")
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account.pk)
        problems = _account_problems(account, regions, mode)
        if problems:
            raise InvalidFields(problems)
        before = {"regions": account.regions, "mode": account.mode}
        account.regions, account.mode = regions, mode
        account.save(update_fields=["regions", "mode"])
        after = {"regions": regions, "mode": mode}
        audit_record("account.changed", account, actor=actor, before=before, after=after)
    return account


def _account_problems(account: Account, regions: list[str], mode: str) -> dict[str, str]:
    problems = {}
    release = Release.objects.filter(is_default=True).first() or Release.objects.first()
    known = set(release.regions if release else []) | set(account.regions)
    used = account.environments.exclude(status__in=GONE).values_list("home_region", "other_region")
    left = sorted({region for pair in used for region in pair if region} - set(regions))
    unknown = [region for region in regions if region not in known]
    if not regions:
        problems["regions"] = "Name at least one region."
    elif unknown:
        problems["regions"] = (
            f"No release supports {', '.join(unknown)}. Supported: {', '.join(sorted(known))}."
        )
    elif left:
        problems["regions"] = f"Environments are still in {', '.join(left)}: tear them down first."
    if mode not in (account.mode, AccountMode.PLAN_ONLY) or (
        mode != account.mode and account.mode != AccountMode.LIVE
    ):
        problems["mode"] = (
            "A canary makes a plan-only account live; a live one can be made plan-only again. That is all."
        )
    return problems


def _rules_locked() -> list[ApprovalRule]:
    return list(ApprovalRule.objects.select_for_update().order_by("position", "id"))


def _number(rules: Sequence[ApprovalRule]) -> None:
    for position, rule in enumerate(rules, start=1):
        rule.position = position
    ApprovalRule.objects.bulk_update(rules, ["position"])

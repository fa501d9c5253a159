"""A rule as data: told as JSON, and read from it with a sentence for each field that is not acceptable."""

from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any

from environments.errors import InvalidFields
from environments.lifecycle.models import ApprovalRule, Risk
from environments.lifecycle.rules import kinds_ruled
from environments.lifecycle.states import Tier
from environments.people.rights import RIGHTS

COSTS = ("min_monthly_cost", "max_monthly_cost", "min_cost_increase", "max_cost_increase")
LISTS = ("operation_kinds", "tiers", "sizes", "risks_needed", "risks_covered", "approver_roles")
NUMBERS = ("approvals", "expires_after_h", "remind_after_h")
FLAGS = ("is_enabled", "another_team")
FIELDS = ("name", *FLAGS, *LISTS, *COSTS, *NUMBERS)
LARGEST = Decimal("9999999999.99")
MOST_SIZES = 20


def rule_state(rule: ApprovalRule) -> dict[str, Any]:
    """All that a rule says, as JSON; amounts are text with two places. Its position is not part of it."""
    told = {name: getattr(rule, name) for name in FIELDS}
    for name in COSTS:
        told[name] = None if told[name] is None else f"{Decimal(told[name]):.2f}"
    for name in LISTS:
        told[name] = sorted(told[name])
    return told


def rule_defaults() -> dict[str, Any]:
    """What a new rule says unless told otherwise."""
    return rule_state(ApprovalRule(name=""))


def rule_values(fields: dict[str, Any]) -> dict[str, Any]:
    """A rule's fields from JSON, all of them. Raises InvalidFields."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {**fields}
    name = str(fields["name"]).strip()
    values["name"] = name
    if not 1 <= len(name) <= 120:
        problems["name"] = (
            "Say in up to 120 characters what the rule is about: people read it beside each plan."
        )
    for field, known in _known().items():
        unknown = sorted(set(fields[field]) - set(known))
        values[field] = sorted(set(fields[field]))
        if unknown:
            problems[field] = f"{', '.join(unknown)[:80]} is not known. Known: {', '.join(known)}."
    values["sizes"] = sorted(set(fields["sizes"]))
    if len(values["sizes"]) > MOST_SIZES or any(not 1 <= len(size) <= 20 for size in values["sizes"]):
        problems["sizes"] = f"Name up to {MOST_SIZES} sizes, each in up to 20 characters."
    _costs(fields, values, problems)
    _people(fields, problems)
    _hours(fields, problems)
    uncovered = sorted(set(values["risks_needed"]) - set(values["risks_covered"]))
    if uncovered:
        problems.setdefault(
            "risks_covered",
            f"It would never fit: it needs {', '.join(uncovered)}, so it has to cover that too.",
        )
    if problems:
        raise InvalidFields(problems)
    return values


def _known() -> dict[str, Collection[str]]:
    return {
        "operation_kinds": kinds_ruled(),
        "tiers": Tier.values,
        "risks_needed": Risk.values,
        "risks_covered": Risk.values,
        "approver_roles": [role.value for role in RIGHTS["operation.approve"]],
    }


def _costs(fields: dict[str, Any], values: dict[str, Any], problems: dict[str, str]) -> None:
    for field in COSTS:
        try:
            values[field] = None if fields[field] in (None, "") else Decimal(str(fields[field]))
        except InvalidOperation:
            values[field] = Decimal("NaN")
        amount = values[field]
        least = Decimal(0) if "monthly" in field else -LARGEST
        if amount is not None and not (amount.is_finite() and least <= amount <= LARGEST):
            problems[field] = "This is an amount in USD a month, as 400 or 399.50."
    for least_field, most_field in (COSTS[:2], COSTS[2:]):
        least, most = values[least_field], values[most_field]
        if not {least_field, most_field} & set(problems) and None not in (least, most) and least > most:
            problems[most_field] = "No plan fits: this is less than the least."


def _people(fields: dict[str, Any], problems: dict[str, str]) -> None:
    if fields["approvals"] not in (0, 1, 2):
        problems["approvals"] = "A plan needs 0, 1 or 2 people."
    elif fields["approver_roles"] and not fields["approvals"]:
        problems["approver_roles"] = "Nobody approves by this rule, so it names no roles."
    elif fields["another_team"] and not fields["approvals"]:
        problems["another_team"] = "Nobody approves by this rule, so it asks for nobody of another team."


def _hours(fields: dict[str, Any], problems: dict[str, str]) -> None:
    expires, reminds = fields["expires_after_h"], fields["remind_after_h"]
    if not isinstance(expires, int) or not 1 <= expires <= ApprovalRule.MOST_HOURS:
        problems["expires_after_h"] = f"An approval expires after 1 to {ApprovalRule.MOST_HOURS} hours."
    elif reminds is not None and (not isinstance(reminds, int) or not 1 <= reminds < expires):
        problems["remind_after_h"] = (
            "People are reminded before it expires: after fewer hours than that, or never."
        )

"""Keeping plans, and the hash that an approval carries."""

import hashlib
import json
from decimal import Decimal
from typing import Any, cast

from environments.lifecycle.models import ApprovalRule, Environment, Plan
from environments.operations.kinds import ApprovalNeed
from environments.operations.models import Operation


def plan_hash(document: dict[str, Any]) -> str:
    """SHA-256 of the document as canonical JSON. Price is no part of it: it is compared apart."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def plan_store(
    operation: Operation,
    *,
    document: dict[str, Any],
    hashed: dict[str, Any],
    cost: dict[str, Any] | None = None,
    cost_before: Decimal = Decimal(0),
    assembly: str = "",
) -> Plan:
    """Keep an operation's plan (see Plan.document). `hashed` is what the hash covers: release, spec, region
    facts, templates, parameters, tags and stack policies of all stacks in order, last operation of each stack.
    Call under the operation's lease.
    """
    plan, _ = Plan.objects.update_or_create(
        operation=operation,
        defaults={
            "hash": plan_hash(hashed),
            "document": document,
            "cost": cost or {},
            "monthly_cost_before": cost_before,
            "monthly_cost_after": Decimal(cost["total"]) if cost else Decimal(0),
            "assembly": assembly,
        },
    )
    return plan


def approval_need(operation: Operation) -> ApprovalNeed:
    """What the plan of an operation on an environment needs: a rule that fits, or one other person."""
    plan = operation.plan
    environment = cast(Environment, operation.subject)
    if environment.is_canary:
        part = "Part of a canary, which another person approved as a whole"
        return ApprovalNeed(count=0, plan_hash=plan.hash, rule=part)
    if operation.kind == "update" and plan.is_empty:
        return ApprovalNeed(count=0, plan_hash=plan.hash, nothing=f"Nothing to change in {environment}.")
    rule = rule_fitting(operation.kind, environment, plan.monthly_cost_after)
    if rule is not None:
        return ApprovalNeed(count=0, plan_hash=plan.hash, rule=rule.name)
    return ApprovalNeed(count=1, plan_hash=plan.hash)


def rule_fitting(kind: str, environment: Environment, cost_after: Decimal) -> ApprovalRule | None:
    """The rule by which an operation of this kind on the environment needs no person, if there is one.

    `cost_after` is what the environment costs once it is done, in USD a month: nothing after a teardown.
    """
    for rule in ApprovalRule.objects.filter(operation_kind=kind, tier=environment.tier, is_enabled=True):
        fits_size = rule.size in ("", environment.size)
        fits_cost = rule.max_monthly_cost is None or cost_after <= rule.max_monthly_cost
        if fits_size and fits_cost:
            return rule
    return None

"""Keeping plans, and the hash that an approval carries."""

import hashlib
import json
from decimal import Decimal
from typing import Any, cast

from environments.lifecycle.models import Environment, Plan
from environments.lifecycle.rules import DEFAULT_APPROVALS, facts_of, rule_deciding, terms_of
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
    """What the plan of an operation on an environment needs: what the rule that fits says, or one other person."""
    plan = operation.plan
    environment = cast(Environment, operation.subject)
    if environment.is_canary:
        part = "Part of a canary, which another person approved as a whole"
        return ApprovalNeed(count=0, plan_hash=plan.hash, rule=part)
    if operation.kind == "update" and plan.is_empty:
        return ApprovalNeed(count=0, plan_hash=plan.hash, nothing=f"Nothing to change in {environment}.")
    rule = rule_deciding(facts_of(plan, environment))
    if rule is None:
        return ApprovalNeed(count=DEFAULT_APPROVALS, plan_hash=plan.hash)
    return ApprovalNeed(
        count=rule.approvals,
        plan_hash=plan.hash,
        rule=rule.name,
        expires_after=rule.expires_after,
        remind_after=rule.remind_after,
        terms=terms_of(rule),
    )

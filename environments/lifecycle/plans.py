"""Keeping plans, and the hash that an approval carries."""

import hashlib
import json
from decimal import Decimal
from typing import Any, cast

from django.db.models import Max
from django.utils import timezone

from environments.lifecycle.models import Environment, Plan, PlanVersion
from environments.lifecycle.rules import DEFAULT_APPROVALS, facts_of, rule_deciding
from environments.lifecycle.terms import terms_of
from environments.operations.kinds import ApprovalNeed
from environments.operations.models import Operation

PRICE_MOVES = Decimal("0.05")
"""A price that is further than this from the one that an approval stands on asks again."""


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
    seen: dict[str, Any] | None = None,
) -> Plan:
    """Keep an operation's plan (see Plan.document). `hashed` is what the hash covers: release, spec, region
    facts, templates, parameters, tags and stack policies of all stacks in order, last operation of each stack; and,
    once it has moved by more than PRICE_MOVES, the price. One that takes another's place keeps that as a PlanVersion.
    Call under the operation's lease.
    """
    before = Plan.objects.filter(operation=operation).first()
    total = Decimal(cost["total"]) if cost else Decimal(0)
    basis = before.price_basis if before is not None and before.price_basis is not None else total
    price = before.hashed.get("price") if before is not None else None
    if price_moved(basis, total):
        basis, price = total, str(total)
    if price is not None:
        hashed = {**hashed, "price": price}
    fresh = plan_hash(hashed)
    if before is not None and before.hash != fresh:
        _version_keep(before)
    plan, _ = Plan.objects.update_or_create(
        operation=operation,
        defaults={
            "hash": fresh,
            "hashed": hashed,
            "seen": seen or {},
            "document": document,
            "cost": cost or {},
            "monthly_cost_before": cost_before,
            "monthly_cost_after": total,
            "price_basis": basis,
            "assembly": assembly,
            "made_at": timezone.now(),
        },
    )
    return plan


def price_moved(basis: Decimal, now: Decimal) -> bool:
    """Whether a price is so far from the one that an approval stands on that it asks again."""
    return abs(now - basis) > basis * PRICE_MOVES


def _version_keep(plan: Plan) -> None:
    last = PlanVersion.objects.filter(operation_id=plan.operation_id).aggregate(last=Max("number"))["last"]
    PlanVersion.objects.create(
        operation_id=plan.operation_id,
        number=(last or 0) + 1,
        hash=plan.hash,
        hashed=plan.hashed,
        seen=plan.seen,
        document=plan.document,
        cost=plan.cost,
        made_at=plan.made_at,
    )


def approval_need(operation: Operation) -> ApprovalNeed:
    """What the plan of an operation on an environment needs: what the rule that fits says, or one other person."""
    plan = operation.plan
    environment = cast(Environment, operation.subject)
    if environment.is_canary:
        part = "Part of a canary, which another person approved as a whole"
        return ApprovalNeed(count=0, plan_hash=plan.hash, rule=part)
    if operation.kind in ("deploy", "update", "drift-fix") and plan.is_empty:
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

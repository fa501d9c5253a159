"""The second look: just before anything is changed, what the plan was made from is looked at once more.

It comes after the approval and under the claim, so that nobody of the portal moves it between this look and the
change. What moved sends the operation back to its plan; what AWS is still busy with is waited for.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from environments.lifecycle.accounts import region_facts_latest
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Environment, Plan
from environments.lifecycle.plans import price_moved
from environments.lifecycle.stacks import regions_of
from workers.aws import cloudformation
from workers.aws.cloudformation import DEAD, GONE, StackState
from workers.context import READER, StepContext
from workers.headroom import places_take
from workers.plan_steps import release_of
from workers.workflow import Done, Outcome, PlanAgain, Wait

FRESH = timedelta(seconds=60)
"""A plan that no person was asked for and that is younger needs no second look: its change sets are contained in it."""
BUSY_S = 5.0


def second_look(ctx: StepContext) -> Outcome:
    """Done when all is as planned; back to the plan when something has moved."""
    environment: Environment = ctx.subject
    plan = Plan.objects.get(operation=ctx.operation)
    if not ctx.operation.approvals_needed and timezone.now() - plan.made_at < FRESH:
        _places_take(ctx, environment, plan)
        return Done("The plan was made just now.")
    moved = _facts_moved(ctx, environment, plan) + _price_moved(ctx, plan)
    for row, found in _stacks(ctx, environment, plan):
        if found is not None and found.is_moving:
            return Wait(
                f"Somebody else changes {row['name']} ({found.status}): this waits until it is at rest.",
                BUSY_S,
            )
        # Of a stack that goes also what a create left that came to nothing.
        nothing = GONE if row["template"] is None else GONE | DEAD
        there = None if found is None or found.status in nothing else found
        if row["last_operation"] != (there.last_operation if there else None):
            moved.append(_words(row["name"], row["last_operation"], there))
    if moved:
        return PlanAgain(f"What the plan was made from has moved: {' '.join(moved)}")
    _places_take(ctx, environment, plan)
    return Done("Nothing has moved since the plan.")


def _places_take(ctx: StepContext, environment: Environment, plan: Plan) -> None:
    """Its places within AWS's quotas; raises StepFailed when others have taken them since the plan."""
    quotas = release_of(ctx.operation).description.get("quotas", [])
    needs = plan.document.get("quotas", [])
    places_take(ctx, environment.account, quotas, needs)


def _facts_moved(ctx: StepContext, environment: Environment, plan: Plan) -> list[str]:
    rows = [
        region_facts_latest(environment.account, region)
        for region in regions_of(ctx.operation.parameters["spec"])
    ]
    return [
        f"what is known of {row.region} is version {row.version} now."
        for row in rows
        if plan.hashed.get("facts", {}).get(row.region) != row.facts
    ]


def _price_moved(ctx: StepContext, plan: Plan) -> list[str]:
    costs, spec = release_of(ctx.operation).costs, ctx.operation.parameters["spec"]
    now = Decimal(cost_estimate(costs, spec)["total"])
    if plan.price_basis is None or not price_moved(plan.price_basis, now):
        return []
    return [f"the price is {now} instead of {plan.price_basis} USD a month."]


def _stacks(
    ctx: StepContext, environment: Environment, plan: Plan
) -> list[tuple[dict[str, Any], StackState | None]]:
    """(as hashed, state now); where nothing is there in a region only its first stack is asked for."""
    found: list[tuple[dict[str, Any], StackState | None]] = []
    firsts: dict[str, StackState | None] = {}
    for row in plan.hashed.get("stacks", []):
        region = row["region"]
        if row["last_operation"] is None and region in firsts and firsts[region] is None:
            continue
        state = cloudformation.stack_find(ctx.session(environment.account, region, READER), row["name"])
        firsts.setdefault(region, state)
        found.append((row, state))
    return found


def _words(name: str, planned: str | None, there: StackState | None) -> str:
    if planned is None:
        return f"stack {name} is there now."
    if there is None:
        return f"stack {name} is gone."
    at = f" on {there.changed_at:%d %b %Y at %H:%M:%S} UTC" if there.changed_at else ""
    return f"stack {name} was changed{at} ({there.status})."

"""Extend: more time for an environment than its owner may give alone.

Nothing of it is done in AWS. The plan tells the two dates and what the time between them costs, for a person to
approve; its good end writes the new date (environments.lifecycle.extend).
"""

from decimal import Decimal

from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.expiry import when_words
from environments.lifecycle.extend import extension_dates, extension_summary
from environments.lifecycle.models import Environment
from environments.lifecycle.plans import plan_store
from environments.operations.models import Operation
from workers.context import StepContext
from workers.workflow import Done, Outcome, StepSpec, Workflow, workflow_register


def plan(ctx: StepContext) -> Outcome:
    """The dates, and the cost of the time between them."""
    told = extension_summary(ctx.operation)
    before, until = extension_dates(ctx.operation)
    dates = {"before": str(before or "never"), "until": str(until or "never")}
    document = {"summary": told, "stacks": [], "risks": [], "losses": [], "expiry": dates}
    hashed = {"environment": ctx.operation.subject_id, **dates}
    environment: Environment = ctx.subject
    cost = cost_estimate(environment.release.costs, environment.spec)
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed=hashed,
            cost=cost,
            cost_before=environment.monthly_cost or Decimal(cost["total"]),
        )
    return Done(told)


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    _, until = extension_dates(operation)
    return f"{operation.subject_label} expires {when_words(until)}."


workflow_register(
    Workflow(
        kind="extend",
        plan=(StepSpec("plan", "New expiry", "plan", time_limit_s=300),),
        # What it changes is a row of the portal's own, which its end writes in the same transaction.
        execute=lambda _operation: (),
        functions={"plan": plan},
        succeeded=succeeded,
    )
)

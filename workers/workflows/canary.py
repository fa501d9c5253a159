"""Canary: a plan-only account becomes live by showing that it can.

Plan: the deployer role, and what the bootstrap and the baseline change. Execution: those, per region; then the
smallest environment is built, changed and torn down, each by the operation that does it for any environment.
"""

from environments.lifecycle.canary import canary_request
from environments.lifecycle.models import Account, Environment
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.models import Operation
from environments.people.models import User
from workers.children import child_cancel, child_run
from workers.context import StepContext, subject_of
from workers.workflow import Done, Outcome, StepFailed, StepSpec, Workflow, workflow_register
from workers.workflows import account_add
from workers.workflows.account_add import WEEK_S

DAY_S = 86400
RETENTIONS = (7, 14)
"""Days that logs are kept: the canary's change, from whichever it has not to the other."""


def plan(ctx: StepContext) -> Outcome:
    """The account's own stacks, and then an environment that comes and goes."""
    outcome = account_add.plan(ctx)
    told = "Then the smallest environment is built, changed and torn down; when that has passed, the account is live."
    return Done(f"{outcome.sentence} {told}")


def execute(operation: Operation) -> list[StepSpec]:
    """The account's stacks, then the canary's life, one after the other."""
    account: Account = subject_of(operation)
    region = account.regions[0]
    steps = account_add.execute(operation)
    before = tuple(step.key for step in steps)
    return [
        *steps,
        StepSpec("up", "Smallest environment", "up", before, region, DAY_S),
        StepSpec("change", "Change of it", "change", ("up",), region, DAY_S),
        StepSpec("down", "Teardown of it", "down", ("change",), region, DAY_S),
    ]


def up(ctx: StepContext) -> Outcome:
    """Built, like any other."""
    return child_run(ctx, lambda: canary_request(ctx.operation))


def change(ctx: StepContext) -> Outcome:
    """Changed: its logs are kept for another number of days."""

    def ask() -> Operation:
        environment = _environment(ctx)
        days = next(days for days in RETENTIONS if days != environment.spec["log_retention_days"])
        return environment_update(
            environment=environment, changes={"log_retention_days": days}, actor=_requester(ctx)
        )

    return child_run(ctx, ask)


def down(ctx: StepContext) -> Outcome:
    """Torn down, with nothing kept, and searched for leftovers."""

    def ask() -> Operation:
        environment = _environment(ctx)
        return environment_teardown(
            environment=environment,
            confirm=environment.name,
            copies={store.key: False for store in stores_of(environment)},
            reason=f"The canary of operation {ctx.operation.pk} has done its work.",
            actor=_requester(ctx),
        )

    return child_run(ctx, ask)


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    return f"Account {operation.subject_label} is live: its canary was built, changed and torn down."


def _requester(ctx: StepContext) -> User:
    requester = ctx.operation.requested_by
    if not isinstance(requester, User):
        raise StepFailed("The person who asked for the canary is gone.", remedy="Cancel it, and begin anew.")
    return requester


def _environment(ctx: StepContext) -> Environment:
    """The canary's environment: the subject of what its first step opened."""
    first = Operation.objects.get(pk=ctx.operation.steps.get(key="up").state["child"])
    environment = first.subject
    if not isinstance(environment, Environment):
        raise StepFailed("The canary's environment is gone.", remedy="Cancel it, and begin anew.")
    return environment


workflow_register(
    Workflow(
        kind="canary",
        plan=(
            StepSpec("role", "Roles", "role", time_limit_s=WEEK_S),
            StepSpec("synthesis", "Synthesis", "synthesis", ("role",), time_limit_s=600),
            StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
        ),
        execute=execute,
        functions={**account_add.FUNCTIONS, "plan": plan, "up": up, "change": change, "down": down},
        cancels={**account_add.CANCELS, "up": child_cancel, "change": child_cancel, "down": child_cancel},
        succeeded=succeeded,
    )
)

"""Resync: after somebody has put something right by hand, what the portal knows is read anew from AWS.

Plan: what is there, and how it differs. Execution: the same look once more, and the rows in line with it; the status
follows with the operation's end. AWS is read and never changed, so nobody has to approve.
"""

from environments.lifecycle.models import Environment
from environments.lifecycle.plans import plan_store
from environments.operations.models import Operation
from workers.context import StepContext
from workers.resync import Found, found_differences, found_keep, found_read
from workers.workflow import Done, Outcome, StepSpec, Wait, Workflow, workflow_register


def look(ctx: StepContext) -> Outcome:
    """What AWS has, beside what the portal knows."""
    found, environment = _read(ctx)
    differences = found_differences(found, environment)
    told = _summary(differences)
    document = {
        "summary": f"{told} Nothing in AWS is changed.",
        "stacks": [],
        "risks": differences,
        "losses": [],
        "differences": differences,
    }
    with ctx.fenced() as operation:
        plan_store(
            operation,
            document=document,
            hashed={"environment": environment.full_name, "differences": differences},
        )
    return Done(told)


def rows(ctx: StepContext) -> Outcome:
    """Looked at once more and kept: the rows of stacks and resources are what AWS has."""
    found, environment = _read(ctx)
    moving = [stack.name for stack in found.stacks if stack.state is not None and stack.state.is_moving]
    if moving:
        return Wait(f"Somebody changes {', '.join(moving)} at this moment.", seconds=5.0)
    differences = list(ctx.step.state.get("differences", ())) or found_differences(found, environment)
    # Kept before the rows are: who comes here after a kill would find nothing that differs.
    ctx.remember(differences=differences)
    found_keep(ctx, environment, found)
    problems = found.problems
    resynced = {
        "healthy": not problems,
        "addresses": found.addresses,
        "differences": differences,
        "problems": problems,
    }
    return Done(" ".join([_summary(differences), *problems]), {"resynced": resynced})


def _read(ctx: StepContext) -> tuple[Found, Environment]:
    environment: Environment = ctx.subject
    return found_read(ctx, environment), environment


def _summary(differences: list[str]) -> str:
    if not differences:
        return "Everything is as the portal knows it."
    return "One thing differs." if len(differences) == 1 else f"{len(differences)} things differ."


def succeeded(operation: Operation) -> str:
    """The sentence of the good end: what differed, and what still is not well."""
    told = operation.state["resynced"]
    name, differences, problems = operation.subject_label, told["differences"], told["problems"]
    differed = f"What differed: {' '.join(differences)}" if differences else "Nothing differed."
    if not problems:
        return f"{name} is known as AWS has it, and healthy. {differed}"
    return f"{name} is known as AWS has it, and not healthy: {' '.join(problems)} {differed}"


workflow_register(
    Workflow(
        kind="resync",
        plan=(StepSpec("look", "Look at AWS", "look", time_limit_s=900),),
        execute=lambda operation: [StepSpec("rows", "Rows and status", "rows", time_limit_s=3600)],
        functions={"look": look, "rows": rows},
        succeeded=succeeded,
    )
)

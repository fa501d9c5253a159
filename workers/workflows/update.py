"""Update: an environment's stacks are brought to a new spec. The steps are provision's: each brings its stack to the
template, by a change set where the stack is there, and only with what the approved plan has.
"""

from typing import Any

from environments.operations.models import Operation
from workers import drift
from workers.runtime import runtime
from workers.workflow import StepSpec, Workflow, workflow_register
from workers.workflows import provision


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    asked = operation.parameters
    if "back_to" in asked:
        return f"{operation.subject_label} is back at revision {asked['back_to']}."
    told = [f"{field} {_said(value)}" for field, value in asked["changes"].items()]
    if asked["release"] != asked["release_before"]:
        told.append(f"release {asked['release']}")
    return f"{operation.subject_label} is up to date: {', '.join(told)}."


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


PLAN = (
    StepSpec("facts", "Region facts", "facts", time_limit_s=300),
    # An immutable deployment of a version takes so long.
    StepSpec("runtime", "What runs now", "runtime", time_limit_s=3600),
    StepSpec("synthesis", "Synthesis", "synthesis", ("facts", "runtime"), time_limit_s=600),
    # AWS says "up to several minutes" a stack.
    StepSpec("drift", "Drift", "drift", time_limit_s=1800),
    StepSpec("plan", "Plan", "plan", ("synthesis", "drift"), time_limit_s=600),
)

workflow_register(
    Workflow(
        kind="update",
        plan=PLAN,
        execute=provision.execute,
        functions={**provision.FUNCTIONS, "runtime": runtime, "drift": drift.look},
        cancels=provision.CANCELS,
        succeeded=succeeded,
    )
)

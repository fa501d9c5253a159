"""Update: an environment's stacks are brought to a new spec. The steps are provision's: each brings its stack to the
template, by a change set where the stack is there, and only with what the approved plan has.
"""

from environments.operations.models import Operation
from workers.workflow import Workflow, workflow_register
from workers.workflows import provision


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    asked = operation.parameters
    told = [f"{field} {value}" for field, value in asked["changes"].items()]
    if asked["release"] != asked["release_before"]:
        told.append(f"release {asked['release']}")
    return f"{operation.subject_label} is up to date: {', '.join(told)}."


workflow_register(
    Workflow(
        kind="update",
        plan=provision.PLAN,
        execute=provision.execute,
        functions=provision.FUNCTIONS,
        cancels=provision.CANCELS,
        succeeded=succeeded,
    )
)

"""Application-update: an application that is ready gets another branch, gate, address for findings, or release.

The steps are application-add's: the stack is there, so what the plan shows is what changes, and a change set carries
out what was approved. What holds code, images or keys is never replaced.
"""

from environments.operations.models import Operation
from workers.workflow import Workflow, workflow_register
from workers.workflows import application_add


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    told = [
        f"{name} {_shown(operation.parameters['before'].get(name))} → {_shown(value)}"
        for name, value in operation.parameters["changes"].items()
    ]
    before, release = operation.parameters["release_before"], operation.parameters["release"]
    if before != release:
        told.append(f"release {before} → {release}")
    return f"{operation.subject_label} is changed: {', '.join(told)}."


def _shown(value: object) -> str:
    return "nothing" if value in (None, "") else str(value)


workflow_register(
    Workflow(
        kind="application-update",
        plan=application_add.PLAN,
        execute=application_add.execute,
        functions=application_add.FUNCTIONS,
        cancels=application_add.CANCELS,
        succeeded=succeeded,
    )
)

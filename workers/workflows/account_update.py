"""Account-update: the stacks and settings of an account that is there, brought to the default release.

The plan tells each property before and after; change sets are made just before they are carried out, and only what
the approved plan has is carried out. The guard is looked at, and never changed.
"""

from environments.operations.models import Operation
from workers.account_stacks import release_of
from workers.context import subject_of
from workers.workflow import StepSpec, Workflow, workflow_register
from workers.workflows import account_add
from workers.workflows.account_add import WEEK_S, account_steps


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    return f"The baseline of {subject_of(operation)} is that of release {release_of(operation).version}."


workflow_register(
    Workflow(
        kind="account-update",
        plan=(
            StepSpec("role", "Roles", "role", time_limit_s=WEEK_S),
            StepSpec("synthesis", "Synthesis", "synthesis", ("role",), time_limit_s=600),
            StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
        ),
        execute=account_steps,
        functions=account_add.FUNCTIONS,
        cancels=account_add.CANCELS,
        succeeded=succeeded,
    )
)

"""What must hold before a teardown does anything that cannot be taken back."""

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable
from environments.lifecycle.models import Environment
from workers.aws import cloudformation
from workers.context import READER, StepContext
from workers.losses import grown, losses_count
from workers.names import stack_name
from workers.removal import foreign_imports
from workers.workflow import Done, Outcome, StepFailed, Wait


def check(ctx: StepContext) -> Outcome:
    """All that must hold before anything irreversible."""
    environment: Environment = ctx.subject
    environment.refresh_from_db()
    if environment.is_protected:
        raise _refused(f"{environment.name} was protected meanwhile.", "Turn its protection off, then retry.")
    try:
        account_require_deployable(environment.account, is_canary=environment.is_canary)
    except Conflict as error:
        raise _refused(error.message, "Make the account live, then retry.") from error
    session = ctx.session(environment.account, environment.home_region, READER)
    ours = {stack_name(environment, stack["key"]) for stack in environment.release.stacks}
    ids = set()
    for name in sorted(ours):
        found = cloudformation.stack_find(session, name)
        if found is None:
            continue
        if found.is_moving:
            return Wait(f"{name} is still busy: {found.status}.")
        ids.add(found.stack_id)
    foreign = foreign_imports(session, ids, ours)
    if foreign:
        raise _refused(f"Other stacks use it: {foreign}.", "Remove what they import, then retry.")
    more = grown(
        ctx.operation.state["losses"], losses_count(session, environment, ctx.operation.parameters["copies"])
    )
    if more:
        raise _refused(f"{more}.", "Cancel, and request the teardown again to see the new count.")
    return Done(f"{len(ids)} stacks at rest, used by nobody else; the stores are as they were planned.")


def _refused(sentence: str, remedy: str) -> StepFailed:
    return StepFailed(sentence, reason="check", remedy=remedy)

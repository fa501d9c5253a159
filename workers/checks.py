"""What must hold before a teardown does anything that cannot be taken back."""

from environments.errors import Conflict
from environments.lifecycle.accounts import account_require_deployable
from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import stacks_there
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
    stacks = {stack_name(environment, stack.key): stack.region for stack in stacks_there(environment)}
    ids: dict[str, set[str]] = {region: set() for region in stacks.values()}
    for name, region in sorted(stacks.items()):
        found = cloudformation.stack_find(ctx.session(environment.account, region, READER), name)
        if found is None:
            continue
        if found.is_moving:
            return Wait(f"{name} is still busy: {found.status}.")
        ids[region].add(found.stack_id)
    for region, own in ids.items():
        # An export is of its region, and so are those that import it.
        foreign = foreign_imports(ctx.session(environment.account, region, READER), own, set(stacks))
        if foreign:
            raise _refused(f"Other stacks use it: {foreign}.", "Remove what they import, then retry.")
    more = grown(
        ctx.operation.state["losses"], losses_count(ctx, environment, ctx.operation.parameters["copies"])
    )
    if more:
        raise _refused(f"{more}.", "Cancel, and request the teardown again to see the new count.")
    count = sum(map(len, ids.values()))
    return Done(f"{count} stacks at rest, used by nobody else; the stores are as they were planned.")


def _refused(sentence: str, remedy: str) -> StepFailed:
    return StepFailed(sentence, reason="check", remedy=remedy)

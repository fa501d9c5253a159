"""Deleting the stacks of an environment, as steps: of all of them at a teardown, of those that an update leaves out.

In reverse of their needs: a stack goes when all that needed it, or were joined to it, are gone or no longer do. Before
it: deletion protection off, and its buckets and backup vaults emptied, which AWS asks for.
"""

from collections.abc import Collection, Mapping, Sequence

from botocore.exceptions import ClientError

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import StackOf
from environments.lifecycle.teardown import IRREVERSIBLE
from workers.aws import backup, s3
from workers.aws.session import Session
from workers.context import StepContext
from workers.copies import VAULT, kept_places
from workers.names import stack_name
from workers.removal import (
    BUCKET,
    PROTECTED,
    held_by,
    scaled_readers_remove,
    stack_remove,
    template_unprotected,
    unprotected_target,
)
from workers.stacks import stack_deploy
from workers.workflow import Done, Outcome, Retryable, StepFailed, StepFunction, StepSpec, Wait

STACK_LIMIT_S = 3 * 3600


def steps_of(
    environment: Environment,
    leaving: Sequence[StackOf],
    *,
    after: Sequence[str],
    users: Mapping[str, Collection[str]],
) -> list[StepSpec]:
    """The steps that take these stacks away. `after` are steps before any of them; `users` of a stack's key, those
    that have to be done with it before it goes.
    """
    protected = [stack for stack in leaving if PROTECTED.keys() & set(stack.types)]
    steps = [
        StepSpec(
            f"unprotect-{stack.key}",
            f"Protection off: {_lowered(stack.title)}",
            "unprotect",
            tuple(after),
            stack.region,
            STACK_LIMIT_S,
            _parameters(environment, stack),
        )
        for stack in protected
    ]
    begun = tuple(step.key for step in steps) or tuple(after)
    for stack in reversed(leaving):
        others = [f"delete-{other.key}" for other in leaving if _comes_after(stack, other, leaving)]
        steps.append(
            StepSpec(
                f"delete-{stack.key}",
                f"Deletion of {_lowered(stack.title)}",
                "delete",
                tuple(dict.fromkeys([*begun, *users.get(stack.key, ()), *others])),
                stack.region,
                STACK_LIMIT_S,
                _parameters(environment, stack),
            )
        )
    return steps


def _comes_after(stack: StackOf, other: StackOf, leaving: Sequence[StackOf]) -> bool:
    """Whether a stack goes only after another one: after those that want it, and after those that are joined to it
    (tables, to the key of their replicas), but for what it wants itself (a bucket that replicates to its own).
    """
    is_joined = stack.key in other.joined_to and other.key not in _all_wanted(stack, leaving)
    return stack.key in other.wants or is_joined


def _all_wanted(stack: StackOf, among: Sequence[StackOf]) -> set[str]:
    """Keys of all that a stack wants, however far."""
    stacks = {each.key: each for each in among}
    found: set[str] = set()
    more = set(stack.wants)
    while more:
        found |= more
        more = {want for key in more if key in stacks for want in stacks[key].wants} - found
    return found


def _parameters(environment: Environment, stack: StackOf) -> dict[str, str]:
    return {"stack": stack.key, "stack_name": stack_name(environment, stack.key)}


def _lowered(title: str) -> str:
    return f"{title[0].lower()}{title[1:]}"


def unprotect(ctx: StepContext) -> Outcome:
    """Deletion protection off, by a stack update that changes nothing else."""
    environment: Environment = ctx.subject
    account, region = environment.account, ctx.step.region
    key, name = ctx.step.parameters["stack"], ctx.step.parameters["stack_name"]
    _no_way_back(ctx)
    if ctx.step.state.get("token") != ctx.token:
        template, protected, tags = template_unprotected(ctx.session(account, region), name)
        if not protected:
            return Done("Nothing was protected.")
        ctx.remember(template=template, protected=protected, tags=tags)
    return stack_deploy(ctx, unprotected_target(account, region, key, name, ctx.step.state))


def delete(ctx: StepContext) -> Outcome:
    """One stack goes; its buckets and vaults are emptied first, for AWS refuses to delete a full one, and readers that
    came with demand go, for RDS refuses to delete a cluster that has instances.
    """
    environment: Environment = ctx.subject
    key, name, region = ctx.step.parameters["stack"], ctx.step.parameters["stack_name"], ctx.step.region
    _no_way_back(ctx)
    if ctx.step.state.get("token") != ctx.token:
        session = ctx.session(environment.account, region)
        retain: list[str] = []
        wait = _emptied(session, name, kept_places(ctx.operation.state), retain)
        if wait is not None:
            return wait
        readers = scaled_readers_remove(session, environment, key)
        if readers:
            return Wait(f"Deleting readers that came with demand: {', '.join(readers)}.")
        ctx.remember(retain=retain)
    return stack_remove(ctx, environment.account, region, key, name, retain=ctx.step.state.get("retain", []))


def _no_way_back(ctx: StepContext) -> None:
    if not ctx.operation.state.get(IRREVERSIBLE):
        ctx.share(**{IRREVERSIBLE: True})


def _emptied(session: Session, name: str, kept: Collection[str], retain: list[str]) -> Wait | None:
    """Empty the stack's buckets and vaults, but for those that stay, whose logical ids are noted in `retain`."""
    for bucket in held_by(session, name, (BUCKET, VAULT)):
        if bucket["id"] in kept:
            retain.append(bucket["logical_id"])
        elif bucket["type"] == VAULT:
            if backup.vault_exists(session, bucket["id"]) and (left := _vault_emptied(session, bucket["id"])):
                return Wait(f"Deleting the recovery points of {bucket['id']}: {left} are left.")
        elif s3.bucket_exists(session, bucket["id"]):
            deleted = _empty(session, bucket["id"])
            if deleted:
                return Wait(f"Emptying {bucket['id']}: {deleted} versions deleted just now.", seconds=0.0)
            s3.uploads_abort(session, bucket["id"])
    return None


def _vault_emptied(session: Session, vault: str) -> int | None:
    """See backup.vault_empty. What is being made or copied just now can be deleted soon."""
    try:
        return backup.vault_empty(session, vault)
    except ClientError as error:
        if backup.is_busy(error):
            raise Retryable(f"AWS Backup deletes nothing from {vault} yet: {error}") from error
        raise


def _empty(session: Session, bucket: str) -> int | None:
    """See s3.bucket_empty. What S3 would not delete passes by itself, or is a person's to look at."""
    try:
        return s3.bucket_empty(session, bucket)
    except s3.ObjectsRemain as remain:
        if remain.is_passing:
            raise Retryable(str(remain)) from remain
        raise StepFailed(
            f"{remain}.",
            resource=f"{bucket}/{remain.key}",
            reason=remain.reason,
            remedy="Look at the object's lock and the bucket's policy, then retry.",
        ) from remain


def let_run(ctx: StepContext) -> Outcome:
    """A cancel: what AWS has begun cannot be taken back and is let run; nothing more begins."""
    if ctx.step.state.get("token") != ctx.token:
        return Done("Not begun, because the operation was cancelled.")
    return FUNCTIONS[str(ctx.step.parameters["run"])](ctx)


FUNCTIONS: dict[str, StepFunction] = {"unprotect": unprotect, "delete": delete}
CANCELS: dict[str, StepFunction] = {"unprotect": let_run, "delete": let_run}

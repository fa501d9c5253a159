"""Deploying one stack from a step: look first, store the token, change, then wait for what is told.

A stack's row is kept fresh from three sides: these steps, the observer (events), and its poll. Whoever is later
wins only with newer news (see `rows.status_rank`).
"""

from botocore.exceptions import ClientError
from django.utils import timezone

from environments.operations.models import Resource, Stack
from workers.assembly import template_parse
from workers.aws import change_sets, cloudformation
from workers.aws.cloudformation import AT_REST, DEAD, GONE, GOOD, StackState
from workers.aws.faults import error_code
from workers.aws.session import Session
from workers.context import StepContext
from workers.looks import is_observed, look_at, looks_itself, unanswered, unwatched_s
from workers.needs import quiet_groups
from workers.rows import CREATED, resources_done, resources_fill
from workers.targets import Target, row_of
from workers.updates import change_set_carry_out, policy_back, stack_update
from workers.workflow import Done, Outcome, StepFailed, Wait


def stack_deploy(ctx: StepContext, target: Target) -> Outcome:
    """Create the stack, or bring it to the template. Answers Done when it is at rest and right."""
    if ctx.step.state.get("token") == ctx.token:
        return _watch(ctx, target, row_of(ctx, target))
    return _begin(ctx, target, row_of(ctx, target))


def stack_deploy_cancel(ctx: StepContext, target: Target) -> Outcome:
    """Stop what is under way: an update is cancelled; a create that is not finished is deleted."""
    row = row_of(ctx, target)
    session = ctx.session(target.account, target.region)
    found = look_at(ctx, session, row)
    if found is None or found.status in GONE:
        return Done(f"{target.name} was not begun, or is gone again.")
    if found.status in AT_REST:
        return _cancel_at_rest(ctx, session, target, found)
    if found.status.startswith("UPDATE") and found.is_moving:
        if found.status == "UPDATE_IN_PROGRESS":
            # By its token it is one cancel, however often a worker dies around the call.
            cloudformation.update_cancel(session, found.stack_id, f"{ctx.token}-cancel")
        return Wait(f"{target.name} goes back to what it was: {found.status}.")
    if found.is_moving and found.status != "CREATE_IN_PROGRESS":
        return Wait(f"{target.name} has to come to rest first: {found.status}.")
    if found.status not in DEAD | {"CREATE_IN_PROGRESS"}:
        # It was there before: what a failed rollback has left of it is nobody's to delete.
        raise _stuck(found)
    return _delete_dead(ctx, session, found)


def _cancel_at_rest(ctx: StepContext, session: Session, target: Target, found: StackState) -> Outcome:
    """Nothing moves any more, or nothing has begun to: a change set that waits to be executed is dropped."""
    name = str(ctx.step.state.get("change_set", ""))
    if name and ctx.step.state.get("token") == ctx.token and not ctx.step.state.get("executed"):
        made = change_sets.change_set_describe(session, target.name, name)
        if made["status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return Wait(f"The change set of {target.name} can be dropped as soon as it is there.")
        # CloudFormation forgets one that it has carried out; a worker may have died before it could note that.
        if made["status"] and made["execution"] not in ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"):
            change_sets.change_set_delete(session, target.name, name)
            return Done(f"{target.name} was not changed: its change set was dropped.")
        if not made["status"] and row_of(ctx, target).last_token != ctx.token:
            return Done(f"{target.name} was not changed.")
    if "ROLLBACK" in found.status:
        return Done(f"{target.name} is what it was before.")
    return Done(f"{target.name} had been finished: it stays.")


def _begin(ctx: StepContext, target: Target, row: Stack) -> Outcome:
    """Nothing was changed in this attempt yet: look first."""
    session = ctx.session(target.account, target.region)
    if not row.last_token and not row.stack_id and _creates_others(ctx):
        # The first stack was looked for and was not there; CreateStack looks as well (AlreadyExistsException).
        return _create(ctx, session, target, row)
    found = look_at(ctx, session, row)
    if found is None or found.status in GONE:
        return _create(ctx, session, target, row)
    if found.status in DEAD:
        if not target.may_replace:
            raise _stuck(found)
        return _delete_dead(ctx, session, found)
    if found.is_moving:
        return Wait(f"{target.name} is still busy with what was begun before: {found.status}.")
    if found.status == "UPDATE_ROLLBACK_FAILED" and ctx.step.state.get("continued") != ctx.token:
        # Once per attempt: a person may have mended what the rollback could not put back.
        ctx.remember(continued=ctx.token)
        cloudformation.rollback_continue(session, found.stack_id, f"{ctx.token}-continue")
        return Wait(f"{target.name} goes back to what it was, which it could not before.", seconds=1.0)
    if found.status not in AT_REST:
        raise _stuck(found)
    return stack_update(ctx, session, target, found)


def _creates_others(ctx: StepContext) -> bool:
    """Whether the operation has begun another stack: a portal restored from a backup that is older has not."""
    return Stack.objects.filter(operation_id=ctx.operation.pk).exclude(last_token="").exists()


def _create(ctx: StepContext, session: Session, target: Target, row: Stack) -> Outcome:
    """The intent first: the token on the step, and on the row, so that events find it."""
    ctx.remember(
        token=ctx.token, kind="create", change_set="", quiet=quiet_groups(template_parse(target.template))
    )
    with ctx.fenced():
        Resource.objects.filter(stack=row).delete()
        Stack.objects.filter(pk=row.pk).update(
            last_token=ctx.token,
            stack_id="",
            status="",
            status_reason="",
            outputs={},
            seen_at=None,
            template_hash=target.hash,
        )
    return _create_call(ctx, session, target, row)


def _create_call(ctx: StepContext, session: Session, target: Target, row: Stack) -> Outcome:
    try:
        stack_id = cloudformation.stack_create(session, target.deployment, ctx.token)
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
        ctx.remember(token="")
        return Wait(f"{target.name} is there already: looking at it.", seconds=0.0)
    with ctx.fenced():
        Stack.objects.filter(pk=row.pk, last_token=ctx.token, stack_id="").update(
            stack_id=stack_id, status="CREATE_IN_PROGRESS", seen_at=timezone.now()
        )
    return Wait(f"Creating {target.total} resources.", done=0, total=target.total)


def _watch(ctx: StepContext, target: Target, row: Stack) -> Outcome:
    """Something was begun in this attempt: go on, by the row where it is fresh, else by asking AWS."""
    session = ctx.session(target.account, target.region)
    if ctx.step.state.get("kind") == "update" and not ctx.step.state.get("executed"):
        return change_set_carry_out(ctx, session, target)
    status, reason, stack_id = row.status, row.status_reason, row.stack_id
    if _must_ask(ctx, target, row):
        found = look_at(ctx, session, row)
        if found is None or found.status in GONE:
            if ctx.step.state.get("kind") == "create" and not row.stack_id:
                return _create_call(ctx, session, target, row)
            if found is not None and target.deployment.on_failure == "DELETE":
                raise _failed(ctx, session, target, found)
            raise StepFailed(
                f"{target.name} is gone: somebody deleted it.",
                resource=target.name,
                remedy="Retry to create it again.",
            )
        status, reason, stack_id = found.status, found.reason, found.stack_id
    return _judge(ctx, session, target, row, StackState(stack_id, target.name, status, reason))


def _judge(ctx: StepContext, session: Session, target: Target, row: Stack, now: StackState) -> Outcome:
    if now.status in GOOD:
        known = Resource.objects.filter(stack=row, status__in=CREATED).count()
        if known < target.total or not is_observed(ctx, target.account, target.region):
            resources_fill(row.pk, cloudformation.resources_told(session, now.stack_id))
        if target.named and target.deployment.policy:
            cloudformation.policy_set(session, target.name, target.deployment.policy)
        return Done(f"{target.total} resources are in place ({now.status}).")
    if now.is_moving or not now.status:
        done = resources_done(row, ctx.step.state.get("quiet", ()))
        seconds = None if is_observed(ctx, target.account, target.region) else unwatched_s(ctx)
        wait = Wait(_progress(target, row, now, done), seconds, done=done, total=target.total)
        return unanswered(ctx, target.region) or wait
    if target.named and target.deployment.policy and now.status in AT_REST:
        cloudformation.policy_set(session, target.name, policy_back(target))
    raise _failed(ctx, session, target, now)


def _progress(target: Target, row: Stack, now: StackState, done: int) -> str:
    if "ROLLBACK" in now.status or now.status.startswith("DELETE"):
        return f"It failed and goes back: {now.status}. {now.reason}".strip()
    moving = (
        Resource.objects.filter(stack=row, status__endswith="_IN_PROGRESS").order_by("started_at").first()
    )
    which = f" Now: {moving.logical_id} ({moving.type})." if moving else ""
    return f"{done} of {target.total} resources done.{which}"


def _failed(ctx: StepContext, session: Session, target: Target, now: StackState) -> StepFailed:
    """What CloudFormation gave up, and why; a stack that was there before is what it was again."""
    if now.status == "UPDATE_ROLLBACK_FAILED":
        return _stuck(now)
    cause = cloudformation.failure_find(session, now.stack_id, ctx.token)
    logical_id, kind, reason = cause or (target.name, "AWS::CloudFormation::Stack", now.reason or now.status)
    return StepFailed(
        f"{logical_id} ({kind}) failed: {reason} CloudFormation took the stack back ({now.status}).",
        resource=f"{target.name}/{logical_id}",
        reason=reason,
        remedy="Correct the cause, then retry: the retry changes the stack once more."
        if now.status.startswith("UPDATE")
        else "Correct the cause, then retry: the retry removes what is left of the stack and creates it again.",
    )


def _stuck(found: StackState) -> StepFailed:
    return StepFailed(
        f"{found.name} is {found.status}, which only a person can get it out of. {found.reason}".strip(),
        resource=found.name,
        reason=found.reason or found.status,
        remedy="Put the stack right in the AWS console (continue its rollback), then retry.",
    )


def _delete_dead(ctx: StepContext, session: Session, found: StackState) -> Outcome:
    """A create that came to nothing is in the way: delete it, protection and all. Once an attempt."""
    token = f"{ctx.token}-clean"
    if ctx.step.state.get("cleaned") != token:
        ctx.event(
            "stack.cleaned", f"Stack {found.name} was {found.status}: it is deleted first.", level="warning"
        )
        ctx.remember(cleaned=token)
    elif found.status == "DELETE_FAILED":
        raise not_deleted(session, found, token)
    if found.protected:
        cloudformation.protection_set(session, found.stack_id, protected=False)
    cloudformation.stack_delete(session, found.stack_id, token)
    return Wait(f"Deleting what is left of {found.name} ({found.status}).", seconds=0.3)


def not_deleted(session: Session, found: StackState, token: str) -> StepFailed:
    """The failure of a step whose stack the deletion of `token` did not delete: what was in the way, and why."""
    cause = cloudformation.failure_find(session, found.stack_id, token)
    name = found.name
    logical_id, kind, why = cause or (name, "AWS::CloudFormation::Stack", found.reason or found.status)
    return StepFailed(
        f"{logical_id} ({kind}) could not be deleted: {why}",
        resource=f"{name}/{logical_id}",
        reason=why,
        remedy="Remove what holds it, then retry: the retry deletes the rest of the stack.",
    )


def _must_ask(ctx: StepContext, target: Target, row: Stack) -> bool:
    """Whether AWS is asked: when the row is stale, or when nobody observes the region."""
    if row.last_token == ctx.token and row.status and not row.status.endswith("_IN_PROGRESS"):
        return False
    return looks_itself(ctx, target.account, target.region, row)

"""Bringing a stack that is there to its template: by a change set, made just before it is carried out, and carried
out only when the approved plan has all of it.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from environments.operations.models import Stack
from environments.operations.moves import ATTEMPTS
from workers.assembly import template_hash, template_parse
from workers.aws import change_sets, cloudformation
from workers.aws.cloudformation import StackState
from workers.aws.session import Session
from workers.context import StepContext
from workers.drift_planning import unplanned_reverts
from workers.targets import Target, row_of
from workers.workflow import Done, Outcome, StepFailed, Wait


def stack_update(ctx: StepContext, session: Session, target: Target, found: StackState) -> Outcome:
    """Nothing, when the stack is what it should be; else the change set's name is stored, and it is made."""
    deployed = cloudformation.template_get(session, found.stack_id)
    given = target.deployment.parameters
    is_there = template_hash(deployed) == target.hash and not target.reverts
    is_there = is_there and given.items() <= found.parameters.items()
    if is_there and target.deployment.tags.items() <= found.tags.items():
        Stack.objects.filter(pk=row_of(ctx, target).pk).update(template_hash=target.hash)
        return Done(f"Nothing to do: {target.name} is what it should be.")
    _require_unmoved(ctx, target, found)
    # By the step: a stack that is joined to the other region is changed twice.
    change_set = f"sy-{ctx.operation.pk}-{ctx.step.key}-{ctx.step.attempts}"
    # What it was told before it is told again: also that it was joined to the other region.
    told = template_parse(target.template).get("Parameters", {})
    keeps = sorted(name for name in found.parameters if name in told and name not in given)
    ctx.remember(token=ctx.token, kind="update", change_set=change_set, keeps=keeps, executed=False)
    return change_set_carry_out(ctx, session, target)


def _require_unmoved(ctx: StepContext, target: Target, found: StackState) -> None:
    """In the first attempt nobody else may have changed the stack since the plan; later ones come after our own."""
    is_first = ctx.step.attempts == ctx.operation.state.get(ATTEMPTS, {}).get(ctx.step.key, 0) + 1
    if is_first and target.last_operation and found.last_operation != target.last_operation:
        at = f" on {found.changed_at:%d %b %Y at %H:%M:%S} UTC" if found.changed_at else ""
        raise StepFailed(
            f"{target.name} has moved since the plan: somebody changed it{at}.",
            resource=target.name,
            reason="not in the approved plan",
            remedy="Plan it again: the new plan shows what changes now.",
            moved=True,
        )


def change_set_carry_out(ctx: StepContext, session: Session, target: Target) -> Outcome:
    """Made just before it is carried out, and only carried out when the approved plan has all of it."""
    name = str(ctx.step.state["change_set"])
    if not ctx.step.state.get("asked"):
        keeps = ctx.step.state.get("keeps", ())
        change_sets.change_set_create(
            session, target.deployment, name, ctx.token, keeps=keeps, reverts=target.reverts
        )
        ctx.remember(asked=True)
    made = change_sets.change_set_describe(session, target.name, name, values=target.reverts)
    if not made["status"]:
        return _change_set_gone(ctx, target)
    if made["status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        return Wait(f"CloudFormation works out what changes in {target.name}.")
    if made["status"] == "FAILED":
        change_sets.change_set_delete(session, target.name, name)
        if "didn't contain changes" in made["reason"] or "No updates" in made["reason"]:
            return Done(f"Nothing to do: {target.name} is what it should be.")
        raise StepFailed(
            f"The change set of {target.name} failed: {made['reason']}",
            resource=target.name,
            reason=made["reason"],
        )
    moved = unplanned(made["changes"], target.planned, target.touched)
    if not moved and target.reverts:
        moved = unplanned_reverts(made["changes"], target.planned, target.touched)
    if moved:
        change_sets.change_set_delete(session, target.name, name)
        raise StepFailed(
            f"{target.name} has moved since the plan: {moved}",
            resource=target.name,
            reason="not in the approved plan",
            remedy="Plan it again: the new plan shows what changes now.",
            moved=True,
        )
    if made["execution"] == "AVAILABLE":
        with ctx.fenced():
            Stack.objects.filter(pk=row_of(ctx, target).pk).update(
                last_token=ctx.token,
                status="UPDATE_IN_PROGRESS",
                template_hash=target.hash,
                seen_at=timezone.now(),
            )
        if target.named and target.deployment.policy:
            cloudformation.policy_set(session, target.name, policy_during(target))
        change_sets.change_set_execute(session, target.name, name, ctx.token)
    # Also when it was executed by a worker that died before it came here.
    if target.deployment.policy and not target.named:
        cloudformation.policy_set(session, target.name, target.deployment.policy)
    ctx.remember(executed=True)
    return Wait(f"Changing {len(made['changes'])} resources.", done=0, total=target.total)


def policy_during(target: Target) -> str:
    """The stack policy while what was named is replaced or removed: all else that holds data stays guarded.

    Only what is there already is named, for a policy may not name a resource that does not exist.
    """
    added = {change["logical_id"] for change in target.planned if change["action"] == "added"}
    return _policy(target, leave_out=target.named | added, add=frozenset())


def policy_back(target: Target) -> str:
    """The stack policy after an update that was taken back: what was named is guarded again."""
    added = {change["logical_id"] for change in target.planned if change["action"] == "added"}
    return _policy(target, leave_out=added, add=target.named)


def _policy(target: Target, *, leave_out: frozenset[str] | set[str], add: frozenset[str]) -> str:
    statements = []
    for statement in json.loads(target.deployment.policy)["Statement"]:
        if statement["Effect"] == "Deny":
            guarded = {text.removeprefix("LogicalResourceId/") for text in statement["Resource"]}
            kept = sorted((guarded | add) - set(leave_out))
            if not kept:
                continue
            statement = {**statement, "Resource": [f"LogicalResourceId/{name}" for name in kept]}
        statements.append(statement)
    return json.dumps({"Statement": statements})


def _change_set_gone(ctx: StepContext, target: Target) -> Outcome:
    """Executed, when that had been begun; else dropped by a worker that died before it could tell, or by a person."""
    if row_of(ctx, target).last_token == ctx.token:
        ctx.remember(executed=True)
        return Wait(f"{target.name} is being changed.", seconds=0.0)
    ctx.remember(asked=False)
    return Wait(f"The change set of {target.name} is gone: it is made again.", seconds=0.5)


def unplanned(
    changes: Sequence[dict[str, Any]],
    planned: Sequence[dict[str, Any]],
    touched: Sequence[dict[str, Any]] = (),
) -> str:
    """What of `changes` neither the plan nor what it touches has, in words; empty when they have all."""
    allowed = {change["logical_id"]: change for change in (*touched, *planned)}
    moved = [
        f"{change['logical_id']} ({change['type']}) {'may' if change.get('may_replace') else 'would'} be"
        f" {'replaced' if change.get('may_replace') else change['action']}"
        for change in changes
        if not _covers(allowed.get(change["logical_id"]), change)
    ]
    return "; ".join(moved[:5])


def _covers(planned: dict[str, Any] | None, change: dict[str, Any]) -> bool:
    """A plan that replaces, or may, has told of anything less as well."""
    if planned is None:
        return False
    replaces = planned["action"] == "replaced"
    if change["action"] == "modified" and change.get("may_replace"):
        return replaces or bool(planned.get("may_replace"))
    if change["action"] == "replaced":
        # What holds data is only replaced by a plan that says that it is.
        return replaces or bool(planned.get("may_replace") and not planned.get("stateful"))
    return bool(planned["action"] == change["action"] or (replaces and change["action"] == "modified"))

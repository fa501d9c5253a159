"""The records of change sets: found by name or ARN, with what was said of them and the state that they show."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.stacks import stack_find
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.store import Record

CHANGE_SET = "Sandbox::CloudFormation::ChangeSet"


def change_set_log(change_set: Record) -> str:
    """Under which name the store keeps what was said of it."""
    return f"cfn-change-set:{change_set.arn}"


def change_set_find(ctx: Context, name: str, stack_name: str | None) -> Record | None:
    """By its ARN, or by its name and its stack's name or ARN."""
    if name.startswith("arn:"):
        return ctx.store.get(ctx.account, ctx.region, CHANGE_SET, name)
    stack = stack_find(ctx, stack_name) if stack_name else None
    if stack is None:
        return None
    for record in ctx.store.by_stack(stack.arn):
        if record.type == CHANGE_SET and record.data["name"] == name:
            return record
    return None


def change_set_get(ctx: Context, name: str, stack_name: str | None) -> Record:
    """See change_set_find. Raises ChangeSetNotFound."""
    record = change_set_find(ctx, name, stack_name)
    if record is None:
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
    return record


def change_set_events(ctx: Context, name: str, stack_name: str | None) -> list[dict[str, Any]]:
    """What was said of it, oldest first. Raises ChangeSetNotFound."""
    return ctx.store.log(change_set_log(change_set_get(ctx, name, stack_name)))


def change_set_status(ctx: Context, record: Record) -> dict[str, Any]:
    """Status as it shows by now: the making takes a while."""
    data = record.data
    if ctx.now < data["visible_at"]:
        return {"Status": "CREATE_IN_PROGRESS", "ExecutionStatus": "UNAVAILABLE"}
    return {"Status": data["status"], "StatusReason": data["reason"], "ExecutionStatus": data["execution"]}

"""Stacks and their resources as records, and the events that tell of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services import events as eventbridge
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

STACK = "AWS::CloudFormation::Stack"
ROW = "Sandbox::CloudFormation::Resource"
"""What a stack knows of one logical resource; id is `<stack arn>|<logical id>`."""

IN_PROGRESS = "_IN_PROGRESS"
GONE = "DELETE_COMPLETE"


def keep_text(world: World, text: str) -> str:
    """Store a text by its digest; answers the blob's id."""
    id = "text-" + hashlib.sha256(text.encode()).hexdigest()
    world.store.put_blob(id, text.encode())
    return id


def text(world: World, id: str | None) -> str:
    return world.store.blob(id).decode() if id else ""


def stack_find(ctx: Context, name: str) -> Record | None:
    """By ARN: also a deleted one. By name: the one that is not deleted."""
    if name.startswith("arn:"):
        return ctx.store.get(ctx.account, ctx.region, STACK, name)
    index = ctx.world.memory.setdefault("stacks by name", {})
    key = (ctx.account, ctx.region, name)
    record: Record | None = index.get(key)
    if record is not None and record.state != GONE:
        return record
    for record in ctx.store.list(ctx.account, ctx.region, STACK):
        if record.data["name"] == name and record.state != GONE:
            index[key] = record
            return record
    return None


def stack_get(ctx: Context, name: str) -> Record:
    """As stack_find. Raises AWS's ValidationError where there is none."""
    record = stack_find(ctx, name)
    if record is None:
        raise AwsError("ValidationError", f"Stack with id {name} does not exist", 400)
    return record


def stack_new(
    ctx: Context,
    name: str,
    status: str,
    tags: dict[str, str],
    parent: Record | None = None,
    logical_id: str | None = None,
) -> Record:
    """A stack record in `status`, not yet running. Raises LimitExceededException for one too many.

    parent, logical_id: of a nested stack, the stack and the resource that it is.
    """
    quotas.check(ctx.world, ctx.account, ctx.region, STACK, {})
    arn = ctx.arn("cloudformation", f"stack/{name}/{uuid.uuid1()}")
    data: dict[str, Any] = {
        "name": name,
        "reason": None,
        "template": None,
        "parameters": {},
        "outputs": [],
        "imports": [],
        "cleanup": [],
        "last_operations": [],
        "operation": None,
        "termination_protection": False,
    }
    record = Record(
        ctx.account,
        ctx.region,
        STACK,
        arn,
        state=status,
        tags=tags,
        arn=arn,
        created_at=ctx.now,
        updated_at=ctx.now,
        stack=parent.arn if parent is not None else None,
        logical_id=logical_id,
        data=data,
    )
    if parent is not None:
        data.update(parent=parent.arn, root=parent.data.get("root") or parent.arn)
    ctx.world.memory.setdefault("stacks by name", {})[ctx.account, ctx.region, name] = record
    return ctx.store.put(record)


def rows(world: World, stack: Record) -> dict[str, Record]:
    """Logical id to what the stack knows of the resource, in the order of creation."""
    return {str(r.logical_id): r for r in world.store.by_stack(stack.arn) if r.type == ROW}


def row_new(world: World, stack: Record, logical_id: str, type_name: str) -> Record:
    data: dict[str, Any] = {
        "type": type_name,
        "physical_id": None,
        "key": None,
        "properties": {},
        "tags": {},
        "reason": None,
        "op": None,
        "done": False,
        "previous": None,
    }
    record = Record(
        stack.account,
        stack.region,
        ROW,
        f"{stack.arn}|{logical_id}",
        created_at=world.scheduler.now(),
        stack=stack.arn,
        logical_id=logical_id,
        data=data,
    )
    return world.store.put(record)


def resource_of(world: World, row: Record) -> Record | None:
    """The resource's own record, if it is there."""
    key = row.data["key"]
    return world.store.get(*key) if key else None


def operation_id(operation: dict[str, Any]) -> str:
    """An operation's OperationId; a rollback that was asked for goes on with the failed operation's rows, by its id."""
    return str(operation.get("shown_id") or operation["id"])


def events_of(stack_arn: str) -> str:
    """The name of the log that holds a stack's events."""
    return f"cfn-events:{stack_arn}"


def stack_status(world: World, stack: Record, status: str, reason: str | None = None) -> None:
    """Move the stack to `status`: record, event, EventBridge."""
    stack.state = status
    stack.data["reason"] = reason
    stack.updated_at = world.scheduler.now()
    world.store.put(stack)
    _event(world, stack, stack.data["name"], stack.arn, STACK, status, reason, None)
    operation = stack.data["operation"] or {}
    detail = {
        "stack-id": stack.arn,
        "status-details": {"status": status, "status-reason": reason or ""},
        "client-request-token": operation.get("token") or "",
    }
    _emit(world, stack, "CloudFormation Stack Status Change", detail)


def row_status(
    world: World, stack: Record, row: Record, status: str, reason: str | None = None, show: bool = False
) -> None:
    """Move a resource to `status`: row, event, EventBridge. show: the event carries the properties."""
    row.state = status
    row.data["reason"] = reason
    row.updated_at = world.scheduler.now()
    world.store.put(row)
    told(world, stack, str(row.logical_id), row.data["physical_id"], row.data["type"], status, reason,
         row.data["properties"] if show else None)  # fmt: skip


def told(
    world: World,
    stack: Record,
    logical_id: str,
    physical_id: str | None,
    type_name: str,
    status: str,
    reason: str | None,
    properties: dict[str, Any] | None = None,
) -> None:
    """An event of a resource, without a change of its row (a replaced one that is cleaned up)."""
    _event(world, stack, logical_id, physical_id, type_name, status, reason, properties)
    operation = stack.data["operation"] or {}
    detail = {
        "stack-id": stack.arn,
        "logical-resource-id": logical_id,
        "physical-resource-id": physical_id or "",
        "resource-type": type_name,
        "status-details": {"status": status, "status-reason": reason or ""},
        "client-request-token": operation.get("token") or "",
    }
    _emit(world, stack, "CloudFormation Resource Status Change", detail)


def _event(
    world: World,
    stack: Record,
    logical_id: str,
    physical_id: str | None,
    type_name: str,
    status: str,
    reason: str | None,
    properties: dict[str, Any] | None,
) -> None:
    operation = stack.data["operation"] or {}
    entry: dict[str, Any] = {
        "EventId": f"{logical_id}-{status}-{uuid.uuid4()}"
        if logical_id != stack.data["name"]
        else str(uuid.uuid4()),
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id or "",
        "ResourceType": type_name,
        "Timestamp": world.scheduler.now(),
        "ResourceStatus": status,
    }
    if reason:
        entry["ResourceStatusReason"] = reason
    if properties is not None:
        entry["ResourceProperties"] = json.dumps(properties)
    if operation.get("token"):
        entry["ClientRequestToken"] = operation["token"]
    if operation.get("id"):
        entry["OperationId"] = operation_id(operation)
        entry["OperationType"] = operation["type"]
    world.store.append(events_of(stack.arn), entry)


def _emit(world: World, stack: Record, detail_type: str, detail: dict[str, Any]) -> None:
    eventbridge.emit(
        world, stack.account, stack.region, "aws.cloudformation", detail_type, detail, [stack.arn]
    )


def importers(world: World, stack: Record, export: str) -> list[str]:
    """Names of the stacks that import this export."""
    found = world.store.list(stack.account, stack.region, STACK)
    return sorted(s.data["name"] for s in found if s.state != GONE and export in s.data["imports"])


def export_find(world: World, account: str, region: str, name: str) -> tuple[Record, str] | None:
    """The stack that exports a name, and the value."""
    for stack in world.store.list(account, region, STACK):
        if stack.state == GONE:
            continue
        for output in stack.data["outputs"]:
            if output.get("ExportName") == name:
                return stack, output["OutputValue"]
    return None


def output_find(world: World, account: str, region: str, stack_name: str, output_name: str) -> str | None:
    """The value of a stack's output, or None."""
    for stack in world.store.list(account, region, STACK):
        if stack.state == GONE or stack.data["name"] != stack_name:
            continue
        for output in stack.data["outputs"]:
            if output["OutputKey"] == output_name:
                return str(output["OutputValue"])
    return None

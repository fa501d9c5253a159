"""Nested stacks: a resource that is a stack of its own, run by the same engine.

User guide, "Split a template into reusable pieces using nested stacks"; the reasons that a parent gives are those that
people report (github.com/awslabs/stable-diffusion-aws-extension/issues/214).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import engine, stacks
from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.changes import check_imports, preview
from sandbox.cloudformation.template import Template, check_capabilities, parse
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services.cloudformation import common
from sandbox.services.cloudformation.stacks import before, begin_create, begin_update, take_over
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context

_LOOK_S = 0.02


def failed(message: str) -> AwsError:
    """A failure that the parent tells in these words."""
    return AwsError("EmbeddedStack", message)


@resource_type(stacks.STACK)
class NestedStack(ResourceType):
    """The engine's steps call make, change and unmake in place of the world's three verbs."""

    def ref(self, record: Record) -> str:
        return record.id

    def attribute(self, record: Record, name: str) -> Any:
        kind, _, key = name.partition(".")
        for output in record.data["outputs"] if kind == "Outputs" else ():
            if output["OutputKey"] == key:
                return output["OutputValue"]
        raise KeyError(name)

    def replaces(self, record: Record, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        return []

    def make(self, ctx: Context, parent: Record, logical_id: str, properties: dict[str, Any]) -> Record:
        """Begin to create the stack. Raises AwsError where it cannot begin."""
        template = self._template(ctx, parent, properties)
        settled = stack_parameters.settle(ctx, template, _parameters(properties), {})
        tags = self._tags(parent, properties)
        name = f"{parent.data['name']}-{logical_id}"[:114] + f"-{random_name(12).upper()}"
        stack = stacks.stack_new(ctx, name, "CREATE_IN_PROGRESS", tags, parent, logical_id)
        stack.properties = dict(properties)
        stack.data["timeout"] = properties.get("TimeoutInMinutes")
        asked = self._asked(parent, properties)
        take_over(ctx, stack, template, settled, tags, asked)
        # What a failed one has made goes with it: its parent deletes it.
        begin_create(ctx, stack, {**asked, "OnFailure": "DO_NOTHING"}, None)
        return stack

    async def made(self, ctx: Context, stack: Record) -> None:
        """Wait for the creation. Raises AwsError if it failed."""
        await _still(ctx, stack)
        if stack.state not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = stack.data["reason"] or ""
            raise failed(f"Embedded stack {stack.arn} was not successfully created: {reason}")

    async def change(
        self, ctx: Context, parent: Record, stack: Record, properties: dict[str, Any], tried: str | None
    ) -> None:
        """Update the stack and wait. tried: when the parent rolls back, the stack's operation that is to be undone."""
        await _still(ctx, stack)
        if stack.state not in UPDATABLE:
            raise failed(f"Stack:{stack.arn} is in {stack.state} state and can not be updated.")
        operation = stack.data["operation"] or {}
        if tried is not None and operation.get("id") == tried and operation["kind"] == "update":
            if stack.state == "UPDATE_ROLLBACK_COMPLETE":
                stack.properties = dict(properties)
                return
            old = operation["before"]
            template, settled, tags = _parse(ctx, old), old["parameters"], dict(old["tags"])
        else:
            template = self._template(ctx, parent, properties)
            settled = stack_parameters.settle(
                ctx, template, _parameters(properties), stack.data["parameters"]
            )
            tags = self._tags(parent, properties)
        check_imports(ctx.world, stack, template, settled)
        stack.properties = dict(properties)
        ctx.store.put(stack)
        if not preview(ctx.world, stack, template, settled, tags).different:
            return
        was, asked = before(stack), self._asked(parent, properties)
        take_over(ctx, stack, template, settled, tags, asked)
        begin_update(ctx, stack, was, asked, None)
        await _still(ctx, stack)
        if stack.state != "UPDATE_COMPLETE":
            raise failed(
                f"Embedded stack {stack.arn} was not successfully updated. Currently in {stack.state} with reason: "
                f"{_why(ctx, stack)}"
            )

    async def unmake(self, ctx: Context, stack: Record) -> None:
        """Delete the stack and wait. Raises AwsError if something of it cannot be deleted."""
        if stack.state == stacks.GONE:
            return
        running = bool((stack.data["operation"] or {}).get("active"))
        if stack.state != "DELETE_IN_PROGRESS":
            row = common.operation(
                ctx, stack, "delete", "DELETE_STACK", None, phase="delete", before=before(stack), retain=[]
            )
            stack.data["operation"] = row
            if running:
                engine.interrupt(ctx.world, stack)
            stacks.stack_status(ctx.world, stack, "DELETE_IN_PROGRESS")
            engine.start(ctx.world, stack, row)
        await _still(ctx, stack)
        if stack.state != stacks.GONE:
            reason = stack.data["reason"] or ""
            raise failed(f"Embedded stack {stack.arn} was not successfully deleted: {reason}")

    @staticmethod
    def _template(ctx: Context, parent: Record, properties: dict[str, Any]) -> Template:
        template = common.read_template(ctx, {"TemplateURL": properties["TemplateURL"]}, None)
        check_capabilities(template, parent.data.get("capabilities") or [])
        return template

    @staticmethod
    def _tags(parent: Record, properties: dict[str, Any]) -> dict[str, str]:
        return {**parent.tags, **{t["Key"]: t["Value"] for t in properties.get("Tags") or ()}}

    @staticmethod
    def _asked(parent: Record, properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "Capabilities": parent.data.get("capabilities") or [],
            "RoleARN": parent.data.get("role_arn"),
            "NotificationARNs": properties.get("NotificationARNs"),
        }


UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def _parse(ctx: Context, old: dict[str, Any]) -> Template:
    return parse(stacks.text(ctx.world, old["template"]))


def _parameters(properties: dict[str, Any]) -> list[dict[str, Any]]:
    given = (properties.get("Parameters") or {}).items()
    return [
        {"ParameterKey": key, "ParameterValue": ",".join(map(str, v)) if isinstance(v, list) else str(v)}
        for key, v in given
    ]


async def _still(ctx: Context, stack: Record) -> None:
    """Wait until nothing of the stack is in progress."""
    while stack.state.endswith(stacks.IN_PROGRESS):
        run = ctx.world.memory.get(engine.RUNS, {}).get(stack.arn)
        if run is None:  # after a restart the engine takes it up in a moment
            await asyncio.sleep(_LOOK_S)
        else:
            await run.finished.wait()


def _why(ctx: Context, stack: Record) -> str:
    """The reason with which the stack's own rollback began."""
    for event in reversed(ctx.store.log(stacks.events_of(stack.arn))):
        if event["PhysicalResourceId"] == stack.arn and event.get("ResourceStatusReason"):
            return str(event["ResourceStatusReason"])
    return ""

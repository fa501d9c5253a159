"""The engine: runs one operation of one stack as a coroutine; all that it needs to go on after a restart is stored.

stack.data["operation"]: {"id", "kind" (create, update, delete), "type" (AWS's word), "phase", "token", "principal",
"policies" …}. Phases: apply, rollback, cleanup, delete.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import stacks, template
from sandbox.cloudformation.failures import ResourceFailed
from sandbox.cloudformation.graph import run_graph
from sandbox.cloudformation.outputs import outputs_of
from sandbox.cloudformation.policy import denied_by_stack_policy
from sandbox.cloudformation.resources import Resources
from sandbox.cloudformation.rollback import undo_update
from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import resource_of, rows, stack_status
from sandbox.cloudformation.teardown import clean_up, delete, plan_removal, take_down
from sandbox.errors import AwsError
from sandbox.iam.principals import principal_load
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

RUNS = "stack runs"
_PUT_BACK = (
    "type", "properties", "tags", "key", "physical_id", "deletion_policy", "replace_policy", "depends"
)  # fmt: skip
"""What of a resource's row a rollback puts back."""


def start(world: World, stack: Record, operation: dict[str, Any]) -> None:
    """Begin an operation on a stack; the stack's status is set by the caller."""
    stack.data["operation"] = {**operation, "active": True}
    if operation.get("new", True):
        entry = {"OperationType": operation["type"], "OperationId": stacks.operation_id(operation)}
        stack.data["last_operations"] = [entry, *stack.data["last_operations"]][:5]
    world.store.put(stack)
    run(world, stack)


def run(world: World, stack: Record) -> None:
    current: StackRun | None = world.memory.setdefault(RUNS, {}).get(stack.arn)
    work = StackRun(world, stack)
    world.memory[RUNS][stack.arn] = work
    world.spawn(work.run(after=current))


def interrupt(world: World, stack: Record) -> None:
    """Stop the running operation's present phase (cancel of an update, deletion during a create)."""
    current: StackRun | None = world.memory.setdefault(RUNS, {}).get(stack.arn)
    if current is not None:
        current.stop.set()


class StackRun:
    """One stack's operation."""

    def __init__(self, world: World, stack: Record) -> None:
        self.world, self.stack = world, stack
        self.stop = asyncio.Event()
        self.finished = asyncio.Event()
        self.operation: dict[str, Any] = stack.data["operation"]
        principal = principal_load(world, self.operation["principal"])
        self.steps = Resources(world, stack, principal, self.operation["id"])

    async def run(self, after: StackRun | None = None) -> None:
        """Carry the operation to its end, from the phase in which it is."""
        try:
            if after is not None:
                await after.finished.wait()
            phase = self.operation["phase"]
            if phase == "apply":
                await self._apply()
            elif phase == "rollback":
                await self._roll_back(None)
            elif phase == "cleanup":
                await clean_up(self)
            elif phase == "delete":
                await delete(self)
        finally:
            self.finished.set()
            if self.world.memory.get(RUNS, {}).get(self.stack.arn) is self:
                del self.world.memory[RUNS][self.stack.arn]

    def phase(self, phase: str) -> None:
        self.operation["phase"] = phase
        self.world.store.put(self.stack)

    def end(self, status: str, reason: str | None = None) -> None:
        stack_status(self.world, self.stack, status, reason)
        self.operation["active"] = False
        self.world.store.put(self.stack)

    def _template(self) -> template.Template:
        return template.parse(stacks.text(self.world, self.stack.data["template"]))

    def scope(self, wanted: template.Template | None = None) -> StackScope:
        parsed = wanted or self._template()
        return StackScope(
            self.world, self.stack, parsed, self.stack.data["parameters"], rows(self.world, self.stack)
        )

    # -- create and update

    async def _apply(self) -> None:
        parsed = self._template()
        scope = self.scope(parsed)
        try:
            wanted = [name for name in parsed.resources if scope.resolver.included(name)]
        except AwsError as problem:
            await self._failed({}, [], problem.message)
            return

        gone = [r for n, r in scope.rows.items() if n not in wanted and r.state != stacks.GONE]
        try:
            for row in gone:
                self._check_policy(row, "Update:Delete")
        except ResourceFailed as problem:
            await self._failed({str(row.logical_id): problem}, [])
            return

        async def work(name: str) -> None:
            await self._apply_one(name, parsed, scope)

        failed, cancelled = await run_graph(wanted, parsed.depends, work, self.stop)
        for name in cancelled:
            self._cancelled(name)
        if self.stop.is_set() and self.operation["kind"] == "create":
            return  # a deletion has taken over
        if failed or self.stop.is_set():
            await self._failed(failed, cancelled)
            return
        try:
            outputs = outputs_of(self.world, self.stack, scope)
        except AwsError as problem:
            await self._failed({}, [], problem.message)
            return
        self.stack.data["outputs"], self.stack.data["imports"] = outputs, scope.imports
        if self.operation["kind"] == "create":
            self.end("CREATE_COMPLETE")
            return
        plan_removal(self, set(wanted))
        stack_status(self.world, self.stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self.phase("cleanup")
        await clean_up(self)

    def _cancelled(self, name: str) -> None:
        row = rows(self.world, self.stack).get(name)
        if row is not None and row.state.endswith(stacks.IN_PROGRESS):
            action = row.state.split("_")[0]
            words = "creation" if action == "CREATE" else "update"
            stacks.row_status(self.world, self.stack, row, f"{action}_FAILED", f"Resource {words} cancelled")

    async def _apply_one(self, name: str, parsed: template.Template, scope: StackScope) -> None:
        definition = parsed.resources[name]
        row = scope.rows.get(name)
        if row is not None and row.data["op"] == self.operation["id"]:
            if row.data["done"]:
                return
            if row.state.endswith(stacks.IN_PROGRESS) and row.data["key"]:
                await self.steps.resume(row)
                return
        try:
            properties = scope.properties(name)
        except AwsError as problem:
            row = row or stacks.row_new(self.world, self.stack, name, definition["Type"])
            scope.rows[name] = row
            action = "UPDATE" if row.data["physical_id"] else "CREATE"
            self._begun(row)
            stacks.row_status(self.world, self.stack, row, f"{action}_FAILED", problem.message)
            raise ResourceFailed(problem.message) from problem
        policies = {
            "deletion_policy": definition.get("DeletionPolicy"),
            "replace_policy": definition.get("UpdateReplacePolicy"),
            "depends": sorted(parsed.depends[name]),
            "metadata": definition.get("Metadata"),
        }
        if row is None or row.state == stacks.GONE or not row.data["physical_id"]:
            if row is None:
                row = stacks.row_new(self.world, self.stack, name, definition["Type"])
                scope.rows[name] = row
            row.data.update(policies, previous=None, undone=False, undo=None)
            await self.steps.create(name, definition["Type"], properties, scope, row)
            return
        await self._change_one(row, definition["Type"], properties, policies, scope)

    async def _change_one(
        self,
        row: Record,
        type_name: str,
        properties: dict[str, Any],
        policies: dict[str, Any],
        scope: StackScope,
    ) -> None:
        revert = str(row.logical_id) in (self.operation.get("revert") or ())
        record = resource_of(self.world, row)
        if revert and record is None:  # deleted outside CloudFormation: made anew
            row.data.update(policies, physical_id=None, key=None, previous=None, undone=False, undo=None)
            await self.steps.create(str(row.logical_id), type_name, properties, scope, row)
            return
        same = row.data["type"] == type_name and row.data["properties"] == properties
        # A nested stack is always looked into: its template may be another one at the same address.
        if (
            same
            and not revert
            and type_name != stacks.STACK
            and (row.data["tags"] == self.stack.tags or not self.world.type(type_name).schema.tag_property)
        ):
            row.data.update(policies)
            self.world.store.put(row)
            return
        row.data["previous"] = {n: row.data.get(n) for n in _PUT_BACK}
        if revert and record is not None:  # a rollback goes back to what was really there
            row.data["previous"]["actual"] = dict(record.properties)
        row.data.update(undone=False, undo=None)
        replaced = row.data["type"] != type_name
        if not replaced and record is not None:
            replaced = bool(self.world.type(type_name).replaces(record, row.data["properties"], properties))
        self._check_policy(row, "Update:Replace" if replaced else "Update:Modify")
        row.data.update(policies)
        if replaced:
            await self.steps.create(str(row.logical_id), type_name, properties, scope, row)
        else:
            await self.steps.update(row, properties, scope)

    def _begun(self, row: Record) -> None:
        """Let the rollback find a row that failed before its resource was touched."""
        there = row.data["physical_id"]
        previous = {n: row.data.get(n) for n in _PUT_BACK} if there else None
        row.data.update(
            op=self.operation["id"], done=False, previous=previous, undone=False, undo=None, tried=None
        )

    def _check_policy(self, row: Record, action: str) -> None:
        if denied_by_stack_policy(self.stack, str(row.logical_id), row.data["type"], action):
            self._begun(row)
            reason = (
                f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource "
                f"[LogicalResourceId/{row.logical_id}];"
            )
            stacks.row_status(self.world, self.stack, row, "UPDATE_FAILED", reason)
            raise ResourceFailed(reason)

    # -- what follows a failure

    async def _failed(
        self, failed: dict[str, Exception], cancelled: list[str], why: str | None = None
    ) -> None:
        create = self.operation["kind"] == "create"
        named = ", ".join([*failed, *cancelled])
        reason = why or (
            f"The following resource(s) failed to {'create' if create else 'update'}: [{named}]. "
        )
        if self.operation.get("cancelled"):
            reason = "User Initiated"
        if self.operation.get("on_failure") == "DO_NOTHING":
            self.end("CREATE_FAILED" if create else "UPDATE_FAILED", reason)
            return
        if create and self.operation.get("on_failure") == "DELETE":
            stack_status(self.world, self.stack, "DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            self.phase("delete")
            await delete(self)
            return
        if create:
            reason += "Rollback requested by user." if not reason.endswith("user.") else ""
        stack_status(
            self.world,
            self.stack,
            "ROLLBACK_IN_PROGRESS" if create else "UPDATE_ROLLBACK_IN_PROGRESS",
            reason,
        )
        self.phase("rollback")
        await self._roll_back(reason)

    async def _roll_back(self, reason: str | None) -> None:
        self.stop = asyncio.Event()
        if self.operation["kind"] == "create":
            failed = await take_down(self, on_create=True)
            if failed:
                named = ", ".join(failed)
                self.end("ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{named}]. ")
                return
            self.stack.data["outputs"] = self.stack.data["imports"] = []
            self.end("ROLLBACK_COMPLETE")
            return
        await undo_update(self)

"""The engine: runs one operation of one stack as a coroutine; all that it needs to go on after a restart is stored.

stack.data["operation"]: {"id", "kind" (create, update, delete), "type" (AWS's word), "phase", "token", "principal",
"policies" …}. Phases: apply, rollback, cleanup, delete.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import stacks, template
from sandbox.cloudformation.graph import reverse, run_graph
from sandbox.cloudformation.policy import denied_by_stack_policy
from sandbox.cloudformation.resources import ResourceFailed, Resources, handler_message
from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import importers, resource_of, rows, stack_status
from sandbox.errors import AwsError, validation_error
from sandbox.iam.principals import principal_load
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

RUNS = "stack runs"


def start(world: World, stack: Record, operation: dict[str, Any]) -> None:
    """Begin an operation on a stack; the stack's status is set by the caller."""
    stack.data["operation"] = {**operation, "active": True}
    if operation.get("new", True):
        entry = {"OperationType": operation["type"], "OperationId": operation["id"]}
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
                await self._clean_up()
            elif phase == "delete":
                await self._delete()
        finally:
            self.finished.set()
            if self.world.memory.get(RUNS, {}).get(self.stack.arn) is self:
                del self.world.memory[RUNS][self.stack.arn]

    def _phase(self, phase: str) -> None:
        self.operation["phase"] = phase
        self.world.store.put(self.stack)

    def _end(self, status: str, reason: str | None = None) -> None:
        stack_status(self.world, self.stack, status, reason)
        self.operation["active"] = False
        self.world.store.put(self.stack)

    def _template(self) -> template.Template:
        return template.parse(stacks.text(self.world, self.stack.data["template"]))

    def _scope(self, wanted: template.Template | None = None) -> StackScope:
        parsed = wanted or self._template()
        return StackScope(
            self.world, self.stack, parsed, self.stack.data["parameters"], rows(self.world, self.stack)
        )

    # -- create and update

    async def _apply(self) -> None:
        parsed = self._template()
        scope = self._scope(parsed)
        try:
            wanted = [name for name in parsed.resources if scope.resolver.included(name)]
        except AwsError as problem:
            await self._failed({}, [], problem.message)
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
            outputs = self._outputs(scope)
        except AwsError as problem:
            await self._failed({}, [], problem.message)
            return
        self.stack.data["outputs"], self.stack.data["imports"] = outputs, scope.imports
        if self.operation["kind"] == "create":
            self._end("CREATE_COMPLETE")
            return
        self._plan_removal(set(wanted))
        stack_status(self.world, self.stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._phase("cleanup")
        await self._clean_up()

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
        same = row.data["type"] == type_name and row.data["properties"] == properties
        if same and (
            row.data["tags"] == self.stack.tags or not self.world.type(type_name).schema.tag_property
        ):
            row.data.update(policies)
            self.world.store.put(row)
            return
        names = (
            "type",
            "properties",
            "tags",
            "key",
            "physical_id",
            "deletion_policy",
            "replace_policy",
            "depends",
        )
        row.data["previous"] = {n: row.data.get(n) for n in names}
        row.data.update(undone=False, undo=None)
        record = resource_of(self.world, row)
        replaced = row.data["type"] != type_name
        if not replaced and record is not None:
            replaced = bool(self.world.type(type_name).replaces(record, row.data["properties"], properties))
        self._check_policy(row, "Update:Replace" if replaced else "Update:Modify")
        row.data.update(policies)
        if replaced:
            await self.steps.create(str(row.logical_id), type_name, properties, scope, row)
        else:
            await self.steps.update(row, properties, scope)

    def _check_policy(self, row: Record, action: str) -> None:
        if denied_by_stack_policy(self.stack, str(row.logical_id), row.data["type"], action):
            reason = (
                f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource "
                f"[LogicalResourceId/{row.logical_id}];"
            )
            stacks.row_status(self.world, self.stack, row, "UPDATE_FAILED", reason)
            raise ResourceFailed(reason)

    def _outputs(self, scope: StackScope) -> list[dict[str, Any]]:
        outputs = []
        for name, definition in scope.resolver.template.outputs.items():
            condition = definition.get("Condition")
            if condition is not None and not scope.resolver.condition(condition):
                continue
            output = {"OutputKey": name, "OutputValue": _as_text(scope.resolver.resolve(definition["Value"]))}
            if definition.get("Description"):
                output["Description"] = definition["Description"]
            export = (definition.get("Export") or {}).get("Name")
            if export is not None:
                output["ExportName"] = str(scope.resolver.resolve(export))
                self._check_export(output["ExportName"])
            outputs.append(output)
        new = {o["ExportName"]: o["OutputValue"] for o in outputs if "ExportName" in o}
        for output in self.stack.data["outputs"]:
            export = output.get("ExportName")
            users = importers(self.world, self.stack, export) if export else []
            if not users or new.get(export) == output["OutputValue"]:
                continue
            verb = "updated" if export in new else "deleted"
            raise validation_error(
                f"Export {export} cannot be {verb} as it is in use by {' and '.join(users)}"
            )
        return outputs

    def _check_export(self, name: str) -> None:
        found = stacks.export_find(self.world, self.stack.account, self.stack.region, name)
        if found is not None and found[0] is not self.stack:
            raise validation_error(
                f"Export with name {name} is already exported by stack {found[0].data['name']}. "
                "Rollback requested by user."
            )

    def _plan_removal(self, wanted: set[str]) -> None:
        """What the new template no longer has, and what was replaced, goes in the cleanup."""
        plan = []
        for name, row in rows(self.world, self.stack).items():
            previous = row.data["previous"] if row.data["op"] == self.operation["id"] else None
            if name not in wanted and row.state != stacks.GONE:
                plan.append(
                    {
                        **_place(name, row.data),
                        "policy": row.data.get("deletion_policy") or "Delete",
                        "row": True,
                    }
                )
            elif previous and previous["key"] and previous["key"] != row.data["key"]:
                plan.append(
                    {
                        **_place(name, previous),
                        "policy": previous.get("replace_policy") or "Delete",
                        "row": False,
                    }
                )
        self.stack.data["cleanup"] = plan
        self.world.store.put(self.stack)

    async def _clean_up(self) -> None:
        plan = self.stack.data["cleanup"]
        by_key = {f"{i}": entry for i, entry in enumerate(plan)}
        needs = {
            key: {k for k, other in by_key.items() if other["name"] in entry["depends"]}
            for key, entry in by_key.items()
        }

        async def work(key: str) -> None:
            await self._remove(by_key[key])

        left = dict(by_key)
        while left:  # one that fails is left behind, the others go on
            failed, cancelled = await run_graph(left, reverse({k: needs[k] & set(left) for k in left}), work)
            gone = set(left) - set(failed) - set(cancelled)
            left = {k: v for k, v in left.items() if k in cancelled} if failed else {}
            if failed and not gone and not cancelled:
                break
        self.stack.data["cleanup"] = []
        rolled_back = self.stack.state.startswith("UPDATE_ROLLBACK")
        self._end("UPDATE_ROLLBACK_COMPLETE" if rolled_back else "UPDATE_COMPLETE")

    async def _remove(self, entry: dict[str, Any]) -> None:
        row = rows(self.world, self.stack).get(entry["name"])
        if entry["row"]:
            if row is not None:
                await self.steps.delete(row, entry["policy"])
                if row.state in (stacks.GONE, "DELETE_SKIPPED"):
                    self.world.store.remove(row)
            return
        record = self.world.store.get(*entry["key"])
        told = (self.world, self.stack, entry["name"], entry["physical_id"], entry["type"])
        if entry["policy"] == "Retain":
            if record is not None:
                self.world.store.disown(record)
            stacks.told(*told, "DELETE_SKIPPED", None)
            return
        stacks.told(*told, "DELETE_IN_PROGRESS", None)
        try:
            await self.steps.delete_record(record, entry["policy"])
        except AwsError as problem:
            stacks.told(*told, "DELETE_FAILED", handler_message(problem))
            raise ResourceFailed(problem.message) from problem
        stacks.told(*told, "DELETE_COMPLETE", None)

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
            self._end("CREATE_FAILED" if create else "UPDATE_FAILED", reason)
            return
        if create and self.operation.get("on_failure") == "DELETE":
            stack_status(self.world, self.stack, "DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            self._phase("delete")
            await self._delete()
            return
        if create:
            reason += "Rollback requested by user." if not reason.endswith("user.") else ""
        stack_status(
            self.world,
            self.stack,
            "ROLLBACK_IN_PROGRESS" if create else "UPDATE_ROLLBACK_IN_PROGRESS",
            reason,
        )
        self._phase("rollback")
        await self._roll_back(reason)

    async def _roll_back(self, reason: str | None) -> None:
        self.stop = asyncio.Event()
        if self.operation["kind"] == "create":
            failed = await self._take_down(on_create=True)
            if failed:
                named = ", ".join(failed)
                self._end("ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{named}]. ")
                return
            self.stack.data["outputs"] = self.stack.data["imports"] = []
            self._end("ROLLBACK_COMPLETE")
            return
        await self._undo_update()

    async def _undo_update(self) -> None:
        before = self.operation["before"]
        self.stack.data.update(
            {n: before[n] for n in ("template", "parameters", "outputs", "imports") if n in before}
        )
        self.stack.tags = dict(before["tags"])
        all_rows = rows(self.world, self.stack)
        changed = {n: r for n, r in all_rows.items() if r.data["op"] == self.operation["id"]}
        skip = set(self.operation.get("skip") or ())
        plan = []
        undo: dict[str, set[str]] = {}
        for name, row in changed.items():
            previous = row.data["previous"]
            if previous is None:
                plan.append({**_place(name, row.data), "policy": _on_create(row.data), "row": True})
            elif not row.data.get("undone"):
                undo[name] = set(previous["depends"] or ())
                if row.data["key"] and row.data["key"] != previous["key"]:
                    plan.append({**_place(name, row.data), "policy": "Delete", "row": False})
        scope = self._scope()

        async def work(name: str) -> None:
            await self._undo_one(changed[name], scope, name in skip)

        failed, cancelled = await run_graph(undo, undo, work)
        if failed:
            named = ", ".join([*failed, *cancelled])
            self._end("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{named}]. ")
            return
        self.stack.data["cleanup"] = [*self.operation.get("later", []), *plan]
        stack_status(self.world, self.stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._phase("cleanup")
        await self._clean_up()

    async def _undo_one(self, row: Record, scope: StackScope, skip: bool) -> None:
        previous = row.data["previous"]
        if row.data.get("undo") is None:  # settled once: a rollback that is continued must not look again
            replaced = row.data["key"] != previous["key"] or row.data["type"] != previous["type"]
            unchanged = (
                row.data["properties"] == previous["properties"] and row.data["tags"] == previous["tags"]
            )
            row.data["undo"] = "point back" if replaced or unchanged else "update"
        row.data.update({n: previous[n] for n in previous})
        if skip or row.data["undo"] == "point back":
            stacks.row_status(self.world, self.stack, row, "UPDATE_COMPLETE")
        else:
            await self.steps.update(row, previous["properties"], scope)
        row.data["undone"] = True
        row.data["previous"] = previous
        self.world.store.put(row)

    # -- delete

    async def _delete(self) -> None:
        users = [
            (o["ExportName"], u)
            for o in self.stack.data["outputs"]
            if "ExportName" in o and (u := importers(self.world, self.stack, o["ExportName"]))
        ]
        if users:
            name, stacks_using = users[0]
            self._end(
                self.operation["before"]["status"],
                f"Export {name} cannot be deleted as it is in use by {' and '.join(stacks_using)}",
            )
            return
        failed = await self._take_down(on_create=False)
        if failed:
            named = ", ".join(failed)
            self._end("DELETE_FAILED", f"The following resource(s) failed to delete: [{named}]. ")
            return
        self.stack.data["outputs"] = self.stack.data["imports"] = []
        for record in self.world.store.by_stack(self.stack.arn):
            if record.type == "Sandbox::CloudFormation::ChangeSet":
                self.world.store.remove(record)
        self.stack.data["deleted_at"] = self.world.scheduler.now()
        self.world.memory.get("stacks by name", {}).pop(
            (self.stack.account, self.stack.region, self.stack.data["name"]), None
        )
        self._end(stacks.GONE)

    async def _take_down(self, on_create: bool) -> list[str]:
        """Delete all rows, dependents first; answers the names that failed."""
        everything = {
            n: r
            for n, r in rows(self.world, self.stack).items()
            if r.state not in (stacks.GONE, "DELETE_SKIPPED")
        }
        retain = set(self.operation.get("retain") or ())
        needs = {n: set(r.data.get("depends") or ()) & set(everything) for n, r in everything.items()}

        async def work(name: str) -> None:
            row = everything[name]
            if not row.data["key"]:
                if row.state == "CREATE_FAILED" and not on_create:
                    self.world.store.remove(row)
                else:
                    stacks.row_status(self.world, self.stack, row, stacks.GONE)
                return
            policy = row.data.get("deletion_policy") or "Delete"
            if on_create:
                policy = _on_create(row.data)
                if self.operation.get("retain_except_on_create"):
                    policy = "Delete"
            await self.steps.delete(row, "Retain" if name in retain else policy)

        left = dict(everything)
        failures: list[str] = []
        while left:  # a failure stops only what it is in the way of
            blocked = _blocked(failures, needs)
            left = {n: r for n, r in left.items() if n not in blocked}
            if not left:
                break
            failed, _ = await run_graph(left, reverse({n: needs[n] & set(left) for n in left}), work)
            failures.extend(failed)
            left = {
                n: r
                for n, r in left.items()
                if n not in failed and r.state not in (stacks.GONE, "DELETE_SKIPPED") and self._there(r)
            }
            if not failed:
                break
        return failures

    def _there(self, row: Record) -> bool:
        return self.world.store.get(*row.key) is row


def _blocked(failures: list[str], needs: dict[str, set[str]]) -> set[str]:
    """What cannot go while these are still there: all that they depend on."""
    blocked: set[str] = set()
    open_names = list(failures)
    while open_names:
        for name in needs.get(open_names.pop(), ()):
            if name not in blocked:
                blocked.add(name)
                open_names.append(name)
    return blocked


def _on_create(data: dict[str, Any]) -> str:
    """The deletion policy for a resource that the failed operation itself had made."""
    policy = data.get("deletion_policy") or "Delete"
    return "Delete" if policy in ("RetainExceptOnCreate", "Snapshot") else policy


def _place(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": data["type"],
        "key": data["key"],
        "physical_id": data["physical_id"],
        "depends": list(data.get("depends") or ()),
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(v) for v in value)
    return str(value)

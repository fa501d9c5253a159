"""Putting an update back: what was changed is changed again, what was made goes in the cleanup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.cloudformation import stacks
from sandbox.cloudformation.graph import run_graph
from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import rows, stack_status
from sandbox.cloudformation.teardown import clean_up, on_create_policy, place
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.cloudformation.engine import StackRun


async def undo_update(run: StackRun) -> None:
    """Go back to what the stack was before the operation (its "before")."""
    before = run.operation["before"]
    run.stack.data.update(
        {n: before[n] for n in ("template", "parameters", "outputs", "imports") if n in before}
    )
    run.stack.tags = dict(before["tags"])
    all_rows = rows(run.world, run.stack)
    changed = {n: r for n, r in all_rows.items() if r.data["op"] == run.operation["id"]}
    skip = set(run.operation.get("skip") or ())
    plan = []
    undo: dict[str, set[str]] = {}
    for name, row in changed.items():
        previous = row.data["previous"]
        if previous is None:
            plan.append({**place(name, row.data), "policy": on_create_policy(row.data), "row": True})
        elif not row.data.get("undone"):
            undo[name] = set(previous["depends"] or ())
            if row.data["key"] and row.data["key"] != previous["key"]:
                plan.append({**place(name, row.data), "policy": "Delete", "row": False})
    run.operation.setdefault(
        "later", plan
    )  # a rollback that is continued finds what its first try had to remove
    scope = run.scope()

    async def work(name: str) -> None:
        await undo_one(run, changed[name], scope, name in skip)

    failed, cancelled = await run_graph(undo, undo, work)
    if failed:
        named = ", ".join([*failed, *cancelled])
        run.end("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{named}]. ")
        return
    run.stack.data["cleanup"] = run.operation["later"]
    stack_status(run.world, run.stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    run.phase("cleanup")
    await clean_up(run)


async def undo_one(run: StackRun, row: Record, scope: StackScope, skip: bool) -> None:
    """Put one resource back. Raises ResourceFailed."""
    previous = row.data["previous"]
    if row.data.get("undo") is None:  # settled once: a rollback that is continued must not look again
        replaced = row.data["key"] != previous["key"] or row.data["type"] != previous["type"]
        unchanged = row.data["properties"] == previous["properties"] and row.data["tags"] == previous["tags"]
        in_place = not replaced and (not unchanged or row.data["type"] == stacks.STACK)
        row.data["undo"] = "update" if in_place else "point back"
    actual = previous.get("actual")
    row.data.update({n: previous[n] for n in previous if n != "actual"})
    if skip or (row.data["undo"] == "point back" and actual is None):
        stacks.row_status(run.world, run.stack, row, "UPDATE_COMPLETE")
    else:
        await run.steps.update(row, actual or previous["properties"], scope)
        row.data["properties"] = previous["properties"]
    row.data["undone"] = True
    row.data["previous"] = previous
    run.world.store.put(row)

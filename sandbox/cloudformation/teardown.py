"""Taking resources away: the cleanup after an update, the deletion of a stack, the way back of a create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation import stacks
from sandbox.cloudformation.failures import ResourceFailed, handler_message
from sandbox.cloudformation.graph import reverse, run_graph
from sandbox.cloudformation.stacks import importers, rows
from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.cloudformation.engine import StackRun


def plan_removal(run: StackRun, wanted: set[str]) -> None:
    """What the new template no longer has, and what was replaced, goes in the cleanup."""
    plan = []
    for name, row in rows(run.world, run.stack).items():
        previous = row.data["previous"] if row.data["op"] == run.operation["id"] else None
        if name not in wanted and row.state != stacks.GONE:
            plan.append(
                {
                    **place(name, row.data),
                    "policy": row.data.get("deletion_policy") or "Delete",
                    "row": True,
                }
            )
        elif previous and previous["key"] and previous["key"] != row.data["key"]:
            plan.append(
                {
                    **place(name, previous),
                    "policy": previous.get("replace_policy") or "Delete",
                    "row": False,
                }
            )
    run.stack.data["cleanup"] = plan
    run.world.store.put(run.stack)


async def clean_up(run: StackRun) -> None:
    """Carry out stack.data["cleanup"] and end the update; what cannot be deleted is left behind, as in AWS."""
    plan = run.stack.data["cleanup"]
    by_key = {f"{i}": entry for i, entry in enumerate(plan)}
    needs = {
        key: {k for k, other in by_key.items() if other["name"] in entry["depends"]}
        for key, entry in by_key.items()
    }

    tried: set[str] = set()

    async def work(key: str) -> None:
        await remove(run, by_key[key])
        tried.add(key)

    left = set(by_key)
    while left:
        failed, _ = await run_graph(left, reverse({k: needs[k] & left for k in left}), work)
        left -= tried | set(failed)
        if not failed:
            break
    run.stack.data["cleanup"] = []
    rolled_back = run.stack.state.startswith("UPDATE_ROLLBACK")
    run.end("UPDATE_ROLLBACK_COMPLETE" if rolled_back else "UPDATE_COMPLETE")


async def remove(run: StackRun, entry: dict[str, Any]) -> None:
    """One entry of the cleanup: a resource with its row, or a replaced one that has none any more."""
    row = rows(run.world, run.stack).get(entry["name"])
    if entry["row"]:
        if row is not None:
            await run.steps.delete(row, entry["policy"])
            if row.state in (stacks.GONE, "DELETE_SKIPPED"):
                run.world.store.remove(row)
        return
    record = run.world.store.get(*entry["key"])
    told = (run.world, run.stack, entry["name"], entry["physical_id"], entry["type"])
    if entry["policy"] == "Retain":
        if record is not None:
            run.world.store.disown(record)
        stacks.told(*told, "DELETE_SKIPPED", None)
        return
    stacks.told(*told, "DELETE_IN_PROGRESS", None)
    try:
        await run.steps.delete_record(record, entry["policy"])
    except AwsError as problem:
        stacks.told(*told, "DELETE_FAILED", handler_message(problem))
        raise ResourceFailed(problem.message) from problem
    stacks.told(*told, "DELETE_COMPLETE", None)


async def delete(run: StackRun) -> None:
    """Delete the stack, unless another one imports from it."""
    users = [
        (o["ExportName"], u)
        for o in run.stack.data["outputs"]
        if "ExportName" in o and (u := importers(run.world, run.stack, o["ExportName"]))
    ]
    if users:
        name, stacks_using = users[0]
        run.end(
            run.operation["before"]["status"],
            f"Export {name} cannot be deleted as it is in use by {' and '.join(stacks_using)}",
        )
        return
    failed = await take_down(run, on_create=False)
    if failed:
        named = ", ".join(failed)
        run.end("DELETE_FAILED", f"The following resource(s) failed to delete: [{named}]. ")
        return
    run.stack.data["outputs"] = run.stack.data["imports"] = []
    for record in run.world.store.by_stack(run.stack.arn):
        if record.type == "Sandbox::CloudFormation::ChangeSet":
            run.world.store.remove(record)
    run.stack.data["deleted_at"] = run.world.scheduler.now()
    run.world.memory.get("stacks by name", {}).pop(
        (run.stack.account, run.stack.region, run.stack.data["name"]), None
    )
    run.end(stacks.GONE)


async def take_down(run: StackRun, on_create: bool) -> list[str]:
    """Delete all rows, dependents first; answers the names that failed."""
    everything = {
        n: r for n, r in rows(run.world, run.stack).items() if r.state not in (stacks.GONE, "DELETE_SKIPPED")
    }
    retain = set(run.operation.get("retain") or ())
    needs = {n: set(r.data.get("depends") or ()) & set(everything) for n, r in everything.items()}

    async def work(name: str) -> None:
        row = everything[name]
        if not row.data["key"]:
            if row.state == "CREATE_FAILED" and not on_create:
                run.world.store.remove(row)
            else:
                stacks.row_status(run.world, run.stack, row, stacks.GONE)
            return
        policy = row.data.get("deletion_policy") or "Delete"
        if on_create:
            policy = on_create_policy(row.data)
            if run.operation.get("retain_except_on_create"):
                policy = "Delete"
        try:
            await run.steps.delete(row, "Retain" if name in retain else policy)
        except ResourceFailed:
            if not run.operation.get("force"):
                raise
            await run.steps.delete(row, "Retain")

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
            if n not in failed
            and r.state not in (stacks.GONE, "DELETE_SKIPPED")
            and run.world.store.get(*r.key) is r
        }
        if not failed:
            break
    return failures


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


def on_create_policy(data: dict[str, Any]) -> str:
    """The deletion policy for a resource that the failed operation itself had made."""
    policy = data.get("deletion_policy") or "Delete"
    return "Delete" if policy in ("RetainExceptOnCreate", "Snapshot") else policy


def place(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Where a resource is, for an entry of the cleanup."""
    return {
        "name": name,
        "type": data["type"],
        "key": data["key"],
        "physical_id": data["physical_id"],
        "depends": list(data.get("depends") or ()),
    }

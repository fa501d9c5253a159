"""Global tables (version 2019.11.21): the same table in several regions, each writable, each told a while later.

Tables of a group carry its id in data["group"]. A later write wins over an earlier one, wherever it was made
(DynamoDB developer guide, "Global tables: multi-active, multi-Region replication", MREC).
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.application.dark import held_back
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start
from sandbox.services.dynamodb import content
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.tables import TABLE
from sandbox.store import Record
from sandbox.world import World

TIMED = "Sandbox::DynamoDB::Replication"
"""The name of its duration in the settings: seconds of AWS until a write is in the other regions."""
AGAIN_S = 1.0
COPIED = (
    "TableName",
    "KeySchema",
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "TimeToLiveSpecification",
)


def group(world: World, table: Record) -> list[Record]:
    """The table in all its regions."""
    if "group" not in table.data:
        return [table]
    found = world.store.list(table.account, None, TABLE)
    return [t for t in found if t.data.get("group") == table.data["group"]]


def others(world: World, table: Record) -> list[Record]:
    return [t for t in group(world, table) if t is not table]


def shape(table: Record) -> dict[str, Any]:
    """ReplicaDescription."""
    answer = {"RegionName": table.region, "ReplicaStatus": table.state, "ReplicaArn": table.arn}
    named = (table.properties.get("SSESpecification") or {}).get("KMSMasterKeyId")
    return {**answer, **({"KMSMasterKeyId": named} if named else {})}


def add(ctx: Context, table: Record, region: str, more: dict[str, Any], tags: dict[str, str]) -> Record:
    """Make a replica in another region; it begins with what is there. more: properties of its own."""
    there = ctx.world.context(table.account, region, principal=ctx.principal)
    if ctx.store.get(table.account, region, TABLE, table.id) is not None:
        text = (
            f"Failed to create a the new replica of table with name: '{table.id}' because one or more replicas already "
            "existed as tables."
        )
        raise invalid(text)
    if not table.properties.get("StreamSpecification"):
        # Adding the first replica turns streams on (developer guide).
        table.properties["StreamSpecification"] = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        ctx.world.type(TABLE).updated(ctx, table, table.properties)
    table.data.setdefault("group", str(uuid.uuid4()))
    ctx.store.put(table)
    properties = {n: table.properties[n] for n in COPIED if n in table.properties}
    made = ctx.world.create(
        there,
        TABLE,
        {**properties, **more},
        tags=tags,
        data={"group": table.data["group"]},
    )
    for record in content.records(ctx.world, table):
        content.apply(
            ctx.world, made, record.data["key"], record.data["item"], record.data["at"], record.data["region"]
        )
    return made


def take_away(ctx: Context, table: Record, region: str) -> None:
    """Delete the replica of a region."""
    found = next((t for t in others(ctx.world, table) if t.region == region), None)
    if found is None:
        text = f"Replica with name: '{region}' does not exist in the table '{table.id}'."
        raise AwsError("ReplicaNotFoundException", text)
    there = ctx.world.context(found.account, found.region, principal=ctx.principal)
    ctx.world.delete(there, found)


def agree(ctx: Context, table: Record) -> None:
    """Carry the settings that all replicas share (keys, indexes, capacity, TTL) to the other regions."""
    shared = {n: table.properties[n] for n in COPIED if n in table.properties}
    for other in others(ctx.world, table):
        own = {n: v for n, v in other.properties.items() if n not in COPIED}
        if {**own, **shared} != other.properties:
            there = ctx.world.context(other.account, other.region, principal=ctx.principal)
            ctx.world.update(there, other, {**own, **shared})


def update(ctx: Context, table: Record, updates: list[dict[str, Any]]) -> None:
    """UpdateTable's ReplicaUpdates. Raises ValidationException, and as `add` and `take_away`."""
    if len(updates) > 1:
        raise invalid("Only one replica can be created, updated or deleted at a time.")
    for kind, wanted in ((k, v) for change in updates for k, v in change.items()):
        if kind == "Create":
            named = wanted.get("KMSMasterKeyId")
            more = {"SSESpecification": {"SSEEnabled": True, "KMSMasterKeyId": named}} if named else {}
            add(ctx, table, wanted["RegionName"], more, dict(table.tags))
        elif kind == "Delete":
            take_away(ctx, table, wanted["RegionName"])
        else:
            raise invalid(f"{kind} of a replica is not supported by the sandbox")


def _spread(world: World, table: Record, record: Record) -> None:
    """A client wrote an item here: the other regions get it after a while."""
    if "group" not in table.data:
        return
    _send(world, table, record)


def _send(world: World, table: Record, record: Record) -> None:
    written = dict(record.data)
    wait = world.duration(TIMED, "create") * float(world.settings["speed"])
    for other in others(world, table):
        _later(world, table, other, written, world.scheduler.now() + wait)


def _later(world: World, source: Record, target: Record, written: dict[str, Any], when: float) -> None:
    def carry_out() -> None:
        if world.store.get(*target.key) is not target:
            return
        places = ((t.account, t.region) for t in (source, target))
        if held_back(world, "dynamodb", float(written["at"]), *places):
            _later(world, source, target, written, world.scheduler.now() + AGAIN_S)
            return
        content.apply(world, target, written["key"], written["item"], float(written["at"]), written["region"])

    world.scheduler.at(when, carry_out)


content.WRITTEN.append(_spread)


@on_start
def take_up(world: World) -> None:
    """Tell the other regions anew what each region holds: what was on its way when the process ended was lost."""
    for table in list(world.store.everywhere(TABLE)):
        if "group" in table.data:
            for record in content.records(world, table):
                if record.data["region"] == table.region:
                    _send(world, table, record)

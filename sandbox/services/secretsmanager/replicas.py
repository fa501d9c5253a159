"""Replicas of a secret in other regions: they follow after a while, and say how far they are.

A primary's data["replicas"] is {region: {"key", "status", "message", "force"}}; a replica's data["primary"] is an ARN.
"""

from __future__ import annotations

from typing import Any

from sandbox.application.dark import held_back
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start
from sandbox.services.secretsmanager.names import DEFAULT_KEY, TYPE, by_name, refuse_bad_key
from sandbox.store import Record
from sandbox.world import World

TIMED = "Sandbox::SecretsManager::Replication"
"""The name of its duration in the settings."""
AGAIN_S = 1.0


def replicas(world: World, record: Record) -> list[Record]:
    """The replica secrets that there are."""
    return [r for r in world.store.list(record.account, None, TYPE) if r.data.get("primary") == record.id]


def replicate(ctx: Context, record: Record, region: str, key: str | None, force: bool = False) -> None:
    """Begin to replicate a secret to another region. Raises InvalidParameterException for its own."""
    if region == record.region:
        raise AwsError("InvalidParameterException", "Invalid replica region.")
    held = record.data.setdefault("replicas", {})
    held[region] = {"key": key or DEFAULT_KEY, "status": "InProgress", "message": "", "force": force}
    _begin(ctx.world, record, region)


def drop_replica(world: World, record: Record, region: str) -> None:
    """Delete the replica of a region."""
    record.data.get("replicas", {}).pop(region, None)
    world.store.put(record)
    for replica in replicas(world, record):
        if replica.region == region:
            world.store.remove(replica)


def spread(world: World, record: Record) -> None:
    """Carry values, tags and policy of a primary secret to its replicas."""
    for region, entry in record.data.get("replicas", {}).items():
        entry["status"] = "InProgress"
        _begin(world, record, region)


def _begin(world: World, record: Record, region: str) -> None:
    record.data["replicas"][region]["since"] = world.scheduler.now()
    world.store.put(record)
    wait = world.duration(TIMED, "create") * float(world.settings["speed"])
    if wait <= 0:
        _carry_out(world, record, region)
    else:
        world.scheduler.at(world.scheduler.now() + wait, lambda: _carry_out(world, record, region))


def _carry_out(world: World, record: Record, region: str) -> None:
    entry = record.data.get("replicas", {}).get(region)
    if world.store.get(*record.key) is not record or entry is None:
        return  # deleted, or taken back
    places = ((record.account, r) for r in (region, record.region))
    if held_back(world, "secretsmanager", float(entry["since"]), *places):
        again = world.scheduler.now() + AGAIN_S
        world.scheduler.at(again, lambda: _carry_out(world, record, region))
        return
    there = world.context(record.account, region)
    try:
        refuse_bad_key(there, entry["key"])
        replica = _there(there, record, entry)
    except AwsError as problem:
        entry.update(status="Failed", message=f"Replication failed: {problem.message}")
        world.store.put(record)
        return
    entry.update(status="InSync", message="")
    replica.data["versions"] = {
        i: {**v, "stages": list(v["stages"])} for i, v in record.data["versions"].items()
    }
    replica.data["changed"] = record.data.get("changed")
    replica.data["policy"] = record.data.get("policy")
    replica.properties["Description"] = record.properties.get("Description", "")
    replica.tags = dict(record.tags)
    world.store.put(replica)
    world.store.put(record)


def _there(there: Context, record: Record, entry: dict[str, Any]) -> Record:
    """The replica's record, made if need be. Raises where the name belongs to another secret."""
    name = record.data["Name"]
    taken = by_name(there, name)
    if taken is not None and taken.data.get("primary") == record.id:
        return taken
    if taken is not None and not entry["force"]:
        text = f"Secret name {name} already exists in region {there.region}."
        raise AwsError("InvalidParameterException", text)
    if taken is not None:
        there.store.remove(taken)
    arn = record.id.replace(f":{record.region}:", f":{there.region}:", 1)
    key = {} if entry["key"] == DEFAULT_KEY else {"KmsKeyId": entry["key"]}
    return Record(
        record.account,
        there.region,
        TYPE,
        arn,
        properties={"Name": name, **key},
        arn=arn,
        created_at=there.now,
        updated_at=there.now,
        data={"Name": name, "primary": record.id, "versions": {}},
    )


def stop(world: World, replica: Record) -> None:
    """Make a replica a secret of its own."""
    primary = world.store.by_arn(replica.data.pop("primary"))
    world.store.put(replica)
    if primary is not None:
        primary.data.get("replicas", {}).pop(replica.region, None)
        world.store.put(primary)


def replication(record: Record) -> list[dict[str, Any]]:
    """ReplicationStatusType of each region."""
    return [
        {
            "Region": region,
            "KmsKeyId": entry["key"],
            "Status": entry["status"],
            **({"StatusMessage": entry["message"]} if entry["message"] else {}),
        }
        for region, entry in record.data.get("replicas", {}).items()
    ]


@on_start
def take_up(world: World) -> None:
    """Carry on with what was in progress when the process ended."""
    for record in list(world.store.everywhere(TYPE)):
        for region, entry in list(record.data.get("replicas", {}).items()):
            if entry["status"] == "InProgress":
                _begin(world, record, region)

"""Multi-Region keys: the same id and material in several regions, one of them the primary.

Which one is primary is in data["primary"] once it was moved (UpdatePrimaryRegion); before, it is the key that was made
as AWS::KMS::Key.
"""

from __future__ import annotations

from typing import Any

from sandbox.store import Record
from sandbox.world import World

KEY = "AWS::KMS::Key"
REPLICA = "AWS::KMS::ReplicaKey"
SHARED = ("KeySpec", "KeyUsage", "Origin", "EnableKeyRotation", "RotationPeriodInDays")
"""Properties that a primary shares with its replicas (KMS developer guide, "Multi-Region keys")."""


def is_primary(record: Record) -> bool:
    return bool(record.data.get("primary", record.type == KEY))


def related(world: World, record: Record) -> list[Record]:
    """The key in all its regions, itself among them."""
    found = [r for name in (KEY, REPLICA) for r in world.store.list(record.account, None, name)]
    return [r for r in found if r.id == record.id]


def primary_of(world: World, record: Record) -> Record:
    """The primary; a key of one region is its own."""
    if is_primary(record):
        return record
    return next((r for r in related(world, record) if is_primary(r)), record)


def replicas(world: World, record: Record) -> list[Record]:
    """All but the primary."""
    return [r for r in related(world, record) if not is_primary(r)]


def shared(world: World, record: Record) -> dict[str, Any]:
    """The shared properties in effect: those of the primary."""
    first = primary_of(world, record)
    return {
        **first.data.get("shared", {}),
        **{n: first.properties[n] for n in SHARED if n in first.properties},
    }


def move(world: World, old: Record, new: Record) -> None:
    """Make a replica the primary."""
    new.data.update(primary=True, shared=shared(world, old))
    old.data["primary"] = False
    for record in (old, new):
        world.store.put(record)

"""Aurora volumes: each is a schema of the one MariaDB server. In AWS a clone shares pages; here it is a copy.

For services/rds: `volume_copy` when a snapshot, a restore or a clone is made, `volume_drop` when the data is gone. A
volume is a string that is unique over all accounts (a cluster's or snapshot's resource id); it needs no creation: the
schema is made at the first connection. All three return at once, and touch no server where nothing was ever written.

`volume_of` says which volume a cluster uses: `data["volume"]` where services/rds has set it (a secondary cluster of a
global database has its primary's), else its resource id.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from sandbox.application import hosting
from sandbox.application.engine import NoEngine
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

log = logging.getLogger("sandbox")
VOLUME = "Sandbox::RDS::Volume"
OWNER = "sandbox"
SETTLED_WITHIN_S = 10.0
RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, REFERENCES, CREATE VIEW, SHOW VIEW, TRIGGER, "
    "CREATE ROUTINE, ALTER ROUTINE, EXECUTE, EVENT, LOCK TABLES, CREATE TEMPORARY TABLES"
)


def volume_of(cluster: Record) -> str:
    """The volume of a cluster's record."""
    return str(cluster.data.get("volume") or cluster.data["resource_id"])


def schema_of(volume: str) -> str:
    """The schema's name; its users are `w_` and `r_` before it."""
    return f"v_{hashlib.sha256(volume.encode()).hexdigest()[:20]}"


def volume_create(world: World, volume: str) -> None:
    """Say that a volume is there; without it the first connection does the same."""
    if _record(world, volume) is None:
        world.store.put(
            Record(OWNER, GLOBAL, VOLUME, volume, state="empty", created_at=world.scheduler.now())
        )


def volume_copy(world: World, source: str, target: str) -> None:
    """Copy what the source holds by now into the (new) target. Runs beside everything: a connection to the target waits
    for it, and what is written to the source meanwhile waits until the copy cannot have it any more (`settled`)."""
    volume_create(world, target)
    origin, record = _record(world, source), _record(world, target)
    if record is None or origin is None or origin.state == "empty":
        return
    record.state, record.data["source"] = "copying", source
    world.store.put(record)
    _reading(world).setdefault(source, set()).add(target)
    _begin(world, record)


def volume_drop(world: World, volume: str) -> None:
    """The data is gone for good."""
    record = _record(world, volume)
    if record is None:
        return
    world.store.remove(record)
    if record.state != "empty":
        world.spawn(_drop(world, volume))


def _record(world: World, volume: str) -> Record | None:
    return world.store.get(OWNER, GLOBAL, VOLUME, volume)


def _jobs(world: World) -> dict[str, asyncio.Task[None]]:
    jobs: dict[str, asyncio.Task[None]] = world.memory.setdefault("volume jobs", {})
    return jobs


def _reading(world: World) -> dict[str, set[str]]:
    """Source to the volumes that are still being read from it."""
    found: dict[str, set[str]] = world.memory.setdefault("volumes being read", {})
    return found


async def settled(world: World, volume: str) -> None:
    """Once no copy that began before now can see what is written to the volume from now on.

    A client that holds a table's lock would keep the copy waiting, and itself with it: hence the time limit.
    """
    until = asyncio.get_running_loop().time() + SETTLED_WITHIN_S
    while _reading(world).get(volume) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)


def _begin(world: World, record: Record) -> asyncio.Task[None]:
    job = _jobs(world).get(record.id)
    if job is None or job.done():
        before = _jobs(world).get(record.data.get("source", ""))
        job = _jobs(world)[record.id] = world.spawn(_make(world, record, before))
    return job


async def _make(world: World, record: Record, before: asyncio.Task[None] | None) -> None:
    """Schema and users, and the copy where there is a source."""
    copied = await _read(world, record, before) if record.state == "copying" else None
    engine = hosting.of(world).engine
    await engine.start()
    schema = schema_of(record.id)
    if copied is not None:
        await engine.execute([f"DROP DATABASE IF EXISTS {schema}"])
    await engine.execute([f"CREATE DATABASE IF NOT EXISTS {schema}", *_users(schema, engine.password)])
    if copied is not None:
        await engine.load(schema, copied)
    if _record(world, record.id) is record:
        record.state = "available"
        world.store.put(record)
        world.store.flush()


async def _read(world: World, record: Record, before: asyncio.Task[None] | None) -> bytes:
    """What the source of a copy holds, first of all: until then its writers wait."""
    source = record.data["source"]
    try:
        if before is not None:
            await asyncio.wait([before])
        engine = hosting.of(world).engine
        await engine.start()
        return await engine.dump(schema_of(source))
    finally:
        waiting = _reading(world)
        waiting.get(source, set()).discard(record.id)
        if not waiting.get(source):
            waiting.pop(source, None)


def _users(schema: str, password: str) -> list[str]:
    statements = []
    for kind in ("w", "r"):
        user = f"'{kind}_{schema}'@localhost"
        statements.append(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'")
        statements.append(f"GRANT {RIGHTS} ON {schema}.* TO {user}")
    return [*statements, f"GRANT READ ONLY ADMIN ON *.* TO 'w_{schema}'@localhost"]


async def _drop(world: World, volume: str) -> None:
    engine = hosting.of(world).engine
    if not engine.installed():
        return
    schema = schema_of(volume)
    await engine.start()
    users = [f"DROP USER IF EXISTS '{kind}_{schema}'@localhost" for kind in ("w", "r")]
    await engine.execute([f"DROP DATABASE IF EXISTS {schema}", *users])


async def ready(world: World, volume: str) -> str:
    """The schema of a volume, once it is there and whole. Raises NoEngine."""
    volume_create(world, volume)
    await hosting.of(world).engine.start()
    record = _record(world, volume)
    if record is None:
        raise NoEngine("the volume was deleted")
    if record.state != "available":
        await asyncio.shield(_begin(world, record))
    return schema_of(volume)


async def warm(world: World, volumes: set[str]) -> None:
    """Have volumes ready before a program asks: AWS's are there, however slowly this machine starts a server."""
    try:
        for volume in sorted(volumes):
            await ready(world, volume)
    except NoEngine as problem:
        log.info("A program starts without its database: %s", problem)

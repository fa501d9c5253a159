"""Aurora volumes: each is a schema of the one MariaDB server. In AWS a clone shares pages; here it is a copy.

For services/rds: `volume_copy` when a snapshot, a restore or a clone is made, `volume_drop` when the data is gone. A
volume is a string that is unique over all accounts (a cluster's or snapshot's resource id); it needs no creation: the
schema is made at the first connection. All three return at once, and touch no server where nothing was ever written.
A volume can be copied as it was at a moment, and such a copy can come after its source: moments.py.

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
from sandbox.application.journal import Position, owned
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
    if record_of(world, volume) is None:
        world.store.put(
            Record(OWNER, GLOBAL, VOLUME, volume, state="empty", created_at=world.scheduler.now())
        )


def volume_copy(
    world: World, source: str, target: str, moment: float | None = None, *, follows: bool = False
) -> None:
    """Copy what the source holds by now, or held at a moment, into the (new) target.

    Runs beside everything: a connection to the target waits for it, and what is written to the source meanwhile waits
    until the copy of now cannot have it any more (`settled`). follows: moments.follow is going to be called
    for it.
    """
    volume_create(world, target)
    origin, record = record_of(world, source), record_of(world, target)
    if record is None or ((origin is None or origin.state == "empty") and not follows):
        return
    record.state = "copying"
    record.data.update(source=source, moment=moment, follows=follows)
    world.store.put(record)
    if follows:
        return
    if moment is None:
        _reading(world).setdefault(source, set()).add(target)
    copy_begin(world, record)


def held_from(world: World, volume: str) -> float:
    """The moment from which on the volume can be copied as of a moment; 0.0: from its beginning."""
    record = record_of(world, volume)
    return float(record.data.get("from", 0.0)) if record is not None else 0.0


def volume_drop(world: World, volume: str) -> None:
    """The data is gone for good."""
    record = record_of(world, volume)
    if record is None:
        return
    world.store.remove(record)
    if record.state != "empty":
        world.spawn(_drop(world, volume))


def record_of(world: World, volume: str) -> Record | None:
    """What is known of a volume."""
    return world.store.get(OWNER, GLOBAL, VOLUME, volume)


def jobs_of(world: World) -> dict[str, asyncio.Task[None]]:
    """Who is at work on volumes, by volume."""
    jobs: dict[str, asyncio.Task[None]] = world.memory.setdefault("volume jobs", {})
    return jobs


def _reading(world: World) -> dict[str, set[str]]:
    """Source to the volumes that are still being read from it."""
    found: dict[str, set[str]] = world.memory.setdefault("volumes being read", {})
    return found


def reached(world: World) -> dict[str, Position]:
    """How far into the log copies that follow have come. Not kept: a process that dies may do so on the way."""
    found: dict[str, Position] = world.memory.setdefault("volumes that follow", {})
    return found


async def settled(world: World, volume: str) -> None:
    """Once no copy that began before now can see what is written to the volume from now on.

    A client that holds a table's lock would keep the copy waiting, and itself with it: hence the time limit.
    """
    until = asyncio.get_running_loop().time() + SETTLED_WITHIN_S
    while _reading(world).get(volume) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)


def copy_begin(world: World, record: Record) -> asyncio.Task[None]:
    """Whoever is at work on a volume; begun anew where nobody is, as after a killed process."""
    job = jobs_of(world).get(record.id)
    if job is None or job.done():
        before = jobs_of(world).get(record.data.get("source", ""))
        job = jobs_of(world)[record.id] = world.spawn(make(world, record, before))
    return job


async def make(world: World, record: Record, before: asyncio.Task[None] | None) -> None:
    """Schema and users, and the copy where there is a source."""
    engine, schema = hosting.of(world).engine, schema_of(record.id)
    moment = record.data.get("moment")
    if record.state != "copying":
        await engine.start()
        await _create(world, schema)
    elif moment is None:
        copied = await _read(world, record, before)
        await _create(world, schema, anew=True)
        await engine.load(schema, owned(schema_of(record.data["source"]), schema, copied))
    else:
        await _make_as_of(world, record, float(moment))
    if record_of(world, record.id) is record:
        record.state = "available"
        # From here on the log has all that is written: the volume's whole life.
        record.data.setdefault("from", 0.0)
        world.store.put(record)
        world.store.flush()


async def _create(world: World, schema: str, *, anew: bool = False) -> None:
    engine = hosting.of(world).engine
    drop = [f"DROP DATABASE IF EXISTS {schema}"] if anew else []
    await engine.execute([*drop, f"CREATE DATABASE IF NOT EXISTS {schema}", *_users(schema, engine.password)])


async def _make_as_of(world: World, record: Record, moment: float) -> None:
    """The last base of the source before the moment, and what the log has from there to it."""
    if record_of(world, record.data["source"]) is None and not record.data["follows"]:
        raise NoEngine("the volume that is to be copied was deleted")
    here, schema = hosting.of(world), schema_of(record.id)
    source = await ready(world, record.data["source"])
    async with here.journal.lock:
        stop = await here.journal.at(moment)
        bases = here.journal.bases(source)
        # Before its first connection, when the first base is made, a volume was as it was then.
        base = next((b for b in reversed(bases) if b.position <= stop), bases[0])
        await _create(world, schema, anew=True)
        await here.engine.load(schema, owned(source, schema, await asyncio.to_thread(base.read)))
        await here.journal.replay(source, schema, base.position, stop)
        stop = max(stop, base.position)
        if record.data["follows"]:
            reached(world)[record.id] = stop


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
    here = hosting.of(world)
    if not here.engine.installed():
        return
    schema = schema_of(volume)
    await here.engine.start()
    here.journal.forget(schema)
    users = [f"DROP USER IF EXISTS '{kind}_{schema}'@localhost" for kind in ("w", "r")]
    await here.engine.execute([f"DROP DATABASE IF EXISTS {schema}", *users])


async def ready(world: World, volume: str) -> str:
    """The schema of a volume, once it is there and whole. Raises NoEngine."""
    volume_create(world, volume)
    await hosting.of(world).engine.start()
    record = record_of(world, volume)
    if record is None:
        raise NoEngine("the volume was deleted")
    empty = record.state == "empty"
    if record.state != "available":
        await asyncio.shield(copy_begin(world, record))
    if not record.data.get("follows"):
        await _have_base(world, record, empty=empty)
    return schema_of(volume)


async def _have_base(world: World, record: Record, *, empty: bool) -> None:
    """What a moment is counted from. Made before the first client comes in; what has none, such as a snapshot's volume,
    needs none."""
    journal, schema = hosting.of(world).journal, schema_of(record.id)
    if record.data.get("based"):
        return
    async with journal.lock:
        if not record.data.get("based"):
            await journal.keep(schema, empty=empty)
            record.data["based"] = True
            # A data directory of before there was a log: it begins now.
            record.data.setdefault("from", world.scheduler.now())
            world.store.put(record)


async def warm(world: World, volumes: set[str]) -> None:
    """Have volumes ready before a program asks: AWS's are there, however slowly this machine starts a server."""
    try:
        for volume in sorted(volumes):
            await ready(world, volume)
    except NoEngine as problem:
        log.info("A program starts without its database: %s", problem)

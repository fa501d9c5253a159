"""Copies of volumes that come after their source; the length of the log that copies of a moment are made from.

For relay.py: `noted` before a client's bytes go to a volume that it may write to, `follow` before they go to a copy
that is behind (a secondary cluster while a lag is planted).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sandbox.application import hosting
from sandbox.application.engine import NoEngine
from sandbox.application.volumes import (
    OWNER,
    SETTLED_WITHIN_S,
    VOLUME,
    copy_begin,
    jobs_of,
    make,
    reached,
    record_of,
    schema_of,
)
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

log = logging.getLogger("sandbox")


async def noted(world: World) -> None:
    """What is written from now on is of now. A log that has become too long is cut beside."""
    journal = hosting.of(world).journal
    await journal.look()
    if journal.crowded:
        journal.crowded = False
        world.spawn(_cut(world))


async def _cut(world: World) -> None:
    """New bases for all that is written to; what is before them in the log goes, and with it the moments before now."""
    journal = hosting.of(world).journal
    held = world.store.list(OWNER, GLOBAL, VOLUME)
    copying = [record for record in held if record.state == "copying" and not record.data.get("follows")]
    for record in copying:
        copy_begin(world, record)
    if copying or any(record.data.get("follows") for record in held):
        return  # They need it: this is tried again with the log's next file.
    async with journal.lock:
        kept = []
        for record in [r for r in held if r.data.get("based")]:
            if record_of(world, record.id) is not record:
                continue
            position = await journal.keep(schema_of(record.id))
            journal.forget(schema_of(record.id), position)
            record.data["from"] = world.scheduler.now()
            world.store.put(record)
            kept.append(position)
        if kept:
            await journal.purge(min(kept))
    world.store.flush()


async def follow(world: World, volume: str, moment: float) -> None:
    """Have a copy come after its source, to a later moment. One whose reader keeps it from that, by a table's lock for
    example, stays behind."""
    record = record_of(world, volume)
    if record is None:
        return
    record.data["moment"] = moment
    jobs = jobs_of(world)
    job = jobs.get(volume)
    if job is None or job.done():
        job = jobs[volume] = world.spawn(_follow(world, record, moment))
    await asyncio.wait([job], timeout=SETTLED_WITHIN_S)


async def _follow(world: World, record: Record, moment: float) -> None:
    come, journal = reached(world), hosting.of(world).journal
    if record.id not in come:
        await make(world, record, None)
        return
    async with journal.lock:
        stop, start = await journal.at(moment), come[record.id]
        if stop <= start:
            return
        del come[record.id]
        record.state = "copying"
        try:
            await journal.replay(schema_of(record.data["source"]), schema_of(record.id), start, stop)
        except NoEngine as problem:
            log.warning("A copy that follows is made anew: %s", problem)
            return
        come[record.id], record.state = stop, "available"

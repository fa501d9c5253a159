"""The resolver opens with the sandbox; what a killed sandbox has left running is ended then."""

from __future__ import annotations

import logging

from sandbox.application import hosting
from sandbox.application.dns_server import open_sockets
from sandbox.registry import on_reset, on_start
from sandbox.world import World

log = logging.getLogger("sandbox")


@on_start
def begin(world: World) -> None:
    """Open the resolver, and end what a sandbox that was killed has left."""
    here = hosting.of(world)
    if here.nameserver:
        # The process is the same one, with another state: what runs belongs to the one before.
        world.spawn(here.quiet())
        return
    ended = here.children.end_those_left_behind()
    if ended:
        log.warning("Ended %d processes of a sandbox that was killed", ended)

    async def open_() -> None:
        here.names = await open_sockets(world)

    world.spawn(open_())


@on_reset
def forget(world: World) -> None:
    """Nothing of what ran is known any more."""
    world.spawn(hosting.of(world).forget())

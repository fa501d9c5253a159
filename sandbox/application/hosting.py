"""All that runs beside the API: processes, the database server, endpoint listeners, the resolver's sockets."""

from __future__ import annotations

import asyncio
import logging
import shutil
import weakref
from typing import TYPE_CHECKING, Any

from sandbox.application.addresses import Addresses
from sandbox.application.authority import Authority
from sandbox.application.children import Children
from sandbox.application.engine import Engine
from sandbox.application.journal import Journal

if TYPE_CHECKING:
    from sandbox.application.processes import Program
    from sandbox.application.relay import Listener
    from sandbox.world import World

log = logging.getLogger("sandbox")
_ALL: weakref.WeakKeyDictionary[World, Hosting] = weakref.WeakKeyDictionary()


class Hosting:
    """One per world. Nothing of it is in the store: it is found again, or made anew, on use."""

    def __init__(self, world: World) -> None:
        self.home = world.store.directory
        self.children = Children(self.home)
        self._now = world.scheduler.now
        self.engine = Engine(self.home, self.children)
        self.journal = Journal(self.engine, self._now)
        self.authority = Authority(self.home)
        self.addresses = Addresses()
        self.listeners: dict[str, Listener] = {}
        self.programs: dict[tuple[str, str, str, str], Program] = {}
        """Applications by their environment's key."""
        self.instances: dict[str, tuple[str, str, str]] = {}
        """Instance metadata: a path's secret part to (account, region, IAM role)."""
        self.sessions: dict[str, tuple[float, dict[str, str]]] = {}
        """Their credentials: (end in epoch seconds, document)."""
        self.names: Any = None
        """The resolver's sockets (dns_server.Sockets), once they are open."""

    @property
    def nameserver(self) -> str:
        """`127.0.0.1:<port>` of the resolver; "" before it is open."""
        return self.names.address if self.names is not None else ""

    async def quiet(self) -> None:
        """End every process and every endpoint; the resolver stays."""
        listeners, self.listeners = list(self.listeners.values()), {}
        self.programs.clear()
        self.instances.clear()
        self.sessions.clear()
        await asyncio.gather(*(listener.close() for listener in listeners))
        await self.children.stop_all()

    async def close(self) -> None:
        """The sandbox stops."""
        await self.quiet()
        if self.names is not None:
            self.names.close()

    async def forget(self) -> None:
        """After a reset: what was stored is gone too."""
        await self.quiet()
        for name in ("mariadb", "applications"):
            await asyncio.to_thread(shutil.rmtree, self.home / name, True)
        self.engine = Engine(self.home, self.children)
        self.journal = Journal(self.engine, self._now)


def of(world: World) -> Hosting:
    """The world's hosting."""
    if world not in _ALL:
        _ALL[world] = Hosting(world)
    return _ALL[world]

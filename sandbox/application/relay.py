"""The database's addresses: a listener for each endpoint that somebody asked for, with TLS, login and routing by role.

Like RDS Proxy it logs the client in itself and then logs into the server behind; from then on bytes are passed on.
Before each of them it looks again whether the endpoint still leads where it led: if not, the connection is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import socket
from typing import TYPE_CHECKING

from sandbox.application import endpoints, hosting, moments, volumes
from sandbox.application import mysql_wire as wire
from sandbox.application.dark import struck
from sandbox.application.endpoints import Dark, Route
from sandbox.application.engine import NoEngine

if TYPE_CHECKING:
    from sandbox.world import World

log = logging.getLogger("sandbox")
LOOK_EVERY_S = 0.1
CHUNK = 65536


class Refused(Exception):
    """The client is told this error and the connection ends."""

    def __init__(self, code: int, state: str, text: str) -> None:
        super().__init__(text)
        self.packet = (code, state, text)


class Listener:
    """One endpoint's address and port."""

    def __init__(self, world: World, name: str, listening: socket.socket) -> None:
        self._world, self.name, self._socket = world, name, listening
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._socket)
            client.setblocking(False)
            task = loop.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End it and its connections."""
        for task in (self._accepting, *self._tasks):
            task.cancel()
        await asyncio.gather(self._accepting, *self._tasks, return_exceptions=True)
        self._socket.close()

    async def _serve(self, client: socket.socket) -> None:
        session = _Session(self._world, self.name, client)
        try:
            await session.run()
        except (OSError, EOFError, wire.Broken) as problem:
            log.info("A connection to %s ended: %s", self.name, problem)
        except Exception:
            log.exception("A connection to %s failed in the sandbox itself", self.name)
        finally:
            session.close()


class _Session:
    """One client's connection."""

    def __init__(self, world: World, name: str, client: socket.socket) -> None:
        self.world, self.name, self.client = world, name, client
        self.loop = asyncio.get_running_loop()
        self.writer: asyncio.StreamWriter | None = None
        self.reader: asyncio.StreamReader | None = None
        self.back: asyncio.StreamWriter | None = None
        self.sequence = 0
        self.user = ""

    def _note(self, status: int | None, error: str | None = None, fault: str | None = None) -> None:
        found = endpoints.find(self.world, self.name)
        self.world.requests.add(
            "database",
            account=found[0].account if found else "",
            region=found[0].region if found else "",
            service="database",
            operation="connect",
            resource=self.name,
            principal=self.user,
            status=status,
            error=error,
            fault=fault,
        )

    def close(self) -> None:
        for writer in (self.writer, self.back):
            if writer is not None:
                writer.close()
        if self.writer is None:
            self.client.close()

    async def run(self) -> None:
        try:
            route = await self._route()
            behind, greeting = await self._server(route)
            nonce = wire.new_nonce()
            await self._send(wire.greeting(greeting.version, greeting.capabilities, nonce))
            answer = await self._answer()
            if wire.wants_tls(answer):
                await self._secure()
                answer = await self._answer()
            elif route.tls is not None:
                raise Refused(*route.tls)
            response = wire.parse_response(answer)
            self.user = response.user
            await self._log_in(route, response, nonce)
            await self._log_in_behind(route, behind, greeting, response)
        except Dark as dark:
            fault = struck(self.world, dark.account, dark.region, "rds", self.name)
            self._note(None, "hang" if dark.hang else "unreachable", fault)
            if dark.hang:
                await asyncio.sleep(3600)
            return
        except Refused as refused:
            self._note(refused.packet[0], refused.packet[1])
            await self._send(wire.error(*refused.packet, before_login=self.sequence == 0))
            return
        self._note(0)
        await self._send(wire.OK)
        await self._pass_on(route, behind)

    async def _route(self) -> Route:
        """Where to; waits as long as AWS would. Raises Refused, Dark."""
        until: float | None = None
        while True:
            found = endpoints.route(self.world, self.name)
            if isinstance(found, Route):
                return found
            if found is None:
                raise EOFError("the endpoint is gone")
            if until is None:
                until = self.loop.time() + found.after_s * float(self.world.settings["speed"])
            if self.loop.time() >= until:
                raise Refused(found.code, found.state, found.text)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _server(self, route: Route) -> tuple[asyncio.StreamReader, wire.Greeting]:
        try:
            await volumes.ready(self.world, route.volume)
        except NoEngine as problem:
            raise Refused(1105, "HY000", str(problem)) from problem
        reader, self.back = await asyncio.open_unix_connection(hosting.of(self.world).engine.socket)
        return reader, wire.parse_greeting((await _packet(reader))[1])

    async def _log_in(self, route: Route, response: wire.Response, nonce: bytes) -> None:
        """Check user, password and database. Raises Refused."""
        scrambled = response.auth
        if response.plugin != wire.PLUGIN:
            await self._send(wire.auth_switch(nonce))
            scrambled = await self._answer()
        password = route.accounts.get(response.user)
        if password is None or not hmac.compare_digest(wire.sha2(password, nonce), scrambled):
            how = "YES" if scrambled else "NO"
            raise Refused(
                1045, "28000", f"Access denied for user '{response.user}'@'127.0.0.1' (using password: {how})"
            )
        if response.database and route.database and response.database != route.database:
            raise Refused(1049, "42000", f"Unknown database '{response.database}'")
        await self._send(wire.FAST_AUTH_OK)

    async def _log_in_behind(
        self, route: Route, behind: asyncio.StreamReader, greeting: wire.Greeting, response: wire.Response
    ) -> None:
        assert self.back is not None
        schema = volumes.schema_of(route.volume)
        user = f"{'r' if route.read_only else 'w'}_{schema}"
        password = hosting.of(self.world).engine.password
        login = wire.login(
            response.capabilities, greeting.capabilities, user, password, greeting.nonce, schema
        )
        self.back.write(wire.packet(1, login))
        _, said = await _packet(behind)
        if said[:1] != b"\x00":
            raise Refused(1105, "HY000", said[9:].decode(errors="replace"))

    async def _pass_on(self, route: Route, behind: asyncio.StreamReader) -> None:
        assert self.back is not None
        there = asyncio.ensure_future(self._upwards(route))
        back = asyncio.ensure_future(self._downwards(behind))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _upwards(self, route: Route) -> None:
        assert self.back is not None
        while data := await self._read():
            try:
                now = endpoints.route(self.world, self.name)
            except Dark as dark:
                if dark.hang:
                    await asyncio.sleep(3600)
                return
            if not isinstance(now, Route) or (now.volume, now.read_only) != (route.volume, route.read_only):
                return
            await volumes.settled(self.world, route.volume)
            if not route.read_only:
                await moments.noted(self.world)
            if now.seen is not None:
                await moments.follow(self.world, route.volume, now.seen)
            self.back.write(data)
            await self.back.drain()

    async def _downwards(self, behind: asyncio.StreamReader) -> None:
        while data := await behind.read(CHUNK):
            await self._write(data)

    # -- the client's side: a plain socket until TLS begins, so that no byte of TLS is read too early

    async def _secure(self) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self.loop.connect_accepted_socket(
            lambda: protocol, self.client, ssl=hosting.of(self.world).authority.server(self.name)
        )
        self.reader = reader
        self.writer = asyncio.StreamWriter(transport, protocol, reader, self.loop)

    async def _send(self, payload: bytes) -> None:
        await self._write(wire.packet(self.sequence, payload))
        self.sequence += 1

    async def _answer(self) -> bytes:
        head = await self._exactly(4)
        self.sequence = head[3] + 1
        return await self._exactly(int.from_bytes(head[:3], "little"))

    async def _exactly(self, count: int) -> bytes:
        if self.reader is not None:
            return await self.reader.readexactly(count)
        data = b""
        while len(data) < count:
            more = await self.loop.sock_recv(self.client, count - len(data))
            if not more:
                raise EOFError("the client left")
            data += more
        return data

    async def _read(self) -> bytes:
        if self.reader is not None:
            return await self.reader.read(CHUNK)
        return await self.loop.sock_recv(self.client, CHUNK)

    async def _write(self, data: bytes) -> None:
        if self.writer is None:
            await self.loop.sock_sendall(self.client, data)
            return
        self.writer.write(data)
        with contextlib.suppress(ConnectionResetError):
            await self.writer.drain()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(4)
    return head[3], await reader.readexactly(int.from_bytes(head[:3], "little"))


def address(world: World, name: str, port: int) -> str:
    """The address of an endpoint, on which it listens from now on. Raises NoAddress."""
    here = hosting.of(world)
    if name not in here.listeners:
        for gone in [n for n in here.listeners if endpoints.find(world, n) is None]:
            world.spawn(here.listeners.pop(gone).close())
            here.addresses.forget(gone)
        here.listeners[name] = Listener(world, name, here.addresses.listen(name, port))
    return here.addresses.of(name)[0]

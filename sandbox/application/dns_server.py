"""The resolver's sockets: UDP and TCP on the same port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from sandbox.application.dns import resolve

if TYPE_CHECKING:
    from sandbox.world import World

TRIES = 20
TCP_PATIENCE_S = 10.0


def answer(world: World, wire: bytes, longest: int = 65535) -> bytes | None:
    """The answer to a DNS message; None for what is no question."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if not query.question or query.flags & dns.flags.QR:
        return None
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    question = query.question[0]
    found = resolve(world, question.name.to_text(), dns.rdatatype.to_text(question.rdtype))
    response.set_rcode(dns.rcode.from_text(found.rcode))
    for row in found.records:
        response.answer.append(dns.rrset.from_text(row["name"], row["ttl"], "IN", row["type"], row["value"]))
    packed = response.to_wire(max_size=65535)
    if len(packed) > longest:
        response.answer.clear()
        response.flags |= dns.flags.TC
        packed = response.to_wire()
    return packed


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, world: World) -> None:
        self._world = world

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is a DatagramTransport by its methods, not by its class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        packed = answer(self._world, data, 1232)
        if packed is not None:
            self._transport.sendto(packed, address)


class Sockets:
    """Both sockets, open."""

    def __init__(self, port: int, udp: asyncio.DatagramTransport, tcp: asyncio.Server) -> None:
        self.address = f"127.0.0.1:{port}"
        self._udp, self._tcp = udp, tcp

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()


async def open_sockets(world: World) -> Sockets:
    """Open UDP and TCP on one free port. Raises OSError where there is none."""
    loop = asyncio.get_running_loop()

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await asyncio.wait_for(reader.readexactly(2), TCP_PATIENCE_S)
                packed = answer(world, await reader.readexactly(int.from_bytes(head, "big")))
                if packed is None:
                    break
                writer.write(len(packed).to_bytes(2, "big") + packed)
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            pass  # the asker has what it wanted
        finally:
            writer.close()

    for _ in range(TRIES):
        tcp = await asyncio.start_server(conversation, "127.0.0.1", 0)
        port = int(tcp.sockets[0].getsockname()[1])
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            sock.close()
            tcp.close()
            continue
        udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(world), sock=sock)
        return Sockets(port, udp, tcp)
    raise OSError("no port is free for both UDP and TCP")

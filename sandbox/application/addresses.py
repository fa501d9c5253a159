"""Addresses of 127.0.0.0/8 for names of AWS: each database endpoint and load balancer has its own.

Linux has all of them; where a system has 127.0.0.1 alone, endpoints cannot be reached and say so.
"""

from __future__ import annotations

import errno
import random
import socket

TRIES = 50


class NoAddress(Exception):
    """No address of this machine can be taken for a name."""


class Addresses:
    """What is given out, for the life of the process."""

    def __init__(self) -> None:
        self._given: dict[str, list[str]] = {}

    def of(self, name: str, count: int = 1) -> list[str]:
        """The addresses of a name that nobody listens on (a load balancer: the front door serves it)."""
        if name not in self._given:
            self._given[name] = [_any() for _ in range(count)]
        return self._given[name]

    def listen(self, name: str, port: int) -> socket.socket:
        """A listening socket on an address of the name's own. Raises NoAddress."""
        for _ in range(TRIES):
            address = _any()
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((address, port))
                listening.listen(64)
            except OSError as problem:
                listening.close()
                if problem.errno == errno.EADDRINUSE:
                    continue
                raise NoAddress(f"This system has no address {address}: {problem.strerror}.") from problem
            listening.setblocking(False)
            self._given[name] = [address]
            return listening
        raise NoAddress(f"No address with a free port {port} was found.")

    def name_at(self, address: str) -> str:
        """Whose address this is; "" if nobody's."""
        return next((name for name, given in self._given.items() if address in given), "")

    def forget(self, name: str) -> None:
        self._given.pop(name, None)


def _any() -> str:
    return f"127.{random.randint(64, 126)}.{random.randint(0, 255)}.{random.randint(1, 254)}"

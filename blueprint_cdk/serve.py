"""Synthesis kept warm: one jsii kernel behind a Unix socket, one request at a time.

A client connects, writes one JSON line a request, reads one JSON line an answer, and may go on until the connection
is closed after an answer: then it connects again. Further clients wait in the socket's queue.

Two requests are about itself: {"about": true} answers whether there is a network, and {"serve": {"root", "socket",
"idle_s"}} has an older blueprint's folder served beside this one, where only this process may start another.

The process ends on SIGTERM, when its parent is gone, when nobody has asked for as many seconds as
SWITCHYARD_SERVE_IDLE_S says, or when one request takes longer than REQUEST_S. It begins anew (same process id, same
socket, no refused connection) when it and its Node have grown above `max_rss_mb`: jsii frees no construct.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

LISTENER_FD = "SWITCHYARD_SERVE_FD"
PARENT_PID = "SWITCHYARD_SERVE_PARENT"
IDLE_S = "SWITCHYARD_SERVE_IDLE_S"
"""Told by the environment, which a release of before this rule leaves alone; an unknown option would end it."""
HELD_BACK = {signal.SIGTERM, signal.SIGINT}
LOOK_S = 1.0
REQUEST_S = 50
"""Less than a client waits. SIGALRM, which nobody handles, ends also what hangs outside of Python."""
REQUEST_LIMIT = 1_000_000
"""A request is a spec and facts, a few thousand bytes; what is longer is no request."""


class Stopped(Exception):
    """SIGTERM came, the parent is gone, or nobody asks any more."""


class Server:
    """Serves on `path` until stopped. The socket is for its owner alone (mode 0600)."""

    def __init__(self, path: Path, *, max_rss_mb: int) -> None:
        self._path = path
        self._max_rss = max_rss_mb * 1024 * 1024
        self._parent = int(os.environ.get(PARENT_PID) or os.getppid())
        self._idle_s = float(os.environ.get(IDLE_S) or "inf")
        self._stopping = False

    def run(self) -> int:
        """Serves; answers 0 when stopped."""
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        # Held back since before the new beginning, if this is one; and while jsii makes its thread, which inherits
        # that: a thread that took a signal while this one begins anew would set a flag that exec forgets.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        listener = self._listen()
        try:
            self._warm()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
            while True:
                with self._next_client(listener) as client:
                    self._converse(client, listener)
        except Stopped:
            log.info("synthesis stopped")
            return 0
        finally:
            # In this order: what finds nobody at the path starts another process, whose path must stay.
            self._path.unlink(missing_ok=True)
            listener.close()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _listen(self) -> socket.socket:
        inherited = os.environ.pop(LISTENER_FD, None)
        if inherited is not None:
            listener = socket.socket(fileno=int(inherited))
        else:
            self._path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o177)
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(before)
            listener.listen(64)
        listener.settimeout(LOOK_S)
        return listener

    def _warm(self) -> None:
        """Imports aws_cdk, which starts Node, before the first request."""
        from blueprint_cdk import synthesis

        log.info("synthesis ready (%s)", synthesis.__name__)

    def _look(self) -> None:
        if self._stopping or os.getppid() != self._parent:
            raise Stopped

    def _next_client(self, listener: socket.socket) -> socket.socket:
        since = time.monotonic()
        while True:
            self._look()
            try:
                client, _ = listener.accept()
            except TimeoutError:
                if time.monotonic() - since > self._idle_s:
                    log.info("nobody asked for %g s", self._idle_s)
                    raise Stopped from None
                continue
            client.settimeout(LOOK_S)
            return client

    def _converse(self, client: socket.socket, listener: socket.socket) -> None:
        """Answers a client's lines until it hangs up; begins anew between two answers when grown too big."""
        from blueprint_cdk.__main__ import answer

        buffer = bytearray()
        while (line := self._next_line(client, buffer)) is not None:
            signal.alarm(REQUEST_S)
            reply = answer_or_fault(line, lambda line: about_itself(line) or answer(line))
            signal.alarm(0)
            try:
                client.sendall(json.dumps(reply).encode() + b"\n")
            except OSError as error:
                log.info("a client did not wait for its answer: %s", error)
                return
            if (size := resident_bytes()) > self._max_rss:
                log.info("beginning anew at %d MB", size // 1024 // 1024)
                client.close()
                self._begin_anew(listener)

    def _next_line(self, client: socket.socket, buffer: bytearray) -> str | None:
        while b"\n" not in buffer:
            self._look()
            try:
                part = client.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                return None
            if not part or len(buffer) > REQUEST_LIMIT:
                return None
            buffer += part
        line, _, rest = bytes(buffer).partition(b"\n")
        buffer[:] = rest
        return line.decode("utf-8", "replace")

    def _begin_anew(self, listener: socket.socket) -> None:
        # A signal that came while the new program starts would meet no handler yet.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        # And one that came just before would be forgotten with this program.
        self._look()
        stop_children()
        os.set_inheritable(listener.fileno(), True)
        os.environ[LISTENER_FD] = str(listener.fileno())
        os.environ[PARENT_PID] = str(self._parent)
        limit = str(self._max_rss // 1024 // 1024)
        os.execv(  # noqa: S606 - our own interpreter and module
            sys.executable,
            [
                sys.executable,
                "-m",
                "blueprint_cdk",
                "serve",
                "--socket",
                str(self._path),
                "--max-rss-mb",
                limit,
            ],
        )


def about_itself(line: str) -> dict[str, Any] | None:
    """The answer to a request about the service itself; None when it is one for a synthesis."""
    try:
        request = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(request, dict):
        return None
    if request.get("about"):
        names = [path.name for path in Path("/sys/class/net").glob("*")]
        return {"ok": True, "isolated": names in ([], ["lo"])}
    if "serve" in request:
        serve_beside(**request["serve"])
        return {"ok": True}
    return None


def serve_beside(*, root: str, socket: str, idle_s: float) -> None:
    """Serve the blueprint in another folder by a process of its own, which ends with this one."""
    subprocess.Popen(
        [sys.executable, "-m", "blueprint_cdk", "serve", "--socket", socket],
        cwd=root,
        env={**os.environ, IDLE_S: f"{idle_s:g}"},
        stdin=subprocess.DEVNULL,
    )


def answer_or_fault(line: str, answer: Any) -> dict[str, Any]:
    """The answer; and for a fault of ours a sentence too, so that one bad request does not end the service."""
    try:
        reply: dict[str, Any] = answer(line)
    except Exception as error:
        log.exception("synthesis failed")
        return {"ok": False, "error": f"Synthesis failed: {type(error).__name__}: {error}", "field": None}
    return reply


def children() -> list[int]:
    """Process ids of this process's children and theirs (Linux; elsewhere none are known)."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                born = [int(text) for text in task.read_text().split()]
            except OSError:
                continue  # it ended while we looked
            found += born
            waiting += born
    return found


def stop_children() -> None:
    """Ends jsii's Node, which a new program in this process could not reach any more."""
    for pid in children():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def resident_bytes() -> int:
    """Resident memory of this process and its children; without /proc, this process's highest."""
    page = resource.getpagesize()
    total = 0
    for pid in [os.getpid(), *children()]:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        except OSError:
            continue
    return total or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

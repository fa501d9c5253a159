"""The processes of `python -m blueprint_cdk serve`: started when absent, without credentials and without network.

One warm process serves all workers of a host; a file lock keeps two of them from starting it twice. Where synthesis
has a container of its own (SYNTHESIS_IS_EXTERNAL) the workers start none: that container is asked to serve old
releases too, and its watchdog ends what hangs.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from environments.notes import note_read, note_write
from workers.blueprint import working_root
from workers.workflow import Retryable

log = structlog.get_logger(__name__)

TIME_LIMIT_S = 60.0
START_LIMIT_S = 40.0
LOCK_LIMIT_S = 2 * START_LIMIT_S
IDLE_S = 600.0
"""An old release's process ends by itself when nobody has asked it for so long; the working copy's stays warm."""
NOTE = "synthesis"
# All that the process is told of its surroundings: no credential, no address of a database or broker.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SWITCHYARD_JSII_CACHE")

_started: dict[str, subprocess.Popen[bytes]] = {}

Alive = Callable[[], None]
"""Called while one waits, a few times within a lease; what it raises ends the waiting."""


def nobody_waits() -> None:
    """For who holds no lease."""


@dataclass
class Patience:
    """A wait of at most so many seconds, during which the waiter's lease is renewed."""

    seconds: float
    alive: Alive

    def __post_init__(self) -> None:
        self.every_s = min(5.0, settings.ENGINE_LEASE_S / 4)
        self._until = time.monotonic() + self.seconds
        self._told = time.monotonic()

    def is_over(self) -> bool:
        """Whether the time is up; else tells that one still waits, if it is time for that."""
        now = time.monotonic()
        if now >= self._until:
            return True
        if now - self._told >= self.every_s:
            self._told = now
            self.alive()
        return False


def ask(root: Path, path: Path, request: dict[str, Any], alive: Alive = nobody_waits) -> dict[str, Any]:
    """One request to the process of that blueprint, started when it is not there. Ends one that hangs.

    Raises Retryable.
    """
    connection, served_by = _connected(root, path, alive)
    with connection:
        try:
            connection.settimeout(Patience(TIME_LIMIT_S, alive).every_s)
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = _line(connection, Patience(TIME_LIMIT_S, alive))
        except (TimeoutError, ConnectionError) as error:
            _end(path, served_by)
            raise Retryable(f"Synthesis gave no answer ({error}).") from error
    answer: dict[str, Any] = json.loads(line)
    return answer


def synthesis_start(root: Path | None = None, path: Path | None = None) -> None:
    """See that the process runs, without waiting until it is warm, and note whether it has a network."""
    root = root or working_root()
    path = path or Path(settings.SYNTHESIS_SOCKET)
    if settings.SYNTHESIS_IS_EXTERNAL:
        about = ask(root, path, {"about": True})
        _note(isolated=about["isolated"], how="in a container of its own")
        return
    with _locked(path, nobody_waits):
        if not _answers(path):
            _start(root, path, nobody_waits).close()


def synthesis_isolated() -> bool:
    """Whether synthesis runs without network, as noted when it was started here last."""
    note = note_read(NOTE)
    return bool(note and note["isolated"])


@lru_cache(maxsize=1)
def isolation() -> tuple[str, ...]:
    """The command that puts what follows it into a network of its own; empty where the host allows none."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    for options in (("--net",), ("--user", "--map-current-user", "--net")):
        tried = subprocess.run([unshare, *options, "true"], capture_output=True, check=False, timeout=10)
        if tried.returncode == 0:
            return (unshare, *options)
    return ()


def clean_environment() -> dict[str, str]:
    """The environment of the synthesis process."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _connected(root: Path, path: Path, alive: Alive) -> tuple[socket.socket, int | None]:
    """A connection, and the process that serves it if it is one of this host's workers'."""
    connection = _connect(path)
    if connection is None:
        with _locked(path, alive):
            connection = _connect(path) or _start(root, path, alive)
    return connection, _served_by(path)


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(5)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _answers(path: Path) -> bool:
    connection = _connect(path)
    if connection is None:
        return False
    connection.close()
    return True


@contextmanager
def _locked(path: Path, alive: Alive) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    patience = Patience(LOCK_LIMIT_S, alive)
    with open(path.with_suffix(".lock"), "a", encoding="ascii") as file:
        while not _flock(file.fileno()):
            if patience.is_over():
                raise Retryable("Another worker has been starting synthesis for too long.")
            time.sleep(0.05)
        yield


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(root: Path, path: Path, alive: Alive) -> socket.socket:
    # A socket's path may have 107 bytes, and a checkout may lie deep: the shorter way of saying it.
    absolute = path.absolute()
    told = min(str(absolute), os.path.relpath(absolute, root), key=len)
    if settings.SYNTHESIS_IS_EXTERNAL:
        if path == Path(settings.SYNTHESIS_SOCKET):
            raise Retryable("The synthesis container does not answer.")
        request = {"serve": {"root": str(root), "socket": told, "idle_s": IDLE_S}}
        answer = ask(working_root(), Path(settings.SYNTHESIS_SOCKET), request, alive)
        if not answer["ok"]:
            raise Retryable(f"The synthesis container does not serve an older release: {answer['error']}")
        return _await(path, alive, lambda: "")
    prefix = isolation()
    _note(isolated=bool(prefix), how=" ".join(prefix[1:]) or "this host allows no network namespace")
    command = [*prefix, sys.executable, "-m", "blueprint_cdk", "serve", "--socket", told]
    with open(path.with_suffix(".log"), "ab") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=clean_environment()
            | ({} if root == working_root() else {"SWITCHYARD_SERVE_IDLE_S": f"{IDLE_S:g}"}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A Ctrl-C in the worker's terminal is the worker's: the process ends when its parent has.
            start_new_session=True,
        )
    _started[str(path)] = process
    path.with_suffix(".pid").write_text(str(process.pid), encoding="ascii")
    return _await(path, alive, lambda: _last_words(process, path))


def _await(path: Path, alive: Alive, ended: Callable[[], str]) -> socket.socket:
    """A connection to a process that was just started. Raises Retryable, with what it said when it ended."""
    patience = Patience(START_LIMIT_S, alive)
    while not patience.is_over():
        connection = _connect(path)
        if connection is not None:
            return connection
        if words := ended():
            raise Retryable(f"The synthesis process ended at its start: {words}")
        time.sleep(0.05)
    raise Retryable("The synthesis process does not start.")


def _last_words(process: subprocess.Popen[bytes], path: Path) -> str:
    if process.poll() is None:
        return ""
    return path.with_suffix(".log").read_text(errors="replace")[-500:] or "without a word"


def _note(*, isolated: bool, how: str) -> None:
    note = {"isolated": isolated, "how": how}
    if note_read(NOTE) != note:
        note_write(NOTE, note)


def _end(path: Path, served_by: int | None) -> None:
    """End a process that hangs, unless another worker has already put a new one in its place.

    Whoever asks next starts another. A container's process is ended by its own watchdog.
    """
    if served_by is None:
        log.warning("synthesis.silent", socket=str(path))
        return
    with _locked(path, nobody_waits):
        if _served_by(path) != served_by:
            return
        process = _started.pop(str(path), None)
        if process is not None and process.pid == served_by:
            process.kill()
            process.wait()
        else:
            os.kill(served_by, signal.SIGKILL)
        path.unlink(missing_ok=True)
        path.with_suffix(".pid").unlink(missing_ok=True)
    log.warning("synthesis.ended", socket=str(path), pid=served_by)


def _served_by(path: Path) -> int | None:
    """The process that a worker of this host started for this socket, if it still runs."""
    try:
        pid = int(path.with_suffix(".pid").read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"blueprint_cdk" in command and path.name.encode() in command else None


def _line(connection: socket.socket, patience: Patience) -> bytes:
    buffer = bytearray()
    while not buffer.endswith(b"\n"):
        try:
            part = connection.recv(65536)
        except TimeoutError:
            if patience.is_over():
                raise
            continue
        if not part:
            raise ConnectionError("it hung up")
        buffer += part
    return bytes(buffer)

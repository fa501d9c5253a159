"""Client of `python -m blueprint_cdk serve`: starts it when absent, without credentials and without network.

One warm process serves all workers of a host; a file lock keeps two of them from starting it twice.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from environments.notes import note_read, note_write
from workers.artifacts import artifact_put, store
from workers.assembly import assembly_keep
from workers.blueprint import lock_differences, release_root, working_root
from workers.workflow import Retryable, StepFailed

log = structlog.get_logger(__name__)

TIME_LIMIT_S = 60.0
START_LIMIT_S = 40.0
IDLE_S = 600.0
"""An old release's process ends by itself when nobody has asked it for so long; the working copy's stays warm."""
NOTE = "synthesis"
# All that the process is told of its surroundings: no credential, no address of a database or broker.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SWITCHYARD_JSII_CACHE")

_started: dict[str, subprocess.Popen[bytes]] = {}


def synthesise(
    *,
    digest: str,
    artifact: str,
    lock: dict[str, str],
    version: str,
    app: str,
    spec: dict[str, Any],
    facts: dict[str, Any],
) -> str:
    """The name of the assembly in the artifact store; made now, or found when it was made before.

    Raises StepFailed (the blueprint refuses the spec, or its lock is not installed) and Retryable (it hangs).
    """
    request = {"app": app, "spec": spec, "facts": facts, "release": version}
    canonical = json.dumps({**request, "digest": digest}, sort_keys=True, separators=(",", ":"))
    index = f"assemblies/index/{hashlib.sha256(canonical.encode()).hexdigest()}"
    found = _indexed(index)
    if found:
        return found
    root = release_root(digest, artifact)
    if root != working_root() and (missing := lock_differences(lock)):
        raise StepFailed(
            f"Release {version} cannot be synthesised here: it was made with {', '.join(missing)}.",
            reason="lock not installed",
            remedy="Run a worker that has the release's lock installed, or choose a newer release.",
        )
    out = Path(settings.ARTIFACTS_DIR).resolve() / "synthesis" / uuid.uuid4().hex
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer = ask(root, socket_path(root, digest), {**request, "out": str(out)})
        if not answer["ok"]:
            raise StepFailed(
                f"The blueprint refuses the request: {answer['error']}",
                resource=answer.get("field") or "",
                reason=answer["error"],
                remedy="Withdraw the request and ask again with another value.",
            )
        name = assembly_keep(out)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    artifact_put(index, name.encode())
    return name


def socket_path(root: Path, digest: str) -> Path:
    """Where the process for this blueprint listens. Each old release has a socket of its own."""
    path = Path(settings.SYNTHESIS_SOCKET)
    return path if root == working_root() else path.with_name(f"{path.stem}-{digest[:8]}{path.suffix}")


def ask(root: Path, path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """One request to the process of that blueprint, started when it is not there. Restarts one that hangs."""
    with _connected(root, path) as connection:
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = _line(connection)
        except (TimeoutError, ConnectionError) as error:
            _end(path)
            raise Retryable(f"Synthesis gave no answer ({error}); its process was started anew.") from error
    answer: dict[str, Any] = json.loads(line)
    return answer


def synthesis_start(root: Path | None = None, path: Path | None = None) -> None:
    """See that the process runs, without waiting until it is warm."""
    root = root or working_root()
    path = path or Path(settings.SYNTHESIS_SOCKET)
    with _locked(path):
        if not _answers(path):
            _start(root, path).close()


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


def _indexed(index: str) -> str:
    if not store().exists(index):
        return ""
    with store().open(index, "rb") as file:
        name: str = file.read().decode()
    return name if store().exists(name) else ""


@contextmanager
def _connected(root: Path, path: Path) -> Iterator[socket.socket]:
    connection = _connect(path)
    if connection is None:
        with _locked(path):
            connection = _connect(path) or _start(root, path)
    connection.settimeout(TIME_LIMIT_S)
    with connection:
        yield connection


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
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(root: Path, path: Path) -> socket.socket:
    prefix = isolation()
    note = {"isolated": bool(prefix), "how": " ".join(prefix[1:]) or "this host allows no network namespace"}
    if note_read(NOTE) != note:
        note_write(NOTE, note)
    # A socket's path may have 107 bytes, and a checkout may lie deep: the shorter way of saying it.
    absolute = path.absolute()
    told = min(str(absolute), os.path.relpath(absolute, root), key=len)
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
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        connection = _connect(path)
        if connection is not None:
            return connection
        if process.poll() is not None:
            last = path.with_suffix(".log").read_text(errors="replace")[-500:]
            raise Retryable(f"The synthesis process ended at its start: {last}")
        time.sleep(0.05)
    raise Retryable("The synthesis process does not start.")


def _end(path: Path) -> None:
    """End a process that hangs; whoever asks next starts another."""
    with _locked(path):
        process = _started.pop(str(path), None)
        if process is not None:
            process.kill()
            process.wait()
        elif (pid := _served_by(path)) is not None:
            os.kill(pid, signal.SIGKILL)
        path.unlink(missing_ok=True)
    log.warning("synthesis.ended", socket=str(path))


def _served_by(path: Path) -> int | None:
    """The process that another worker started for this socket, if it still runs."""
    try:
        pid = int(path.with_suffix(".pid").read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"blueprint_cdk" in command and path.name.encode() in command else None


def _line(connection: socket.socket) -> bytes:
    buffer = bytearray()
    while not buffer.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("it hung up")
        buffer += part
    return bytes(buffer)

"""Start, watch and stop processes. A child never outlives us, even when we are killed."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.places import ROOT, Runner
from devtools.trouble import Trouble

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Below Linux's range for outgoing connections (32768 and up), so that a port chosen now is still free in a second.
PORTS = range(20_000, 32_000)


def port_is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for port in random.sample(PORTS, 200):
        if port_is_free(port):
            return port
    raise Trouble(f"No free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1.")


@dataclass
class Process:
    """One running process of ours, its own process group, its output in `log`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def stop(self, patience_s: float = 10.0) -> None:
        """Ask it to end, and after `patience_s` end its whole group. Quiet when it has ended already."""
        if self.alive:
            self.popen.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(patience_s)
        # The group may hold children that outlived their parent (a worker's pool, for one).
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(patience_s)


def end(pid: int, *, command: bytes, patience_s: float = 3.0) -> None:
    """End a process that one of ours started, if `pid` still is one whose command line contains `command`."""

    def there() -> bool:
        try:
            return command in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False

    for number in (signal.SIGTERM, signal.SIGKILL):
        if not there():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while there() and time.monotonic() < deadline:
            time.sleep(0.02)


def _die_with_parent(stop_signal: int) -> Callable[[], None] | None:
    """What the child does before exec so that Linux ends it when we die without a word (SIGKILL)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)

    return prepare


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    runner: Runner | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Process:
    """Start `command` in a session of its own (a Ctrl-C at the terminal reaches us only), output added to `log`.

    `env` is the whole environment, ours when None. `runner` is the user that runs it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
                user=runner.uid if runner else None,
                group=runner.gid if runner else None,
                extra_groups=[] if runner else None,
                preexec_fn=_die_with_parent(stop_signal),
            )
    except FileNotFoundError as missing:
        raise Trouble(f"{name} cannot start: {missing.filename} is missing.") from None
    return Process(name=name, popen=popen, log=log, stop_signal=stop_signal)


def wait_until(process: Process, ready: Callable[[], bool], *, within_s: float) -> None:
    """Look until `ready` says yes; Trouble when the process ends or the time is over, with its last words."""
    deadline = time.monotonic() + within_s
    pause_s = 0.01
    while not ready():
        if not process.alive:
            words = process.last_lines(5) or "it said nothing"
            raise Trouble(f"{process.name} ended at once with code {process.popen.returncode}: {words}")
        if time.monotonic() > deadline:
            raise Trouble(
                f"{process.name} was not ready within {within_s:.0f} s; its log is {process.log}: "
                f"{process.last_lines(5)}"
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.2)


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a command to its end and answer its standard output; Trouble with its last words when it fails."""
    done = subprocess.run(
        [str(part) for part in command], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise Trouble(f"`{' '.join(Path(str(part)).name for part in command[:4])}` failed: {words}")
    return done.stdout

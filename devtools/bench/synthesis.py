"""Synthesis of the largest environment: by a process that begins, and by one that has done it before."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devtools import synth
from devtools.asked import synthesised
from devtools.bench.report import Section, verdict
from devtools.places import ROOT
from devtools.trouble import Trouble

SIZE, STANDBY = "large", "warm"
COLD_ROUNDS, WARM_ROUNDS = 3, 6
COLD_S, WARM_S = 6.0, 1.0
START_S = 30


def measure(folder: Path) -> Section:
    """Seconds from asking to the answer, the assembly written below `folder`."""
    out = folder / "synthesis"
    cold = [_timed(lambda: synthesised(_request(out)), out) for _ in range(COLD_ROUNDS)]
    first, *warm = _in_one_process(out)
    return Section(
        title="Synthesis of the largest environment",
        how=f"`make bench ONLY=synthesis`. The example of `make synth`: size {SIZE}, production with all that it "
        f"requires, a standby that is {STANDBY}; from the request to the answer, the assembly written. Cold: "
        f"`python -m blueprint_cdk synth`, the process included, {COLD_ROUNDS} times. Again: `… serve`, asked "
        f"{WARM_ROUNDS} times, of which the first is not counted.",
        columns=("what", "median", "worst", "aim"),
        rows=[_row("cold, s", cold, COLD_S), _row("again in the same process, s", warm, WARM_S)],
        notes=[f"The first one of the process that was asked again took {first:.2f} s."],
    )


def _row(what: str, seconds: list[float], aim: float) -> tuple[str, str, str, str]:
    median = statistics.median(seconds)
    return what, f"{median:.2f}", f"{max(seconds):.2f}", f"at most {aim:.0f}: {verdict(median, aim)}"


def _request(out: Path) -> dict[str, Any]:
    return {"app": "environment", "spec": synth.spec(SIZE, STANDBY), "facts": synth.facts(), "out": str(out)}


def _timed(ask: Callable[[], dict[str, Any]], out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    begun = time.perf_counter()
    answer = ask()
    seconds = time.perf_counter() - begun
    if not answer["ok"]:
        raise Trouble(f"The example was refused: {answer['error']}")
    return seconds


def _in_one_process(out: Path) -> list[float]:
    # A socket's path holds at most 107 characters: not below the checkout.
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "synthesis.sock"
        command = [sys.executable, "-m", "blueprint_cdk", "serve", "--socket", str(path)]
        server = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stderr=subprocess.DEVNULL)
        try:
            with _connected(path) as connection, connection.makefile("rw", encoding="utf-8") as lines:

                def ask() -> dict[str, Any]:
                    lines.write(json.dumps(_request(out)) + "\n")
                    lines.flush()
                    answer: dict[str, Any] = json.loads(lines.readline())
                    return answer

                return [_timed(ask, out) for _ in range(WARM_ROUNDS)]
        finally:
            server.terminate()
            server.wait()


def _connected(path: Path) -> socket.socket:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(0.05)
        else:
            return connection
    raise Trouble(f"The synthesis server did not listen within {START_S} s.")

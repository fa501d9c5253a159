"""`make demo` itself: from nothing to an active environment, stopped by Ctrl-C, started again on what it left."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from devtools import places, processes

PATIENCE_S = 240


@dataclass
class Demo:
    """A demo with a state and ports of its own, at speed 0."""

    state: Path
    web: int = field(default_factory=processes.free_port)
    sandbox: int = field(default_factory=processes.free_port)

    def start(self) -> subprocess.Popen[bytes]:
        own = {"SWITCHYARD_STATE": self.state, "PORT": self.web, "SANDBOX_PORT": self.sandbox, "SPEED": 0}
        # What must not reach AWS: a demo started from a shell with real keys.
        real = {
            "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
            "AWS_SECRET_ACCESS_KEY": "real",
            "AWS_PROFILE": "live",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "devtools.demo"],
                cwd=places.ROOT,
                env=inherited | {name: str(value) for name, value in (own | real).items()},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> Path:
        return self.state / "output"

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.state / "demo.json").read_text())
        return told

    def wait_for(self, words: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.said:
            assert process.poll() is None, self.said
            assert "did not go as planned" not in self.said, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)

    def leftovers(self) -> list[str]:
        """Command lines of processes that work on this demo's state or ports."""
        marks = (str(self.state), f":{self.web}", f"SWITCHYARD_STATE={self.state}")
        found = []
        for process in psutil.process_iter():
            try:
                words = [
                    *process.cmdline(),
                    *(f"{name}={value}" for name, value in process.environ().items()),
                ]
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            if process.pid != os.getpid() and any(mark in word for mark in marks for word in words):
                found.append(" ".join(process.cmdline()))
        return found


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    state = places.STATE / "test" / f"demo-{os.getpid()}"
    state.mkdir(parents=True)
    yield Demo(state)
    processes.run(["rm", "-rf", state])


def interrupt(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(60)


@pytest.mark.timeout(400)
def test_a_first_start_ends_with_an_active_environment_and_ctrl_c_stops_everything(demo: Demo) -> None:
    process = demo.start()
    try:
        demo.wait_for("All set.", process)
        told = demo.told
        assert told["url"] == f"http://localhost:{demo.web}"
        assert told["sandbox_url"] == f"http://127.0.0.1:{demo.sandbox}"
        assert (demo.state / "demo.json").stat().st_mode & 0o077 == 0
        assert set(told["users"]) == {"administrator", "approver", "team-lead", "engineer", "auditor"}
        for person in told["users"].values():
            assert set(person) == {"username", "password", "totp_secret", "api_token"}
            headers = {"Authorization": f"Bearer {person['api_token']}"}
            answer = httpx.get(
                f"{told['url']}/api/v1/environments/", headers=headers, trust_env=False, timeout=30
            )
            rows = {row["name"]: row for row in answer.json()["results"]}
            assert set(rows) == {"shop", "trial", "market"} and rows["shop"]["status"] == "active"
            market = rows["market"]
            assert (market["status"], market["standby"]) == ("active", "pilot-light")
            assert (market["home_region"], market["other_region"]) == ("eu-west-1", "eu-central-1")
            assert rows["trial"]["tier"] == "dev"
            left = datetime.fromisoformat(rows["trial"]["expires_at"]) - datetime.now(UTC)
            assert timedelta(hours=40) < left < timedelta(days=2)
            assert person["password"] in demo.said
        line = re.search(r"curl -H \"(Authorization): (Bearer \w+)\" (\S+)", demo.said)
        assert line is not None
        answer = httpx.get(line[3], headers={line[1]: line[2]}, trust_env=False, timeout=30)
        assert answer.status_code == httpx.codes.OK
    finally:
        code = interrupt(process)
    assert code == 0
    assert demo.leftovers() == []
    assert "Traceback" not in demo.said


@pytest.mark.timeout(400)
def test_the_next_start_finds_its_state_and_tells_who_ended(demo: Demo) -> None:
    before = demo.told["users"]
    process = demo.start()
    try:
        demo.wait_for("The environment shop is active, as it was left", process)
        demo.wait_for("All set.", process)
        assert demo.told["users"] == before
        (beat,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "DatabaseScheduler" in " ".join(child.cmdline())
        ]
        beat.kill()
        assert process.wait(60) == 1
    finally:
        if process.poll() is None:
            interrupt(process)
    assert re.search(r"^beat ended by itself with code -9; the end of .*beat\.log:$", demo.said, re.MULTILINE)
    assert demo.leftovers() == []

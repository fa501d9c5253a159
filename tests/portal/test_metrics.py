"""/metrics: what all web processes counted together, and the engine's figures by a constant number of queries."""

import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devtools import places, processes
from environments.operations.models import Operation
from environments.operations.scheduling import TICK, pulse_record
from tests import factories


def figure(page: str, name: str) -> float | None:
    """The value of a metric, with its labels as they are written."""
    found = re.search(rf"^{re.escape(name)} ([\d.e+]+)$", page, re.MULTILINE)
    return float(found[1]) if found else None


def engine(client: Client) -> dict[str, float]:
    page = client.get("/metrics").content.decode()
    rows = re.findall(r"^switchyard_(\S+) ([\d.e+]+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in rows}


def operation(world: Any, status: str, **fields: Any) -> Operation:
    environment = factories.environment_make(
        team=world.team, owner=world.people["team-lead"], account=world.account, release=world.release
    )
    return factories.operation_make(environment, status=status, **fields)


def test_the_engines_figures_are_those_of_its_rows(world: Any, client: Client) -> None:
    now = timezone.now()
    quiet = engine(client)
    assert set(quiet.values()) == {0.0, 1.0} and quiet["database_up"] == 1
    assert "tick_age_seconds" not in quiet
    ago = factories.minutes_ago
    operation(world, "running", wake_at=ago(10))
    operation(world, "running", wake_at=ago(0.2))
    operation(world, "running", wake_at=ago(30), lease_until=now + timedelta(minutes=1))
    operation(world, "waiting", wake_at=now + timedelta(hours=1))
    operation(world, "pending", requested_at=ago(20))
    operation(world, "awaiting-approval", requested_at=ago(180))
    operation(world, "failed", ended_at=ago(60))
    operation(world, "errored", ended_at=ago(60))
    operation(world, "failed", ended_at=ago(60 * 25))
    operation(world, "succeeded", ended_at=ago(60))
    operation(world, "waiting", stuck_since=ago(90), stuck={"cause": "slow"})
    operation(world, "cancelling", stuck_since=ago(5), stuck={"cause": "cancelling"})
    pulse_record(TICK, ago(2))
    told = engine(client)
    assert told['operations{status="running"}'] == 3
    assert told['operations{status="queued"}'] == 0
    assert told['operations{status="awaiting-approval"}'] == 1
    assert (told["operations_due"], told["operations_late"]) == (3, 2)
    assert 1200 <= told["operations_oldest_due_seconds"] < 1300
    assert told["operations_failed_last_day"] == 2
    assert told['operations_stuck{cause="slow"}'] == told['operations_stuck{cause="cancelling"}'] == 1
    assert told['operations_stuck{cause="lease"}'] == 0
    assert 5400 <= told["operations_oldest_stuck_seconds"] < 5500
    assert 10_800 <= told["approvals_oldest_seconds"] < 10_900
    assert 120 <= told["tick_age_seconds"] < 220


def test_a_scrape_asks_a_constant_number_of_questions(world: Any, client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/metrics").status_code == 200
        return len(captured)

    few = queries()
    for status in ("running", "queued", "failed", "awaiting-approval") * 5:
        operation(world, status, ended_at=timezone.now() if status == "failed" else None)
    assert queries() == few <= 12


def test_a_tick_that_stays_away_is_told_on_the_page_of_health(world: Any, sign_in: Any) -> None:
    client = sign_in(world.people["administrator"])
    pulse_record(TICK)
    assert "nothing is overdue" in client.get("/administration/").content.decode()
    pulse_record(TICK, factories.minutes_ago(5))
    assert "No tick was carried out" in client.get("/administration/").content.decode()


@pytest.fixture
def web(portal_env: dict[str, str], tmp_path: Path) -> Iterator[tuple[processes.Process, str, Path]]:
    """Two web processes as the demo and the image start them; a file of an earlier start lies in their folder."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"not a file of prometheus")
    port = processes.free_port()
    command: list[str | Path] = [places.tool("gunicorn"), "portal.wsgi:application"]
    command += ["--config", "python:portal.gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    command += ["--worker-class", "gthread", "--threads", "2", "--no-control-socket", "--preload"]
    environment = portal_env | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    process = processes.start("web", command, log=tmp_path / "web.log", env=environment)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz", trust_env=False, timeout=20).is_success
        except httpx.TransportError:
            return False

    processes.wait_until(process, answers, within_s=60)
    yield process, url, folder
    process.stop()


@pytest.mark.django_db(transaction=True)
def test_counters_are_of_all_processes_and_never_go_back(web: tuple[processes.Process, str, Path]) -> None:
    process, url, folder = web
    name = 'django_http_responses_total_by_status_total{status="200"}'

    def counted() -> float:
        # A connection each, so that either process may take it.
        page = httpx.get(f"{url}/metrics", trust_env=False, timeout=20).text
        assert figure(page, "switchyard_database_up") == 1
        return figure(page, name) or 0

    sent, seen = 0, [counted()]
    for _ in range(30):
        assert httpx.get(f"{url}/healthz", trust_env=False, timeout=20).text == "ok"
        sent += 1
        if sent % 5 == 0:
            seen.append(counted())
    assert seen == sorted(seen)
    # Each scrape but the last is a request too.
    assert seen[-1] - seen[0] == sent + len(seen) - 1
    workers = {re.search(r"_(\d+)\.db$", file.name)[1] for file in folder.glob("*.db")}  # type: ignore[index]
    assert len(workers - {str(process.popen.pid)}) == 2
    # What a process that has died had counted stays counted.
    os.kill(int(min(workers - {str(process.popen.pid)})), signal.SIGTERM)
    assert counted() >= seen[-1]

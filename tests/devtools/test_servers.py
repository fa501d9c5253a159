"""The servers from wheels: they start, keep what they should, refuse strangers, and stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import psycopg.errors
import pytest
import redis

from devtools import places, processes
from devtools.postgres import APP, DATABASE, OWNER, Postgres
from devtools.servers import Servers
from devtools.slots import take_folder
from devtools.trouble import Trouble


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of a slot of its own; the server's user can pass to it (tmp_path is closed to it)."""
    slot = take_folder(places.STATE / "test" / f"servers-{os.getpid()}")
    assert slot is not None
    yield slot.folder
    slot.release()
    processes.run(["rm", "-rf", slot.folder])


@pytest.fixture
def pair(home: Path) -> Iterator[Servers]:
    """A started pair."""
    servers = Servers.at(home, durable=False)
    servers.start()
    yield servers
    servers.stop()


def test_both_answer_with_the_promised_versions(pair: Servers) -> None:
    with pair.postgres.superuser() as connection:
        assert connection.info.server_version // 10_000 == 18
    assert redis.Redis.from_url(pair.valkey.url()).info()["valkey_version"].startswith("9.")


def test_a_start_on_existing_data_takes_less_than_three_seconds_and_finds_it(pair: Servers) -> None:
    with psycopg.connect(pair.postgres.url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pair.stop()
    begun = time.monotonic()
    pair.start()
    assert time.monotonic() - begun < 3
    with psycopg.connect(pair.postgres.url(OWNER)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_roles_have_no_more_than_they_need(pair: Servers) -> None:
    with pair.postgres.superuser() as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname ^@ 'switchyard'"
        ).fetchall()
    assert sorted(rows) == [(APP, False, False, False), (OWNER, False, False, True)]
    with (
        psycopg.connect(pair.postgres.url(APP)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE mine ()")


def test_nobody_comes_in_without_a_password(pair: Servers) -> None:
    for wrong in ("", ":guess"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgres://{APP}{wrong}@127.0.0.1:{pair.postgres.port}/{DATABASE}")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=pair.valkey.port).ping()


def test_they_listen_on_the_loopback_only(pair: Servers) -> None:
    with pair.postgres.superuser() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    assert redis.Redis.from_url(pair.valkey.url()).config_get("bind") == {"bind": "127.0.0.1"}


def test_passwords_are_in_no_command_line_and_in_private_files(pair: Servers) -> None:
    commands = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    for secret in (*pair.postgres.passwords.values(), pair.valkey.password):
        assert secret.encode() not in commands
    for file in (pair.postgres.secrets_file, pair.valkey.secrets_file, pair.valkey.config):
        assert file.stat().st_mode & 0o077 == 0


def test_a_taken_port_is_one_sentence(pair: Servers, home: Path) -> None:
    second = Postgres(home=home / "second", port=pair.postgres.port)
    with pytest.raises(Trouble, match=rf"^Port {pair.postgres.port} of 127.0.0.1 is taken, and PostgreSQL"):
        second.start()


def test_stop_ends_every_process(pair: Servers) -> None:
    processes_of_ours = [pair.postgres.process, pair.valkey.process]
    pair.stop()
    for process in processes_of_ours:
        assert process is not None
        assert not process.alive
    assert processes.port_is_free(pair.postgres.port)
    assert processes.port_is_free(pair.valkey.port)


def test_servers_end_when_their_starter_is_killed_and_the_next_start_works(home: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from devtools.servers import Servers\n"
        "pair = Servers.at(Path(sys.argv[1]), durable=False); pair.start()\n"
        "print(pair.postgres.port, pair.valkey.port, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True, cwd=places.ROOT
    )
    assert starter.stdout is not None
    ports = [int(word) for word in starter.stdout.readline().split()]
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 10
    while not all(processes.port_is_free(port) for port in ports) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(processes.port_is_free(port) for port in ports)
    again = Servers.at(home, durable=False)
    again.start()
    again.stop()


def test_a_stale_pid_file_is_no_hindrance(pair: Servers) -> None:
    assert pair.postgres.process is not None
    pair.postgres.process.popen.kill()
    pair.postgres.process.popen.wait()
    assert (pair.postgres.data / "postmaster.pid").exists()
    pair.postgres.start()
    with pair.postgres.superuser() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_closed_checkout_puts_the_data_outside_and_changes_no_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("SWITCHYARD_SERVERS_DIR", str(tmp_path))
    runner = places.Runner(uid=65534, gid=65534)
    folder = places.server_folder(closed / "data", runner)
    assert folder.is_relative_to(tmp_path)
    assert not folder.is_relative_to(closed)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_somebody_elses_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").symlink_to(tmp_path)
    with pytest.raises(Trouble, match="belongs to somebody else"):
        places.own_folder(tmp_path / "theirs")


def test_a_missing_wheel_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "_package", lambda _name: tmp_path)
    for look in (places.valkey_binary, places.node_binary, lambda: places.postgres_binaries(None)):
        with pytest.raises(Trouble, match=r"^The package [a-z-]+ has no "):
            look()

"""PostgreSQL 18 from the wheel's binaries: own data folder, 127.0.0.1 only, scram passwords, two roles.

The wheel's own `get_server` is not used: run as root it changes the mode of folders that are not its own.
"""

import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from devtools import places, processes
from devtools.trouble import Trouble

DATABASE = "switchyard"
SUPERUSER, OWNER, APP = "postgres", "switchyard_owner", "switchyard_app"
COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
# A test's data need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Postgres:
    """One cluster in `home`. `durable` is for data that somebody wants to keep (the demo's)."""

    home: Path
    port: int
    durable: bool = True
    log: Path = field(default_factory=Path)
    process: processes.Process | None = None

    def __post_init__(self) -> None:
        self.runner = places.unprivileged()
        self.log = self.home / "postgres.log"
        self.secrets_file = self.home / "postgres.json"

    @functools.cached_property
    def data(self) -> Path:
        """The data folder: in `home`, or outside the checkout where the server's user cannot reach that."""
        self.home.mkdir(parents=True, exist_ok=True)
        return places.server_folder(self.home, self.runner) / "postgres"

    @property
    def passwords(self) -> dict[str, str]:
        """Role to password; made at initdb, readable by us only."""
        stored: dict[str, str] = json.loads(self.secrets_file.read_text())
        return stored

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """The address of `database` for `role`."""
        return f"postgres://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster when there is none yet, start it, and see to roles and database."""
        if not processes.port_is_free(self.port):
            raise Trouble(f"Port {self.port} of 127.0.0.1 is taken, and PostgreSQL needs it.")
        binaries = places.postgres_binaries(self.runner)
        self._end_orphan()
        fresh = not (self.data / "PG_VERSION").exists() or not self.secrets_file.exists()
        if fresh:
            self._initdb(binaries)
        settings = COMMON | ({} if self.durable else FAST) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = processes.start(
            "PostgreSQL",
            [binaries / "postgres", "-D", self.data, *options],
            log=self.log,
            env=_environment(),
            cwd=self.data,
            runner=self.runner,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, keeps data
        )
        processes.wait_until(self.process, self._ready, within_s=30)
        if fresh:
            self._make_roles()

    def stop(self) -> None:
        """Fast shutdown, then SIGKILL."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def restart(self) -> None:
        """As an administrator's restart: every connection is cut, data stays, the port too."""
        self.stop()
        self.start()

    def superuser(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that may do all, in autocommit. For set-up and tests only; no process of ours gets it."""
        return psycopg.connect(self.url(SUPERUSER, database), autocommit=True, connect_timeout=10)

    def _ready(self) -> bool:
        # Line 8 of postmaster.pid is the server's own word (pg_ctl looks there as well).
        with contextlib.suppress(FileNotFoundError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            # A file that a killed server left says "ready" as well: the number tells whose word it is.
            ours = self.process is not None and lines[:1] == [str(self.process.popen.pid)]
            return ours and len(lines) > 7 and lines[7].strip() == "ready"
        return False

    def _end_orphan(self) -> None:
        """End a server that an earlier, killed run left on this data folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ValueError, IndexError, NotADirectoryError, ProcessLookupError):
            return
        if str(self.data) not in command:
            return  # the number has gone to another process since; postgres removes the stale file itself
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                if not Path(f"/proc/{pid}").exists():
                    return
                time.sleep(0.02)

    def _initdb(self, binaries: Path) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
        descriptor = os.open(self.secrets_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(passwords, stream)
        password_file = self.data.with_name("initdb.password")
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(passwords[SUPERUSER])
        if self.runner:
            for path in (self.data, password_file):
                os.chown(path, self.runner.uid, self.runner.gid)
        self.data.chmod(0o700)
        command = [binaries / "initdb", "-D", self.data, "-U", SUPERUSER, "--pwfile", password_file]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions", "--no-sync"]
        try:
            done = subprocess.run(
                [str(part) for part in command],
                user=self.runner.uid if self.runner else None,
                group=self.runner.gid if self.runner else None,
                extra_groups=[] if self.runner else None,
                env=_environment(),
                cwd=self.data,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise Trouble(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")

    def _make_roles(self) -> None:
        """The owner migrates and may make (test) databases; the app only connects until migrations grant it more."""
        with self.superuser() as connection:
            for role, rights in ((OWNER, "CREATEDB"), (APP, "NOCREATEDB")):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE {} PASSWORD {}").format(
                        sql.Identifier(role), sql.SQL(rights), sql.Literal(self.passwords[role])
                    )
                )
        self.make_database(DATABASE)

    def make_database(self, name: str, template: str = "template1") -> None:
        """A database that belongs to the owner, in which nobody else may create anything."""
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
                )
            )
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                    sql.Identifier(name), sql.Identifier(APP)
                )
            )

    def drop_database(self, name: str) -> None:
        """Drop it, ending whoever is connected."""
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def has_database(self, name: str) -> bool:
        """Whether there is such a database."""
        with self.superuser() as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        return row is not None


def _environment() -> dict[str, str]:
    """What the server gets of our environment: nothing that libpq or a locale could trip over."""
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}

"""One MariaDB server for all Aurora volumes: started on first use, reached by a Unix socket only.

It runs read-only (`--read-only`): an endpoint for writing logs in as a user that has READ ONLY ADMIN, one for reading
as a user that has not. So a write through a reader is refused by the server itself, with the code that Aurora's
readers use (1290). What clients write is in its binary log (journal.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import pymysql

from sandbox.application.children import Child, Children

START_WITHIN_S = 30.0
OF = "data-directory"
"""File of a folder outside the data directory: which one it belongs to."""
SMALL = (
    "--skip-networking",
    "--log-bin=log",
    "--binlog-format=ROW",
    "--max-binlog-size=8M",
    "--server-id=1",
    "--skip-name-resolve",
    "--read-only=ON",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--key-buffer-size=1M",
    "--max-connections=300",
)
"""Survives SIGKILL; a power cut may lose the last second."""
Statement = str | tuple[str, tuple[Any, ...]]
"""SQL, and its arguments where it has some (%s)."""
TOOLS = ("mariadbd", "mariadb-install-db", "mariadb-dump", "mariadb-binlog", "mariadb")
BROKEN_VIEW = "(1356)"
UNLOGGED = "SET SESSION sql_log_bin = 0"
LOOKS = (
    "CREATE DATABASE IF NOT EXISTS sandbox;\n"
    "CREATE TABLE IF NOT EXISTS sandbox.looks (log VARCHAR(64) CHARACTER SET ascii, position BIGINT, "
    "at DOUBLE NOT NULL, PRIMARY KEY (log, position), KEY (at));\n"
)
"""The journal's moments."""


class NoEngine(Exception):
    """There is no database server; its text is what every asker is told."""


NOT_INSTALLED = "no database engine: install MariaDB (Debian and Ubuntu: apt-get install mariadb-server)"


class Engine:
    """The server. `home` is the sandbox's data directory."""

    def __init__(self, home: Path, children: Children) -> None:
        self._home, self._children = home, children
        self._starting = asyncio.Lock()
        self._child: Child | None = None
        self.password = ""
        self.socket = ""
        self.folder = home
        """Where the server's files are, once it has been started."""

    @staticmethod
    def installed() -> bool:
        """Whether server and tools are on this machine (Debian keeps the server in /usr/sbin)."""
        return all(_tool(name) for name in TOOLS)

    async def start(self) -> None:
        """Have it running. Raises NoEngine where it is not installed or does not start."""
        async with self._starting:
            if self._child is not None and self._child.running:
                return
            if not self.installed():
                raise NoEngine(NOT_INSTALLED)
            await self._launch()

    async def _launch(self) -> None:
        runner = _runner()
        folder = self.folder = _reachable(self._home.absolute() / "mariadb", runner)
        data = folder / "data"
        self.password = _password(folder)
        self.socket = str(_short_folder(folder, runner) / "mysql.sock")
        if not (data / "mysql").is_dir():
            shutil.rmtree(data, ignore_errors=True)
            await self._install(data, runner)
        first = folder / "first.sql"
        first.write_text(f"{UNLOGGED};\nALTER USER root@localhost IDENTIFIED BY '{self.password}';\n{LOOKS}")
        _give(first, runner, 0o600)
        options = [f"--datadir={data}", f"--socket={self.socket}", f"--init-file={first}"]
        options += [f"--pid-file={folder / 'mysql.pid'}", "--loose-disable-log-error", *SMALL]
        command = [_tool("mariadbd"), "--no-defaults", *options]
        self._child = await self._children.start("mariadbd", command, folder, {}, folder / "log", runner)
        until = asyncio.get_running_loop().time() + START_WITHIN_S
        while not await self._answers():
            if not self._child.running or asyncio.get_running_loop().time() > until:
                await self._child.stop()
                raise NoEngine(f"the database engine does not start: {self._child.last_words()}")
            await asyncio.sleep(0.05)

    async def _install(self, data: Path, runner: pwd.struct_passwd | None) -> None:
        command = [_tool("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        command += ["--auth-root-authentication-method=normal", "--innodb-log-file-size=8M"]
        child = await self._children.start(
            "mariadb-install-db", command, data.parent, {}, data.parent / "install.log", runner
        )
        if await child.wait() != 0:
            raise NoEngine(f"the database engine cannot be set up: {child.last_words()}")

    async def _answers(self) -> bool:
        try:
            await self.execute(["SELECT 1"])
        except pymysql.MySQLError:
            return False
        return True

    def connect(self) -> pymysql.connections.Connection[Any]:
        """A connection as the server's own root, whose statements are not logged."""
        return pymysql.connect(
            unix_socket=self.socket,
            user="root",
            password=self.password,
            autocommit=True,
            init_command=UNLOGGED,
        )

    async def execute(self, statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
        """Run statements as the server's own root, unlogged; the rows of the last one."""
        return await asyncio.to_thread(self._execute, statements)

    def _execute(self, statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return run(connection, statements)

    async def dump(self, schema: str, *more: str) -> bytes:
        """A schema's tables, views, triggers and routines of one moment. Raises NoEngine on a failure.

        A view whose table is gone is left out.
        """
        how = ("--single-transaction", "--routines", "--triggers", "--force", *more)
        return await self._client("mariadb-dump", *how, schema)

    async def load(self, schema: str, dumped: bytes) -> None:
        """Put into an empty schema what `dump` gave, unlogged. Raises NoEngine on a failure."""
        await self._client("mariadb", f"--init-command={UNLOGGED}", schema, given=dumped)

    async def _client(self, name: str, *options: str, given: bytes | None = None) -> bytes:
        stdin = DEVNULL if given is None else PIPE
        process = await self.tool(name, *self.as_root(), *options, stdin=stdin, stdout=PIPE)
        written, problem = await process.communicate(given)
        said = problem.decode(errors="replace").strip()
        if process.returncode != 0 and not all(BROKEN_VIEW in line for line in said.splitlines() or [""]):
            raise NoEngine(f"the volume cannot be copied: {said}")
        return written

    def as_root(self) -> tuple[str, str]:
        """Options with which a client logs in; the password is in its environment."""
        return f"--socket={self.socket}", "--user=root"

    async def tool(
        self,
        name: str,
        *options: str,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
    ) -> asyncio.subprocess.Process:
        """Start one of MariaDB's programs; its complaints are piped."""
        return await asyncio.create_subprocess_exec(
            _tool(name), "--no-defaults", *options, stdin=stdin, stdout=stdout, stderr=PIPE,
            env={**os.environ, "MYSQL_PWD": self.password},
        )  # fmt: skip


def run(
    connection: pymysql.connections.Connection[Any], statements: Sequence[Statement]
) -> list[tuple[Any, ...]]:
    """Run statements; the rows of the last one."""
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(*((statement,) if isinstance(statement, str) else statement))
            rows = list(cursor.fetchall())
    return rows


def _tool(name: str) -> str:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or ""


def _runner() -> pwd.struct_passwd | None:
    """MariaDB does not run as root: `nobody` in its place."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _reachable(folder: Path, runner: pwd.struct_passwd | None) -> Path:
    """The folder, or one below /var/tmp where the server's user could not pass through the way to it."""
    way = [p for p in folder.parents if p.exists()]
    if runner is not None and not all(p.stat().st_mode & stat.S_IXOTH for p in way):
        outside = _outside(folder)
        outside.mkdir(parents=True, exist_ok=True)
        (outside / OF).write_text(str(folder.parent))
        folder = outside
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.lstat()
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in {os.geteuid(), runner.pw_uid if runner else -1}:
        raise NoEngine(f"the database engine's folder {folder} belongs to somebody else")
    _give(folder, runner, 0o700)
    return folder


def _outside(folder: Path) -> Path:
    """Our folder below /var/tmp; those whose data directory is gone are taken away on the way."""
    head = f"switchyard-sandbox-{os.geteuid()}-"
    top = Path("/var/tmp")  # noqa: S108 - the owner is checked
    for old in top.glob(f"{head}*/{OF}"):
        if not Path(old.read_text()).is_dir():
            shutil.rmtree(old.parent, ignore_errors=True)
    return top / (head + hashlib.sha256(str(folder).encode()).hexdigest()[:12])


def _short_folder(folder: Path, runner: pwd.struct_passwd | None) -> Path:
    """A socket's path has room for about 100 characters."""
    if len(str(folder)) < 80:
        return folder
    made = Path(tempfile.mkdtemp(prefix="sandbox-db-"))
    _give(made, runner, 0o700)
    return made


def _give(path: Path, runner: pwd.struct_passwd | None, mode: int) -> None:
    path.chmod(mode)
    if runner is not None:
        os.chown(path, runner.pw_uid, runner.pw_gid)


def _password(folder: Path) -> str:
    kept = folder / "sandbox.json"
    if not kept.exists():
        kept.write_text(json.dumps({"password": secrets.token_hex(16)}))
        kept.chmod(0o600)
    return str(json.loads(kept.read_text())["password"])

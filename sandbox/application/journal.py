"""The database server's binary log: what stood in it at a moment, and a schema as it was at a moment.

A moment is an epoch second of the sandbox's clock. The server's own time stamps are of no use for it: they are whole
seconds of the machine's clock, and the sandbox's can be put forward. So the position of the log is looked at before a
client's bytes are passed on to the server (`look`, at most every RESOLUTION_S), and kept with the moment in the server
itself, where it lives and dies with the log. Only clients' statements are logged; the sandbox's own are not.

A schema of a moment is its base (a dump, and the position that it was made at) and what the log has of it since.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pymysql

from sandbox.application.engine import Engine, NoEngine, run

RESOLUTION_S = 0.1
LONGEST_LOG = 64 * 1024 * 1024
"""Bytes of log that are kept; then moments before now are let go (`volumes.noted`)."""
CHUNK = 65536
POSITION = "SHOW MASTER STATUS"
DUMPED_AT = re.compile(rb"MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)")
Position = tuple[str, int]
"""Name of a log file and bytes into it; later ones compare as greater."""


@dataclass(frozen=True)
class Base:
    """A schema as it was at a position."""

    position: Position
    path: Path

    def read(self) -> bytes:
        """The dump, as SQL; empty for a schema without tables."""
        return gzip.decompress(self.path.read_bytes())


class Journal:
    """The log of an engine. now: the sandbox's clock. `lock` is held by whoever needs that nothing of it goes away."""

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        self._engine, self._now = engine, now
        self._looking = asyncio.Lock()
        self._looked = -1.0
        self._position: Position | None = None
        self._connection: pymysql.connections.Connection[Any] | None = None
        self.lock = asyncio.Lock()
        self.crowded = False
        """Whether the log has outgrown LONGEST_LOG."""

    # -- moments and positions

    async def look(self) -> None:
        """Note what has been logged by now, unless that was done within RESOLUTION_S."""
        async with self._looking:
            if not 0 <= self._now() - self._looked < RESOLUTION_S:
                await self._look()

    async def at(self, moment: float) -> Position:
        """The position up to which the log is what was committed by a moment."""
        async with self._looking:
            query = "SELECT log, position FROM sandbox.looks WHERE at > %s ORDER BY at, log, position LIMIT 1"
            rows = await self._engine.execute([(query, (moment,))])
            return (str(rows[0][0]), int(rows[0][1])) if rows else await self._look()

    async def _look(self) -> Position:
        before, position = self._position, await asyncio.to_thread(self._note, self._now())
        # Counted from its end: on a slow machine every statement would have to wait for a look otherwise.
        self._looked, self._position = self._now(), position
        if before is None or before[0] != position[0]:
            self.crowded = sum(size for _, size in await self._logs()) > LONGEST_LOG
        return position

    def _note(self, now: float) -> Position:
        if self._connection is None:
            self._connection = self._engine.connect()
            # A reset puts the clock back; where the server's folder outlives it, the old clock's moments do not count.
            run(self._connection, [("DELETE FROM sandbox.looks WHERE at > %s", (now,))])
        self._connection.ping(reconnect=True)
        position = _position(run(self._connection, [POSITION]))
        # Where nothing was logged since the last look, it was as true until now as it was then.
        seen = "INSERT INTO sandbox.looks VALUES (%s, %s, %s) ON DUPLICATE KEY UPDATE at = %s"
        run(self._connection, [(seen, (*position, now, now))])
        return position

    async def _logs(self) -> list[tuple[str, int]]:
        return [(str(row[0]), int(row[1])) for row in await self._engine.execute(["SHOW BINARY LOGS"])]

    async def purge(self, before: Position) -> None:
        """Let go of the log files that end before a position, and of the moments in them."""
        gone = ("DELETE FROM sandbox.looks WHERE log < %s", (before[0],))
        await self._engine.execute([f"PURGE BINARY LOGS TO '{before[0]}'", gone])
        self.crowded = False

    # -- schemas

    def bases(self, schema: str) -> list[Base]:
        """The bases of a schema, oldest first."""
        found = []
        for path in self._folder().glob(f"{schema}-*.gz"):
            _, log, position = path.name.removesuffix(".gz").split("-")
            found.append(Base((log, int(position)), path))
        return sorted(found, key=lambda base: base.position)

    async def keep(self, schema: str, *, empty: bool = False) -> Position:
        """Make a base of what the schema holds now. empty: it has no tables. Raises NoEngine."""
        if empty:
            dumped, position = b"", _position(await self._engine.execute([POSITION]))
        else:
            # The dump's transaction and the position that it tells are of the same instant.
            dumped = await self._engine.dump(schema, "--master-data=2")
            told = DUMPED_AT.search(dumped[:10_000])
            if told is None:
                raise NoEngine("the database engine does not tell its log's position")
            position = (told[1].decode(), int(told[2]))
        path = self._folder() / f"{schema}-{position[0]}-{position[1]}.gz"
        await asyncio.to_thread(_write, path, dumped)
        return position

    def forget(self, schema: str, before: Position | None = None) -> None:
        """Delete a schema's bases, all or those before a position."""
        for base in self.bases(schema):
            if before is None or base.position < before:
                base.path.unlink(missing_ok=True)

    def _folder(self) -> Path:
        folder = self._engine.folder / "bases"
        folder.mkdir(exist_ok=True)
        return folder

    async def replay(self, source: str, target: str, start: Position, stop: Position) -> None:
        """Do in `target` what the log has of `source` from one position to another. Raises NoEngine."""
        if start >= stop:
            return
        logs = [name for name, _ in await self._logs() if start[0] <= name <= stop[0]]
        if not logs or logs[0] != start[0]:
            raise NoEngine("the log no longer reaches back to that moment")
        # --database is compared with the name before it is rewritten.
        told = await self._engine.tool(
            "mariadb-binlog", "--disable-log-bin", f"--database={source}", f"--rewrite-db={source}->{target}",
            f"--start-position={start[1]}", f"--stop-position={stop[1]}",
            *(str(self._engine.folder / "data" / name) for name in logs), stdout=PIPE,
        )  # fmt: skip
        done = await self._engine.tool("mariadb", *self._engine.as_root(), stdin=PIPE)
        said = await asyncio.gather(_pass_on(told, done, source, target), _complaint(done))
        if told.returncode or done.returncode:
            raise NoEngine(f"the log cannot be replayed: {' '.join(said).strip()}")


def _position(rows: list[tuple[Any, ...]]) -> Position:
    return str(rows[0][0]), int(rows[0][1])


def owned(source: str, target: str, sql: bytes) -> bytes:
    """SQL whose views, triggers and routines, made by the writing user of one schema, are those of another one's."""
    return sql.replace(_definer(source), _definer(target))


def _definer(schema: str) -> bytes:
    return f"`w_{schema}`@`localhost`".encode()


async def _pass_on(
    told: asyncio.subprocess.Process, done: asyncio.subprocess.Process, source: str, target: str
) -> str:
    """All that one process tells to the other, as the target's; what the first complained of."""
    assert told.stdout is not None and done.stdin is not None
    complaining = asyncio.ensure_future(_complaint(told))
    kept, overlap = b"", len(_definer(source))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while chunk := await told.stdout.read(CHUNK):
            sql = owned(source, target, kept + chunk)
            done.stdin.write(sql[:-overlap])
            kept = sql[-overlap:]
            await done.stdin.drain()
        done.stdin.write(kept)
        await done.stdin.drain()
    # Whoever writes to a reader that has left would wait for ever.
    while await told.stdout.read(CHUNK):
        pass
    done.stdin.close()
    return await complaining


async def _complaint(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = (await process.stderr.read()).decode(errors="replace").strip()
    await process.wait()
    return said


def _write(path: Path, dumped: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(dumped, 1))
    part.replace(path)

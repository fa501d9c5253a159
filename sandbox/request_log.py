"""The log of calls: what was asked of the sandbox, by whom, and what came of it. It survives the process.

Four ways lead in (`via`): `api`, a client's request to AWS; `cloudformation`, its call of a type's handler;
`application`, a request to a name that leads to a load balancer; `database`, a connection to an endpoint.
`at` is of the sandbox's clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.world import World

KEPT = 100_000
SWEPT_EVERY = 500
VIA = ("api", "cloudformation", "application", "database")
ALL = "all"
COLUMNS = (
    "via",
    "at",
    "account",
    "region",
    "service",
    "operation",
    "resource",
    "principal",
    "status",
    "error",
    "fault",
)
# Of fixed names: nothing that is asked ends up in a statement.
_CREATE = f"CREATE TABLE IF NOT EXISTS calls (n INTEGER PRIMARY KEY, {', '.join(COLUMNS)})"
_INSERT = f"INSERT INTO calls VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
_SELECT = f"SELECT n, {', '.join(COLUMNS)} FROM calls WHERE n > ?"  # noqa: S608
_COUNT = "SELECT service || '.' || operation AS named, count(*) FROM calls WHERE n > ?"


class RequestLog:
    """Numbered calls, the newest 100,000 of them: in the store's database, not in memory.

    A call that changed something is written with its change, before its answer; one that only read follows within
    5 ms, with the others of that time.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: list[tuple[Any, ...]] = []
        world.store.join(self)
        self.last = int(self._rows("SELECT coalesce(max(n), 0) FROM calls")[0][0])

    def add(
        self,
        via: str,
        *,
        account: str = "",
        region: str = "",
        service: str,
        operation: str,
        resource: str = "",
        principal: str = "",
        status: int | None = None,
        error: str | None = None,
        fault: str | None = None,
    ) -> None:
        """Enter a call. status: of HTTP, of MySQL for a connection (0: logged in), None where no answer was given."""
        self.last += 1
        at = datetime.fromtimestamp(self._world.scheduler.now(), UTC).isoformat()
        what = (via, at, account, region, service, operation, resource, principal, status, error, fault)
        self._waiting.append((self.last, *what))
        self._world.store.mark()

    @contextmanager
    def told(self, via: str, **entry: Any) -> Iterator[None]:
        """Enter a call when it is through: with 200, or with the AwsError that it raises."""
        try:
            yield
        except AwsError as problem:
            fault = getattr(problem, "fault", None)
            self.add(via, **entry, status=problem.status or 400, error=problem.code, fault=fault)
            raise
        self.add(via, **entry, status=200)

    def after(self, n: int, limit: int, via: str = "api") -> list[dict[str, Any]]:
        """The calls after number n, oldest first. Raises ValueError for a way that there is not."""
        which, values = _which(via)
        rows = self._rows(f"{_SELECT}{which} ORDER BY n LIMIT ?", n, *values, limit)
        return [dict(zip(("n", *COLUMNS), row, strict=True)) for row in rows]

    def counts(self, after: int, via: str = "api") -> dict[str, Any]:
        """{"total", "last", "by_operation": {"rds.CreateDBCluster": 2}}. Raises ValueError as `after` does."""
        which, values = _which(via)
        by_operation = dict(self._rows(f"{_COUNT}{which} GROUP BY named ORDER BY named", after, *values))
        return {"total": sum(by_operation.values()), "last": self.last, "by_operation": by_operation}

    def clear(self) -> None:
        """Drop all; the numbers go on."""
        self._waiting.clear()
        self._world.store.database.execute("DELETE FROM calls")

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        self._world.store.flush()
        return self._world.store.database.execute(statement, values).fetchall()

    # -- as a part of the store

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def prepare(self, database: sqlite3.Connection) -> None:
        database.execute(_CREATE)

    def write(self, database: sqlite3.Connection) -> None:
        """What has been entered since the last time, within the store's transaction."""
        rows, self._waiting = self._waiting, []
        database.executemany(_INSERT, rows)
        if rows[0][0] // SWEPT_EVERY != (rows[-1][0] + 1) // SWEPT_EVERY:
            database.execute("DELETE FROM calls WHERE n <= ?", (rows[-1][0] - KEPT,))


def _which(via: str) -> tuple[str, tuple[str, ...]]:
    if via == ALL:
        return "", ()
    if via not in VIA:
        raise ValueError(f"via must be one of {', '.join(VIA)}, {ALL}")
    return " AND via = ?", (via,)

"""The one store: every resource of every account, in memory and written through to SQLite.

Readers use the in-memory indexes; each change marks its row and `flush` writes all marked rows in one
transaction (WAL, synchronous=NORMAL: survives SIGKILL of this process; a power cut may lose the last commits).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sandbox.errors import UnreadableState

Entries = list[dict[str, Any]]
STATE_VERSION = "1"
GLOBAL = "global"
"""The region under which records of global services (IAM, Route 53 …) are kept."""


@dataclass(slots=True, eq=False)
class Record:
    """One resource, the same for CloudFormation, its service's API and the tagging API.

    properties: CFN-shaped, without its tags. attributes: read-only, what Fn::GetAtt answers.
    state: the service's own word (`available`, `creating` …). tags: the truth about tags.
    data: what only the service's API shows. pending: create, update or delete while `ready_at` (epoch
    seconds) has not come. stack and logical_id: the CloudFormation stack (its ARN) that owns it, if any.
    """

    account: str
    region: str
    type: str
    id: str
    properties: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    state: str = "available"
    tags: dict[str, str] = field(default_factory=dict)
    arn: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    stack: str | None = None
    logical_id: str | None = None
    pending: str | None = None
    ready_at: float | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.account, self.region, self.type, self.id)

    def get(self, name: str, default: Any = None) -> Any:
        """A property, else an attribute, else a field of `data`."""
        for source in (self.properties, self.attributes, self.data):
            if name in source:
                return source[name]
        return default


Records = list[Record]


class Part(Protocol):
    """What writes rows of its own in the store's transactions."""

    @property
    def waiting(self) -> bool: ...

    def prepare(self, database: sqlite3.Connection) -> None: ...

    def write(self, database: sqlite3.Connection) -> None: ...


class Store:
    """Records, append-only logs and blobs of one data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._records: dict[tuple[str, str, str], dict[str, Record]] = {}
        self._regions: dict[tuple[str, str], set[str]] = {}
        self._arns: dict[str, Record] = {}
        self._stacks: dict[str, dict[tuple[str, str, str, str], Record]] = {}
        self._logs: dict[str, list[dict[str, Any]]] = {}
        self._dirty: dict[tuple[str, str, str, str], Record | None] = {}
        self._new_logs: list[tuple[str, int, dict[str, Any]]] = []
        self._dropped_logs: list[str] = []
        self.on_change: Callable[[], None] | None = None
        """Called once after the first change since the last flush."""
        self.watch: Callable[[Record, bool], None] | None = None
        """Called with every record that is put or (True) removed."""
        self.keeps_blobs = False
        """Whether bodies stay when their objects go: snapshots need them."""
        self._marked = False
        self._parts: list[Part] = []
        self._db = self._open()

    @property
    def database(self) -> sqlite3.Connection:
        return self._db

    def join(self, part: Part) -> None:
        """Let a part make its table, and write with every flush."""
        part.prepare(self._db)
        self._parts.append(part)

    def _open(self) -> sqlite3.Connection:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.directory / "sandbox.sqlite3", isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS records (account TEXT, region TEXT, type TEXT, id TEXT, body TEXT, "
                "PRIMARY KEY (account, region, type, id)) WITHOUT ROWID"
            )
            database.execute(
                "CREATE TABLE IF NOT EXISTS logs (stream TEXT, n INTEGER, body TEXT, PRIMARY KEY (stream, n)) "
                "WITHOUT ROWID"
            )
            database.execute("CREATE TABLE IF NOT EXISTS blobs (id TEXT PRIMARY KEY, data BLOB)")
            database.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (STATE_VERSION,))
            (version,) = database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
            if version != STATE_VERSION:
                raise UnreadableState(
                    f"The state in {self.directory} is of version {version}, this sandbox reads version "
                    f"{STATE_VERSION}: choose another --data directory or remove it."
                )
            self._load(database)
        except (sqlite3.Error, OSError, ValueError, TypeError) as problem:
            raise UnreadableState(
                f"The state in {self.directory} cannot be read ({problem}): choose another --data directory or "
                "remove it."
            ) from problem
        return database

    def _load(self, database: sqlite3.Connection) -> None:
        for (body,) in database.execute("SELECT body FROM records"):
            self._index(Record(**json.loads(body)))
        for stream, body in database.execute("SELECT stream, body FROM logs ORDER BY stream, n"):
            self._logs.setdefault(stream, []).append(json.loads(body))

    # -- records

    def _index(self, record: Record) -> None:
        self._records.setdefault((record.account, record.region, record.type), {})[record.id] = record
        self._regions.setdefault((record.account, record.type), set()).add(record.region)
        if record.arn:
            self._arns[record.arn] = record
        if record.stack:
            self._stacks.setdefault(record.stack, {})[record.key] = record

    def put(self, record: Record) -> Record:
        """Add the record, or say that its fields have changed."""
        self._index(record)
        self._dirty[record.key] = record
        self.mark()
        if self.watch is not None:
            self.watch(record, False)
        return record

    def mark(self) -> None:
        """Say that there is something to flush."""
        if not self._marked and self.on_change is not None:
            self._marked = True
            self.on_change()

    def remove(self, record: Record) -> None:
        self._records.get((record.account, record.region, record.type), {}).pop(record.id, None)
        if self._arns.get(record.arn) is record:
            del self._arns[record.arn]
        if record.stack:
            self._stacks.get(record.stack, {}).pop(record.key, None)
        self._dirty[record.key] = None
        self.mark()
        if self.watch is not None:
            self.watch(record, True)

    def disown(self, record: Record) -> None:
        """Take the record out of its stack (a resource that the stack retained)."""
        if record.stack:
            self._stacks.get(record.stack, {}).pop(record.key, None)
        record.stack = record.logical_id = None
        self.put(record)

    def get(self, account: str, region: str, type_name: str, id: str) -> Record | None:
        return self._records.get((account, region, type_name), {}).get(id)

    def list(self, account: str, region: str | None, type_name: str) -> Records:
        """All records of a type in one region, or (region None) in all regions, oldest first."""
        if region is not None:
            return list(self._records.get((account, region, type_name), {}).values())
        regions = sorted(self._regions.get((account, type_name), ()))
        return [r for name in regions for r in self._records.get((account, name, type_name), {}).values()]

    def everywhere(self, type_name: str) -> Iterator[Record]:
        """All records of a type, in all accounts and regions."""
        for (_, _, name), records in list(self._records.items()):
            if name == type_name:
                yield from list(records.values())

    def all(self) -> Iterator[Record]:
        for records in list(self._records.values()):
            yield from list(records.values())

    def in_region(self, account: str, region: str, with_global: bool = False) -> Iterator[Record]:
        """All records of one account and region, of any type."""
        for (owner, place, _), records in list(self._records.items()):
            if owner == account and (place == region or (with_global and place == GLOBAL)):
                yield from list(records.values())

    def by_arn(self, arn: str) -> Record | None:
        return self._arns.get(arn)

    def by_stack(self, stack: str) -> Records:
        return list(self._stacks.get(stack, {}).values())

    # -- append-only logs (stack events, log lines)

    def append(self, stream: str, entry: dict[str, Any]) -> None:
        entries = self._logs.setdefault(stream, [])
        entries.append(entry)
        self._new_logs.append((stream, len(entries), entry))
        self.mark()

    def log(self, stream: str) -> Entries:
        """The entries of a stream, oldest first (do not change them)."""
        return self._logs.get(stream, [])

    def logs(self) -> dict[str, Entries]:
        """All streams that have entries (do not change them)."""
        return self._logs

    def drop_log(self, stream: str) -> None:
        self._logs.pop(stream, None)
        self._dropped_logs.append(stream)

    # -- blobs (object bodies): on disk only

    def put_blob(self, id: str, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (id, data))

    def blob(self, id: str) -> bytes:
        row = self._db.execute("SELECT data FROM blobs WHERE id = ?", (id,)).fetchone()
        return row[0] if row else b""

    def drop_blob(self, id: str) -> None:
        if not self.keeps_blobs:
            self._db.execute("DELETE FROM blobs WHERE id = ?", (id,))

    # -- durability

    @property
    def changed(self) -> bool:
        """Whether records or logs have changed since the last flush."""
        return bool(self._dirty or self._new_logs or self._dropped_logs)

    def flush(self) -> None:
        """Write what has changed since the last flush, in one transaction."""
        self._marked = False
        parts = [part for part in self._parts if part.waiting]
        if not (self.changed or parts):
            return
        dirty, logs, dropped = self._dirty, self._new_logs, self._dropped_logs
        self._dirty, self._new_logs, self._dropped_logs = {}, [], []
        gone = set(dropped)
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM logs WHERE stream = ?", [(stream,) for stream in dropped])
        self._db.executemany(
            "INSERT OR REPLACE INTO logs VALUES (?, ?, ?)",
            [(s, n, json.dumps(e)) for s, n, e in logs if s not in gone or s in self._logs],
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)",
            [(*key, json.dumps(asdict(record))) for key, record in dirty.items() if record is not None],
        )
        self._db.executemany(
            "DELETE FROM records WHERE account = ? AND region = ? AND type = ? AND id = ?",
            [key for key, record in dirty.items() if record is None],
        )
        for part in parts:
            part.write(self._db)
        self._db.execute("COMMIT")

    def reset(self) -> None:
        """Drop everything."""
        for table in ("records", "logs", "blobs"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 (three fixed names)
        for index in (self._records, self._regions, self._arns, self._stacks, self._logs, self._dirty):
            index.clear()
        self._new_logs.clear()
        self._dropped_logs.clear()

    def close(self) -> None:
        self.flush()
        self._db.close()

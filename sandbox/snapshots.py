"""Accounts as they were, by a name: kept, and put back as if the sandbox had been stopped then and were started now.

Kept are their records and logs. Objects' bodies are not copied, but none is deleted any more once there is a snapshot.
What belongs to no account (settings, clock, faults) stays as it is when one is put back, and so do accounts that are
not in it, and temporary credentials, which programs have in their hands. What databases hold (MariaDB's volumes) is
not kept.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.iam.principals import ACCOUNT, SESSION
from sandbox.store import Record, Store

_TABLES = (
    "kept_records (name, account, region, type, id, body, PRIMARY KEY (name, account, region, type, id))",
    "kept_logs (name, stream, n, body, PRIMARY KEY (name, stream, n))",
)
_DROP = ("DELETE FROM kept_records WHERE name = :name", "DELETE FROM kept_logs WHERE name = :name")
# A stream is an account's whose number its name has in it.
_KEEP = (
    "INSERT INTO kept_records SELECT :name, account, region, type, id, body FROM records "
    "WHERE account = :account AND type <> :session",
    "INSERT INTO kept_logs SELECT :name, stream, n, body FROM logs WHERE instr(stream, :account) > 0",
)
_SAME = (
    "now.account = kept.account AND now.region = kept.region AND now.type = kept.type AND now.id = kept.id"
)
_DIFFERENT = (
    "SELECT DISTINCT kept.region, kept.type FROM kept_records AS kept "  # noqa: S608 - of fixed texts
    f"LEFT JOIN records AS now ON {_SAME} "
    "WHERE kept.name = :name AND kept.account = :account AND now.body IS NOT kept.body",
    "SELECT DISTINCT now.region, now.type FROM records AS now "  # noqa: S608
    f"LEFT JOIN kept_records AS kept ON kept.name = :name AND {_SAME} "
    "WHERE now.account = :account AND now.type <> :session AND kept.body IS NULL",
)
_OF_TYPE = "SELECT body FROM kept_records WHERE name = ? AND account = ? AND region = ? AND type = ?"
_LAST = "SELECT stream, max(n), body FROM kept_logs WHERE name = ? GROUP BY stream"
_STREAM = "SELECT body FROM kept_logs WHERE name = ? AND stream = ? ORDER BY n"


class Snapshots:
    """The named snapshots of one store. They survive the process; a reset drops them."""

    def __init__(self, store: Store) -> None:
        self._store, self._database = store, store.database
        for table in _TABLES:
            self._database.execute(f"CREATE TABLE IF NOT EXISTS {table} WITHOUT ROWID")
        store.keeps_blobs = bool(self.accounts())

    def accounts(self) -> dict[str, list[str]]:
        """The names that there are, and the accounts of each."""
        found: dict[str, list[str]] = {}
        for name, account in self._database.execute("SELECT DISTINCT name, account FROM kept_records"):
            found.setdefault(name, []).append(account)
        return found

    def keep(self, name: str) -> None:
        """Keep all accounts as they are now, in place of what the name stood for."""
        self._store.flush()
        with self._database:  # all of it, or nothing
            self._database.execute("BEGIN")
            for statement in _DROP:
                self._database.execute(statement, {"name": name})
            for account in self._store.everywhere(ACCOUNT):
                values = {"name": name, "account": account.id, "session": SESSION}
                for statement in _KEEP:
                    self._database.execute(statement, values)
        self._store.keeps_blobs = True

    def put_back(self, name: str) -> None:
        """Let its accounts be as they were. Raises KeyError for a name that there is not."""
        accounts = self.accounts()[name]
        self._store.flush()
        for account in accounts:
            self._put_back_records(name, account)
        self._put_back_logs(name, accounts)
        self._store.flush()

    def drop(self) -> None:
        """Drop all."""
        self._database.execute("DELETE FROM kept_records")
        self._database.execute("DELETE FROM kept_logs")
        self._store.keeps_blobs = False

    def _put_back_records(self, name: str, account: str) -> None:
        """Where one differs, all of its region and type: a list is oldest first."""
        values = {"name": name, "account": account, "session": SESSION}
        different = {row for statement in _DIFFERENT for row in self._database.execute(statement, values)}
        for region, type_name in different:
            for record in self._store.list(account, region, type_name):
                self._store.remove(record)
            bodies = self._database.execute(_OF_TYPE, (name, account, region, type_name)).fetchall()
            kept = [Record(**json.loads(body)) for (body,) in bodies]
            for record in sorted(kept, key=lambda record: record.created_at):
                self._store.put(record)

    def _put_back_logs(self, name: str, accounts: list[str]) -> None:
        """A log only grows, or is dropped: it is the same where its length and its last entry are."""
        then: dict[str, tuple[int, Any]] = {
            stream: (n, json.loads(body)) for stream, n, body in self._database.execute(_LAST, (name,))
        }
        now = {
            stream: (len(entries), entries[-1])
            for stream, entries in self._store.logs().items()
            if any(account in stream for account in accounts)
        }
        for stream in {stream for stream in then.keys() | now.keys() if then.get(stream) != now.get(stream)}:
            self._store.drop_log(stream)
            for (body,) in self._database.execute(_STREAM, (name, stream)).fetchall():
                self._store.append(stream, json.loads(body))

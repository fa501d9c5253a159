"""The test database: migrated by its owner as in production, used by the limited role, emptied between tests."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import Connection, OperationalError, errors, sql

from devtools.places import ROOT
from devtools.postgres import Postgres

# What a migrated database is made of. Anything else may change without migrating again.
SCHEMA_SOURCES = (
    "environments/**/migrations/*.py",
    "environments/**/models*.py",
    "environments/**/models/*.py",
    "environments/**/apps.py",
    "environments/operations/*.py",
    "workers/**/migrations/*.py",
    "portal/**/migrations/*.py",
    "portal/settings/*.py",
    "requirements/runtime.txt",
)
KEPT = {"django_migrations"}
TRIES = 5
Rows = dict[str, bytes]
"""What the tables hold that hold anything, as PostgreSQL's COPY writes it."""


def schema_mark(root: Path = ROOT, sources: Iterable[str] = SCHEMA_SOURCES) -> str:
    """A short hash of all that decides how the migrated database looks."""
    found = sorted({path for pattern in sources for path in root.glob(pattern)})
    digest = hashlib.sha256()
    for path in found:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@dataclass
class ScratchDatabase:
    """A database for one test run, copied from a template that is migrated only when the schema's sources change."""

    postgres: Postgres
    name: str = "test_switchyard"
    migrated: Rows = field(default_factory=dict)
    _connection: Connection | None = None

    def create(self, migrate: Callable[[str], None]) -> None:
        """Make it. `migrate(database)` is called when no template of this schema is there yet."""
        template = f"template_{schema_mark()}"
        self.postgres.drop_database(self.name)
        if not self.postgres.has_database(template):
            self._drop_templates()
            draft = f"draft_{template}"
            self.postgres.drop_database(draft)
            self.postgres.make_database(draft)
            migrate(draft)
            with self.postgres.superuser() as connection:
                connection.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                        sql.Identifier(draft), sql.Identifier(template)
                    )
                )
        self.postgres.make_database(self.name, template)
        self.migrated = self.rows()

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        if self._connection is not None:
            self._connection.close()
        self.postgres.drop_database(self.name)

    def empty(self) -> None:
        """Put every table back to what migrating left in it."""
        self.put_back(self.migrated)

    def rows(self) -> Rows:
        """What it holds, for `put_back`."""
        rows = {}
        with self._transaction() as connection:
            # All tables as of one moment, whatever workers write meanwhile.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for table in self._with_rows(connection, self._tables(connection)):
                statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
                with connection.cursor().copy(statement) as copy:
                    rows[table] = b"".join(bytes(part) for part in copy)
        return rows

    def put_back(self, rows: Rows) -> None:
        """Let every table hold these rows and no other. Numbers (sequences) go on.

        Django's own flush would need TRUNCATE, which the limited role does not have, and which the audit tables
        refuse to everybody. This is a superuser's, with triggers and foreign keys off for its one transaction.
        Workers of a test may still write: who meets them in the wrong order begins again.
        """
        for attempt in range(TRIES):
            try:
                self._put_back(rows)
                return
            except (errors.DeadlockDetected, errors.LockNotAvailable):
                if attempt == TRIES - 1:
                    raise

    def _put_back(self, rows: Rows) -> None:
        with self._transaction() as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute("SET LOCAL lock_timeout = '10s'")
            # Whoever writes waits: a row of theirs in between would stay, or be there twice.
            tables = self._tables(connection)
            if tables:
                names = sql.SQL(", ").join(map(sql.Identifier, tables))
                connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
            for table in self._with_rows(connection, tables):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            for table, text in rows.items():
                statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                with connection.cursor().copy(statement) as copy:
                    copy.write(text)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One on a connection that is kept: the server reads its catalogue anew, 15 ms, for every new one."""
        if self._connection is None or not _lives(self._connection):
            self._connection = self.postgres.superuser(self.name)
        with self._connection.transaction():
            yield self._connection

    def _tables(self, connection: Connection) -> list[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        return [row[0] for row in connection.execute(query).fetchall() if row[0] not in KEPT]

    def _with_rows(self, connection: Connection, tables: list[str]) -> list[str]:
        if not tables:
            return []
        looks = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in tables
        )
        return [row[0] for row in connection.execute(looks).fetchall()]

    def _drop_templates(self) -> None:
        with self.postgres.superuser() as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE datname ^@ 'template_' OR datname ^@ 'draft_'"
            ).fetchall()
        for (name,) in names:
            self.postgres.drop_database(name)


def _lives(connection: Connection) -> bool:
    """Whether it still reaches the database: a test may have restarted the server, or replaced the database."""
    try:
        connection.execute("SELECT 1")
    except OperationalError:
        connection.close()
    return not connection.closed

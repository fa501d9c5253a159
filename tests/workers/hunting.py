"""Looking for planted secrets wherever they could have come to lie: rows, logs, pages, processes, assemblies."""

import base64
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
from django.contrib.sessions.models import Session
from django.db import connection
from psycopg import sql

from devtools.sandbox import Sandbox

SHORTEST = 12
"""A secret that is shorter would be found where nobody put it."""


@dataclass(frozen=True)
class Sight:
    """A secret that was found: what it is, and where."""

    secret: str
    where: str


class Hunt:
    """Knows the secrets by name, in the forms that they travel in."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        assert all(len(value) >= SHORTEST for value in secrets.values()), "too short to be told from chance"
        self.forms = {name: _forms(value) for name, value in secrets.items()}

    def text(self, where: str, text: str | bytes) -> list[Sight]:
        """In one text."""
        content = text.encode() if isinstance(text, str) else text
        return [Sight(name, where) for name, forms in self.forms.items() if any(f in content for f in forms)]

    def texts(self, texts: Iterable[tuple[str, str | bytes]]) -> list[Sight]:
        """In many, each with its place."""
        return [sight for where, text in texts for sight in self.text(where, text)]

    def rows(self, *, but: Iterable[tuple[str, str]] = ()) -> list[Sight]:
        """In every column of every table; `but` are (table, column) where it is meant to be."""
        found = []
        for table, column, kind in columns():
            if (table, column) in set(but):
                continue
            names = [name for name, forms in self.forms.items() if _in_column(table, column, kind, forms)]
            found += [Sight(name, f"{table}.{column}") for name in names]
        return found


def _forms(value: str) -> list[bytes]:
    """As it is, within JSON, within an address, and at each of base64's three alignments, in both alphabets."""
    plain = value.encode()
    shifted = [
        encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for shift in range(3)
    ]
    return sorted({plain, json.dumps(value)[1:-1].encode(), quote(value, safe="").encode(), *shifted})


def columns() -> list[tuple[str, str, str]]:
    """(table, column, type) of everything in the schema that the portal's tables are in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


def _in_column(table: str, column: str, kind: str, forms: list[bytes]) -> bool:
    name = sql.Identifier(column)
    value = sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(name)
    one = sql.SQL("strpos({}, %s) > 0").format(value)
    statement = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE {})").format(
        sql.Identifier(table), sql.SQL(" OR ").join([one] * len(forms))
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [form.decode() for form in forms])
        return bool(cursor.fetchone()[0])


def sessions_as_stored() -> Iterator[tuple[str, bytes]]:
    """What a session's row gives to whoever has the database and no key: its base64 undone, and unpacked."""
    for row in Session.objects.all():
        packed = row.session_data.split(":")[0]
        content = base64.urlsafe_b64decode(packed.lstrip(".") + "==")
        yield "django_session", zlib.decompress(content) if packed.startswith(".") else content


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below, and every member of every zip."""
    for path in (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()):
        yield str(path), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path}:{name}", archive.read(name)


def command_lines(pids: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Command lines of these processes and of all that they began."""
    for pid in family(pids):
        try:
            yield f"command line of {pid}", Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def environment_of(pid: int) -> Iterator[tuple[str, bytes]]:
    """The surroundings that a process and all that it began were given."""
    for one in family([pid]):
        try:
            yield f"environment of {one}", Path(f"/proc/{one}/environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def family(pids: Iterable[int]) -> list[int]:
    """The processes and their children."""
    found = []
    for pid in pids:
        try:
            found += [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        except psutil.NoSuchProcess:
            continue
    return found


def session_secrets(sandbox: Sandbox, account_id: str) -> dict[str, str]:
    """Tokens and secret keys of all sessions that the sandbox gave out for roles of the account."""
    with closing(sqlite3.connect(f"file:{sandbox.home}/sandbox.sqlite3?mode=ro", uri=True)) as database:
        records = [json.loads(row[0]) for row in database.execute("SELECT body FROM records")]
    sessions = [r for r in records if r["type"] == "Sandbox::STS::Session" and r["account"] == account_id]
    found = {f"session token {r['id']}": r["data"]["token"] for r in sessions}
    return found | {f"session key {r['id']}": r["data"]["secret"] for r in sessions}

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
PIECE = 6
"""How long the pieces are that tell a text in which a secret may be."""


@dataclass(frozen=True)
class Sight:
    """A secret that was found: what it is, and where."""

    secret: str
    where: str


class Hunt:
    """Knows the secrets by name, in the forms that they travel in.

    A run of tests gives out sessions by the hundred, and looking for one form after the other took minutes. A text is
    cut at every `step` instead: as each form holds one of the pieces whole, a text without a known piece has no form.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        assert all(len(value) >= SHORTEST for value in secrets.values()), "too short to be told from chance"
        self.names: dict[bytes, set[str]] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                self.names.setdefault(form, set()).add(name)
        self.step = min(map(len, self.names)) - PIECE + 1
        self.pieces: dict[bytes, set[bytes]] = {}
        for form in self.names:
            for at in range(len(form) - PIECE + 1):
                self.pieces.setdefault(form[at : at + PIECE], set()).add(form)

    def text(self, where: str, text: str | bytes) -> list[Sight]:
        """In one text."""
        content = text.encode() if isinstance(text, str) else text
        cut = (content[at : at + PIECE] for at in range(0, len(content), self.step))
        forms = {form for piece in cut if piece in self.pieces for form in self.pieces[piece]}
        found = {name for form in forms if form in content for name in self.names[form]}
        return [Sight(name, where) for name in sorted(found)]

    def texts(self, texts: Iterable[tuple[str, str | bytes]]) -> list[Sight]:
        """In many, each with its place."""
        return [sight for where, text in texts for sight in self.text(where, text)]

    def rows(self, *, but: Iterable[tuple[str, str]] = ()) -> list[Sight]:
        """In every column of every table; `but` are (table, column) where it is meant to be."""
        meant = set(but)
        return [
            sight
            for table, columns in tables().items()
            for column, values in _contents(table, columns)
            if (table, column) not in meant
            for sight in self.text(f"{table}.{column}", values)
        ]


def _forms(value: str) -> list[bytes]:
    """As it is, within JSON, within an address, and at each of base64's three alignments, in both alphabets."""
    plain = value.encode()
    shifted = [
        encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for shift in range(3)
    ]
    return sorted({plain, json.dumps(value)[1:-1].encode(), quote(value, safe="").encode(), *shifted})


def tables() -> dict[str, dict[str, str]]:
    """Type by column, by table, of everything in the schema that the portal's tables are in."""
    found: dict[str, dict[str, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() ORDER BY 1, 2"
        )
        for table, column, kind in cursor.fetchall():
            found.setdefault(table, {})[column] = kind
    return found


def _contents(table: str, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(column, all its values, a line each)."""
    values = [
        sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(sql.Identifier(column))
        for column, kind in columns.items()
    ]
    statement = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(values), sql.Identifier(table))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall()
    for number, column in enumerate(columns):
        yield column, "\n".join(row[number] for row in rows if row[number] is not None)


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

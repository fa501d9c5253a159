"""Where values are kept: items in the environment's database, uploads in its bucket; else in files of the instance.

Database and AWS libraries are imported on first use: the process serves `/healthz` before it knows any of them.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from .aws import TIMEOUT_S, Unavailable, asked, client, sentence

TABLE = (
    "CREATE TABLE IF NOT EXISTS items (name VARCHAR(100) NOT NULL PRIMARY KEY, value MEDIUMBLOB NOT NULL, "
    "written_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3))"
)
NO_TABLE, ACCESS_DENIED = 1146, 1045


class Storage(Protocol):
    """Values by key. Methods raise Unavailable with a sentence when what keeps them does not answer."""

    def write(self, key: str, value: bytes) -> None: ...

    def read(self, key: str) -> bytes | None: ...

    def keys(self) -> list[str]: ...

    def check(self) -> None: ...


def trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Whom it believes: public authorities, among them RDS Proxy's, and those of the file DATABASE_CA: Aurora's own."""
    context = ssl.create_default_context()
    # The image brings the file; whoever runs the code without it has told Python whom to believe.
    if Path(environment.get("DATABASE_CA", "")).is_file():
        context.load_verify_locations(cafile=environment["DATABASE_CA"])
    return context


class Files:
    """Each value a file: written beside its place and then moved there, so none is read half."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def write(self, key: str, value: bytes) -> None:
        with self._lock:
            part = self._root / f".{key}.part"
            part.write_bytes(value)
            part.replace(self._root / key)

    def read(self, key: str) -> bytes | None:
        path = self._root / key
        return path.read_bytes() if path.is_file() else None

    def keys(self) -> list[str]:
        return sorted(path.name for path in self._root.iterdir() if not path.name.endswith(".part"))

    def check(self) -> None:
        """Files of the instance are always there."""


class Database:
    """Items in a table; writes through the writer's name, reads through the reader's."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._login: tuple[str, str] | None = None

    def write(self, key: str, value: bytes) -> None:
        statement = (
            "INSERT INTO items (name, value) VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = VALUES(value)"
        )
        try:
            self._run("DATABASE_HOST", statement, (key, value))
        except Unavailable as problem:
            if not _is(problem, NO_TABLE):
                raise
            self._run("DATABASE_HOST", TABLE)
            self._run("DATABASE_HOST", statement, (key, value))

    def read(self, key: str) -> bytes | None:
        rows = self._look("SELECT value FROM items WHERE name = %s", (key,))
        return bytes(rows[0][0]) if rows else None

    def keys(self) -> list[str]:
        return [str(row[0]) for row in self._look("SELECT name FROM items ORDER BY name")]

    def check(self) -> None:
        """Both names answer a query."""
        for host in ("DATABASE_HOST", "DATABASE_READER_HOST"):
            if self._environment.get(host):
                self._run(host, "SELECT 1")

    def _look(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        host = "DATABASE_READER_HOST" if self._environment.get("DATABASE_READER_HOST") else "DATABASE_HOST"
        try:
            return self._run(host, statement, values)
        except Unavailable as problem:
            if _is(problem, NO_TABLE):
                return []
            raise

    def _run(self, host: str, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        import pymysql

        try:
            with self._connection(self._environment[host]) as connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        except (pymysql.MySQLError, OSError) as problem:
            raise Unavailable(f"database {self._environment[host]}: {sentence(problem)}") from problem

    @contextlib.contextmanager
    def _connection(self, host: str) -> Iterator[Any]:
        import pymysql

        for last in (False, True):
            user, password = self._login or self._credentials()
            try:
                connection = pymysql.connect(
                    host=host,
                    port=int(self._environment.get("DATABASE_PORT", "3306")),
                    user=user,
                    password=password,
                    database=self._environment.get("DATABASE_NAME", "app"),
                    ssl=trusted(self._environment),
                    autocommit=True,
                    connect_timeout=TIMEOUT_S,
                    read_timeout=TIMEOUT_S,
                    write_timeout=TIMEOUT_S,
                )
            except pymysql.MySQLError as problem:
                # The secret may have been rotated since it was read.
                if last or problem.args[:1] != (ACCESS_DENIED,):
                    raise
                self._login = None
                continue
            self._login = user, password
            with connection:
                yield connection
            return

    def _credentials(self) -> tuple[str, str]:
        """User and password: Beanstalk's environment secret, or the secret that DATABASE_SECRET_ARN names."""
        text = self._environment.get("DATABASE_SECRET")
        if not text:
            arn = self._environment.get("DATABASE_SECRET_ARN", "")
            if not arn:
                raise Unavailable("database: neither DATABASE_SECRET nor DATABASE_SECRET_ARN is set")
            secrets = client("secretsmanager", self._environment)
            text = str(asked("secret", lambda: secrets.get_secret_value(SecretId=arn))["SecretString"])
        secret = json.loads(text)
        return str(secret["username"]), str(secret["password"])


class Bucket:
    """Uploads in S3, with the rights of the instance's role."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment, self._name = environment, environment["UPLOADS_BUCKET"]
        self._lock = threading.Lock()
        self._made: Any = None

    @property
    def _s3(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = client("s3", self._environment)
            return self._made

    def write(self, key: str, value: bytes) -> None:
        asked("uploads", lambda: self._s3.put_object(Bucket=self._name, Key=key, Body=value))

    def read(self, key: str) -> bytes | None:
        from botocore.exceptions import ClientError

        try:
            answer = asked("uploads", lambda: self._s3.get_object(Bucket=self._name, Key=key))
        except Unavailable as problem:
            cause = problem.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return bytes(answer["Body"].read())

    def keys(self) -> list[str]:
        answer = asked("uploads", lambda: self._s3.list_objects_v2(Bucket=self._name, MaxKeys=1000))
        return [str(entry["Key"]) for entry in answer.get("Contents", ())]

    def check(self) -> None:
        """The bucket may be listed."""
        asked("uploads", lambda: self._s3.list_objects_v2(Bucket=self._name, MaxKeys=1))


def _is(problem: Unavailable, code: int) -> bool:
    cause = problem.__cause__
    return cause is not None and cause.args[:1] == (code,)

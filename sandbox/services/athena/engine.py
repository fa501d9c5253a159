"""A query over tables of Glue's catalog: read with Athena's grammar (sqlglot), answered by DuckDB.

Only SELECT. The dialect is that of Trino as far as sqlglot carries it over; what DuckDB does not know fails the query,
and says so. Source: Athena user guide, "SQL reference for Athena", "Partition projection".
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox import parquet


class QueryFailed(Exception):
    """A query's end: Athena's StateChangeReason."""


@dataclass(frozen=True)
class TableData:
    """A table: its columns, the names of its partition keys, and its files ({partition path: bytes})."""

    columns: Sequence[parquet.Column]
    partitions: Sequence[str]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Answer:
    """Columns (name, Athena's type) and rows as texts; None is NULL."""

    columns: list[tuple[str, str]]
    rows: list[list[str | None]]


def tables_in(sql: str) -> list[tuple[str, str]]:
    """(database or "", table) of each table that a query reads. Raises QueryFailed for what is no SELECT."""
    from sqlglot import exp

    tree = _parsed(sql)
    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    found = {
        (table.db, table.name) for table in tree.find_all(exp.Table) if table.db or table.name not in own
    }
    return sorted(found)


def answered(
    sql: str, parameters: Sequence[str], tables: dict[tuple[str, str], TableData], now: float
) -> Answer:
    """The answer of a query. now: epoch seconds that current_date is of. Raises QueryFailed."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        for number, ((db, name), data) in enumerate(tables.items()):
            _load(database, Path(folder) / str(number), db, name, data)
        # From here on the query has the tables and nothing of this machine.
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        try:
            found = database.execute(_translated(sql, parameters, now))
            columns = [(str(column[0]), str(column[1])) for column in found.description or ()]
            return Answer(
                [(name, _TYPES.get(kind.upper(), "varchar")) for name, kind in columns],
                [[_text(value) for value in row] for row in found.fetchall()],
            )
        except duckdb.Error as problem:
            raise QueryFailed(f"GENERIC_USER_ERROR: {str(problem).splitlines()[0]}") from problem


_TYPES = {
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "INTEGER": "integer",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "NUMBER": "bigint",
    "STRING": "varchar",
    "DATETIME": "timestamp",
}


def _parsed(sql: str) -> Any:
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(sql.rstrip().rstrip(";"), read="athena")
    except sqlglot.errors.SqlglotError as problem:
        raise QueryFailed(f"SYNTAX_ERROR: {str(problem).splitlines()[0]}") from problem
    if not isinstance(tree, exp.Query):
        raise QueryFailed("Queries of this type are not supported by the sandbox: it answers SELECT only.")
    return tree


def _translated(sql: str, parameters: Sequence[str], now: float) -> str:
    from sqlglot import exp

    moment = datetime.fromtimestamp(now, UTC)
    values = iter(parameters)

    def replaced(node: Any) -> Any:
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(moment.date().isoformat()), "date")
        if isinstance(node, exp.CurrentTimestamp):
            return exp.cast(exp.Literal.string(moment.isoformat(sep=" ")), "timestamptz")
        if isinstance(node, exp.Placeholder):
            value = next(values, None)
            if value is None:
                raise QueryFailed("SYNTAX_ERROR: Incorrect number of parameters.")
            return _literal(value)
        return node

    return str(_parsed(sql).transform(replaced).sql(dialect="duckdb"))


def _literal(value: str) -> Any:
    """A parameter as Athena has it: a text is quoted, all else stands as it is."""
    import sqlglot

    try:
        return sqlglot.parse_one(value, read="athena")
    except sqlglot.errors.SqlglotError as problem:
        raise QueryFailed(f"SYNTAX_ERROR: {value} is no parameter") from problem


def _load(database: Any, folder: Path, db: str, name: str, data: TableData) -> None:
    """A table of DuckDB's with what the files hold, and the partition's values as columns."""
    keys = [*data.columns, *((key, "string") for key in data.partitions)]
    declared = ", ".join(f'"{column}" {parquet.sql_type(kind)}' for column, kind in keys)
    if db:
        database.execute(f'CREATE SCHEMA IF NOT EXISTS "{db}"')
    place = f'"{db}"."{name}"' if db else f'"{name}"'
    database.execute(f"CREATE TABLE {place} ({declared})")
    for path, body in data.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    if data.files:
        options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
        read = f"read_parquet('{folder}/**/*.parquet', {options})"
        database.execute(f"INSERT INTO {place} BY NAME SELECT * FROM {read}")  # noqa: S608 - a folder of ours


def _text(value: Any) -> str | None:
    """A value as GetQueryResults and the result's file have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, (date, Decimal)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(str(_text(one)) for one in value) + "]"
    return str(value)

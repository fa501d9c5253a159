"""Parquet files, by DuckDB: Firehose writes them, Athena reads them.

Imported on first use only: the library is large, and most sandboxes never see an event.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Column = tuple[str, str]
"""Name and Glue's type of a column."""

_TYPES = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "int": "INTEGER",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
}


_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z|\d{4}-\d\d?-\d\d? \d\d:\d\d:\d\d(\.\d{1,9})?"
)
"""The texts that the OpenX JSON SerDe takes for a timestamp: no day alone, and no zone but Z (Firehose developer guide,
"Convert input record format")."""


class NotOfType(Exception):
    """A value cannot become what its column is; the text says which and why."""


def sql_type(kind: str) -> str:
    """DuckDB's type for one of Glue's. Raises NotOfType for one that is not known here."""
    found = _TYPES.get(kind.replace(" ", "").lower())
    if found is None:
        raise NotOfType(f"columns of type {kind} are not supported by the sandbox")
    return found


def value_of(column: Column, value: Any) -> Any:
    """A JSON value as its column has it. Raises NotOfType.

    Source: Firehose developer guide, "Convert input record format" (OpenX JSON SerDe).
    """
    name, kind = column
    if value is None:
        return None
    made = sql_type(kind)
    try:
        if made == "VARCHAR":
            return value if isinstance(value, str) else json.dumps(value)
        if made == "TIMESTAMP":
            return _moment(value)
        if made.startswith("MAP"):
            if not isinstance(value, dict):
                raise TypeError("it is no object")
            return {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
        if made in ("BIGINT", "INTEGER"):
            return int(value)
        if made == "DOUBLE":
            return float(value)
        if made == "BOOLEAN" and not isinstance(value, bool):
            raise TypeError("it is neither true nor false")
    except (TypeError, ValueError) as problem:
        raise NotOfType(f"{name} is no {kind}: {problem}") from problem
    return value


def _moment(value: Any) -> datetime:
    """ISO 8601 with Z, SQL's form, or epoch seconds or milliseconds; all in UTC."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("it is neither a text nor a number")
    if isinstance(value, str):
        if not _MOMENT.fullmatch(value):
            raise ValueError(f"{value!r} has none of the forms that the OpenX JSON SerDe takes")
        *whole, fraction = [*re.findall(r"\d+", value), "0"][:7]
        year, month, day, hour, minute, second = map(int, whole)
        return datetime(year, month, day, hour, minute, second, int(fraction.ljust(6, "0")[:6]))
    seconds = value / 1000 if abs(value) >= 1e11 else value
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def written(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> bytes:
    """A Parquet file (Snappy) of rows that `value_of` made."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        declared = ", ".join(f'"{name}" {sql_type(kind)}' for name, kind in columns)
        database.execute(f"CREATE TABLE rows ({declared})")
        for row in rows:
            # A map is bound as its two lists: what is bound whole would be a struct.
            marks = ["map(?, ?)" if isinstance(value, dict) else "?" for value in row]
            bound = [
                part
                for value in row
                for part in ([[*value], [*value.values()]] if isinstance(value, dict) else [value])
            ]
            database.execute(f"INSERT INTO rows VALUES ({', '.join(marks)})", bound)  # noqa: S608 - marks only
        path = Path(folder) / "rows.parquet"
        database.execute(f"COPY rows TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
        return path.read_bytes()

"""Many rows out of one: copies a row of the portal's database, with some columns made from the copy's number."""

from collections.abc import Mapping

import psycopg
from psycopg import sql


def multiply(
    connection: psycopg.Connection, table: str, source_id: int, count: int, changed: Mapping[str, str]
) -> None:
    """Insert `count` copies of the row. `changed` maps a column to an SQL expression over n = 1 … count.

    Columns are read from the catalogue, so that a new one needs no change here. Triggers stay on.
    """
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'"
            " AND column_name <> 'id' ORDER BY ordinal_position",
            [table],
        ).fetchall()
    ]
    unknown = set(changed) - set(columns)
    if unknown or not columns:
        raise ValueError(f"{table} has no column {', '.join(sorted(unknown)) or 'at all'}")
    values = [
        sql.SQL(changed[name]) if name in changed else sql.Identifier("source", name) for name in columns
    ]
    connection.execute(
        sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS source, generate_series(1, {count}) AS n"
            " WHERE source.id = {id}"
        ).format(
            table=sql.Identifier(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(values),
            count=sql.Literal(count),
            id=sql.Literal(source_id),
        )
    )

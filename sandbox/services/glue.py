"""Glue's catalog, as far as stacks make it: databases and tables. Firehose and Athena read it.

Source: Glue web API reference, "GetDatabases".
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services._listing import page
from sandbox.store import Record

DATABASE, TABLE = "AWS::Glue::Database", "AWS::Glue::Table"


@resource_type(DATABASE)
class Database(SchemaType):
    """A database; Ref answers its name, which is its id."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        given = properties.get("DatabaseName") or properties["DatabaseInput"].get("Name")
        return str(given or self.new_name(hint, "DatabaseName")).lower()

    def check_delete(self, ctx: Context, record: Record) -> None:
        """Glue deletes the tables with the database; nothing refuses."""


@resource_type(TABLE)
class Table(SchemaType):
    """A table; Ref answers its name."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("Name") or properties.get("TableInput", {}).get("Name")
        name = str(name or self.new_name(hint, "Name")).lower()
        return f"{properties['CatalogId']}|{properties['DatabaseName']}|{name}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if ctx.store.get(ctx.account, ctx.region, DATABASE, properties["DatabaseName"]) is None:
            raise AwsError(
                "EntityNotFoundException", f"Database {properties['DatabaseName']} not found.", 400
            )

    def ref(self, record: Record) -> str:
        return record.id.rpartition("|")[2]


@operation("glue", "GetDatabases")
def get_databases(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {**record.properties["DatabaseInput"], "Name": record.id, "CatalogId": ctx.account}
        for record in ctx.store.list(ctx.account, ctx.region, DATABASE)
    ]
    some, token = page(found, params.get("MaxResults"), params.get("NextToken"), most=100)
    return {"DatabaseList": some, **({"NextToken": token} if token else {})}


def table_find(ctx: Context, database: str, name: str) -> Record | None:
    """A table of the account's catalog."""
    return ctx.store.get(ctx.account, ctx.region, TABLE, f"{ctx.account}|{database}|{name}")


def columns_of(table: Record) -> list[tuple[str, str]]:
    """Name and type of each column, without the partition keys."""
    found = table.properties["TableInput"]["StorageDescriptor"]["Columns"]
    return [(str(column["Name"]), str(column["Type"])) for column in found]


def partition_keys(table: Record) -> list[str]:
    """Names of the partition keys."""
    return [str(key["Name"]) for key in table.properties["TableInput"].get("PartitionKeys") or ()]


def arns(ctx: Context, database: str, name: str) -> list[str]:
    """What IAM is asked about when a table is read: catalog, database, table."""
    return [
        ctx.arn("glue", "catalog"),
        ctx.arn("glue", f"database/{database}"),
        ctx.arn("glue", f"table/{database}/{name}"),
    ]

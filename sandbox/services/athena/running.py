"""A query on its way: queued, running, and its answer as a file, with the rights of whoever asked.

Source: Athena user guide, "Amazon S3 permissions", "Access to databases and tables in the Data Catalog" (a query has
the rights of the caller), "Data usage controls" (a query that would scan more than its workgroup allows is stopped).
"""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.principals import principal_dump, principal_load
from sandbox.iam.service_roles import need
from sandbox.registry import on_start
from sandbox.services import glue
from sandbox.services.athena import engine
from sandbox.services.athena.types import EXECUTION
from sandbox.services.s3.objects import body_of, store_object
from sandbox.services.s3.state import bucket_get, versions
from sandbox.store import Record
from sandbox.world import World

TIMED = EXECUTION
"""The name of its duration in the settings: seconds of AWS until a query has been answered."""
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""Classes whose objects Athena passes over ("Amazon S3 Glacier storage classes")."""


def place(record: Record) -> str:
    """Where the answer is written."""
    return f"{record.data['result']['OutputLocation'].rstrip('/')}/{record.id}.csv"


def begin(ctx: Context, record: Record) -> None:
    """Store the query and run it beside everything else, after the time that AWS takes."""
    record.data["principal"] = principal_dump(ctx.principal)
    ctx.store.put(record)
    _arm(ctx.world, record)


def _arm(world: World, record: Record) -> None:
    seconds = world.duration(TIMED, "create") * float(world.settings["speed"])

    def begin_now() -> None:
        world.spawn(_run(world, record))

    world.scheduler.at(world.scheduler.now() + seconds, begin_now)


def close(ctx: Context, record: Record, state: str, reason: str | None = None) -> None:
    """The query is over."""
    record.state = state
    record.data.update(reason=reason, ended=ctx.now)
    ctx.store.put(record)


async def _run(world: World, record: Record) -> None:
    if record.state != "QUEUED" or world.store.get(*record.key) is not record:
        return
    principal = principal_load(world, record.data["principal"])
    ctx = world.context(record.account, record.region, principal=principal)
    record.state = "RUNNING"
    ctx.store.put(record)
    data = record.data
    try:
        tables = {}
        for database, name in engine.tables_in(data["sql"]):
            tables[database, name] = _table(ctx, database or data["database"], name)
        data["scanned"] = sum(len(body) for table in tables.values() for body in table.files.values())
        if data["limit"] and data["scanned"] > int(data["limit"]):
            raise engine.QueryFailed("Bytes scanned limit was exceeded")
        answer = await asyncio.to_thread(engine.answered, data["sql"], data["parameters"], tables, ctx.now)
        if record.state == "RUNNING":
            _keep(ctx, record, answer)
            close(ctx, record, "SUCCEEDED")
    except (engine.QueryFailed, AwsError) as problem:
        reason = str(problem) if isinstance(problem, engine.QueryFailed) else problem.message
        if record.state == "RUNNING":
            close(ctx, record, "FAILED", reason)


def _table(ctx: Context, database: str, name: str) -> engine.TableData:
    need(ctx, "glue:GetTable", *glue.arns(ctx, database, name))
    table = glue.table_find(ctx, database, name)
    if table is None:
        raise engine.QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
    descriptor = table.properties["TableInput"]["StorageDescriptor"]
    bucket_name, _, prefix = descriptor["Location"].removeprefix("s3://").partition("/")
    bucket = bucket_get(ctx, bucket_name)
    need(ctx, "s3:ListBucket", bucket.arn)
    files = {}
    for key, found in versions(ctx.world, bucket).items():
        newest = found[-1]
        if not key.startswith(prefix) or newest.data["marker"]:
            continue
        kept = newest.data["kept"]
        if kept.get("StorageClass") in ARCHIVED:
            continue
        need(ctx, "s3:GetObject", f"{bucket.arn}/{key}")
        if kept.get("SSEKMSKeyId"):
            need(ctx, "kms:Decrypt", kept["SSEKMSKeyId"], via="s3")
        files[key.removeprefix(prefix)] = body_of(ctx, bucket, newest)
    return engine.TableData(glue.columns_of(table), glue.partition_keys(table), files)


def _keep(ctx: Context, record: Record, answer: engine.Answer) -> None:
    """The answer's file, encrypted as the configuration says."""
    record.data["columns"] = [list(column) for column in answer.columns]
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([name for name, _ in answer.columns])
    writer.writerows(["" if value is None else value for value in row] for row in answer.rows)
    bucket_name, _, key = place(record).removeprefix("s3://").partition("/")
    bucket = bucket_get(ctx, bucket_name)
    need(ctx, "s3:PutObject", f"{bucket.arn}/{key}")
    more: dict[str, Any] = {"ContentType": "text/csv"}
    encryption = record.data["result"].get("EncryptionConfiguration") or {}
    if encryption.get("KmsKey"):
        need(ctx, "kms:GenerateDataKey", encryption["KmsKey"], via="s3")
        more |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]}
    store_object(ctx, bucket, key, file.getvalue().encode(), more)


@on_start
def take_up(world: World) -> None:
    """Run again what was on its way when the process ended: a query changes nothing but its answer."""
    for record in world.store.everywhere(EXECUTION):
        if record.state in ("QUEUED", "RUNNING"):
            record.state = "QUEUED"
            _arm(world, record)

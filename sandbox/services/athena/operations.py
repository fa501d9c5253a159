"""Running queries, their answers, and named queries.

Source: Athena API reference; Athena user guide, "Workgroup settings override client-side settings".
"""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services._listing import page
from sandbox.services.athena import running
from sandbox.services.athena.types import EXECUTION, NAMED_QUERY, invalid, queries, workgroup
from sandbox.services.s3.objects import body_of
from sandbox.services.s3.state import bucket_get, current
from sandbox.store import Record


@operation("athena", "StartQueryExecution")
def start_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    token = params.get("ClientRequestToken")
    for record in ctx.store.list(ctx.account, ctx.region, EXECUTION):
        if token and record.data["token"] == token:
            if record.data["sql"] != params["QueryString"]:
                raise invalid("Idempotent parameters do not match")
            return {"QueryExecutionId": record.id}
    group = workgroup(ctx, params.get("WorkGroup") or "primary")
    settings = (group.properties.get("WorkGroupConfiguration") or {}) if group else {}
    own = params.get("ResultConfiguration") or {}
    enforced = settings.get("EnforceWorkGroupConfiguration", True)
    result = settings.get("ResultConfiguration") or {}
    result = result if enforced and result else {**result, **own}
    if not result.get("OutputLocation"):
        raise invalid(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    record = Record(
        ctx.account,
        ctx.region,
        EXECUTION,
        str(uuid.uuid4()),
        created_at=ctx.now,
        state="QUEUED",
        data={
            "token": token,
            "sql": params["QueryString"],
            "parameters": list(params.get("ExecutionParameters") or ()),
            "database": (params.get("QueryExecutionContext") or {}).get("Database", ""),
            "workgroup": group.id if group else "primary",
            "result": result,
            "limit": settings.get("BytesScannedCutoffPerQuery"),
            "reason": None,
            "scanned": 0,
            "columns": [],
        },
    )
    running.begin(ctx, record)
    return {"QueryExecutionId": record.id}


def _execution(ctx: Context, id: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, EXECUTION, id)
    if record is None:
        raise invalid(f"QueryExecution {id} was not found")
    return record


@operation("athena", "GetQueryExecution")
def get_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _execution(ctx, params["QueryExecutionId"])
    data = record.data
    return {
        "QueryExecution": {
            "QueryExecutionId": record.id,
            "Query": data["sql"],
            "StatementType": "DML",
            "WorkGroup": data["workgroup"],
            "QueryExecutionContext": {"Database": data["database"]},
            "ResultConfiguration": {**data["result"], "OutputLocation": running.place(record)},
            "Status": {
                "State": record.state,
                "StateChangeReason": data["reason"],
                "SubmissionDateTime": record.created_at,
                "CompletionDateTime": data.get("ended"),
            },
            "Statistics": {"DataScannedInBytes": data["scanned"]},
        }
    }


@operation("athena", "StopQueryExecution")
def stop_query_execution(ctx: Context, params: dict[str, Any]) -> None:
    record = _execution(ctx, params["QueryExecutionId"])
    if record.state in ("QUEUED", "RUNNING"):
        running.close(ctx, record, "CANCELLED", "Query cancelled by user")


@operation("athena", "GetQueryResults")
def get_query_results(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The rows of the result's file; on the first page the first row holds the columns' names, as in AWS."""
    record = _execution(ctx, params["QueryExecutionId"])
    if record.state != "SUCCEEDED":
        raise invalid(f"Query has not yet finished. Current state: {record.state}")
    bucket_name, _, key = running.place(record).removeprefix("s3://").partition("/")
    bucket = bucket_get(ctx, bucket_name)
    text = body_of(ctx, bucket, current(bucket, ctx, key)).decode()
    rows = list(csv.reader(io.StringIO(text)))
    shown, token = page(
        rows, params.get("MaxResults"), params.get("NextToken"), code="InvalidRequestException"
    )
    columns = [
        {"Name": name, "Label": name, "Type": kind, "CatalogName": "hive", "Nullable": "UNKNOWN"}
        for name, kind in record.data["columns"]
    ]
    return {
        "ResultSet": {
            "Rows": [{"Data": [{"VarCharValue": value} for value in row]} for row in shown],
            "ResultSetMetadata": {"ColumnInfo": columns},
        },
        "NextToken": token,
        "UpdateCount": 0,
    }


@operation("athena", "ListNamedQueries")
def list_named_queries(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = params.get("WorkGroup") or "primary"
    workgroup(ctx, group)
    ids = [record.id for record in queries(ctx, group)]
    shown, token = page(
        ids, params.get("MaxResults") or 50, params.get("NextToken"), most=50, code="InvalidRequestException"
    )
    return {"NamedQueryIds": shown, "NextToken": token}


def _shape(record: Record) -> dict[str, Any]:
    return {
        "NamedQueryId": record.id,
        "Name": record.get("Name", record.id),
        "Description": record.get("Description"),
        "Database": record.properties["Database"],
        "QueryString": record.properties["QueryString"],
        "WorkGroup": record.get("WorkGroup", "primary"),
    }


@operation("athena", "GetNamedQuery")
def get_named_query(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, NAMED_QUERY, params["NamedQueryId"])
    if record is None:
        raise invalid(f"NamedQuery {params['NamedQueryId']} was not found")
    return {"NamedQuery": _shape(record)}


@operation("athena", "BatchGetNamedQuery")
def batch_get_named_query(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found, missing = [], []
    for id in params["NamedQueryIds"]:
        record = ctx.store.get(ctx.account, ctx.region, NAMED_QUERY, id)
        if record is not None:
            found.append(_shape(record))
        else:
            missing.append({"NamedQueryId": id, "ErrorCode": "NOT_FOUND", "ErrorMessage": "It was not found"})
    return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

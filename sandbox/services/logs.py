"""CloudWatch Logs: groups, streams and their lines."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.schema_types import SchemaType
from sandbox.store import Record

GROUP = "AWS::Logs::LogGroup"
STREAM = "AWS::Logs::LogStream"
DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""Retention that PutRetentionPolicy accepts (Logs API reference)."""


@resource_type(GROUP)
class LogGroup(ResourceType):
    """A log group; its id is its name. data: streams (name to creation time)."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("LogGroupName")
        if name and ctx.store.get(ctx.account, ctx.region, GROUP, name):
            raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists", 400)

    def created(self, ctx: Context, record: Record) -> None:
        record.data["streams"] = {}
        record.attributes = {"Arn": record.arn}

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for stream in record.data["streams"]:
            ctx.store.drop_log(_lines(record, stream))
        return None


@resource_type("AWS::Logs::MetricFilter")
class MetricFilter(SchemaType):
    """A metric filter of a group. Nothing is counted here: what applications write does not become a metric."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        """It has none of its own: IAM is asked about the group."""
        return ctx.arn("logs", f"log-group:{properties['LogGroupName']}:log-stream:")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if ctx.store.get(ctx.account, ctx.region, GROUP, properties["LogGroupName"]) is None:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)


@resource_type(STREAM)
class LogStream(ResourceType):
    """A stream that a stack makes: it is in its group, as those that are made by CreateLogStream are."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("LogStreamName") or self.new_name(hint, "LogStreamName")
        return f"{properties['LogGroupName']}|{name}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def ref(self, record: Record) -> str:
        return record.id.rpartition("|")[2]

    def created(self, ctx: Context, record: Record) -> None:
        name = self.ref(record)
        create_log_stream(ctx, {"logGroupName": record.properties["LogGroupName"], "logStreamName": name})

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        group = ctx.store.get(ctx.account, ctx.region, GROUP, record.properties["LogGroupName"])
        if group is not None and group.data["streams"].pop(self.ref(record), None) is not None:
            ctx.store.drop_log(_lines(group, self.ref(record)))
            ctx.store.put(group)
        return None


def _lines(record: Record, stream: str) -> str:
    return f"logs:{record.arn}:{stream}"


def _get(ctx: Context, name: str | None) -> Record:
    """By name or ARN. Raises ResourceNotFoundException."""
    plain = (name or "").removeprefix(ctx.arn("logs", "log-group:")).removesuffix(":*")
    record = ctx.store.get(ctx.account, ctx.region, GROUP, plain)
    if record is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)
    return record


@operation("logs", "CreateLogGroup")
def create_log_group(ctx: Context, params: dict[str, Any]) -> None:
    properties = {"LogGroupName": params["logGroupName"]}
    if params.get("kmsKeyId"):
        properties["KmsKeyId"] = params["kmsKeyId"]
    ctx.world.create(ctx, GROUP, properties, tags=dict(params.get("tags") or {}), at_once=True)


def _shape(record: Record) -> dict[str, Any]:
    return {
        "logGroupName": record.id,
        "creationTime": int(record.created_at * 1000),
        "retentionInDays": record.properties.get("RetentionInDays"),
        "metricFilterCount": 0,
        "arn": record.arn,
        "logGroupArn": record.arn.removesuffix(":*"),
        "storedBytes": 0,
        "kmsKeyId": record.properties.get("KmsKeyId"),
        "logGroupClass": record.properties.get("LogGroupClass", "STANDARD"),
    }


@operation("logs", "DescribeLogGroups")
def describe_log_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix, part = params.get("logGroupNamePrefix") or "", params.get("logGroupNamePattern") or ""
    records = sorted(ctx.store.list(ctx.account, ctx.region, GROUP), key=lambda r: r.id)
    found = [_shape(r) for r in records if r.id.startswith(prefix) and part.lower() in r.id.lower()]
    start = int(params.get("nextToken") or 0)
    end = start + int(params.get("limit") or 50)
    return {"logGroups": found[start:end], "nextToken": str(end) if end < len(found) else None}


@operation("logs", "DeleteLogGroup")
def delete_log_group(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _get(ctx, params["logGroupName"]), at_once=True)


@operation("logs", "PutRetentionPolicy")
def put_retention_policy(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["logGroupName"])
    if params["retentionInDays"] not in DAYS:
        raise AwsError(
            "InvalidParameterException", f"Invalid retentionInDays: {params['retentionInDays']}", 400
        )
    properties = {**record.properties, "RetentionInDays": params["retentionInDays"]}
    ctx.world.update(ctx, record, properties, at_once=True)


@operation("logs", "DeleteRetentionPolicy")
def delete_retention_policy(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["logGroupName"])
    properties = {k: v for k, v in record.properties.items() if k != "RetentionInDays"}
    ctx.world.update(ctx, record, properties, at_once=True)


@operation("logs", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"tags": dict(_get(ctx, params["resourceArn"]).tags)}


@operation("logs", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["resourceArn"])
    record.tags.update(params["tags"])
    ctx.store.put(record)


@operation("logs", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["resourceArn"])
    for key in params["tagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)


# -- streams and lines


def _stream(ctx: Context, params: dict[str, Any]) -> str:
    record = _get(ctx, params.get("logGroupName") or params.get("logGroupIdentifier"))
    if params["logStreamName"] not in record.data["streams"]:
        raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.", 400)
    return _lines(record, params["logStreamName"])


@operation("logs", "CreateLogStream")
def create_log_stream(ctx: Context, params: dict[str, Any]) -> None:
    record = _get(ctx, params["logGroupName"])
    if params["logStreamName"] in record.data["streams"]:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists", 400)
    record.data["streams"][params["logStreamName"]] = ctx.now
    ctx.store.put(record)


@operation("logs", "DescribeLogStreams")
def describe_log_streams(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _get(ctx, params.get("logGroupName") or params.get("logGroupIdentifier"))
    prefix = params.get("logStreamNamePrefix") or ""
    streams = [
        {
            "logStreamName": name,
            "creationTime": int(at * 1000),
            "arn": f"{record.arn.removesuffix('*')}log-stream:{name}",
        }
        for name, at in sorted(record.data["streams"].items())
        if name.startswith(prefix)
    ]
    return {"logStreams": streams}


@operation("logs", "PutLogEvents")
def put_log_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stream = _stream(ctx, params)
    for event in params["logEvents"]:
        ctx.store.append(stream, {"at": event["timestamp"], "message": event["message"]})
    return {"nextSequenceToken": str(len(ctx.store.log(stream)))}


@operation("logs", "GetLogEvents")
def get_log_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    entries = ctx.store.log(_stream(ctx, params))
    found = [e for e in entries if _within(e, params)][-int(params.get("limit") or 10_000) :]
    return {
        "events": [{"timestamp": e["at"], "message": e["message"], "ingestionTime": e["at"]} for e in found],
        "nextForwardToken": f"f/{len(entries)}",
        "nextBackwardToken": "b/0",
    }


def _within(entry: dict[str, Any], params: dict[str, Any]) -> bool:
    start, end = params.get("startTime"), params.get("endTime")
    return (start is None or entry["at"] >= start) and (end is None or entry["at"] < end)


@operation("logs", "FilterLogEvents")
def filter_log_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _get(ctx, params.get("logGroupName") or params.get("logGroupIdentifier"))
    words = (params.get("filterPattern") or "").strip('"')
    wanted = params.get("logStreamNames")
    prefix = params.get("logStreamNamePrefix") or ""
    found = [
        {"logStreamName": name, "timestamp": e["at"], "message": e["message"], "ingestionTime": e["at"]}
        for name in record.data["streams"]
        if (not wanted or name in wanted) and name.startswith(prefix)
        for e in ctx.store.log(_lines(record, name))
        if words in e["message"] and _within(e, params)
    ]
    return {"events": sorted(found, key=lambda e: e["timestamp"])[: int(params.get("limit") or 10_000)]}

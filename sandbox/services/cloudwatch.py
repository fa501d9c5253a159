"""CloudWatch: alarms as data (set by SetAlarmState), and the metrics that somebody has put."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._listing import page
from sandbox.store import Record

ALARM = "AWS::CloudWatch::Alarm"
Point = tuple[float, float]
MOST_POINTS = 100_000
"""Kept per account and region, the newest ones; they do not survive a restart."""
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": math.fsum,
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}


@resource_type(ALARM)
class Alarm(ResourceType):
    """A metric alarm. Its metric is not watched: it stays INSUFFICIENT_DATA until SetAlarmState."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("cloudwatch", f"alarm:{id}")

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn}
        record.data["alarm"] = {
            "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "Unchecked: Initial alarm creation",
            "StateUpdatedTimestamp": ctx.now,
        }


def _alarms(ctx: Context) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, ALARM)


def _shape(record: Record) -> dict[str, Any]:
    given = {k: v for k, v in record.properties.items() if k not in ("AlarmName", "Tags")}
    return {
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Dimensions": [],
        **given,
        "AlarmName": record.id,
        "AlarmArn": record.arn,
        "AlarmConfigurationUpdatedTimestamp": record.updated_at,
        **record.data["alarm"],
    }


@operation("cloudwatch", "PutMetricAlarm")
def put_metric_alarm(ctx: Context, params: dict[str, Any]) -> None:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    record = ctx.store.get(ctx.account, ctx.region, ALARM, params["AlarmName"])
    if record is None:
        ctx.world.create(ctx, ALARM, properties, tags=tags_from(params.get("Tags")), at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = sorted(_alarms(ctx), key=lambda r: r.id)
    if params.get("AlarmNames"):
        records = [r for r in records if r.id in params["AlarmNames"]]
    if params.get("AlarmNamePrefix"):
        records = [r for r in records if r.id.startswith(params["AlarmNamePrefix"])]
    if params.get("StateValue"):
        records = [r for r in records if r.data["alarm"]["StateValue"] == params["StateValue"]]
    some, token = page(records, params.get("MaxRecords"), params.get("NextToken"), most=100)
    answer = {"MetricAlarms": [_shape(r) for r in some], "CompositeAlarms": []}
    return {**answer, **({"NextToken": token} if token else {})}


@operation("cloudwatch", "SetAlarmState")
def set_alarm_state(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, ALARM, params["AlarmName"])
    if record is None:
        raise AwsError("ResourceNotFound", "Alarm does not exist", 404)
    record.data["alarm"] = {
        "StateValue": params["StateValue"],
        "StateReason": params["StateReason"],
        "StateUpdatedTimestamp": ctx.now,
    }
    ctx.store.put(record)


@operation("cloudwatch", "EnableAlarmActions", "DisableAlarmActions")
def switch_alarm_actions(ctx: Context, params: dict[str, Any]) -> None:
    enabled = ctx.operation == "EnableAlarmActions"
    for record in _alarms(ctx):
        if record.id in params["AlarmNames"]:
            ctx.world.update(ctx, record, {**record.properties, "ActionsEnabled": enabled}, at_once=True)


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(ctx: Context, params: dict[str, Any]) -> None:
    records = [ctx.store.get(ctx.account, ctx.region, ALARM, name) for name in params["AlarmNames"]]
    if any(r is None for r in records) and len(records) == 1:
        raise AwsError("ResourceNotFound", f"{params['AlarmNames'][0]} does not exist", 404)
    for record in records:
        if record is not None:
            ctx.world.delete(ctx, record, at_once=True)


def _by_arn(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.account != ctx.account or record.type != ALARM:
        raise AwsError("ResourceNotFoundException", "Unknown", 404)
    return record


@operation("cloudwatch", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tag_list(_by_arn(ctx, params["ResourceARN"]).tags)}


@operation("cloudwatch", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("cloudwatch", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceARN"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)


# -- metrics: {(namespace, metric, dimensions): points}, in memory


def _metrics(ctx: Context) -> dict[tuple[Any, ...], list[Point]]:
    return ctx.world.memory.setdefault("cloudwatch", {}).setdefault((ctx.account, ctx.region), {})


def _key(namespace: str, name: str, dimensions: Any) -> tuple[Any, ...]:
    return (namespace, name, tuple(sorted((d["Name"], d["Value"]) for d in dimensions or ())))


def _epoch(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)


@operation("cloudwatch", "PutMetricData")
def put_metric_data(ctx: Context, params: dict[str, Any]) -> None:
    metrics = _metrics(ctx)
    for datum in params.get("MetricData") or ():
        when = _epoch(datum["Timestamp"]) if datum.get("Timestamp") else ctx.now
        values = datum.get("Values") or ([datum["Value"]] if datum.get("Value") is not None else [])
        points = metrics.setdefault(
            _key(params["Namespace"], datum["MetricName"], datum.get("Dimensions")), []
        )
        points.extend((when, float(v)) for v in values)
        del points[:-MOST_POINTS]


@operation("cloudwatch", "ListMetrics")
def list_metrics(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"Namespace": n, "MetricName": m, "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions]}
        for n, m, dimensions in _metrics(ctx)
        if params.get("Namespace") in (None, n) and params.get("MetricName") in (None, m)
    ]
    some, token = page(rows, None, params.get("NextToken"), most=500)
    return {"Metrics": some, **({"NextToken": token} if token else {})}


def _series(
    ctx: Context, key: tuple[Any, ...], statistic: str, period: int, start: float, end: float
) -> list[Point]:
    """One value per period that has points, oldest first."""
    compute = STATISTICS.get(statistic)
    if compute is None:
        raise AwsError(
            "InvalidParameterValue", f"The statistic {statistic} is not supported by the sandbox", 400
        )
    buckets: dict[float, list[float]] = {}
    for when, value in _metrics(ctx).get(key, ()):
        if start <= when < end:
            buckets.setdefault(when - when % period, []).append(value)
    return [(when, compute(values)) for when, values in sorted(buckets.items())]


@operation("cloudwatch", "GetMetricData")
def get_metric_data(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    results = []
    start, end = _epoch(params["StartTime"]), _epoch(params["EndTime"])
    for query in params["MetricDataQueries"]:
        if not query.get("MetricStat"):
            raise AwsError("NotImplemented", "Metric math is not supported by the sandbox", 501)
        stat = query["MetricStat"]
        metric = stat["Metric"]
        key = _key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions"))
        series = _series(ctx, key, stat["Stat"], int(stat["Period"]), start, end)
        if params.get("ScanBy", "TimestampDescending") == "TimestampDescending":
            series.reverse()
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label", metric["MetricName"]),
                "Timestamps": [when for when, _ in series],
                "Values": [value for _, value in series],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}


@operation("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    key = _key(params["Namespace"], params["MetricName"], params.get("Dimensions"))
    start, end = _epoch(params["StartTime"]), _epoch(params["EndTime"])
    points: dict[float, dict[str, Any]] = {}
    for statistic in params.get("Statistics") or ():
        for when, value in _series(ctx, key, statistic, int(params["Period"]), start, end):
            points.setdefault(when, {"Timestamp": when, "Unit": params.get("Unit", "None")})[statistic] = (
                value
            )
    return {"Label": params["MetricName"], "Datapoints": list(points.values())}

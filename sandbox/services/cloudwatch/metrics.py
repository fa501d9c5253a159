"""Metrics: what somebody has put, in memory. {(namespace, metric, dimensions): points}"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import page

Point = tuple[float, float]
Key = tuple[Any, ...]
MOST_POINTS = 20_000
"""Kept per metric, the newest ones; they do not survive a restart."""
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": math.fsum,
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}
ON_PUT: list[Callable[[Context, Key], None]] = []
"""Called with the metric that got a point: alarms look at it."""


def _metrics(ctx: Context) -> dict[Key, list[Point]]:
    return ctx.world.memory.setdefault("cloudwatch", {}).setdefault((ctx.account, ctx.region), {})


def key_of(namespace: str, name: str, dimensions: Any) -> Key:
    """A metric is its namespace, name and dimensions."""
    return (namespace, name, tuple(sorted((d["Name"], d["Value"]) for d in dimensions or ())))


def epoch(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)


@operation("cloudwatch", "PutMetricData")
def put_metric_data(ctx: Context, params: dict[str, Any]) -> None:
    metrics = _metrics(ctx)
    for datum in params.get("MetricData") or ():
        when = epoch(datum["Timestamp"]) if datum.get("Timestamp") else ctx.now
        values = datum.get("Values") or ([datum["Value"]] if datum.get("Value") is not None else [])
        key = key_of(params["Namespace"], datum["MetricName"], datum.get("Dimensions"))
        points = metrics.setdefault(key, [])
        points.extend((when, float(v)) for v in values)
        if datum.get("StatisticValues"):
            points.extend(_spread(when, datum["StatisticValues"]))
        del points[:-MOST_POINTS]
        for look in ON_PUT:
            look(ctx, key)


def _spread(when: float, given: dict[str, Any]) -> list[Point]:
    """A statistic set as points with the same sum, count, minimum and maximum."""
    count, low, high = int(given["SampleCount"]), float(given["Minimum"]), float(given["Maximum"])
    ends = [low, high][: max(1, min(count, 2))]
    rest = (float(given["Sum"]) - math.fsum(ends)) / max(1, count - len(ends))
    return [(when, value) for value in [*ends, *[rest] * (count - len(ends))]]


@operation("cloudwatch", "ListMetrics")
def list_metrics(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"Namespace": n, "MetricName": m, "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions]}
        for n, m, dimensions in _metrics(ctx)
        if params.get("Namespace") in (None, n)
        and params.get("MetricName") in (None, m)
        and all(_has(dimensions, wanted) for wanted in params.get("Dimensions") or ())
    ]
    some, token = page(rows, None, params.get("NextToken"), most=500)
    return {"Metrics": some, **({"NextToken": token} if token else {})}


def _has(dimensions: Any, wanted: dict[str, str]) -> bool:
    return any(k == wanted["Name"] and wanted.get("Value") in (None, v) for k, v in dimensions)


def computed(statistic: str) -> Callable[[Sequence[float]], float]:
    """The function of a statistic, percentiles (`p99.9`) among them. Raises AwsError."""
    if statistic in STATISTICS:
        return STATISTICS[statistic]
    number = statistic.removeprefix("p")
    if statistic.startswith("p") and number.replace(".", "", 1).isdigit() and float(number) <= 100:
        share = float(number) / 100
        return lambda values: sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    raise AwsError("InvalidParameterValue", f"The statistic {statistic} is not supported by the sandbox", 400)


def known(ctx: Context) -> list[Key]:
    """Every metric that has points."""
    return list(_metrics(ctx))


def series(ctx: Context, key: Key, statistic: str, period: int, start: float, end: float) -> list[Point]:
    """One value per period that has points, oldest first."""
    return series_over(ctx, [key], statistic, period, start, end)


def series_over(
    ctx: Context, keys: Sequence[Key], statistic: str, period: int, start: float, end: float
) -> list[Point]:
    """The same, over the points of several metrics together."""
    compute = computed(statistic)
    buckets: dict[float, list[float]] = {}
    for key in keys:
        for when, value in _metrics(ctx).get(key, ()):
            if start <= when < end:
                buckets.setdefault(when - when % period, []).append(value)
    return [(when, compute(values)) for when, values in sorted(buckets.items())]


@operation("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    key = key_of(params["Namespace"], params["MetricName"], params.get("Dimensions"))
    start, end = epoch(params["StartTime"]), epoch(params["EndTime"])
    points: dict[float, dict[str, Any]] = {}
    for statistic in (*(params.get("Statistics") or ()), *(params.get("ExtendedStatistics") or ())):
        for when, value in series(ctx, key, statistic, int(params["Period"]), start, end):
            point = points.setdefault(when, {"Timestamp": when, "Unit": params.get("Unit", "None")})
            if statistic in STATISTICS:
                point[statistic] = value
            else:
                point.setdefault("ExtendedStatistics", {})[statistic] = value
    return {"Label": params["MetricName"], "Datapoints": list(points.values())}

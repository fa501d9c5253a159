"""GetMetricData: metrics, metric math and Metrics Insights queries."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services.cloudwatch import expressions
from sandbox.services.cloudwatch.metrics import epoch


@operation("cloudwatch", "GetMetricData")
def get_metric_data(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    queries = list(params["MetricDataQueries"])
    periods = [query.get("Period") or (query.get("MetricStat") or {}).get("Period") for query in queries]
    period = int(next((p for p in periods if p), 60))
    start, end = epoch(params["StartTime"]), epoch(params["EndTime"])
    expressions.check(queries)
    made = expressions.evaluate(ctx, queries, period, start, end)
    down = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        points = sorted(made[query["Id"]].items(), reverse=down)
        named = (query.get("MetricStat") or {}).get("Metric", {}).get("MetricName", query["Id"])
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or named,
                "Timestamps": [when for when, _ in points],
                "Values": [value for _, value in points],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}

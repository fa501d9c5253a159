"""CloudWatch: one figure of the last hours."""

from datetime import UTC, datetime, timedelta

from workers.aws.session import Session

SERVICE = "cloudwatch"


def latest(session: Session, namespace: str, metric: str, dimensions: dict[str, str]) -> float | None:
    """The newest value of a metric within the last three hours; None when there is none."""
    now = datetime.now(UTC)
    answer = session.client(SERVICE).get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=3),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Maximum"]) if points else None


def alarms_named(session: Session, prefix: str) -> list[str]:
    """Names of alarms that begin so."""
    pages = session.client(SERVICE).get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    return [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]

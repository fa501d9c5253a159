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


def alarms_named(session: Session, prefix: str) -> list[tuple[str, str]]:
    """(type, name) of alarms that begin so, composite ones among them."""
    kinds = {
        "MetricAlarms": ("MetricAlarm", "AWS::CloudWatch::Alarm"),
        "CompositeAlarms": ("CompositeAlarm", "AWS::CloudWatch::CompositeAlarm"),
    }
    pages = (
        session.client(SERVICE)
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=prefix, AlarmTypes=[word for word, _ in kinds.values()])
    )
    return [
        (kind, alarm["AlarmName"])
        for page in pages
        for member, (_, kind) in kinds.items()
        for alarm in page.get(member, [])
    ]


def dashboards_named(session: Session, prefix: str) -> list[str]:
    """Names of dashboards that begin so; they are the account's, whatever the region."""
    pages = session.client(SERVICE).get_paginator("list_dashboards").paginate(DashboardNamePrefix=prefix)
    return [row["DashboardName"] for page in pages for row in page["DashboardEntries"]]

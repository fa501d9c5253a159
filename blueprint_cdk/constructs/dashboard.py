"""The dashboard of an environment: its golden signals, tier by tier, and the filters that make metrics of its logs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

HALF, HEIGHT = 12, 6
"""A dashboard is 24 columns wide."""

Line = tuple[str, ...]
"""namespace, metric, then dimension names and values; a line of one word is an expression."""

Graph = tuple[str, str, str, list[Line]]
"""title, unit, statistic, lines."""


class LogMetrics(Construct):
    """What only the database's logs tell: failed sign-ins (audit log) and statements above two seconds (slow log)."""

    def __init__(self, scope: Construct, id: str, *, prefix: str, cluster: str) -> None:
        super().__init__(scope, id)
        for name, export, pattern in (
            # The audit log's operation of a refused sign-in (Aurora MySQL user guide, Audit log details).
            ("FailedSignIns", "audit", "FAILED_CONNECT"),
            ("SlowStatements", "slowquery", '"# Query_time"'),
        ):
            logs.CfnMetricFilter(
                self,
                name,
                log_group_name=f"/aws/rds/cluster/{cluster}/{export}",
                filter_pattern=pattern,
                metric_transformations=[
                    logs.CfnMetricFilter.MetricTransformationProperty(
                        metric_namespace=f"Switchyard/{prefix}", metric_name=name, metric_value="1"
                    )
                ],
            )


class Dashboard(Construct):
    """Latency, traffic, errors and saturation of load balancer, application and database, on one page, and what becomes
    of usage events and notifications where `features`, parts that may be off, have them.

    Its name carries the region: dashboards have one name space per account, whatever the region.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        prefix: str,
        places: Mapping[str, str],
        features: Collection[str],
        alarm_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        body = {"widgets": _widgets(places, features, alarm_arns)}
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=f"{prefix}-{stack.region}",
            dashboard_body=stack.to_json_string(body),
        )


def _widgets(
    places: Mapping[str, str], features: Collection[str], alarm_arns: Sequence[str]
) -> list[dict[str, Any]]:
    region = places["region"]
    widgets: list[dict[str, Any]] = [
        {
            "type": "alarm",
            "x": 0,
            "y": 0,
            "width": 24,
            "height": 3,
            "properties": {"title": "Alarms", "alarms": list(alarm_arns)},
        }
    ]
    for number, (title, unit, statistic, lines) in enumerate(
        [*_graphs(places), *_module_graphs(places, features)]
    ):
        widgets.append(
            {
                "type": "metric",
                "x": HALF * (number % 2),
                "y": 3 + HEIGHT * (number // 2),
                "width": HALF,
                "height": HEIGHT,
                "properties": {
                    "title": title,
                    "region": region,
                    "view": "timeSeries",
                    "stat": statistic,
                    "period": 60,
                    "yAxis": {"left": {"min": 0, "label": unit, "showUnits": False}},
                    "metrics": [
                        [{"expression": line[0]}] if len(line) == 1 else list(line) for line in lines
                    ],
                },
            }
        )
    return widgets


def _graphs(places: Mapping[str, str]) -> list[Graph]:
    """Graphs of what every environment has."""
    elb, rds = "AWS/ApplicationELB", "AWS/RDS"
    balancer = ("LoadBalancer", places["load_balancer"])
    beanstalk = ("EnvironmentName", places["beanstalk"])
    cluster = ("DBClusterIdentifier", places["cluster"])
    firewall = ("WebACL", places["web_acl"], "Region", places["region"], "Rule", "ALL")
    own = f"Switchyard/{places['prefix']}"
    # Groups of instances have generated names: found by the environment's, as long as they report.
    instances = (
        f'SEARCH(\'{{AWS/ElasticBeanstalk,EnvironmentName,InstanceId}} EnvironmentName="{places["beanstalk"]}" '
        "MetricName=\"CPUIdle\"', 'Average', 60)"
    )
    targets = (
        f'SEARCH(\'{{AWS/ApplicationELB,LoadBalancer,TargetGroup}} LoadBalancer="{places["load_balancer"]}" '
        "HostCount', 'Average', 60)"
    )
    return [
        ("Load balancer: latency (p95)", "seconds", "p95", [(elb, "TargetResponseTime", *balancer)]),
        (
            "Load balancer: traffic",
            "a minute",
            "Sum",
            [(elb, "RequestCount", *balancer), ("AWS/WAFV2", "BlockedRequests", *firewall)],
        ),
        (
            "Load balancer: errors",
            "a minute",
            "Sum",
            [
                (elb, f"HTTPCode_{side}_{kind}XX_Count", *balancer)
                for side in ("ELB", "Target")
                for kind in (4, 5)
            ],
        ),
        ("Application: targets", "instances", "Average", [(targets,)]),
        (
            "Application: health (0 Ok, 15 Warning, 20 Degraded, 25 Severe)",
            "",
            "Maximum",
            [("AWS/ElasticBeanstalk", "EnvironmentHealth", *beanstalk)],
        ),
        ("Application: idle processors", "percent", "Average", [(instances,)]),
        (
            "Database: saturation",
            "percent",
            "Average",
            [(rds, "CPUUtilization", *cluster), (rds, "ACUUtilization", *cluster)],
        ),
        (
            "Database: connections",
            "",
            "Maximum",
            [
                (rds, "DatabaseConnections", *cluster),
                (rds, "ClientConnections", "ProxyName", places["proxy"]),
            ],
        ),
        (
            "Database: latency",
            "milliseconds",
            "Average",
            [(rds, name, *cluster) for name in ("SelectLatency", "CommitLatency", "AuroraReplicaLag")],
        ),
        (
            "Database: errors and slow statements",
            "",
            "Sum",
            [(rds, "Deadlocks", *cluster), (own, "FailedSignIns"), (own, "SlowStatements")],
        ),
    ]


def _module_graphs(places: Mapping[str, str], features: Collection[str]) -> list[Graph]:
    """Graphs of the modules that are on."""
    stream = ("DeliveryStreamName", places["events"])
    mail = ("ses:configuration-set", places["mail"])
    graphs: dict[str, list[Graph]] = {
        "analytics": [
            (
                "Usage events: taken in, and not converted",
                "a minute",
                "Sum",
                [("AWS/Firehose", name, *stream) for name in ("IncomingRecords", "FailedConversion.Records")],
            ),
            (
                "Usage events: age of the oldest",
                "seconds",
                "Maximum",
                [("AWS/Firehose", "DeliveryToS3.DataFreshness", *stream)],
            ),
        ],
        "notifications": [
            (
                "Notifications: orders that wait, and that failed",
                "orders",
                "Maximum",
                [
                    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name)
                    for name in (places["orders"], f"{places['orders']}-failed")
                ],
            ),
            (
                "Notifications: e-mail that came back, or was called spam",
                "share",
                "Average",
                [("AWS/SES", f"Reputation.{name}Rate", *mail) for name in ("Bounce", "Complaint")],
            ),
        ],
    }
    return [graph for module, found in graphs.items() if module in features for graph in found]

"""Operations: the topic, the alarms, the one that means healthy, the dashboard and the metrics made of logs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from blueprint_cdk.alarms import alarm_rows
from blueprint_cdk.constructs.beanstalk import HEALTH_METRICS
from blueprint_cdk.data import load
from environments.lifecycle.costs import cost_estimate
from tests.blueprint_cdk.support import OTHER, SPEC, Assembly, Synthesise
from tests.blueprint_cdk.test_stack_app import options

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
ALWAYS = {
    "errors",
    "latency",
    "unhealthy-targets",
    "health",
    "instance-cpu",
    "blocked-requests",
    "certificate",
    "database-connections",
    "deadlocks",
    "failed-sign-ins",
}
PROVISIONED = {"database-cpu", "database-memory", "local-storage", "replica-lag"}


def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties of the alarms by the part of their name that is not the environment's."""
    rows = [row["Properties"] for row in assembly.all(ALARM)]
    return {row["AlarmName"].removeprefix("sy-shop-k3x9-"): row for row in rows}


def watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at: {"Namespace", "MetricName", "Dimensions"}."""
    if "MetricName" in alarm:
        return [alarm]
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


def widgets(assembly: Assembly) -> list[dict[str, Any]]:
    """What is on the dashboard: first the alarms, then the graphs."""
    parts = assembly.one("AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    # What CloudFormation fills in stands within texts of the document.
    body = json.loads("".join(part if isinstance(part, str) else "filled-in" for part in parts))
    return list(body["widgets"])


def titles(assembly: Assembly) -> set[str]:
    """What the graphs of the dashboard are of."""
    return {graph["properties"]["title"].partition(":")[0] for graph in widgets(assembly)[1:]}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("small", ALWAYS | {"database-capacity"}),
        ("medium", ALWAYS | PROVISIONED),
        ("large", ALWAYS | PROVISIONED),
    ],
)
def test_size_decides_what_is_watched(synthesise: Synthesise, size: str, expected: set[str]) -> None:
    assert set(alarms(synthesise(size=size))) == expected


def test_proxy_is_watched_where_there_is_one(synthesise: Synthesise) -> None:
    assert set(alarms(synthesise(modules=["proxy"]))) == ALWAYS | {"database-capacity", "proxy-connections"}


def test_events_and_notifications_are_watched_and_drawn_where_they_are_on(synthesise: Synthesise) -> None:
    events = {"events-late"}
    notified = {"orders-failed", "orders-late", "mail-bounces", "mail-complaints"}
    with_events = synthesise(modules=["analytics"])
    assert set(alarms(with_events)) == ALWAYS | {"database-capacity"} | events
    with_both = synthesise(modules=["analytics", "identity", "notifications"])
    assert set(alarms(with_both)) == ALWAYS | {"database-capacity"} | events | notified
    assert titles(with_events) == {"Load balancer", "Application", "Database", "Usage events"}
    assert titles(with_both) - titles(with_events) == {"Notifications"}


def test_each_region_watches_what_s3_tells_there_of_replication(synthesise: Synthesise) -> None:
    """How late copies are where they go, failures where the objects came to (S3 user guide, "Using S3 Replication
    metrics").
    """
    found = alarms(synthesise(standby="pilot-light"))
    home, there = (f"sy-shop-k3x9-uploads-111122223333-{region}" for region in ("eu-west-1", OTHER))
    for prefix, own, opposite in (("", home, there), ("other-", there, home)):
        for key, metric, limit, source, destination in (
            ("uploads-lag", "ReplicationLatency", 900, opposite, own),
            ("uploads-failed", "OperationsFailedReplication", 0, own, opposite),
        ):
            alarm = found[prefix + key]
            assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/S3", metric, limit)
            named = {row["Name"]: row["Value"] for row in alarm["Dimensions"]}
            assert named == {
                "SourceBucket": source,
                "DestinationBucket": destination,
                "RuleId": "other-region",
            }
            assert len(alarm["AlarmActions"]) == 1
    assert not {"uploads-lag", "uploads-failed"} & set(alarms(synthesise()))


def test_canary_visits_the_address_and_is_a_symptom(synthesise: Synthesise) -> None:
    assembly = synthesise(modules=["canary"])
    canary = assembly.one("AWS::Synthetics::Canary")
    assert canary["RunConfig"]["EnvironmentVariables"] == {"ADDRESS": "https://shop.dev.example.com"}
    assert (canary["Name"], canary["StartCanaryAfterCreation"]) == ("sy-shop-k3x9", True)
    assert (canary["Schedule"]["Expression"], canary["ProvisionedResourceCleanup"]) == (
        "rate(5 minutes)",
        "AUTOMATIC",
    )
    assert canary["ArtifactS3Location"] == "s3://sy-shop-k3x9-logs-111122223333-eu-west-1/canary"
    alarm = alarms(assembly)["canary"]
    assert alarm["Dimensions"] == [{"Name": "CanaryName", "Value": canary["Name"]}]
    assert (alarm["TreatMissingData"], "AlarmActions" in alarm) == ("breaching", False)
    assert 'ALARM("sy-shop-k3x9-canary")' in assembly.one(COMPOSITE)["AlarmRule"]


def test_canary_writes_its_results_and_its_metric_alone(synthesise: Synthesise) -> None:
    [policy] = [
        row["Properties"]
        for row in synthesise(modules=["canary"]).template("operations")["Resources"].values()
        if row["Type"] == "AWS::IAM::Policy"
    ]
    bucket = "arn:aws:s3:::sy-shop-k3x9-logs-111122223333-eu-west-1"
    assert [(row["Action"], row["Resource"]) for row in policy["PolicyDocument"]["Statement"]] == [
        ("s3:PutObject", f"{bucket}/canary/*"),
        ("s3:GetBucketLocation", bucket),
        ("cloudwatch:PutMetricData", "*"),
    ]


def test_each_tier_has_its_golden_signals_watched() -> None:
    found = {(row.tier, row.signal) for row in alarm_rows()}
    assert found >= {
        ("load balancer", "latency"),
        ("load balancer", "errors"),
        ("firewall", "traffic"),
        ("application", "errors"),
        ("application", "saturation"),
        ("database", "latency"),
        ("database", "errors"),
        ("database", "saturation"),
        ("usage events", "latency"),
        ("notifications", "latency"),
        ("notifications", "errors"),
    }


def test_users_symptoms_make_health_and_only_causes_tell_by_themselves(small: Assembly) -> None:
    symptoms = {row.key for row in alarm_rows() if row.symptom and row.when == "always"}
    assert symptoms == {"errors", "latency", "unhealthy-targets", "health"}
    health = small.one(COMPOSITE)
    assert health["AlarmName"] == "sy-shop-k3x9-healthy"
    assert health["AlarmRule"] == (
        'ALARM("sy-shop-k3x9-errors") OR ALARM("sy-shop-k3x9-latency") OR ALARM("sy-shop-k3x9-unhealthy-targets") '
        'OR ALARM("sy-shop-k3x9-health")'
    )
    [topic] = [
        name
        for name, row in small.template("operations")["Resources"].items()
        if row["Type"] == "AWS::SNS::Topic"
    ]
    for key, row in [*alarms(small).items(), ("healthy", health)]:
        told = None if key in symptoms else [{"Ref": topic}]
        assert (row.get("AlarmActions"), row.get("OKActions")) == (told, told), key


def test_alarms_watch_this_environment_and_nothing_else(small: Assembly) -> None:
    """By names that are fixed, or by what the app stack tells of itself."""
    for key, alarm in alarms(small).items():
        text = json.dumps(alarm)
        for metric in watched(alarm):
            assert metric.get("Dimensions") or metric["Namespace"] == "Switchyard/sy-shop-k3x9", key
        assert "sy-shop-k3x9" in json.dumps([watched(alarm), alarm.get("Metrics")]), key
        assert "{" not in alarm["AlarmDescription"] and "SEARCH(" not in text, key


def test_metrics_whose_dimension_aws_generates_are_found_by_a_query(small: Assembly) -> None:
    rows = alarms(small)
    [query] = rows["unhealthy-targets"]["Metrics"]
    text = json.dumps(query["Expression"])
    assert 'FROM SCHEMA(\\\\\\"AWS/ApplicationELB\\\\\\", LoadBalancer, TargetGroup)' in json.dumps(text)
    assert "LoadBalancerFullName" in text
    [query] = rows["instance-cpu"]["Metrics"]
    assert query["Expression"].endswith("WHERE EnvironmentName = 'sy-shop-k3x9'")
    assert (query["Period"], query["ReturnData"]) == (60, True)
    document = options(small)["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"]
    assert json.loads(document) == HEALTH_METRICS
    assert HEALTH_METRICS["CloudWatchMetrics"]["Instance"] == {"CPUIdle": 60}


def test_share_of_errors_is_asked_over_both_kinds_and_from_some_traffic_on(small: Assembly) -> None:
    alarm = alarms(small)["errors"]
    assert [metric["MetricName"] for metric in watched(alarm)] == [
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_Target_5XX_Count",
        "RequestCount",
    ]
    [result] = [query for query in alarm["Metrics"] if query["ReturnData"]]
    assert result["Expression"].startswith("IF(requests >= 20, ")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (5, 5, 3)


def test_topic_is_encrypted_takes_this_accounts_services_only_and_tls(small: Assembly) -> None:
    topic = small.one("AWS::SNS::Topic")
    assert "KeyArn" in json.dumps(topic["KmsMasterKeyId"]) or "Arn" in json.dumps(topic["KmsMasterKeyId"])
    assert "Subscription" not in topic
    allow, deny = small.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.rds.amazonaws.com"]
    assert allow["Principal"] == {"Service": services}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    keys = [row["Properties"] for row in small.all("AWS::KMS::Key")]
    [statement] = [
        row
        for key in keys
        for row in key["KeyPolicy"]["Statement"]
        if row["Principal"].get("Service") == services
    ]
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}


def test_address_that_is_given_gets_a_mail(synthesise: Synthesise) -> None:
    topic = synthesise(alarm_email="oncall@example.com").one("AWS::SNS::Topic")
    assert topic["Subscription"] == [{"Endpoint": "oncall@example.com", "Protocol": "email"}]


def test_failovers_and_failures_of_the_database_are_told(small: Assembly) -> None:
    events = small.one("AWS::RDS::EventSubscription")
    assert (events["SourceType"], events["SourceIds"]) == ("db-cluster", ["sy-shop-k3x9"])
    assert {"failover", "failure"} <= set(events["EventCategories"])


def test_dashboard_shows_every_tier_and_all_alarms(small: Assembly) -> None:
    dashboard = small.one("AWS::CloudWatch::Dashboard")
    assert dashboard["DashboardName"] == "sy-shop-k3x9-eu-west-1"
    first, *graphs = widgets(small)
    assert len(first["properties"]["alarms"]) == len(alarms(small)) + 1
    assert titles(small) == {"Load balancer", "Application", "Database"}
    assert len({(graph["x"], graph["y"]) for graph in graphs}) == len(graphs)
    for graph in graphs:
        assert graph["properties"]["metrics"] and graph["properties"]["region"] == "eu-west-1"


def test_logs_become_metrics_of_the_environments_own(small: Assembly) -> None:
    rows = [row["Properties"] for row in small.all("AWS::Logs::MetricFilter")]
    found = {
        row["LogGroupName"]: (row["FilterPattern"], row["MetricTransformations"][0]["MetricName"])
        for row in rows
    }
    assert found == {
        "/aws/rds/cluster/sy-shop-k3x9/audit": ("FAILED_CONNECT", "FailedSignIns"),
        "/aws/rds/cluster/sy-shop-k3x9/slowquery": ('"# Query_time"', "SlowStatements"),
    }
    assert {row["MetricTransformations"][0]["MetricNamespace"] for row in rows} == {"Switchyard/sy-shop-k3x9"}


def test_budget_is_of_the_environments_tag_and_tells_at_actual_and_forecast(small: Assembly) -> None:
    budget = small.one("AWS::Budgets::Budget")
    assert "BudgetName" not in budget["Budget"]
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:switchyard:environment$shop-k3x9"]}
    told = [
        (row["Notification"]["NotificationType"], row["Notification"]["Threshold"])
        for row in budget["NotificationsWithSubscribers"]
    ]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    for row in budget["NotificationsWithSubscribers"]:
        assert row["Subscribers"][0]["SubscriptionType"] == "SNS"


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_budget_is_the_portals_estimate_with_headroom_unless_the_spec_names_one(
    synthesise: Synthesise, size: str
) -> None:
    spec = {**SPEC, "size": size}
    estimate = Decimal(cost_estimate(load("costs"), spec)["total"])
    amount = synthesise(size=size).one("AWS::Budgets::Budget")["Budget"]["BudgetLimit"]["Amount"]
    assert estimate * Decimal("1.2") <= amount < estimate * Decimal("1.2") + 1
    named = synthesise(size=size, monthly_budget_usd=777).one("AWS::Budgets::Budget")
    assert named["Budget"]["BudgetLimit"] == {"Amount": 777, "Unit": "USD"}

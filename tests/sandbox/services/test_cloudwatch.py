"""CloudWatch: alarms follow their metrics, and what they do then."""

import json
import time
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import refused

ACCOUNT = "210000000041"
SPACE = "Switchyard/Tests"


@pytest.fixture(scope="module")
def cloudwatch(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudwatch", sandbox.account(ACCOUNT))


def alarm(cloudwatch: Any, name: str, **more: Any) -> None:
    cloudwatch.put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": SPACE,
            "MetricName": name,
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 3,
            "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold",
            **more,
        }
    )


def points(cloudwatch: Any, name: str, *values: float | None) -> None:
    """Values of the last minutes, the newest last; None: no point."""
    start = time.time() // 60 * 60 - 60 * (len(values) - 1)
    for number, value in enumerate(values):
        if value is not None:
            datum = {"MetricName": name, "Timestamp": start + 60 * number, "Value": value}
            cloudwatch.put_metric_data(Namespace=SPACE, MetricData=[datum])


def state(cloudwatch: Any, name: str) -> str:
    return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


@pytest.mark.parametrize(
    ("name", "values", "expected", "more"),
    [
        ("all-breach", (11, 12, 13), "ALARM", {}),
        ("one-is-fine", (11, 9, 13), "OK", {}),
        ("two-of-three", (11, 9, 13), "ALARM", {"DatapointsToAlarm": 2}),
        ("equal-is-not-greater", (10, 10, 10), "OK", {}),
        ("lower", (1, 1, 1), "ALARM", {"ComparisonOperator": "LessThanThreshold"}),
        ("missing-known-breach", (None, None, 11), "ALARM", {}),
        ("missing-is-fine", (None, None, 11), "OK", {"TreatMissingData": "notBreaching"}),
        ("missing-breaches", (None, None, 11), "ALARM", {"TreatMissingData": "breaching"}),
        ("missing-is-ignored", (None, None, 11), "INSUFFICIENT_DATA", {"TreatMissingData": "ignore"}),
        ("percentile", (1, 1, 20), "OK", {"Statistic": None, "ExtendedStatistic": "p50"}),
    ],
)
def test_state_follows_the_metric(
    cloudwatch: Any, name: str, values: tuple[float | None, ...], expected: str, more: dict[str, Any]
) -> None:
    given = {k: v for k, v in more.items() if v is not None}
    if "ExtendedStatistic" in more:
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace=SPACE, MetricName=name, Period=60, EvaluationPeriods=3, Threshold=10,
            ComparisonOperator="GreaterThanThreshold", **given,
        )  # fmt: skip
    else:
        alarm(cloudwatch, name, **given)
    points(cloudwatch, name, *values)
    assert state(cloudwatch, name) == expected


@pytest.mark.parametrize(
    ("treat", "expected"),
    [("missing", "INSUFFICIENT_DATA"), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_alarm_without_any_point_is_as_its_rule_says(cloudwatch: Any, treat: str, expected: str) -> None:
    name = f"never-{treat}"
    alarm(cloudwatch, name, TreatMissingData=treat)
    assert state(cloudwatch, name) == expected


def test_dimensions_and_statistic_sets_count(cloudwatch: Any) -> None:
    by = [{"Name": "Region", "Value": "eu-west-1"}]
    alarm(cloudwatch, "by-region", EvaluationPeriods=1, Dimensions=by, Statistic="Average")
    whole = {"SampleCount": 4, "Sum": 60, "Minimum": 5, "Maximum": 25}
    for dimensions, expected in (([], "INSUFFICIENT_DATA"), (by, "ALARM")):
        datum = {"MetricName": "by-region", "Dimensions": dimensions, "StatisticValues": whole}
        cloudwatch.put_metric_data(Namespace=SPACE, MetricData=[datum])
        assert state(cloudwatch, "by-region") == expected
    start = time.time() - 300
    found = cloudwatch.get_metric_statistics(
        Namespace=SPACE, MetricName="by-region", Dimensions=by, StartTime=start, EndTime=start + 400, Period=600,
        Statistics=["Sum", "SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]  # fmt: skip
    total = {n: sum(p[n] for p in found) for n in ("Sum", "SampleCount")}
    assert total == {"Sum": 60.0, "SampleCount": 4.0}
    assert {(p["Minimum"], p["Maximum"]) for p in found} == {(5.0, 25.0)}


def test_change_of_state_is_in_the_history_and_on_the_bus(sandbox: Sandbox, cloudwatch: Any) -> None:
    keys = sandbox.account(ACCOUNT)
    sqs, events = sandbox.client("sqs", keys), sandbox.client("events", keys)
    url = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ]
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allowed)})
    events.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    events.put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": arn}])
    alarm(cloudwatch, "told", EvaluationPeriods=1, AlarmActions=["arn:aws:sns:eu-west-1:1:nobody"])
    cloudwatch.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="by hand")
    assert state(cloudwatch, "told") == "ALARM"
    cloudwatch.put_metric_data(Namespace=SPACE, MetricData=[{"MetricName": "told", "Value": 1}])
    assert state(cloudwatch, "told") == "OK"
    rows = cloudwatch.describe_alarm_history(AlarmName="told", HistoryItemType="StateUpdate")[
        "AlarmHistoryItems"
    ]
    assert [r["HistorySummary"] for r in rows] == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]
    actions = cloudwatch.describe_alarm_history(AlarmName="told", HistoryItemType="Action")[
        "AlarmHistoryItems"
    ]
    assert len(actions) == 1
    assert "Failed" in actions[0]["HistoryData"]
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]
    told = [json.loads(m["Body"])["detail"] for m in got]
    assert [(d["previousState"]["value"], d["state"]["value"]) for d in told if d["alarmName"] == "told"] == [
        ("INSUFFICIENT_DATA", "ALARM"),
        ("ALARM", "OK"),
    ]


def test_unknown_alarm_is_refused(cloudwatch: Any) -> None:
    call = cloudwatch.set_alarm_state
    assert refused(call, AlarmName="none", StateValue="OK", StateReason="x")[0] == "ResourceNotFound"


def test_alarm_keeps_the_state_that_it_is_given(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="cpu",
        Namespace="N",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", 1.0)
    cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="test")
    ringing = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert "cpu" in [alarm["AlarmName"] for alarm in ringing]
    cloudwatch.delete_alarms(AlarmNames=["cpu"])
    assert cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"] == []


def test_metric_data_comes_back_by_period(cloudwatch: Any) -> None:
    now = time.time() // 60 * 60
    for offset, value in ((-120, 1.0), (-119, 3.0), (-60, 5.0)):
        cloudwatch.put_metric_data(
            Namespace="N", MetricData=[{"MetricName": "m", "Timestamp": now + offset, "Value": value}]
        )
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Average"}
    (result,) = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m1", "MetricStat": stat}],
        StartTime=now - 600,
        EndTime=now + 60,
        ScanBy="TimestampAscending",
    )["MetricDataResults"]
    assert result["Values"] == [2.0, 5.0]

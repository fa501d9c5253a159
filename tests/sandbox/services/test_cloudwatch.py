"""CloudWatch: alarms follow their metrics, and what they do then."""

import json
import time
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import refused
from tests.sandbox.types.support import Aws, OneStack

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


def composite_state(cloudwatch: Any, name: str) -> str:
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return str(found[0]["StateValue"])


def metric(id: str, name: str) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": SPACE, "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": id, "MetricStat": stat, "ReturnData": False}


def expressed(cloudwatch: Any, name: str, expression: str, *metrics: dict[str, Any], **more: Any) -> None:
    result = {
        "Id": "result",
        "Expression": expression,
        "ReturnData": True,
        **({} if metrics else {"Period": 60}),
    }
    cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching", Metrics=[*metrics, result], **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "requests", "errors", "expected"),
    [
        ("share", 100, 6, "ALARM"),
        ("few", 19, 19, "OK"),
        ("all-is-well", 100, None, "OK"),
        ("exactly", 100, 5, "OK"),
    ],
)
def test_alarm_of_a_share_follows_both_metrics(
    cloudwatch: Any, key: str, requests: int, errors: int | None, expected: str
) -> None:
    expression = "IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)"
    names = (f"{key}-requests", f"{key}-errors")
    expressed(cloudwatch, key, expression, metric("requests", names[0]), metric("errors", names[1]))
    assert state(cloudwatch, key) == "OK"
    points(cloudwatch, names[0], requests)
    points(cloudwatch, names[1], errors)
    assert state(cloudwatch, key) == expected


def test_alarm_of_a_query_finds_metrics_whose_names_nobody_knew(cloudwatch: Any) -> None:
    # Metrics Insights is no SQL of a database.
    query = f"SELECT MAX(Sick) FROM SCHEMA(\"{SPACE}\", Balancer, Group) WHERE Balancer = 'app/shop/1'"  # noqa: S608
    expressed(cloudwatch, "sick", query)

    def sick(balancer: str, group: str, value: float, **more: str) -> None:
        by = {"Balancer": balancer, "Group": group, **more}
        dimensions = [{"Name": n, "Value": v} for n, v in by.items()]
        datum = {"MetricName": "Sick", "Dimensions": dimensions, "Value": value}
        cloudwatch.put_metric_data(Namespace=SPACE, MetricData=[datum])

    sick("app/other/2", "one", 9)
    sick("app/shop/1", "one", 9, Zone="eu-west-1a")
    sick("app/shop/1", "one", 5)
    assert state(cloudwatch, "sick") == "OK"
    sick("app/shop/1", "made-by-beanstalk", 6)
    assert state(cloudwatch, "sick") == "ALARM"


@pytest.mark.parametrize(
    "expression",
    ["nobody + 1", "errors +", "open('x')", "SELECT x", "SELECT MAX(a) FROM SCHEMA(\"b\") WHERE c LIKE 'd'"],
)
def test_expression_that_is_not_understood_is_refused(cloudwatch: Any, expression: str) -> None:
    result = {"Id": "result", "Expression": expression, "ReturnData": True}
    code, _ = refused(
        cloudwatch.put_metric_alarm,
        AlarmName="wrong",
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[metric("errors", "any"), result],
    )
    assert code == "ValidationError"


def test_composite_follows_its_rule_and_its_topic_tells_once(sandbox: Sandbox, cloudwatch: Any) -> None:
    keys = sandbox.account(ACCOUNT)
    sqs, sns = sandbox.client("sqs", keys), sandbox.client("sns", keys)
    names = ("front", "back", "side")
    for name in names:
        alarm(cloudwatch, name, EvaluationPeriods=1)
    topic, url = _topic(sandbox)
    cloudwatch.put_composite_alarm(
        AlarmName="whole",
        AlarmRule='(ALARM("front") OR ALARM(back)) AND NOT ALARM("side")',
        AlarmActions=[topic],
        OKActions=[topic],
    )
    assert composite_state(cloudwatch, "whole") == "OK"
    points(cloudwatch, "front", 11)
    points(cloudwatch, "back", 11)
    assert composite_state(cloudwatch, "whole") == "ALARM"
    points(cloudwatch, "side", 11)
    assert composite_state(cloudwatch, "whole") == "OK"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(json.loads(message["Body"])["Message"]) for message in told]
    changes = [(body["OldStateValue"], body["NewStateValue"]) for body in bodies]
    assert changes == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")]
    assert {body["AlarmName"] for body in bodies} == {"whole"}
    # Composite alarms are told only to who asks for them.
    assert "whole" not in {row["AlarmName"] for row in cloudwatch.describe_alarms()["MetricAlarms"]}
    history = cloudwatch.describe_alarm_history(AlarmName="whole", HistoryItemType="Action")
    assert {row["AlarmType"] for row in history["AlarmHistoryItems"]} == {"CompositeAlarm"}


def _topic(sandbox: Sandbox) -> tuple[str, str]:
    """A topic that CloudWatch may publish to, and the queue that gets its messages."""
    keys = sandbox.account(ACCOUNT)
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:told"

    def lets(service: str, action: str, resource: Any) -> dict[str, Any]:
        principal = {"Service": service}
        statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    resources = {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": lets("cloudwatch.amazonaws.com", "sns:Publish", {"Ref": "Topic"}),
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "told"}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": lets("sns.amazonaws.com", "sqs:SendMessage", arn),
            },
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "DependsOn": "QueuePolicy",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": arn},
        },
    }
    ids = OneStack(Aws(sandbox, keys), "told").create(resources)
    return ids["Topic"], ids["Queue"]


@pytest.mark.parametrize(
    "rule", ["ALARM(nobody)", "ALARM(front) XOR ALARM(back)", "(ALARM(front)", "OK(front) AND"]
)
def test_rule_that_means_nothing_is_refused(cloudwatch: Any, rule: str) -> None:
    for name in ("front", "back"):
        alarm(cloudwatch, name)
    code, _ = refused(cloudwatch.put_composite_alarm, AlarmName="wrong", AlarmRule=rule)
    assert code == "ValidationError"


def test_action_on_a_topic_that_refuses_it_fails_and_is_told(sandbox: Sandbox, cloudwatch: Any) -> None:
    ids = OneStack(Aws(sandbox, sandbox.account(ACCOUNT)), "mute").create(
        {"Topic": {"Type": "AWS::SNS::Topic"}}
    )
    alarm(cloudwatch, "unheard", EvaluationPeriods=1, AlarmActions=[ids["Topic"]])
    points(cloudwatch, "unheard", 11)
    rows = cloudwatch.describe_alarm_history(AlarmName="unheard", HistoryItemType="Action")[
        "AlarmHistoryItems"
    ]
    assert [json.loads(row["HistoryData"])["actionState"] for row in rows] == ["Failed"]

"""Canaries: visitors of an address, whose success is a metric that alarms look at."""

from typing import Any

from tests.sandbox.application.building import Place, until
from tests.sandbox.support import Stacks, template

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}


def canary(name: str, address: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Synthetics::Canary",
        "Properties": {
            "Name": name,
            "RuntimeVersion": "syn-python-selenium-14.0",
            "Code": {"Handler": "index.handler", "Script": "def handler(event, context): pass"},
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "ArtifactS3Location": "s3://results/canary",
            "Schedule": {"Expression": "rate(5 minutes)"},
            "RunConfig": {"EnvironmentVariables": {"ADDRESS": address}},
            "StartCanaryAfterCreation": True,
        },
    }


def alarm(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "Namespace": "CloudWatchSynthetics",
            "MetricName": "SuccessPercent",
            "Dimensions": [{"Name": "CanaryName", "Value": name}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 90,
            "ComparisonOperator": "LessThanThreshold",
        },
    }


def test_canary_gets_through_where_somebody_serves_and_nowhere_else(shop: Place) -> None:
    stacks = Stacks(shop.client("cloudformation"))
    body = template(
        Role=ROLE,
        Visitor=canary("visitor", "http://shop.apps.example.com"),
        Lost=canary("lost", "http://nobody.apps.example.com"),
        VisitorAlarm=alarm("visitor"),
        LostAlarm=alarm("lost"),
    )
    stack = stacks.create("canaries", body, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events("canaries")

    def states() -> dict[str, str]:
        found = shop.client("cloudwatch").describe_alarms(AlarmNames=["visitor", "lost"])["MetricAlarms"]
        return {row["AlarmName"]: row["StateValue"] for row in found}

    until(lambda: states() == {"visitor": "OK", "lost": "ALARM"})
    assert stacks.delete("canaries")["StackStatus"] == "DELETE_COMPLETE"

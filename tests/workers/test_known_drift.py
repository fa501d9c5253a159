"""What CloudFormation tells as drift and is none, row by row; and its paths as plans write them."""

import json

import pytest

from workers.aws.drift import ResourceDrift
from workers.drift import same_place
from workers.drift_reading import differences_of
from workers.known_drift import BEANSTALK, CLUSTER, GLOBAL, ROWS, RULE, known

ARN = "arn:aws:iam::111122223333:role/service/app"
QUEUE = "AWS::SQS::Queue"
NONE = [
    (GLOBAL, "SourceDBClusterIdentifier", "sy-a", "sy-b"),
    (CLUSTER, "GlobalClusterIdentifier", "sy-global", None),
    (QUEUE, "Role", ARN, "app"),
    (QUEUE, "Role", "service/app", ARN),
    (GLOBAL, "Tags[team]", "shop", None),
    (QUEUE, "Tags[aws:cloudformation:stack-name]", None, "x"),
    (QUEUE, "VisibilityTimeout", "30", 30),
    (QUEUE, "Fifo", "true", True),
    (QUEUE, "Policy", '{"a": [1, 2]}', {"a": ["1", 2]}),
    (BEANSTALK, "VersionLabel", "a", "b"),
    (BEANSTALK, "PlatformArn", "a", "b"),
    (BEANSTALK, "OptionSettings[aws:autoscaling:asg MinSize]", "1", "2"),
    (BEANSTALK, "OptionSettings[aws:autoscaling:asg MaxSize]", "2", "4"),
    (RULE, "Conditions[0].HostHeaderConfig.Values", ["maintenance.invalid"], ["shop.dev.example.com"]),
    (RULE, "Priority", 50000, 1),
    (CLUSTER, "EngineVersion", "8.0.mysql_aurora.3.10.0", "8.0.mysql_aurora.3.10.1"),
    (CLUSTER, "ServerlessV2ScalingConfiguration.MaxCapacity", 4, 8),
]
DRIFT = [
    (CLUSTER, "SourceDBClusterIdentifier", "sy-a", "sy-b"),
    (QUEUE, "Role", ARN, "other"),
    (QUEUE, "Role", ARN, "pp"),
    (QUEUE, "Role", ARN, f"{ARN}2"),
    (QUEUE, "Tags[team]", "shop", "web"),
    (QUEUE, "VisibilityTimeout", "30", "31"),
    (QUEUE, "VisibilityTimeout", "30", None),
    (QUEUE, "Name", "", None),
    (BEANSTALK, "VersionLabels", "a", "b"),
    (BEANSTALK, "OptionSettings[aws:autoscaling:asg Cooldown]", "1", "2"),
    (CLUSTER, "BackupRetentionPeriod", 3, 9),
    (RULE, "Actions[0].FixedResponseConfig.MessageBody", "a", "b"),
    (CLUSTER, "EngineVersionOfOld", "a", "b"),
]


@pytest.mark.parametrize("row", NONE, ids=lambda row: f"{row[0].rpartition(':')[2]} {row[1]}")
def test_what_is_known_to_be_none(row):
    found = known(*row)
    assert found is not None and found.reason.endswith(".") and found.source


@pytest.mark.parametrize("row", DRIFT, ids=lambda row: f"{row[0].rpartition(':')[2]} {row[1]}")
def test_what_is_drift_stays_drift(row):
    assert known(*row) is None


def test_every_row_of_the_table_is_shown_by_an_example():
    shown = {id(known(*row)) for row in NONE}
    assert shown == {id(row) for row in ROWS}


def told(expected, actual, *differences):
    rows = [
        {
            "PropertyPath": path,
            "ExpectedValue": text(left),
            "ActualValue": text(right),
            "DifferenceType": kind,
        }
        for path, left, right, kind in differences
    ]
    drift = ResourceDrift("One", "one", QUEUE, False, expected, actual, rows)
    return {(path, flat(left), flat(right)) for path, left, right in differences_of(drift)}


def flat(value):
    return json.dumps(value) if isinstance(value, dict) else value


def text(value):
    return "null" if value is None else value if isinstance(value, str) else json.dumps(value)


def test_members_of_lists_are_named():
    options = [{"Namespace": "ns", "OptionName": name, "Value": name.lower()} for name in ("A", "B")]
    assert told(
        {"OptionSettings": options, "Tags": [{"Key": "team", "Value": "shop"}], "Names": ["x", "y"]},
        {"OptionSettings": options, "Tags": [{"Key": "team", "Value": "web"}], "Names": ["x", "z"]},
        ("/OptionSettings/1/Value", "b", "c", "NOT_EQUAL"),
        ("/Tags/0/Value", "shop", "web", "NOT_EQUAL"),
        ("/Names/1", "y", "z", "NOT_EQUAL"),
        ("/Deep/Inner/Flag", "true", None, "REMOVE"),
    ) == {
        ("OptionSettings[ns B]", "b", "c"),
        ("Tags[team]", "shop", "web"),
        ("Names[1]", "y", "z"),
        ("Deep.Inner.Flag", "true", None),
    }


def test_a_list_told_as_a_whole_is_told_by_its_members():
    before, after = (
        [{"Key": "team", "Value": "shop"}],
        [{"Key": "team", "Value": "shop"}, {"Key": "x", "Value": "y"}],
    )
    assert told({"Tags": before}, {"Tags": after}, ("/Tags", before, after, "NOT_EQUAL")) == {
        ("Tags[x]", "", "y")
    }


def test_a_member_that_was_added_is_named_by_what_it_is():
    assert told(
        {"Tags": []},
        {"Tags": [{"Key": "x", "Value": "y"}]},
        ("/Tags/0", None, {"Key": "x", "Value": "y"}, "ADD"),
    ) == {("Tags[x]", None, '{"Key": "x", "Value": "y"}')}


def test_a_place_is_itself_or_within():
    assert same_place("A", "A") and same_place("A.B", "A") and same_place("A", "A[1]")
    assert not same_place("AB", "A") and not same_place("A[1]", "A[2]")

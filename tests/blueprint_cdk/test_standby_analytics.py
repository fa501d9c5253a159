"""Usage events and a standby: each region takes events and has those of both, and nothing is replaced by that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.data import load
from tests.blueprint_cdk.standbys import added_to, changed_in_place
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import exports
from tests.blueprint_cdk.test_standby_identity import of_type, told

OWNER = "arn:aws:quicksight:us-east-1:111122223333:user/default/ann"
ON: dict[str, Any] = {"modules": ["analytics"], "dashboard_owner": OWNER}
STACK = "sy-shop-k3x9-analytics"
ROWS = {row["key"]: row for row in load("stacks")["environment"]}


@pytest.fixture(scope="module")
def alone(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON)


@pytest.fixture(scope="module")
def both(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON, standby="pilot-light")


def bucket(assembly: Assembly, key: str, name: str) -> dict[str, Any]:
    rows = of_type(assembly, key, "AWS::S3::Bucket")
    [found] = [row for row in rows if f"-{name}-" in row["BucketName"]]
    return found


def test_events_are_replicated_both_ways_once_both_buckets_are_there(both: Assembly) -> None:
    here, there = (bucket(both, key, "events") for key in ("analytics", "other-analytics"))
    condition, home, otherwise = here["ReplicationConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
    assert both.template("analytics")["Parameters"]["Joined"]["Default"] == "false"
    assert ROWS["analytics"]["joins"]["after"] == ["other-analytics"]
    assert "analytics" in ROWS["other-analytics"]["needs"]
    [rule], [back] = home["Rules"], there["ReplicationConfiguration"]["Rules"]
    assert rule["Destination"]["Bucket"] == f"arn:aws:s3:::{there['BucketName']}"
    assert back["Destination"]["Bucket"] == f"arn:aws:s3:::{here['BucketName']}"
    assert here["BucketName"].endswith("eu-west-1") and there["BucketName"].endswith(OTHER)
    assert f"kms:{OTHER}" in json.dumps(rule["Destination"]["EncryptionConfiguration"])
    assert "kms:eu-west-1" in json.dumps(back["Destination"]["EncryptionConfiguration"])
    # What was there before is copied with a role that the job is given.
    [name] = ROWS["analytics"]["joins"]["copies"].values()
    assert (
        name in both.template("analytics")["Outputs"] and ROWS["analytics"]["joins"]["copies"]["EventsBucket"]
    )
    # Answers are each region's own: anybody may ask again.
    for key in ("analytics", "other-analytics"):
        assert "ReplicationConfiguration" not in bucket(both, key, "results")


def test_a_standby_replaces_nothing_of_the_events_and_moves_no_export(
    both: Assembly, alone: Assembly
) -> None:
    assert added_to(alone, both, STACK) == ["AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::Role"]
    assert changed_in_place(alone, both, STACK) == {("AWS::S3::Bucket", "ReplicationConfiguration")}
    assert exports(alone).items() <= exports(both).items()


def test_stream_table_and_queries_there_are_homes_with_that_regions_bucket(both: Assembly) -> None:
    """The same text but for the names of regions and of what comes from other stacks."""
    left_out = ("AWS::QuickSight::", "AWS::IAM::", "AWS::S3::BucketPolicy")

    def plain(key: str) -> list[str]:
        found = both.template(key)["Resources"].values()
        rows = [row for row in found if not row["Type"].startswith(left_out)]
        for row in rows:
            row["Properties"].pop("ReplicationConfiguration", None)
        return sorted(
            json.dumps(row, sort_keys=True)
            .replace("other-", "")
            .replace(OTHER, "eu-west-1")
            .replace("OtherData", "Data")
            for row in rows
        )

    assert len(plain("analytics")) == len(plain("other-analytics")) > 10
    kinds = {json.loads(row)["Type"] for row in plain("other-analytics")}
    assert {"AWS::KinesisFirehose::DeliveryStream", "AWS::Glue::Table", "AWS::Athena::NamedQuery"} <= kinds
    [table] = of_type(both, "other-analytics", "AWS::Glue::Table")
    events = bucket(both, "other-analytics", "events")
    [stream] = of_type(both, "other-analytics", "AWS::KinesisFirehose::DeliveryStream")
    assert stream["DeliveryStreamName"] == "sy-shop-k3x9-events"
    schema = stream["ExtendedS3DestinationConfiguration"]["DataFormatConversionConfiguration"]
    assert schema["SchemaConfiguration"]["Region"] == OTHER
    assert "EventsBucket" in json.dumps(table["TableInput"]["StorageDescriptor"]["Location"])
    assert events["LifecycleConfiguration"] == bucket(both, "analytics", "events")["LifecycleConfiguration"]


def test_access_logs_there_are_let_in_by_that_regions_names(both: Assembly) -> None:
    [policy] = [
        row
        for row in of_type(both, "other-storage", "AWS::S3::BucketPolicy")
        if "logging.s3.amazonaws.com" in json.dumps(row) and "events/*" in json.dumps(row)
    ]
    for name in ("events", "results"):
        assert f"arn:aws:s3:::sy-shop-k3x9-{name}-111122223333-{OTHER}" in json.dumps(policy)
    assert "eu-west-1" not in json.dumps(policy)


def test_the_dashboard_is_at_home_alone(both: Assembly) -> None:
    assert of_type(both, "analytics", "AWS::QuickSight::Dashboard")
    kinds = {row["Type"] for row in both.template("other-analytics")["Resources"].values()}
    assert not any(kind.startswith("AWS::QuickSight::") for kind in kinds)


def test_application_there_is_told_and_may_put_and_ask_in_its_region(both: Assembly) -> None:
    there = told(both, "other-app")
    assert there["EVENTS_STREAM"] == "sy-shop-k3x9-events" and there["ATHENA_WORKGROUP"] == "sy-shop-k3x9"
    text = json.dumps(of_type(both, "other-app", "AWS::IAM::Policy"))
    for arn in (
        f"arn:aws:firehose:{OTHER}:111122223333:deliverystream/sy-shop-k3x9-events",
        f"arn:aws:athena:{OTHER}:111122223333:workgroup/sy-shop-k3x9",
        f"arn:aws:s3:::sy-shop-k3x9-events-111122223333-{OTHER}",
        f"arn:aws:s3:::sy-shop-k3x9-results-111122223333-{OTHER}",
    ):
        assert arn in text
    assert "eu-west-1" not in text


def test_events_that_wait_are_told_in_both_regions(both: Assembly) -> None:
    for key, name in (("operations", "sy-shop-k3x9"), ("other-operations", "sy-shop-k3x9-other")):
        [alarm] = [
            row
            for row in of_type(both, key, "AWS::CloudWatch::Alarm")
            if row["AlarmName"] == f"{name}-events-late"
        ]
        assert alarm["MetricName"] == "DeliveryToS3.DataFreshness"
        assert alarm["Dimensions"] == [{"Name": "DeliveryStreamName", "Value": "sy-shop-k3x9-events"}]
        assert len(alarm["AlarmActions"]) == 1


def test_the_module_is_turned_on_and_off_beside_a_standby(synthesise: Synthesise, both: Assembly) -> None:
    without = synthesise(modules=[], standby="pilot-light")
    assert not any("analytics" in name for name in without.templates())
    assert exports(without).items() <= exports(both).items()

"""Notifications and a standby: devices and credentials are in both regions, each region sends by itself, and nothing is
replaced by that.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.data import load
from tests.blueprint_cdk.standbys import added_to, changed_in_place
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import exports
from tests.blueprint_cdk.test_standby_identity import of_type, told

ON: dict[str, Any] = {"modules": ["identity", "notifications", "analytics", "proxy"]}
STACK, THERE = "sy-shop-k3x9-messaging", "sy-shop-k3x9-other-messaging"
ROWS = {row["key"]: row for row in load("stacks")["environment"]}


@pytest.fixture(scope="module")
def alone(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON)


@pytest.fixture(scope="module")
def both(synthesise: Synthesise) -> Assembly:
    return synthesise(**ON, standby="pilot-light", push=["apns", "fcm"])


def test_devices_have_a_replica_once_its_key_is_there(both: Assembly, alone: Assembly) -> None:
    assert ROWS["messaging"]["joins"]["after"] == ["other-keys"]
    [table] = of_type(both, "messaging", "AWS::DynamoDB::GlobalTable")
    home, there = table["Replicas"]
    condition, replica, otherwise = there["Fn::If"]
    assert (condition, otherwise) == ("IsJoined", {"Ref": "AWS::NoValue"})
    assert (home["Region"], replica["Region"]) == ("eu-west-1", OTHER)
    assert f"kms:{OTHER}" in str(replica["SSESpecification"])
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert replica["DeletionProtectionEnabled"] is False
    assert "Joined" not in alone.template("messaging").get("Parameters", {})


def test_the_replica_replaces_nothing_and_moves_no_export(synthesise: Synthesise, alone: Assembly) -> None:
    both = synthesise(**ON, standby="pilot-light")
    assert changed_in_place(alone, both, STACK) == {
        ("AWS::DynamoDB::GlobalTable", "Replicas"),
        ("AWS::SecretsManager::Secret", "ReplicaRegions"),
    }
    assert added_to(alone, both, STACK) == []
    assert exports(alone).items() <= exports(both).items()


def test_channels_there_take_the_replicas_of_the_credentials(both: Assembly) -> None:
    for secret in of_type(both, "messaging", "AWS::SecretsManager::Secret"):
        assert secret["ReplicaRegions"] == [{"Region": OTHER}]
    # A dynamic reference asks the stack's own region, where the replica has the same name: it must be there first.
    assert "messaging" in ROWS["other-messaging"]["needs"]
    assert of_type(both, "other-messaging", "AWS::SecretsManager::Secret") == []
    for kind in ("AWS::Pinpoint::APNSChannel", "AWS::Pinpoint::GCMChannel"):
        [here], [there] = of_type(both, "messaging", kind), of_type(both, "other-messaging", kind)
        assert {**here, "ApplicationId": ""} == {**there, "ApplicationId": ""}
        assert "resolve:secretsmanager:sy-shop-k3x9/push/" in str(there)


def test_each_region_sends_mail_that_bounces_to_itself(both: Assembly) -> None:
    [here], [there] = (
        of_type(both, key, "AWS::SES::EmailIdentity") for key in ("messaging", "other-messaging")
    )
    assert here["EmailIdentity"] == there["EmailIdentity"] == "shop.dev.example.com"
    assert here["MailFromAttributes"]["MailFromDomain"] == "bounce.shop.dev.example.com"
    assert there["MailFromAttributes"] == {
        "MailFromDomain": "bounce-other.shop.dev.example.com",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    records = {
        (row["Name"], row["Type"]): row["ResourceRecords"]
        for row in of_type(both, "other-messaging", "AWS::Route53::RecordSet")
        if isinstance(row["Name"], str)
    }
    bounces = "bounce-other.shop.dev.example.com"
    assert records[bounces, "MX"] == [f"10 feedback-smtp.{OTHER}.amazonses.com"]
    assert "include:amazonses.com -all" in records[bounces, "TXT"][0]


def test_no_record_is_made_in_both_regions(both: Assembly) -> None:
    """The domain's policy is home's; keys have names that SES makes in each region."""
    made = {
        key: {
            (json.dumps(row["Name"]), row["Type"])
            for row in of_type(both, key, "AWS::Route53::RecordSet")
            if isinstance(row["Name"], str)
        }
        for key in ("messaging", "other-messaging")
    }
    assert not made["messaging"] & made["other-messaging"]
    assert any("_dmarc." in name for name, _ in made["messaging"])
    assert not any("_dmarc." in name for name, _ in made["other-messaging"])


def test_orders_there_wait_in_a_queue_of_that_region(both: Assembly) -> None:
    queues = of_type(both, "other-messaging", "AWS::SQS::Queue")
    assert {row["QueueName"] for row in queues} == {"sy-shop-k3x9-orders", "sy-shop-k3x9-orders-failed"}
    assert all("sy-shop-k3x9-other-keys:" in json.dumps(row["KmsMasterKeyId"]) for row in queues)


def test_application_there_is_told_and_may_use_what_is_in_its_region(both: Assembly) -> None:
    here, there = told(both, "app"), told(both, "other-app")
    assert there["DEVICES_TABLE"] == here["DEVICES_TABLE"]
    assert there["MAIL_DOMAIN"] == here["MAIL_DOMAIN"]
    assert f"{THERE}:" in json.dumps(there["PUSH_APPLICATION_ID"])
    assert f"sqs.{OTHER}." in json.dumps(there["ORDERS_QUEUE"])
    text = json.dumps(of_type(both, "other-app", "AWS::IAM::Policy"))
    for arn in (
        f"arn:aws:sqs:{OTHER}:111122223333:sy-shop-k3x9-orders",
        f"arn:aws:dynamodb:{OTHER}:111122223333:table/sy-shop-k3x9-devices",
        f"arn:aws:ses:{OTHER}:111122223333:identity/shop.dev.example.com",
        f"arn:aws:mobiletargeting:{OTHER}:111122223333:apps/",
    ):
        assert arn in text
    assert "eu-west-1" not in text


def test_a_region_without_push_has_the_rest_and_its_application_is_told_of_no_push(
    synthesise: Synthesise,
) -> None:
    assembly = synthesise(**ON, standby="pilot-light", other_region="us-east-2", push=["fcm"])
    kinds = {row["Type"] for row in assembly.template("other-messaging")["Resources"].values()}
    assert {"AWS::SES::EmailIdentity", "AWS::SQS::Queue"} <= kinds
    assert not any(kind.startswith("AWS::Pinpoint::") for kind in kinds)
    there = told(assembly, "other-app")
    assert "ORDERS_QUEUE" in there and "PUSH_APPLICATION_ID" not in there
    assert "mobiletargeting" not in json.dumps(of_type(assembly, "other-app", "AWS::IAM::Policy"))


def test_orders_and_mail_are_watched_in_both_regions(both: Assembly) -> None:
    wanted = {"orders-failed", "orders-late", "mail-bounces", "mail-complaints"}
    for key, prefix in (("operations", "sy-shop-k3x9"), ("other-operations", "sy-shop-k3x9-other")):
        rows = {
            row["AlarmName"].removeprefix(f"{prefix}-"): row
            for row in of_type(both, key, "AWS::CloudWatch::Alarm")
        }
        assert wanted <= set(rows)
        failed = rows["orders-failed"]
        assert failed["Dimensions"] == [{"Name": "QueueName", "Value": "sy-shop-k3x9-orders-failed"}]
        assert (failed["Threshold"], len(failed["AlarmActions"])) == (0, 1)
        assert rows["mail-bounces"]["Dimensions"] == [
            {"Name": "ses:configuration-set", "Value": "sy-shop-k3x9"}
        ]

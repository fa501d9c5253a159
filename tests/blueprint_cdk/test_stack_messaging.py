"""The stack `messaging`: push, e-mail, devices, orders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.blueprint_cdk.support import Assembly, Synthesise

MODULES = ["identity", "notifications", "analytics"]
"""Notifications need both: a device belongs to somebody, and a segment is a query."""

CHANNELS = {
    "apns": "AWS::Pinpoint::APNSChannel",
    "apns-sandbox": "AWS::Pinpoint::APNSSandboxChannel",
    "fcm": "AWS::Pinpoint::GCMChannel",
}


@pytest.fixture(scope="module")
def assembly(synthesise: Synthesise) -> Assembly:
    return synthesise(modules=MODULES)


@pytest.fixture(scope="module")
def pushing(synthesise: Synthesise) -> Assembly:
    return synthesise(modules=MODULES, push=["apns", "apns-sandbox", "fcm"])


def of_type(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    found = assembly.template("messaging")["Resources"].values()
    return [row["Properties"] for row in found if row["Type"] == kind]


def records(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The records by their name; those that SES names, by the attribute."""
    found = {}
    for row in of_type(assembly, "AWS::Route53::RecordSet"):
        name = row["Name"] if isinstance(row["Name"], str) else row["Name"]["Fn::GetAtt"][1]
        found[f"{name} {row['Type']}"] = row
    return found


def test_without_the_module_there_is_no_stack(synthesise: Synthesise) -> None:
    assert "sy-shop-k3x9-messaging" not in synthesise(modules=[]).templates()


def test_no_channel_is_there_before_its_credentials(assembly: Assembly) -> None:
    assert len(of_type(assembly, "AWS::Pinpoint::App")) == 1
    assert all(of_type(assembly, kind) == [] for kind in CHANNELS.values())


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_takes_its_credentials_from_its_secret(synthesise: Synthesise, channel: str) -> None:
    assembly = synthesise(modules=MODULES, push=[channel])
    [found] = of_type(assembly, CHANNELS[channel])
    assert found["DefaultAuthenticationMethod"] == "TOKEN" and found["Enabled"] is True
    secret = "fcm" if channel == "fcm" else "apns"
    given = [value for value in found.values() if "resolve:" in str(value)]
    assert len(given) == (1 if channel == "fcm" else 4)
    for value in given:
        assert value.startswith(f"{{{{resolve:secretsmanager:sy-shop-k3x9/push/{secret}:SecretString")
    others = [kind for name, kind in CHANNELS.items() if name != channel]
    assert all(of_type(assembly, kind) == [] for kind in others)


@pytest.mark.parametrize("push", [[], ["apns", "fcm"]])
def test_secrets_are_empty_encrypted_and_stay_whatever_is_on(synthesise: Synthesise, push: list[str]) -> None:
    resources = synthesise(modules=MODULES, push=push).template("messaging")["Resources"].values()
    secrets = [row for row in resources if row["Type"] == "AWS::SecretsManager::Secret"]
    assert {row["Properties"]["Name"] for row in secrets} == {
        "sy-shop-k3x9/push/apns",
        "sy-shop-k3x9/push/fcm",
    }
    for row in secrets:
        assert "KmsKeyId" in row["Properties"]
        assert not {"SecretString", "GenerateSecretString"} & set(row["Properties"])
        assert row["UpdateReplacePolicy"] == "Retain"


def test_mail_is_signed_bounces_below_and_rejects_forgeries(assembly: Assembly) -> None:
    [identity] = of_type(assembly, "AWS::SES::EmailIdentity")
    assert identity["EmailIdentity"] == "shop.dev.example.com"
    assert identity["DkimSigningAttributes"] == {"NextSigningKeyLength": "RSA_2048_BIT"}
    assert identity["MailFromAttributes"] == {
        "MailFromDomain": "bounce.shop.dev.example.com",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    found = records(assembly)
    assert {f"DkimDNSTokenName{n} CNAME" for n in (1, 2, 3)} <= set(found)
    assert found["bounce.shop.dev.example.com MX"]["ResourceRecords"] == [
        "10 feedback-smtp.eu-west-1.amazonses.com"
    ]
    assert "include:amazonses.com -all" in found["bounce.shop.dev.example.com TXT"]["ResourceRecords"][0]
    assert "p=reject" in found["_dmarc.shop.dev.example.com TXT"]["ResourceRecords"][0]
    assert {row["HostedZoneId"] for row in found.values()} == {"Z0123456789ABCDEF"}


def test_mail_goes_by_tls_only_and_is_counted(assembly: Assembly) -> None:
    [configuration] = of_type(assembly, "AWS::SES::ConfigurationSet")
    assert configuration["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert configuration["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    [counts] = of_type(assembly, "AWS::SES::ConfigurationSetEventDestination")
    assert {"BOUNCE", "COMPLAINT"} <= set(counts["EventDestination"]["MatchingEventTypes"])


@pytest.mark.parametrize("protected", [True, False])
def test_devices_are_a_global_table_with_one_replica(synthesise: Synthesise, protected: bool) -> None:
    assembly = synthesise(modules=MODULES, deletion_protection=protected)
    [table] = of_type(assembly, "AWS::DynamoDB::GlobalTable")
    assert [row["AttributeName"] for row in table["KeySchema"]] == ["user_sub", "token"]
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    # A second replica follows by it; it cannot come without.
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    [replica] = table["Replicas"]
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert replica["DeletionProtectionEnabled"] is protected
    assert "KMSMasterKeyId" in replica["SSESpecification"]
    assert {"Key": "switchyard:environment", "Value": "shop-k3x9"} in replica["Tags"]


def test_logical_ids_of_what_holds_data_are_pinned(assembly: Assembly) -> None:
    """Changing one means replacing it."""
    resources = assembly.template("messaging")["Resources"]
    holding = ("AWS::SecretsManager::Secret", "AWS::DynamoDB::GlobalTable")
    found = {name for name, row in resources.items() if row["Type"] in holding}
    assert found == {"CredentialsApns4C475917", "CredentialsFcmFD613510", "DevicesTableD6542486"}


def test_orders_wait_encrypted_and_what_fails_five_times_is_set_aside(assembly: Assembly) -> None:
    queues = {row["QueueName"]: row for row in of_type(assembly, "AWS::SQS::Queue")}
    assert set(queues) == {"sy-shop-k3x9-orders", "sy-shop-k3x9-orders-failed"}
    assert all("KmsMasterKeyId" in row for row in queues.values())
    assert queues["sy-shop-k3x9-orders"]["RedrivePolicy"]["maxReceiveCount"] == 5
    for policy in of_type(assembly, "AWS::SQS::QueuePolicy"):
        [statement] = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )


def test_the_application_is_told_and_may_send(assembly: Assembly) -> None:
    app = assembly.template("app")["Resources"].values()
    [environment] = [row for row in app if row["Type"] == "AWS::ElasticBeanstalk::Environment"]
    told = {row["OptionName"]: row["Value"] for row in environment["Properties"]["OptionSettings"]}
    assert told["DEVICES_TABLE"] == "sy-shop-k3x9-devices"
    assert told["MAIL_DOMAIN"] == "shop.dev.example.com"
    assert "sy-shop-k3x9-messaging" in json.dumps(told["PUSH_APPLICATION_ID"])
    text = json.dumps(list(app))
    for action in ("mobiletargeting:SendMessages", "ses:SendEmail", "dynamodb:Query", "sqs:ReceiveMessage"):
        assert action in text
    assert "dynamodb.eu-west-1.amazonaws.com" in text


def test_regions_without_push_are_refused_by_name() -> None:
    from blueprint_cdk.refusals import SpecError, parse
    from blueprint_cdk.spec import Spec
    from tests.blueprint_cdk.support import SPEC

    with pytest.raises(SpecError, match="us-east-2 has no push") as refused:
        parse(Spec, {**SPEC, "home_region": "us-east-2", "modules": MODULES})
    assert refused.value.field == "modules"


def test_those_regions_are_the_ones_whose_registry_lacks_it() -> None:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

    from blueprint_cdk.fields import REGIONS, WITHOUT_PUSH

    lacking = set()
    for region in REGIONS:
        try:
            PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, "AWS::Pinpoint::App")
        except ResourceNotFoundError:
            lacking.add(region)
    assert lacking == WITHOUT_PUSH


def test_a_dashboard_needs_analytics_and_an_owner_of_the_account() -> None:
    from blueprint_cdk.refusals import SpecError, parse
    from blueprint_cdk.spec import Spec
    from tests.blueprint_cdk.support import SPEC

    owner = "arn:aws:quicksight:eu-west-1:{}:user/default/ann"
    for fields in (
        {"dashboard_owner": owner.format("111122223333")},
        {"modules": ["analytics"], "dashboard_owner": owner.format("444455556666")},
    ):
        with pytest.raises(SpecError) as refused:
            parse(Spec, {**SPEC, **fields})
        assert refused.value.field == "dashboard_owner"
    with pytest.raises(SpecError) as refused:
        parse(Spec, {**SPEC, "push": ["fcm"]})
    assert refused.value.field == "push"

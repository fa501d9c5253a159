"""Push messages and e-mail: what is sent, to whom, and what is refused; nothing leaves the machine."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, refused
from tests.sandbox.types.engagement import RESOURCES, domain_of, of_account
from tests.sandbox.types.support import wanted_by

ACCOUNT = "210000000014"
DOMAIN = domain_of(ACCOUNT)


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> Callable[[str], Any]:
    """Clients of an account with a push application that has Google's channel, and a domain that may send."""
    names = ("Google", "Dkim1", "Dkim2", "Dkim3", "Bounces")
    wanted = {n: r for name in names for n, r in wanted_by(RESOURCES, name).items()}
    stack = stacks.create("messages", json.dumps({"Resources": of_account(wanted, ACCOUNT)}))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events("messages")
    return lambda service: sandbox.client(service, keys)


@pytest.fixture(scope="module")
def application(aws: Callable[[str], Any], stacks: Stacks) -> str:
    return stacks.physical("messages")["Push"]


def sent(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    found = sandbox.control("GET", "sent", account=ACCOUNT, region="eu-west-1")
    return [message for message in found if message["kind"] == kind]


def send(aws: Callable[[str], Any], application: str, addresses: dict[str, str]) -> dict[str, Any]:
    answer = aws("pinpoint").send_messages(
        ApplicationId=application,
        MessageRequest={
            "Addresses": {token: {"ChannelType": channel} for token, channel in addresses.items()},
            "MessageConfiguration": {"DefaultPushNotificationMessage": {"Title": "New", "Body": "A message"}},
        },
    )
    return dict(answer["MessageResponse"]["Result"])


def test_each_address_has_its_own_answer(
    aws: Callable[[str], Any], application: str, sandbox: Sandbox
) -> None:
    result = send(aws, application, {"phone": "GCM", "gone-phone": "GCM", "tablet": "APNS"})
    assert {token: (one["DeliveryStatus"], one["StatusCode"]) for token, one in result.items()} == {
        "phone": ("SUCCESSFUL", 200),
        "gone-phone": ("PERMANENT_FAILURE", 410),
        "tablet": ("PERMANENT_FAILURE", 400),
    }
    [message] = sent(sandbox, "push")
    assert (message["token"], message["channel"], message["message"]["Title"]) == ("phone", "GCM", "New")


def test_a_request_has_a_hundred_addresses_at_most(aws: Callable[[str], Any], application: str) -> None:
    addresses = {f"phone-{number}": {"ChannelType": "GCM"} for number in range(101)}
    code, _ = refused(
        aws("pinpoint").send_messages,
        ApplicationId=application,
        MessageRequest={"Addresses": addresses, "MessageConfiguration": {}},
    )
    assert code == "BadRequestException"


def test_an_application_that_is_not_there_sends_nothing(aws: Callable[[str], Any], application: str) -> None:
    assert aws("pinpoint").get_app(ApplicationId=application)["ApplicationResponse"]["Name"] == "types"
    code, _ = refused(aws("pinpoint").get_app, ApplicationId="0" * 32)
    assert code == "NotFoundException"


def test_credentials_that_are_none_are_refused(stacks: Stacks, aws: Callable[[str], Any]) -> None:
    resources = {
        "Push": RESOURCES["Push"],
        "Google": {
            "Type": "AWS::Pinpoint::GCMChannel",
            "Properties": {"ApplicationId": {"Ref": "Push"}, "ServiceJson": "not a service account"},
        },
    }
    stack = stacks.create("bad-credentials", json.dumps({"Resources": resources}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("ServiceJson is not valid JSON" in reason for _, _, reason in stacks.events("bad-credentials"))


def mail(aws: Callable[[str], Any], sender: str, **more: Any) -> dict[str, Any]:
    return {
        "FromEmailAddress": sender,
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "There are some."}}}},
        **more,
    }


def test_a_domain_sends_once_its_records_are_seen(aws: Callable[[str], Any], sandbox: Sandbox) -> None:
    identity = aws("sesv2").get_email_identity(EmailIdentity=DOMAIN)
    assert identity["VerifiedForSendingStatus"] is True
    assert (
        identity["DkimAttributes"]["Status"]
        == identity["MailFromAttributes"]["MailFromDomainStatus"]
        == "SUCCESS"
    )
    aws("sesv2").send_email(**mail(aws, f"Shop <news@{DOMAIN}>"))
    [message] = sent(sandbox, "email")
    assert (message["to"], message["subject"], message["configuration_set"]) == (
        ["ann@example.com"],
        "News",
        "types",
    )


@pytest.mark.parametrize(
    ("sender", "more", "code"),
    [
        ("news@elsewhere.example.com", {}, "MessageRejected"),
        (f"news@{DOMAIN}", {"ConfigurationSetName": "nowhere"}, "NotFoundException"),
        (f"news@{DOMAIN}", {"Destination": {}}, "BadRequestException"),
    ],
)
def test_mail_is_refused(aws: Callable[[str], Any], sender: str, more: dict[str, Any], code: str) -> None:
    found, _ = refused(aws("sesv2").send_email, **mail(aws, sender, **more))
    assert found == code


def test_without_its_records_a_domain_sends_nothing(
    aws: Callable[[str], Any], stacks: Stacks, sandbox: Sandbox
) -> None:
    route53 = aws("route53")
    zone = stacks.physical("messages")["Zone"]
    listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    for kind, code in (("MX", "MailFromDomainNotVerifiedException"), ("CNAME", "MessageRejected")):
        [first, *_] = [row for row in listed if row["Type"] == kind]
        for action in ("DELETE", "CREATE"):
            route53.change_resource_record_sets(
                HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": first}]}
            )
            if action == "DELETE":
                found, _ = refused(aws("sesv2").send_email, **mail(aws, f"news@{DOMAIN}"))
                assert found == code
    aws("sesv2").send_email(**mail(aws, f"news@{DOMAIN}"))

"""Webhooks, chats, deliveries and one's own notifications in the API, beside rights and lists."""

import json

import jsonschema
import pytest

from environments.notifications.api.payload import HEADERS
from environments.notifications.contents import payload_of
from environments.notifications.models import Channel, Delivery
from environments.operations.models import AuditEntry, Notice
from environments.operations.notices import notice_write, operation_notice
from portal.api.schema import Generator
from tests.api import factories

pytestmark = pytest.mark.django_db

HOOK = {"name": "ci", "team": "shop", "groups": ["done", "failed"], "url": "https://ci.example.org/hook"}


def test_a_secret_is_shown_when_it_is_made_and_when_it_is_rotated_and_never_again(api):
    client = api("team-lead")
    made = client.post("/api/v1/webhooks/", HOOK, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201 and made.data["secret"].startswith("whsec_")
    assert made.data["groups"] == ["failed", "done"]
    assert "operation.succeeded" in made.data["topics"]
    again = client.post("/api/v1/webhooks/", HOOK, headers={"Idempotency-Key": "once"})
    assert (again.data["id"], again.data["secret"]) == (made.data["id"], None)
    address = f"/api/v1/webhooks/{made.data['id']}/"
    assert "secret" not in client.get(address).data
    turned = client.post(f"{address}rotate/", {}).data
    assert turned["secret"] not in (None, made.data["secret"]) and turned["old_secret_until"]
    stored = Channel.objects.get()
    for secret in (made.data["secret"], turned["secret"]):
        assert secret not in (stored.secret, stored.old_secret) and secret[6:] not in stored.secret


def test_a_chats_address_is_never_shown_and_stays_when_it_is_not_given(api):
    client = api("team-lead")
    told = {"name": "room", "team": "shop", "groups": ["failed"], "address": "slack://TokenA/TokenB/TokenC"}
    made = client.post("/api/v1/chats/", told)
    assert made.status_code == 201 and made.data["address"] == "slack://…"
    before = Channel.objects.get().address
    address = f"/api/v1/chats/{made.data['id']}/"
    changed = client.post(f"{address}update/", {"name": "other", "groups": ["drift"]})
    assert (changed.data["name"], changed.data["groups"]) == ("other", ["drift"])
    assert Channel.objects.get().address == before
    assert client.post(f"{address}rotate/", {}).status_code == 404
    assert "Token" not in json.dumps(client.get(address).data) + json.dumps(told_in_audit())


def told_in_audit():
    return [(entry.before, entry.after) for entry in AuditEntry.objects.all()]


REFUSED = [
    ("webhooks", {"url": "ftp://example.org/"}, "url"),
    ("webhooks", {"url": "http://example.org/"}, "url"),
    ("webhooks", {"url": "https://user:secret@example.org/"}, "url"),
    ("webhooks", {"url": "https://127.0.0.1/"}, "url"),
    ("webhooks", {"url": "https://[fe80::1]/"}, "url"),
    ("webhooks", {"url": "https://169.254.169.254/latest/meta-data/"}, "url"),
    ("webhooks", {"url": "https://[broken/"}, "url"),
    ("webhooks", {"url": "https://example.org:99999/"}, "url"),
    ("webhooks", {"url": "https://example.org/#part"}, "url"),
    ("webhooks", {"groups": ["everything"]}, "groups"),
    ("webhooks", {"groups": []}, "groups"),
    ("webhooks", {"name": " "}, "name"),
    ("webhooks", {"team": "nobody"}, "team"),
    ("chats", {"address": "FILE:///srv/secret"}, "address"),
    ("chats", {"address": "syslog://"}, "address"),
    ("chats", {"address": "mailto://user:pass@example.org"}, "address"),
    ("chats", {"address": "json://example.org/"}, "address"),
    ("chats", {"address": "jsons://10.0.0.1/"}, "address"),
    ("chats", {"address": "slack"}, "address"),
]


@pytest.mark.parametrize(("resource", "wrong", "field"), REFUSED, ids=[str(row[1]) for row in REFUSED])
def test_what_is_wrong_is_told_at_its_field(api, resource, wrong, field):
    good = {"webhooks": HOOK, "chats": {**HOOK, "address": "slack://TokenA/TokenB/TokenC"}}[resource]
    body = {key: value for key, value in good.items() if resource == "webhooks" or key != "url"}
    answer = api("administrator").post(f"/api/v1/{resource}/", {**body, **wrong})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, field), answer.data
    assert not Channel.objects.exists()


def test_each_sees_the_channels_and_deliveries_that_concern_them(api, house):
    other = factories.make_channel(None, name="everything")
    ours = factories.make_channel(house.team, name="ours")
    for channel in (other, ours):
        factories.make_delivery(channel)
    Delivery.objects.create(medium="mail", topic="operation.failed", person=house.people["engineer"])

    def seen(role):
        client = api(role)
        names = {row["name"] for row in client.get("/api/v1/webhooks/").data["results"]}
        return names, client.get("/api/v1/deliveries/").data["count"]

    assert seen("administrator") == seen("auditor") == ({"everything", "ours"}, 3)
    assert seen("team-lead") == ({"ours"}, 1)
    client = api("team-lead")
    assert client.get(f"/api/v1/webhooks/{other.pk}/").status_code == 404
    assert client.get(f"/api/v1/deliveries/?channel={other.pk}").data["count"] == 0
    assert client.get(f"/api/v1/deliveries/?channel={ours.pk}").data["count"] == 1
    assert client.get("/api/v1/deliveries/?channel=ours&status=pending&status=failed").data["count"] == 1


def test_the_inbox_is_ones_own_and_can_be_read(api, house):
    engineer, lead = house.people["engineer"], house.people["team-lead"]
    entry = factories.make_entry(engineer, house.environment("shop"))
    factories.make_entry(lead, house.environment("cart"))
    client = api("engineer")
    (row,) = client.get("/api/v1/notifications/?read=false").data["results"]
    assert (row["id"], row["group"], row["subject"]) == (entry.notice_id, "drift", "shop")
    assert row["url"].endswith(f"/environments/{entry.notice.subject_id}/")
    assert client.get("/api/v1/notifications/?group=failed").data["count"] == 0
    assert client.post("/api/v1/notifications/read/", {}).data == {"read": 1}
    assert client.get("/api/v1/notifications/?read=false").data["count"] == 0
    assert api("team-lead").get("/api/v1/notifications/?read=false").data["count"] == 1
    assert client.get(f"/api/v1/notifications/{entry.notice_id}/").data["read_at"]


def test_preferences_are_kept_and_what_is_not_named_stays(api, house, settings):
    settings.MAIL_IS_ON = True
    client, address = api("engineer"), "/api/v1/notifications/preferences/"
    before = client.get(address).data
    assert before["groups"]["drift"] == {"mail": True, "chat": False}
    assert (before["mail_to"], before["chat"]) == ("engineer@example.org", None)
    told = {"groups": {"drift": {"mail": False}}, "chat": "slack://TokenA/TokenB/TokenC"}
    after = client.post(address, told).data
    assert after["groups"]["drift"] == {"mail": False, "chat": False}
    assert after["groups"]["failed"] == before["groups"]["failed"]
    assert after["chat"] == {"address": "slack://…", "is_enabled": True, "disabled_why": ""}
    assert client.post(address, {"chat": ""}).data["chat"] is None
    for wrong in ({"groups": {"rain": {"mail": True}}}, {"groups": {"drift": {"pigeon": True}}}):
        assert client.post(address, wrong).status_code == 400
    assert api("team-lead").get(address).data["groups"]["drift"]["mail"] is True


def test_what_is_sent_is_as_the_document_says(house):
    document = Generator().get_schema(public=True)
    environment = house.environment("shop")
    operation = factories.make_operation(environment, by=house.people["engineer"], status="failed")
    operation_notice(operation, "operation.failed", "No room.", data={"step": "data", "remedy": None})
    notice_write("environment.drifted", environment, "It differs.")
    for notice in Notice.objects.all():
        webhook = document["webhooks"][notice.topic]["post"]
        assert webhook["parameters"] == HEADERS
        reference = webhook["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(
            payload_of(notice, {notice.pk: "shop"}),
            {**reference, "components": document["components"]},
            cls=jsonschema.Draft202012Validator,
        )

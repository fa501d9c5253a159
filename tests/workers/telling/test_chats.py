"""Chats, by apprise, on connections of ours."""

import json
from types import SimpleNamespace

import pytest

from environments.notifications.addresses import CHATS, PLAIN
from environments.notifications.models import Channel, Delivery
from environments.notifications.signing import seal
from tests.receiving import receiving
from tests.workers.telling.support import happen, in_a_while, webhook
from workers import egress
from workers.chats import SERVICES, chat_send
from workers.telling import deliver

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_a_chat_is_told_by_apprise_on_our_connections(world):
    with receiving(500, 200) as receiver:
        webhook(world, f"json://127.0.0.1:{receiver.port}/room?token=hush", kind="chat")
        operation = happen(world)
        deliver()
        row = Delivery.objects.get(medium="chat")
        assert (row.status, row.response_code, row.sentence) == ("failed", 500, "The service answered 500.")
        in_a_while(seconds=8)
        deliver()
    row.refresh_from_db()
    assert row.status == "delivered"
    said = json.loads(receiver.got[1].body)
    assert said["title"] == "Update shop failed" and said["type"] == "failure"
    assert "Data: the cluster has no room." in said["message"]
    assert f"/operations/{operation.pk}/" in said["message"]


def test_a_chat_reaches_nothing_inside_either(world, settings):
    with receiving() as receiver:
        webhook(world, f"json://127.0.0.1:{receiver.port}/", kind="chat")
        settings.NOTIFY_NETWORKS = ["10.99.0.0/16"]
        happen(world)
        deliver()
    assert receiver.got == []
    assert "inside a network" in Delivery.objects.get(medium="chat").sentence


SAMPLES = {
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "workflows": "workflows://prod.example.org:443/643e69f83c8944/XyzAbc123/",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/",
    "gchat": "gchat://workspace/key/token",
    "mmosts": "mmosts://chat.example.org/3ccdd113474722377935511fc85d3dd4",
    "rockets": "rockets://user:pass@chat.example.org/#general",
    "matrixs": "matrixs://user:pass@chat.example.org/#general",
    "jsons": "jsons://chat.example.org/in",
}


SAMPLES_NATIVE = {
    "https slack": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "https discord": "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "https gchat": "https://chat.googleapis.com/v1/spaces/workspace/messages?key=k&token=t",
}


@pytest.mark.parametrize("schema", [*CHATS, *SAMPLES_NATIVE])
def test_each_chat_service_asks_for_every_connection_through_us(world, monkeypatch, schema):
    """The rules for connections hold for each of apprise's services that is let in."""
    asked = []

    def fetch(method, url, **_options):
        asked.append(url)
        return egress.Answer(200, '{"ok": true, "access_token": "x", "user_id": "y", "room_id": "!z"}', None)

    monkeypatch.setattr("workers.chats.fetch", fetch)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("A connection that is not ours."))
    channel = Channel(kind="chat", address=seal((SAMPLES | SAMPLES_NATIVE)[schema]))
    message = SimpleNamespace(
        text="Text", subject="Subject", delivery=SimpleNamespace(topic="operation.failed")
    )
    chat_send(channel, message)
    assert asked and all(url.startswith("https://") for url in asked)


def test_an_address_that_lacks_a_part_is_told_so_and_not_tried_again(world):
    webhook(world, "https://example.org/not-of-a-chat", kind="chat")
    happen(world)
    deliver()
    row = Delivery.objects.get(medium="chat")
    assert (row.status, row.sentence) == (
        "abandoned",
        "This address is not complete: correct it, and send a test.",
    )


def test_the_same_chats_are_let_in_and_known():
    assert set(SERVICES) == set(CHATS) | set(PLAIN)

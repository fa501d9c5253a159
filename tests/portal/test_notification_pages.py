"""Inbox, preferences, channels and deliveries in the pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from environments.notifications.fanout import notices_address
from environments.notifications.models import Channel, Delivery, Entry
from environments.operations.notices import notice_write, operation_notice
from environments.people.models import PortalRole, User
from tests import factories

R = PortalRole
SignIn = Callable[[User], Client]


def failed(world: Any, count: int = 1) -> None:
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    for number in range(count):
        operation = factories.operation_make(environment, status="failed", requested_by=lead)
        operation_notice(operation, "operation.failed", f"No room <{number}>.", data={"remedy": "Make room."})
    notices_address()


def test_the_inbox_tells_what_is_new_and_is_read_by_a_button(world: Any, sign_in: SignIn) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    assert b"Nothing yet" in client.get(reverse("admin:notifications")).content
    failed(world)
    shown = client.get(reverse("admin:notifications")).content.decode()
    assert "1 notification you have not read" in shown and "shop failed" in shown
    assert "No room &lt;0&gt;." in shown
    client.post(reverse("admin:notifications-read"))
    assert "You have read everything" in client.get(reverse("admin:notifications")).content.decode()
    assert not Entry.objects.filter(person=world.people[R.TEAM_LEAD], read_at__isnull=True).exists()


def test_the_sidebar_counts_what_is_unread(world: Any, sign_in: SignIn) -> None:
    failed(world, 3)
    shown = sign_in(world.people[R.TEAM_LEAD]).get(reverse("admin:index")).content.decode()
    entry = shown[shown.index('href="/notifications/"') :]
    assert ">3<" in entry[: entry.index("</a>")].replace("\n", "").replace(" ", "")


def test_the_matrix_keeps_what_is_ticked(world: Any, sign_in: SignIn) -> None:
    client, address = sign_in(world.people[R.ENGINEER]), reverse("admin:notification-preferences")
    client.post(address, {"what": "matrix", "chosen": ["drift.chat", "failed.mail"]})
    matrix = {
        row.group: (row.mail, row.chat) for row in world.people[R.ENGINEER].notification_preferences.all()
    }
    assert matrix["drift"] == (False, True) and matrix["failed"] == (True, False)
    assert matrix["waiting"] == (False, False)


def test_a_chat_of_ones_own_is_set_masked_and_taken_away(world: Any, sign_in: SignIn) -> None:
    client, address = sign_in(world.people[R.ENGINEER]), reverse("admin:notification-preferences")
    refused = client.post(address, {"what": "chat", "address": "FILE:///srv/secret"})
    assert refused.status_code == 400 and b"is not let in" in refused.content
    client.post(address, {"what": "chat", "address": "slack://TokenA/TokenB/TokenC"})
    shown = client.get(address).content.decode()
    assert "slack://…" in shown and "TokenB" not in shown.replace("slack://TokenA/TokenB/TokenC or", "")
    client.post(address, {"what": "chat-remove"})
    assert not Channel.objects.exists()


def test_a_webhooks_secret_is_in_the_answer_and_nowhere_else(world: Any, sign_in: SignIn) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    new = {"kind": "webhook", "name": "ci", "team": world.team.slug, "groups": ["failed"]}
    wrong = client.post(reverse("admin:channel-new"), {**new, "address": "http://example.org/"})
    assert wrong.status_code == 400 and b"Use https://" in wrong.content
    made = client.post(reverse("admin:channel-new"), {**new, "address": "https://example.org/hook"})
    assert b"whsec_" in made.content and "no-store" in made["Cache-Control"]
    channel = Channel.objects.get()
    assert b"whsec_" not in client.get(reverse("admin:channel", args=[channel.pk])).content
    turned = client.post(reverse("admin:channel-act", args=[channel.pk, "rotate"]))
    assert b"for a day the one before signs too" in turned.content


def test_a_channel_that_fails_says_since_when_and_what_comes(world: Any, sign_in: SignIn) -> None:
    channel = factories.channel_make(world.team, failing_since=timezone.now(), failures=3)
    client, address = sign_in(world.people[R.AUDITOR]), reverse("admin:channel", args=[channel.pk])
    shown = client.get(address).content.decode()
    assert "The last 3 attempts failed." in shown and "Send a test" not in shown
    Channel.objects.update(is_enabled=False, disabled_why="The receiver answered 410.")
    assert "Disabled. The receiver answered 410." in client.get(address).content.decode()
    assert "1 of 1 channel fails or is disabled" in client.get(reverse("admin:channels")).content.decode()


def test_a_test_leads_to_a_delivery_that_looks_again_until_it_is_over(world: Any, sign_in: SignIn) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    channel = factories.channel_make(world.team)
    answer = client.post(reverse("admin:channel-act", args=[channel.pk, "test"]))
    delivery = Delivery.objects.get()
    address = reverse("admin:delivery", args=[delivery.pk])
    assert answer["Location"] == address
    assert 'hx-trigger="every 1s"' in client.get(address).content.decode()
    Delivery.objects.update(
        status="abandoned",
        sentence="The receiver answered 500.",
        response_code=500,
        response_text="<b>Oh</b>",
    )
    part = client.get(address, headers={"HX-Target": "delivery"}).content.decode()
    assert "hx-trigger" not in part and "&lt;b&gt;Oh&lt;/b&gt;" in part and "A test is tried once." in part
    assert "<html" not in part


def test_deliveries_are_filtered_and_sent_again_by_who_may(world: Any, sign_in: SignIn) -> None:
    channel = factories.channel_make(world.team)
    gone, sent = (factories.delivery_make(channel, status=status) for status in ("abandoned", "delivered"))
    lead = sign_in(world.people[R.TEAM_LEAD])
    shown = lead.get(f"{reverse('admin:deliveries')}?status=abandoned").content.decode()
    assert f"/deliveries/{gone.pk}/" in shown and f"/deliveries/{sent.pk}/" not in shown
    lead.post(reverse("admin:delivery-redeliver", args=[gone.pk]))
    gone.refresh_from_db()
    assert gone.status == "pending"
    assert sign_in(world.people[R.ENGINEER]).get(reverse("admin:delivery", args=[gone.pk])).status_code == 403
    own = Delivery.objects.create(medium="mail", topic="test", person=world.people[R.ENGINEER])
    engineer = sign_in(factories.person_make(R.ENGINEER))
    assert engineer.get(reverse("admin:delivery", args=[own.pk])).status_code == 403


def test_health_tells_how_telling_goes(world: Any, sign_in: SignIn, client: Client) -> None:
    channel = factories.channel_make(world.team, is_enabled=False)
    factories.delivery_make(channel, status="abandoned")
    factories.delivery_make(channel, next_try_at=timezone.now() - timezone.timedelta(minutes=10))
    shown = sign_in(world.people[R.ADMINISTRATOR]).get(reverse("admin:administration")).content.decode()
    assert "1 disabled" in shown and "Nobody sends" in shown and "no worker has asked it yet" in shown
    told = client.get(reverse("metrics")).content.decode()
    assert 'switchyard_deliveries{status="pending"} 1.0' in told
    assert "switchyard_deliveries_abandoned_last_day 1.0" in told
    assert "switchyard_channels_disabled 1.0" in told


@pytest.mark.parametrize("name", ["notifications", "channels", "deliveries"])
def test_lists_ask_as_much_for_many_rows_as_for_few(world: Any, sign_in: SignIn, name: str) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])

    def fill(count: int) -> int:
        for _ in range(count):
            team = factories.team_make()
            factories.delivery_make(factories.channel_make(team, created_by=world.people[R.TEAM_LEAD]))
            notice_write("limit.reached", team, "Ten of ten.")
        notices_address()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(f"admin:{name}")).status_code == 200
        return len(queries)

    fill(1)
    assert fill(3) == fill(20)

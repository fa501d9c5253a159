"""Mails, chats and webhooks, sent to a mail server and a receiver on this machine that fail first."""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from environments.notifications import deliveries
from environments.notifications.addresses import CHATS, PLAIN
from environments.notifications.channels import (
    channel_create,
    channel_enable,
    channel_rotate,
    channel_test,
    mail_test,
)
from environments.notifications.deliveries import SCHEDULE_S, deliveries_claim
from environments.notifications.fanout import notices_address
from environments.notifications.figures import telling_figures
from environments.notifications.log import delivery_redeliver, notifications_forget
from environments.notifications.models import Channel, Delivery
from environments.notifications.signing import seal
from environments.operations.models import Notice, Pause, Pulse
from environments.operations.notices import operation_notice
from tests import factories
from tests.receiving import mail_server, receiving
from workers import egress
from workers.chats import SERVICES, chat_send
from workers.mails import mail_server_is_due, mail_server_look
from workers.telling import address, deliver
from workers.telling_tasks import tell

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(transactional_db, settings):
    settings.NOTIFY_NETWORKS = ["127.0.0.0/8"]
    settings.NOTIFY_TIMEOUT_S = 1.0
    team = factories.team_make("Shop")
    lead = factories.person_make("team-lead", teams=[team], username="lead")
    administrator = factories.person_make("administrator", username="administrator")
    environment = factories.environment_make(
        "shop", team=team, owner=lead, account=factories.account_make(), release=factories.release_make()
    )
    return SimpleNamespace(team=team, lead=lead, administrator=administrator, environment=environment)


@pytest.fixture
def mail(settings):
    """Mails go to a server on this machine, by SMTP."""
    with mail_server() as server:
        settings.MAIL_IS_ON, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        settings.PUBLIC_URL = "https://portal.example.org"
        yield server


def webhook(world, url, groups=("failed",), kind="webhook"):
    """(channel, secret) of the team."""
    made = channel_create(kind=kind, name="ci", team=world.team, groups=groups, address=url, actor=world.lead)
    return made.channel, made.secret


def happen(world, topic="operation.failed", sentence="Data: the cluster has no room.", **fields):
    """An operation that ended, and is addressed."""
    operation = factories.operation_make(
        world.environment, kind="update", status="failed", requested_by=world.lead, **fields
    )
    operation_notice(operation, topic, sentence, data={"step": "data", "remedy": "Raise the quota."})
    notices_address()
    return operation


def in_a_while(**passed):
    """As if so much time had passed."""
    moment = timedelta(**passed)
    for row in Delivery.objects.filter(next_try_at__isnull=False):
        Delivery.objects.filter(pk=row.pk).update(next_try_at=row.next_try_at - moment)
    for row in Channel.objects.filter(hold_until__isnull=False):
        Channel.objects.filter(pk=row.pk).update(hold_until=row.hold_until - moment)
    for row in Channel.objects.filter(failing_since__isnull=False):
        Channel.objects.filter(pk=row.pk).update(failing_since=row.failing_since - moment)


def only():
    return Delivery.objects.get(medium="webhook")


# --- mail ---------------------------------------------------------------------------------------------


def test_a_mail_says_what_happened_to_what_and_what_to_do(world, mail):
    operation = happen(world)
    assert deliver() == 1
    (got,) = mail.got
    assert got["Subject"] == "[Switchyard] Update shop failed"
    assert got["X-Envelope-To"] == world.lead.email
    row = Delivery.objects.get()
    assert got["Message-ID"] == f"<{row.message_id}@portal.example.org>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert "/notifications/preferences/" in got["List-Unsubscribe"]
    parts = [part.get_content() for part in got.iter_parts()]
    for part in parts:
        assert "Data: the cluster has no room." in part
        assert f"https://portal.example.org/operations/{operation.pk}/" in part
        assert "Raise the quota." in part and "Asked for by lead." in part
        assert "https://portal.example.org/notifications/preferences/" in part
    assert (row.status, row.sentence) == ("delivered", "The mail server took it.")
    assert deliver() == 0 and len(mail.got) == 1


def test_names_and_sentences_are_text_in_a_mail_whatever_they_hold(world, mail):
    happen(world, sentence="Rejected: <script>alert(1)</script>\nBcc: everybody@example.org")
    assert deliver() == 1
    text, html = (part.get_content() for part in mail.got[0].iter_parts())
    assert "<script>" in text
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert mail.got[0]["Bcc"] is None


def test_many_notices_are_one_mail(world, mail):
    for number in range(25):
        happen(world, sentence=f"Number {number}.")
    Delivery.objects.all().delete()
    Notice.objects.update(told_at=None)
    notices_address()
    assert deliver() == 1
    (got,) = mail.got
    assert got["Subject"] == "[Switchyard] 25 times: failed (shop)"
    assert "And 5 more" in next(got.iter_parts()).get_content()


def test_a_mail_server_that_refuses_for_now_is_asked_again_and_one_that_refuses_for_good_is_not(world, mail):
    mail.refusals += ["451 Greylisted, come again"]
    happen(world)
    deliver()
    row = Delivery.objects.get()
    assert (row.status, row.response_code, row.response_text) == ("failed", 451, "Greylisted, come again")
    assert deliver() == 0
    in_a_while(seconds=7)
    assert deliver() == 1
    assert [one["Message-ID"] for one in mail.got] == [f"<{row.message_id}@portal.example.org>"]
    mail.refusals += ["550 No such user"]
    happen(world)
    deliver()
    row = Delivery.objects.first()
    assert (row.status, row.response_code, row.next_try_at) == ("abandoned", 550, None)


def test_a_mail_server_that_is_away_loses_nothing(world, mail, settings):
    settings.EMAIL_PORT = 1
    for _ in range(2):
        happen(world)
        deliver()
    rows = Delivery.objects.all()
    assert {row.status for row in rows} == {"failed"}
    assert {row.sentence for row in rows} == {"The mail server could not be reached, or broke off."}
    settings.EMAIL_PORT = mail.port
    in_a_while(seconds=7)
    assert deliver() == 2
    assert len(mail.got) == 2


def test_a_mail_server_that_knows_no_sign_in_is_told_by_its_setting(world, mail, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "switchyard", "hush"
    happen(world)
    deliver()
    row = Delivery.objects.get()
    assert row.status == "failed" and row.sentence.startswith("The mail server does not do what")
    assert "hush" not in row.sentence


def test_health_knows_whether_the_mail_server_lets_a_worker_in(world, mail, settings):
    assert mail_server_is_due() and telling_figures().mail == "unknown"
    assert mail_server_look() and telling_figures().mail == "answers"
    assert not mail_server_is_due()
    settings.EMAIL_PORT = 1
    assert not mail_server_look() and telling_figures().mail == "silent"
    settings.EMAIL_FILE_PATH = "/tmp/mails"
    Pulse.objects.all().delete()
    assert not mail_server_is_due() and telling_figures().mail == "files"
    assert mail.got == []


def test_somebody_tries_their_own_mail(world, mail):
    delivery = mail_test(actor=world.lead)
    deliver()
    assert mail.got[0]["Subject"] == "[Switchyard] A test of notifications"
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


# --- webhooks ------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_so_that_the_reference_library_believes_it(world):
    with receiving() as receiver:
        _, secret = webhook(world, receiver.url)
        operation = happen(world)
        assert deliver() == 1
    (got,) = receiver.got
    payload = Webhook(secret).verify(got.body, got.headers)
    notice = Notice.objects.get()
    assert payload == {
        "type": "operation.failed",
        "timestamp": notice.at.isoformat(),
        "data": {
            "notice": notice.pk,
            "sentence": "Data: the cluster has no room.",
            "team": "shop",
            "subject": {"type": "environment", "id": world.environment.pk, "name": "shop"},
            "operation": {
                "id": operation.pk,
                "kind": "update",
                "requested_by": "lead",
                "url": f"http://localhost:8000/api/v1/operations/{operation.pk}/",
            },
            "url": f"http://localhost:8000/operations/{operation.pk}/",
            "details": {"step": "data", "remedy": "Raise the quota."},
        },
    }
    assert got.headers["webhook-id"] == only().message_id
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(got.body + b" ", got.headers)


def test_the_example_that_the_documentation_gives_verifies_what_is_sent(world):
    """docs/webhooks.md tells receivers how; here its own code is run."""
    from devtools.places import ROOT

    text = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    names = {}
    exec(compile(code, "webhooks.md", "exec"), names)  # noqa: S102 - our own document
    with receiving() as receiver:
        _, secret = webhook(world, receiver.url)
        happen(world)
        deliver()
    (got,) = receiver.got
    assert names["verified"](secret, got.headers, got.body)["type"] == "operation.failed"
    with pytest.raises(ValueError, match="signature"):
        names["verified"](secret, got.headers, got.body + b" ")
    late = {**got.headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    with pytest.raises(ValueError, match="old"):
        names["verified"](secret, late, got.body)


def test_for_a_day_after_a_rotation_both_secrets_hold(world):
    with receiving() as receiver:
        channel, old = webhook(world, receiver.url)
        new = channel_rotate(channel=channel, actor=world.lead).secret
        happen(world)
        deliver()
        Channel.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
        happen(world)
        deliver()
    both, after = receiver.got
    for secret in (old, new):
        assert Webhook(secret).verify(both.body, both.headers)
    assert Webhook(new).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)


def test_a_receiver_that_fails_first_gets_it_in_the_end_under_the_same_id(world):
    with receiving(500, "hang", "drop", "drip", 302, 200) as receiver:
        _, secret = webhook(world, receiver.url)
        happen(world)
        seen = []
        for attempt in range(6):
            assert deliver() == 1, attempt
            row = only()
            seen.append((row.status, row.response_code, row.sentence))
            assert deliver() == 0, "Not before its time."
            in_a_while(days=1, hours=5)
            Channel.objects.update(failing_since=None)
    assert seen == [
        ("failed", 500, "The receiver answered 500."),
        ("failed", None, "127.0.0.1 did not answer within 1 s."),
        ("failed", None, "127.0.0.1 could not be reached, or broke the connection off."),
        ("failed", None, "127.0.0.1 did not answer within 1 s."),
        ("failed", 302, "The receiver answered 302."),
        ("delivered", 200, "The receiver answered 200."),
    ]
    assert only().attempts == 6 and only().response_text == "I say 200"
    assert {got.headers["webhook-id"] for got in receiver.got} == {only().message_id}
    assert len({got.body for got in receiver.got}) == 1
    assert Webhook(secret).verify(receiver.got[-1].body, receiver.got[-1].headers)
    assert Channel.objects.get().failures == 0


def test_tries_come_by_the_schedule_with_jitter_and_end(world):
    with receiving(*[500] * 20) as receiver:
        webhook(world, receiver.url)
        happen(world)
        for seconds in SCHEDULE_S:
            before = timezone.now()
            assert deliver() == 1
            waits = (only().next_try_at - before).total_seconds()
            assert seconds <= waits < seconds * 1.2 + 3
            in_a_while(seconds=waits + 3)
            Channel.objects.update(failing_since=None, hold_until=None)
        assert deliver() == 1
        assert (only().status, only().next_try_at, only().attempts) == ("abandoned", None, 10)
        assert deliver() == 0
    assert len(receiver.got) == 10


@pytest.mark.parametrize("said", ["120", "date"])
def test_a_receiver_that_asks_for_time_gets_it_for_all_its_deliveries(world, said):
    moment = datetime.now(UTC) + timedelta(seconds=120)
    header = said if said.isdecimal() else f"{moment:%a, %d %b %Y %H:%M:%S} GMT"
    with receiving((429, {"Retry-After": header})) as receiver:
        channel, _ = webhook(world, receiver.url)
        happen(world)
        deliver()
        happen(world)
        assert deliver() == 0, "Another delivery waits too."
        assert 115 < (only_first().next_try_at - timezone.now()).total_seconds() < 121
        in_a_while(seconds=125)
        assert deliver() == 1, "One alone shows whether it works again."
        assert deliver() == 1
    channel.refresh_from_db()
    assert channel.hold_until is None and len(receiver.got) == 3


def only_first():
    return Delivery.objects.filter(medium="webhook").order_by("id").first()


def test_a_receiver_that_is_gone_is_disabled_and_its_team_told(world, mail):
    with receiving(410) as receiver:
        channel, _ = webhook(world, receiver.url)
        happen(world)
        deliver()
        channel.refresh_from_db()
        assert not channel.is_enabled and "410" in channel.disabled_why
        assert only().status == "abandoned"
        happen(world)
        assert Delivery.objects.filter(medium="webhook").count() == 1
    address()
    deliver()
    assert [got["Subject"] for got in mail.got if "disabled" in got["Subject"]] == [
        "[Switchyard] ci was disabled"
    ]


def test_a_receiver_that_fails_for_days_is_disabled_and_can_be_enabled_again(world):
    with receiving(500, 500) as receiver:
        channel, _ = webhook(world, receiver.url)
        happen(world)
        deliver()
        happen(world)
        in_a_while(days=3, minutes=1)
        deliver()
        channel.refresh_from_db()
        assert not channel.is_enabled and channel.disabled_why.startswith(
            "Every attempt of three days failed."
        )
        rows = Delivery.objects.filter(medium="webhook")
        assert {row.status for row in rows} == {"abandoned"}
        channel_enable(channel=channel, is_enabled=True, actor=world.lead)
        delivery_redeliver(delivery=rows[0], actor=world.lead)
        assert deliver() == 1
        assert Delivery.objects.get(pk=rows[0].pk).status == "delivered"
    assert receiver.got[-1].headers["webhook-id"] == rows[0].message_id


def test_one_that_hangs_keeps_nobody_else_waiting(world):
    with receiving(*["hang"] * 9) as slow, receiving() as quick:
        webhook(world, slow.url)
        webhook(world, quick.url)
        for _ in range(8):
            happen(world)
        begun = time.monotonic()
        while deliver():
            pass
        assert time.monotonic() - begun < 6
    assert len(quick.got) == 8
    assert len(slow.got) == deliveries.AT_ONCE_PER_CHANNEL
    assert {row.status for row in Delivery.objects.filter(channel__url=slow.url)} == {"failed", "pending"}


def test_a_test_is_sent_at_once_once_and_also_to_what_is_disabled_or_on_hold(world):
    with receiving(500, 200) as receiver:
        channel, secret = webhook(world, receiver.url)
        channel_enable(channel=channel, is_enabled=False, actor=world.lead)
        Channel.objects.update(hold_until=timezone.now() + timedelta(hours=1))
        first = channel_test(channel=channel, actor=world.lead)
        assert deliver() == 1
        first.refresh_from_db()
        assert (first.status, first.response_code) == ("abandoned", 500)
        channel_test(channel=channel, actor=world.lead)
        assert deliver() == 1
    payload = Webhook(secret).verify(receiver.got[1].body, receiver.got[1].headers)
    assert payload["type"] == "test"


# --- where nothing is sent -----------------------------------------------------------------------------


INSIDE = [
    "http://127.0.0.1:{}/",
    "http://localhost:{}/",
    "http://[::ffff:127.0.0.1]:{}/",
    "http://0.0.0.0:{}/",
]


@pytest.mark.parametrize("form", INSIDE)
def test_nothing_inside_is_reached_unless_the_administrator_allows_it(world, settings, form):
    settings.NOTIFY_NETWORKS = ["10.99.0.0/16"]
    with receiving() as receiver:
        webhook(world, "https://example.org/")
        Channel.objects.update(url=form.format(receiver.port))
        happen(world)
        assert deliver() == 1
    assert receiver.got == []
    assert only().sentence.endswith(
        "leads to an address inside a network, where nothing is sent (NOTIFY_NETWORKS)."
    )


def test_no_setting_opens_where_clouds_keep_credentials(settings):
    settings.NOTIFY_NETWORKS = ["0.0.0.0/0", "::/0"]
    assert egress.may_reach("10.0.0.1") and egress.may_reach("8.8.8.8")
    for address_ in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1"):
        assert not egress.may_reach(address_), address_
    settings.NOTIFY_NETWORKS = []
    for address_ in ("10.0.0.1", "192.168.1.1", "fd00:ec2::254", "100.64.0.1", "::1", "64:ff9b::a00:1"):
        assert not egress.may_reach(address_), address_


def test_an_answer_is_read_no_further_than_its_beginning(world):
    with receiving((200, {"X-Pad": "x"})) as receiver:
        answer = egress.fetch("POST", receiver.url, data=b"{}")
    assert (answer.code, answer.text) == (200, "I say 200")
    assert egress.MOST_BYTES < 20_000


# --- chats ---------------------------------------------------------------------------------------------


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


# --- bad days ------------------------------------------------------------------------------------------


def test_two_workers_at_once_send_each_delivery_once(world):
    with receiving() as receiver:
        webhook(world, receiver.url)
        for _ in range(12):
            happen(world)

        def work():
            for _ in range(12):
                deliver()
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert len(ids) == len(set(ids)) == 12
    assert {row.attempts for row in Delivery.objects.filter(medium="webhook")} == {1}


def test_a_worker_that_comes_back_after_its_claim_has_passed_changes_nothing(world, settings):
    settings.NOTIFY_CLAIM_S = -1
    with receiving() as receiver:
        webhook(world, receiver.url)
        happen(world)
        (late,) = deliveries_claim()
        assert deliver() == 1
    deliveries.delivery_settle(late, deliveries.Outcome(False, "Too late."))
    assert (only().status, only().attempts) == ("delivered", 1)
    assert len(receiver.got) == 1


def test_nothing_but_tests_is_told_while_everything_is_paused(world):
    with receiving() as receiver:
        channel, _ = webhook(world, receiver.url)
        happen(world)
        Pause.objects.create(covers=Pause.EVERYTHING, reason="Restored.")
        operation_notice(
            factories.operation_make(world.environment, status="failed", requested_by=world.lead),
            "operation.failed",
            "No.",
        )
        assert (address(), deliver()) == (0, 0)
        channel_test(channel=channel, actor=world.lead)
        assert deliver() == 1
        Pause.objects.all().delete()
        assert (address(), deliver()) == (1, 2)
    assert len(receiver.got) == 3


def test_a_broker_that_is_down_only_makes_it_later(world, valkey):
    with receiving() as receiver:
        webhook(world, receiver.url)
        happen(world)
        valkey.stop()
        try:
            tell()
        finally:
            valkey.start()
        assert receiver.got == []
        assert deliver() == 1


def test_what_is_old_is_forgotten_and_what_is_open_is_not(world):
    with receiving(500) as receiver:
        webhook(world, receiver.url)
        happen(world)
        deliver()
        happen(world)
        Delivery.objects.filter(status="pending").update(status="delivered")
        Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
        notifications_forget()
    assert [row.status for row in Delivery.objects.all()] == ["failed"]
    assert Notice.objects.count() == 2
    Notice.objects.update(told_at=timezone.now() - timedelta(days=181))
    notifications_forget()
    assert not Notice.objects.exists()

"""Webhooks, signed and sent to a receiver on this machine that fails first."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from environments.notifications import deliveries
from environments.notifications.channels import channel_enable, channel_rotate, channel_test
from environments.notifications.deliveries import SCHEDULE_S
from environments.notifications.log import delivery_redeliver
from environments.notifications.models import Channel, Delivery
from environments.operations.models import Notice
from tests.receiving import receiving
from tests.workers.telling.support import happen, in_a_while, only, webhook
from workers.telling import address, deliver

pytestmark = [pytest.mark.django_db(transaction=True)]


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

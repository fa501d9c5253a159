"""Where nothing is sent, whatever address somebody gives."""

import pytest

from environments.notifications.models import Channel
from tests.receiving import receiving
from tests.workers.telling.support import happen, only, webhook
from workers import egress
from workers.telling import deliver

pytestmark = [pytest.mark.django_db(transaction=True)]


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

"""Two workers at once, one that comes back late, a pause, a broker that is down."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from environments.notifications import deliveries
from environments.notifications.channels import channel_test
from environments.notifications.deliveries import deliveries_claim
from environments.notifications.log import notifications_forget
from environments.notifications.models import Delivery
from environments.operations.models import Notice, Pause
from environments.operations.notices import operation_notice
from tests import factories
from tests.receiving import receiving
from tests.workers.telling.support import happen, only, webhook
from workers.telling import address, deliver
from workers.telling_tasks import tell

pytestmark = [pytest.mark.django_db(transaction=True)]


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

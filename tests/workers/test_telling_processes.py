"""Telling people by real workers and a beat, that are killed between sending and writing it down."""

import time

import pytest

from environments.notifications.channels import channel_create
from environments.notifications.models import Delivery
from environments.operations.notices import operation_notice
from tests import factories
from tests.receiving import receiving
from tests.workers.houses import House

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def house(portal_env, tmp_path, scratch_database):
    environment = {**portal_env, "NOTIFY_NETWORKS": "127.0.0.0/8", "NOTIFY_CLAIM_S": "3"}
    house = House(tmp_path, environment).start(workers=2, beats=2)
    yield house
    house.stop()
    scratch_database.empty()


def wait_for(what, within_s=60):
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, list(Delivery.objects.values_list("status", "sentence"))
        time.sleep(0.1)


def test_killed_workers_lose_nothing_and_send_again_under_the_same_id(house, settings):
    settings.NOTIFY_NETWORKS = ["127.0.0.0/8"]
    team = factories.team_make("Shop")
    lead = factories.person_make("team-lead", teams=[team])
    environment = factories.environment_make(
        "shop", team=team, owner=lead, account=factories.account_make(), release=factories.release_make()
    )
    house.arm("deliver.webhook.after")
    with receiving() as receiver:
        channel_create(
            kind="webhook", name="ci", team=team, groups=["failed"], address=receiver.url, actor=lead
        )
        operation = factories.operation_make(environment, status="failed", requested_by=lead)
        for number in range(3):
            operation_notice(operation, "operation.failed", f"Number {number}.")
        wait_for(lambda: Delivery.objects.filter(status="delivered").count() == 3)
        assert house.unmet() == []
        time.sleep(1.5)
        ids = [got.headers["webhook-id"] for got in receiver.got]
    assert set(ids) == {row.message_id for row in Delivery.objects.all()}
    assert len(set(ids)) == 3 and len(ids) > 3, "What the killed worker had sent came again."
    assert Delivery.objects.filter(attempts=1).count() == 3

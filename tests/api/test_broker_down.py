"""A broker that is down at the moment of a request only means that work starts later."""

import time

import pytest
from celery import current_app
from django.conf import settings

from environments.lifecycle.models import Environment
from environments.operations.models import Event, Operation
from environments.operations.selectors import operations_due
from tests.api import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_is_accepted_and_kept_while_the_broker_is_down(api, house, valkey):
    assert current_app.conf.broker_url == settings.BROKER_URL
    client = api("team-lead")
    valkey.stop()
    try:
        began = time.monotonic()
        answer = client.post("/api/v1/environments/", house.asked())
        took = time.monotonic() - began
    finally:
        valkey.start()
    assert answer.status_code == 202, answer.content
    assert took < 5
    operation = Operation.objects.get()
    assert (operation.pk, operation.status) == (answer.data["id"], "pending")
    assert Environment.objects.get().status == "requested"
    assert Event.objects.filter(operation=operation).exists()
    # What the tick looks for: it starts what no message has started.
    assert operations_due() == [operation.pk]


def test_an_approval_is_kept_while_the_broker_is_down(api, house, valkey):
    shop = house.environment("shop", status="requested")
    operation = factories.make_planned(shop, by=house.people["team-lead"])
    valkey.stop()
    try:
        answer = api("approver").post(f"/api/v1/operations/{operation.pk}/approve/", {"hash": factories.HASH})
    finally:
        valkey.start()
    assert (answer.status_code, answer.data["status"]) == (200, "queued")
    assert operations_due() == [operation.pk]

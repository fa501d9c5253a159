"""Idempotency-Key: sent again, done once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from environments.lifecycle.models import Environment, Release
from environments.people.models import ApiToken, Team
from portal.api.idempotency import KEPT_FOR
from portal.api.models import IdempotencyKey
from tests.api import factories
from tests.api.support import client_with

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/"
KEY = {"HTTP_IDEMPOTENCY_KEY": "k-1"}


def test_the_same_request_again_gets_the_first_answer(api, house):
    client = api("team-lead")
    first = client.post(URL, house.asked(), **KEY)
    again = client.post(URL, house.asked(), **KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert (again["Location"], again["Idempotency-Replayed"]) == (first["Location"], "true")
    assert "Idempotency-Replayed" not in first
    assert Environment.objects.count() == 1


def test_the_order_of_keys_in_a_body_does_not_matter_but_its_content_does(api, house):
    client = api("team-lead")
    client.post(URL, house.asked(), **KEY)
    turned = dict(reversed(house.asked().items()))
    assert client.post(URL, turned, **KEY).status_code == 202
    other = client.post(URL, house.asked(name="cart"), **KEY)
    assert (other.status_code, other["Content-Type"]) == (422, "application/problem+json")
    assert Environment.objects.count() == 1


def test_a_refusal_leaves_its_key_to_the_corrected_request(api, house):
    client = api("team-lead")
    first = client.post(URL, house.asked(size="huge"), **KEY)
    again = client.post(URL, house.asked(size="huge"), **KEY)
    assert (first.status_code, again.json()) == (400, first.json())
    assert "Idempotency-Replayed" not in again
    corrected = client.post(URL, house.asked(), **KEY)
    assert corrected.status_code == 202
    assert client.post(URL, house.asked(), **KEY).json() == corrected.json()
    assert Environment.objects.count() == 1


def test_what_stood_in_the_way_is_looked_at_anew(api, house):
    client = api("team-lead")
    Release.objects.update(is_withdrawn=True)
    refused = client.post(URL, house.asked(), **KEY)
    Release.objects.update(is_withdrawn=False)
    assert (refused.status_code, client.post(URL, house.asked(), **KEY).status_code) == (400, 202)


def test_a_key_belongs_to_its_person_and_its_address(api, house):
    api("team-lead").post(URL, house.asked(), **KEY)
    other = api("administrator").post(URL, house.asked(name="cart"), **KEY)
    elsewhere = api("team-lead").post(URL + "orders/protect/", {"is_protected": True}, **KEY)
    assert (other.status_code, elsewhere.status_code) == (202, 200)
    assert Environment.objects.count() == 2


def test_a_made_token_is_shown_once(api):
    client = api("engineer")
    body = {"name": "nightly", "scopes": ["read"], "days": 3}
    first = client.post("/api/v1/tokens/", body, **KEY)
    again = client.post("/api/v1/tokens/", body, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    token = first.json()["token"]
    assert again.json() == first.json() | {"token": None}
    assert ApiToken.objects.filter(name="nightly").count() == 1
    assert token not in str(list(IdempotencyKey.objects.values()))


def test_a_key_is_forgotten_after_a_day(api, house):
    client = api("team-lead")
    client.post(URL, house.asked(), **KEY)
    IdempotencyKey.objects.update(created_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    assert client.post(URL, house.asked(name="cart"), **KEY).status_code == 202
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none_is_refused(api, house, key):
    answer = api("team-lead").post(URL, house.asked(), HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert not Environment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_of_two_at_the_same_moment_is_told_that_the_other_still_runs(api, house):
    """The first is held in the middle by a lock on its account's row."""
    client, answers = api("team-lead"), []

    def ask():
        answers.append(client.post(URL, house.asked(), **KEY))
        connections.close_all()

    with transaction.atomic():
        type(house.account).objects.select_for_update().get(pk=house.account.pk)
        first = threading.Thread(target=ask)
        first.start()
        _wait_for_advisory_lock()
        second = threading.Thread(target=ask)
        second.start()
        second.join(20)
        assert [answer.status_code for answer in answers] == [409]
        assert "still running" in answers[0].json()["detail"]
    first.join(20)
    assert answers[1].status_code == 202
    assert client.post(URL, house.asked(), **KEY).json() == answers[1].json()
    assert Environment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(house):
    token = factories.make_token(house.people["administrator"])
    answers = []

    def ask():
        answer = client_with(token).post("/api/v1/teams/", {"name": "Payments"}, **KEY)
        answers.append(answer.status_code)
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(answers) <= {201, 409} and 201 in answers and len(answers) == 8
    assert Team.objects.filter(name="Payments").count() == 1


def _wait_for_advisory_lock() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.05)
    raise AssertionError("The first request took no lock.")

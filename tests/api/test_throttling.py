"""Rates of the API: per token, per person, per address of refused tokens; and without the shared cache."""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client

from environments.rest.throttling import rate_parse
from portal.cache import SharedCache
from tests.api.factories import make_token
from tests.api.support import client_with

pytestmark = pytest.mark.django_db
LIST = "/api/v1/teams/"


@pytest.fixture(autouse=True)
def rates(settings: Any) -> Any:
    """Windows of a day, so that none ends between two requests; and no counts of other tests."""
    SharedCache._away_until = 0.0
    cache.clear()
    settings.API_RATES = {"token": "3/day", "session": "2/day", "refused": "2/day"}
    yield
    SharedCache._away_until = 0.0
    cache.clear()


def test_token_past_its_rate_is_told_when_to_come_back_and_others_go_on(house: Any, api: Any) -> None:
    busy, calm = api("engineer"), api("engineer")
    assert [busy.get(LIST).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = busy.get(LIST)
    assert refused["Content-Type"] == "application/problem+json"
    wait = int(refused["Retry-After"])
    assert 0 < wait <= 86_400
    assert (
        refused.json()["detail"]
        == f"These are too many requests. Wait {wait} seconds, then go on more slowly."
    )
    assert calm.get(LIST).status_code == 200


def test_sessions_of_a_person_count_together(house: Any) -> None:
    person = house.people["engineer"]
    TOTP.activate(person, generate_totp_secret())
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    answers = [client.get(LIST).status_code for client in (*clients, *clients)]
    assert answers == [200, 200, 429, 429]


def test_refused_tokens_count_by_address_and_never_against_good_ones(house: Any) -> None:
    wrong = client_with("0" * 64)
    assert [wrong.get(LIST).status_code for _ in range(3)] == [401, 401, 429]
    elsewhere = wrong.get(LIST, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401
    forged = wrong.get(LIST, HTTP_X_FORWARDED_FOR="192.0.2.8")
    assert forged.status_code == 429
    assert client_with(make_token(house.people["engineer"], None)).get(LIST).status_code == 200


def test_requests_are_served_and_not_counted_while_valkey_is_away(api: Any, valkey: Any) -> None:
    client = api("engineer")
    client.get(LIST)
    valkey.stop()
    try:
        assert [client.get(LIST).status_code for _ in range(5)] == [200] * 5
    finally:
        valkey.start()
    SharedCache._away_until = 0.0
    assert [client.get(LIST).status_code for _ in range(4)][-1] == 429


def test_refused_post_may_be_sent_again_with_its_key(api: Any, settings: Any) -> None:
    client = api("administrator")
    settings.API_RATES = {"token": "0/day"}
    assert client.post("/api/v1/teams/", {"name": "Rail"}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 429
    settings.API_RATES = {}
    assert client.post("/api/v1/teams/", {"name": "Rail"}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201


def test_sign_ins_that_fail_too_often_wait_too(house: Any, settings: Any, client: Client) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/h/ip"}
    fields = {"login": "nobody", "password": "wrong-password"}
    answers = [client.post("/accounts/login/", fields) for _ in range(3)]
    assert "Too many" in answers[-1].content.decode()
    assert "Too many" not in answers[0].content.decode()


@pytest.mark.parametrize("rate", ["many", "5", "5/fortnight", "-1/min", "1.5/s"])
def test_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        rate_parse(rate)

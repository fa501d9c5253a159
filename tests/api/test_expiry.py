"""Expiry and limits through the API."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from environments.lifecycle.models import Environment, ExpiryRule, TeamLimit
from environments.operations.models import Operation

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/shop/extend/"
DAY = timedelta(days=1)


def test_a_request_says_when_it_expires_in_any_zone(api, house):
    wanted = timezone.now() + 3 * DAY
    local = wanted.astimezone(timezone.get_fixed_timezone(540)).isoformat()
    answer = api("team-lead").post("/api/v1/environments/", house.asked(name="orders", expires_at=local))
    assert answer.status_code == 202, answer.content
    assert Environment.objects.get().expires_at == wanted
    late = house.asked(name="late", expires_at=(timezone.now() + 31 * DAY).isoformat())
    refused = api("team-lead").post("/api/v1/environments/", late)
    assert refused.status_code == 400 and refused.data["errors"][0]["field"] == "expires_at"
    assert "at most 30 days" in refused.data["errors"][0]["detail"]


def test_within_the_maximum_it_is_200_and_done(api, shop):
    answer = api("team-lead").post(URL, {"hours": 24})
    assert answer.status_code == 200, answer.content
    assert parse_datetime(answer.data["expires_at"]) == shop.expires_at + DAY
    assert parse_datetime(answer.data["expiry_limit"]) == shop.expiry_from + 30 * DAY
    assert not Operation.objects.exists()


def test_beyond_it_202_with_the_operation_that_waits(api, shop):
    until = (shop.expiry_from + 60 * DAY).isoformat()
    answer = api("team-lead").post(URL, {"until": until, "reason": "A fair."})
    assert answer.status_code == 202, answer.content
    assert answer.data["kind"] == "extend" and Environment.objects.get().expires_at == shop.expires_at
    never = api("team-lead").post(URL, {"until": None})
    assert never.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "until"),
        ({"until": "2027-01-01T00:00:00Z", "hours": 1}, "until"),
        ({"until": "yesterday"}, "until"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"hours": 0}, "hours"),
        ({"hours": 10**6}, "hours"),
    ],
)
def test_what_is_no_extension_is_a_sentence_at_its_field(api, shop, body, field):
    answer = api("team-lead").post(URL, body)
    assert answer.status_code == 400, answer.content
    assert answer.data["errors"][0]["field"] == field


def test_the_list_is_filtered_and_ordered_by_expiry(api, shop):
    client = api("team-lead")
    soon = (timezone.now() + 20 * DAY).isoformat().replace("+", "%2B")
    assert client.get(f"/api/v1/environments/?expires_before={soon}&ordering=-expires_at").data["count"] == 1
    assert client.get(f"/api/v1/environments/?expires_after={soon}").data["count"] == 0


def proposed_and_approved(api, answer):
    """What an administrator proposed, and an approver lets happen."""
    assert answer.status_code == 202, answer.content
    address = f"/api/v1/proposals/{answer.data['id']}/approve/"
    done = api("approver").post(address, {"digest": answer.data["digest"]})
    assert done.status_code == 200, done.content


def test_an_expiry_rule_is_read_by_all_and_changed_by_two(api):
    body = {"tier": "staging", "default_days": 7, "maximum_days": 14, "approves_teardown": True}
    answer = api("administrator").post("/api/v1/expiry-rules/", body)
    assert ExpiryRule.objects.get(tier="staging").default_days is None
    assert answer.data["title"] == "change how long Staging environments live"
    proposed_and_approved(api, answer)
    assert api("auditor").get("/api/v1/expiry-rules/staging/").data["maximum_days"] == 14
    wrong = api("administrator").post("/api/v1/expiry-rules/", body | {"default_days": 15})
    assert wrong.status_code == 400 and wrong.data["errors"][0]["field"] == "default_days"
    assert ExpiryRule.objects.get(tier="staging").default_days == 7


def test_a_teams_limit_shows_what_it_has(api, shop, house):
    body = {"team": "shop", "max_environments": 1, "max_monthly_cost": "5000.00"}
    proposed_and_approved(api, api("administrator").post("/api/v1/team-limits/", body))
    row = api("administrator").get("/api/v1/team-limits/shop/").data
    assert row["usage"]["environments"] == 1 and row["usage"]["is_reached"] is True
    (row,) = api("auditor").get("/api/v1/team-limits/?team=shop").data["results"]
    assert row["usage"]["monthly_cost"] == str(Environment.objects.get().monthly_cost)
    refused = api("team-lead").post("/api/v1/environments/", house.asked(name="orders"))
    assert refused.status_code == 400 and refused.data["errors"][0]["field"] == "team"
    preview = api("team-lead").post("/api/v1/environments/preview/", house.asked(name="orders"))
    assert [row["field"] for row in preview.data["problems"]] == ["team"]
    proposed_and_approved(api, api("administrator").delete("/api/v1/team-limits/shop/"))
    assert not TeamLimit.objects.exists()

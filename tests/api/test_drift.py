"""Drift through the API: what was found, looking, accepting, having it put back, and what is refused at its field."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.lifecycle.models import DriftCheck
from environments.operations.models import Operation
from tests.factories import drift_make, stack_make

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/shop/"


@pytest.fixture
def shop(shop):
    """With one finding."""
    drift_make(shop)
    return shop


def day(days):
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def test_what_has_drifted_is_a_list_by_status(api, shop):
    client = api("auditor")
    (row,) = client.get(f"{URL}drift/").data["results"]
    assert row["property"] == "LoadBalancerAttributes[routing.http2.enabled]"
    assert (row["expected"], row["actual"], row["status"]) == ("true", "false", "open")
    assert client.get(f"{URL}drift/?status=gone").data["count"] == 0
    refused = client.get(f"{URL}drift/?status=odd")
    assert refused.status_code == 400 and "Choose one of" in refused.data["errors"][0]["detail"]
    assert client.get("/api/v1/environments/?drifted=true").data["count"] == 1
    assert client.get("/api/v1/environments/?drifted=false").data["count"] == 0
    assert client.get(URL).data["drift_count"] == 1


def test_a_look_is_answered_with_its_row_and_asked_for_once(api, shop):
    answer = api("engineer").post(f"{URL}drift-check/", {})
    assert (answer.status_code, answer.data["status"]) == (202, "waiting")
    assert api("engineer").post(f"{URL}drift-check/", {}).data["id"] == answer.data["id"]
    listed = api("auditor").get(f"{URL}drift-checks/").data["results"]
    assert [row["id"] for row in listed] == [answer.data["id"]] == [DriftCheck.objects.get().pk]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"findings": []}, "findings"),
        ({"findings": [1]}, "findings"),
        ({"why": ""}, "why"),
        ({"until": "tomorrow"}, "until"),
        ({"until": "2001-01-01"}, "until"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_acceptance_is_one_sentence_at_its_field(api, shop, change, field):
    row = shop.drift_findings.get()
    body = {"findings": [row.pk], "why": "Meant.", "until": day(3)} | change
    answer = api("team-lead").post(f"{URL}drift-accept/", body)
    assert answer.status_code == 400, answer.content
    (error,) = answer.data["errors"]
    assert error["field"].split(".")[0] == field
    row.refresh_from_db()
    assert row.status == "open"


def test_a_finding_is_accepted_and_taken_back(api, shop):
    row = shop.drift_findings.get()
    body = {"findings": [row.pk], "why": "Meant.", "until": day(3)}
    (shown,) = api("team-lead").post(f"{URL}drift-accept/", body).data
    assert (shown["status"], shown["accepted_by"], shown["accepted_until"]) == (
        "accepted",
        "team-lead",
        day(3),
    )
    (again,) = api("team-lead").post(f"{URL}drift-reopen/", {"findings": [row.pk]}).data
    assert again["status"] == "open"


def test_a_fix_answers_202_with_its_operation_and_never_for_a_database(api, shop):
    stack_make(shop, "data")
    other = drift_make(shop, stack="data", type="AWS::RDS::DBCluster", property_path="Port")
    refused = api("team-lead").post(f"{URL}drift-fix/", {"findings": [other.pk]})
    assert refused.status_code == 409 and "holds a database" in refused.data["detail"]
    answer = api("team-lead").post(f"{URL}drift-fix/", {})
    assert (answer.status_code, answer.data["kind"]) == (202, "drift-fix")
    assert Operation.objects.get().parameters["stacks"] == ["app"]

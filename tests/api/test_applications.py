"""Applications over the API: asked for, read, listed with their versions, removed."""

import pytest

from environments.lifecycle.models import Application
from tests.factories import application_make, version_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(house):
    return application_make(
        "till",
        team=house.team,
        owner=house.people["team-lead"],
        account=house.account,
        release=house.release,
    )


def test_a_request_answers_its_operation(api, house):
    said = {"name": "till", "team": "shop", "account": "sandbox-1", "branch": "trunk"}
    answer = api("engineer").post("/api/v1/applications/", said)
    assert answer.status_code == 202, answer.data
    assert answer.data["kind"] == "application-add"
    assert answer.data["subject"]["type"] == "application"
    shown = api("auditor").get("/api/v1/applications/till/").data
    assert (shown["status"], shown["source"], shown["branch"]) == ("adding", "codecommit", "trunk")
    assert shown["spec"]["team"] == "shop" and shown["versions"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Till"}, "name"),
        ({"source": "github"}, "github_repository"),
        ({"branch": "-x"}, "branch"),
        ({"colour": "red"}, "colour"),
        ({"team": "nobody"}, "team"),
    ],
)
def test_a_refusal_names_its_field(api, house, change, field):
    said = {"name": "till", "team": "shop", "account": "sandbox-1"} | change
    answer = api("team-lead").post("/api/v1/applications/", said)
    assert answer.status_code == 400
    assert [row["field"] for row in answer.data["errors"]] == [field]
    assert not Application.objects.exists()


def test_versions_are_listed_newest_first(api, till):
    for number in range(3):
        version_make(till, f"{number:040x}")
    found = api("auditor").get("/api/v1/applications/till/versions/?page_size=2").data
    assert found["count"] == 3
    assert [row["commit"] for row in found["results"]] == [f"{2:040x}", f"{1:040x}"]
    assert api("auditor").get("/api/v1/applications/").data["results"][0]["versions"] == 3


def test_one_that_is_gone_is_reached_by_its_id(api, till):
    Application.objects.update(status="gone")
    client = api("auditor")
    assert client.get("/api/v1/applications/till/").status_code == 404
    answer = client.get(f"/api/v1/applications/{till.pk}/")
    assert answer.data["status"] == "gone" and answer.data["url"].endswith(f"/applications/{till.pk}/")
    assert client.get("/api/v1/applications/").data["count"] == 0
    assert client.get("/api/v1/applications/?gone=true").data["count"] == 1
    assert [row["id"] for row in client.get("/api/v1/applications/?status=gone").data["results"]] == [till.pk]
    assert client.get("/api/v1/applications/?team=nobody").data["count"] == 0


def test_a_removal_wants_its_name(api, till):
    client = api("team-lead")
    answer = client.post("/api/v1/applications/till/remove/", {"confirm": "other"})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "confirm")
    assert client.post("/api/v1/applications/till/remove/", {"confirm": "till"}).status_code == 202
    assert client.post("/api/v1/applications/till/remove/", {"confirm": "till"}).status_code == 409

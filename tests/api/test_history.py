"""History through the API: revisions, differences between any two, rolling back, releases compared."""

import pytest
from django.utils import timezone

from environments.lifecycle.models import Comparison, Environment
from environments.operations.models import Decision, Operation
from tests.api import factories
from tests.factories import minutes_ago, revision_make

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/shop/"


@pytest.fixture
def shop(house, shop):
    """Of size medium now, small two hours ago."""
    asked = factories.make_operation(
        shop, by=house.people["team-lead"], kind="provision", status="succeeded", approval_rule="Small"
    )
    revision_make(shop, operation=asked, made_at=minutes_ago(120))
    shop.spec = shop.spec | {"size": "medium"}
    shop.size = "medium"
    shop.save()
    grown = factories.make_operation(shop, by=house.people["engineer"], kind="update", status="succeeded")
    Decision.objects.create(
        operation=grown, verdict="approved", decided_by=house.people["approver"], plan_hash="a" * 64
    )
    revision_make(shop, operation=grown, requested_by=house.people["engineer"], made_at=minutes_ago(60))
    return shop


def test_revisions_tell_who_asked_and_approved_newest_first(api, shop, django_assert_max_num_queries):
    client = api("auditor")
    with django_assert_max_num_queries(14):
        answer = client.get(f"{URL}revisions/")
    second, first = answer.data["results"]
    assert (second["number"], second["requested_by"], second["approved_by"]) == (2, "engineer", ["approver"])
    assert (first["number"], first["kind"], first["approved_by"]) == (1, "provision", ["Small"])
    assert (first["spec"]["size"], second["spec"]["size"]) == ("small", "medium")


def test_left_out_sides_are_the_last_step(api, shop):
    answer = api("auditor").get(f"{URL}diff/")
    assert answer.status_code == 200, answer.content
    assert (answer.data["left"]["revision"], answer.data["right"]["revision"]) == (1, 2)
    (field,) = answer.data["spec"]
    assert field == {"field": "size", "title": "Size", "before": "small", "after": "medium"}
    cost = answer.data["cost"]
    assert float(cost["difference"]) == pytest.approx(float(cost["after"]) - float(cost["before"]))
    assert float(cost["difference"]) > 0 and cost["items"]
    assert answer.data["templates"] == {"status": "pending", "sentence": "", "counts": {}, "stacks": []}
    row = Comparison.objects.get()
    Comparison.objects.update(
        status="made", document={"stacks": [{"key": "app", "action": "update", "changes": []}], "counts": {}}
    )
    again = api("auditor").get(f"{URL}diff/?from=1&to=now&wait=5")
    assert again.data["templates"]["status"] == "made" and Comparison.objects.get() == row
    assert again.data["templates"]["stacks"][0]["key"] == "app"


def test_a_moment_a_day_and_another_environment_are_sides(api, house, shop):
    other = house.environment("web", suffix="w3b1", cidr="10.20.0.0/16")
    revision_make(other)
    client = api("auditor")
    past = minutes_ago(90).isoformat()
    at = client.get(f"{URL}diff/", {"from": past, "to": "2"})
    assert at.data["left"]["revision"] == 1, at.content
    assert client.get(f"{URL}diff/", {"from": "1", "to": f"{timezone.now():%Y-%m-%d}"}).status_code == 200
    between = client.get(f"{URL}diff/", {"from": "web@1", "to": "now"})
    assert between.data["left"]["environment"] == "web"
    assert {"name", "cidr"} <= {row["field"] for row in between.data["spec"]}
    assert Comparison.objects.order_by("-pk").first().left["as"]["cidr"] == "10.20.0.0/16"


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        ("from=7", "from", "shop has no revision 7."),
        ("to=nowhere@2", "to", "There is no environment nowhere."),
        ("to=31-12", "to", "is no revision, moment or environment"),
        ("to=2026-99-99", "to", "is no revision, moment or environment"),
        ("to=2001-01-01", "to", "Nothing of shop was deployed by 01 Jan 2001"),
        ("wait=99", "wait", "from 0 to 30"),
        ("left=1", "left", "no parameter here"),
    ],
)
def test_a_side_that_is_not_there_is_said_at_its_parameter(api, shop, query, field, told):
    answer = api("auditor").get(f"{URL}diff/?{query}")
    assert answer.status_code == 400, answer.content
    (error,) = answer.data["errors"]
    assert error["field"] == field and told in error["detail"]


def test_rolling_back_is_an_update_to_the_revisions_spec_and_release(api, shop):
    answer = api("engineer").post(f"{URL}rollback/", {"revision": 1})
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get(kind="update", status="pending")
    asked = operation.parameters
    assert asked["spec"] == shop.revisions.get(number=1).spec
    assert (asked["changes"], asked["before"]) == ({"size": "small"}, {"size": "medium"})
    assert (asked["back_to"], asked["release"]) == (1, shop.release.version)
    again = api("engineer").post(f"{URL}rollback/", {"revision": 1})
    assert again.status_code == 409 and "already does this" in again.data["detail"]


def test_a_rollback_that_cannot_be_is_a_sentence_at_its_field(api, house, shop, description):
    client = api("team-lead")
    first = shop.revisions.get(number=1)

    def refused(number=1):
        answer = client.post(f"{URL}rollback/", {"revision": number})
        assert answer.status_code == 400, answer.content
        return answer.data["errors"][0]["field"], answer.data["errors"][0]["detail"]

    assert refused(9) == ("revision", "shop has no revision 9.")
    first.spec = first.spec | {"cidr": "10.77.0.0/16"}
    first.save()
    assert "has another cidr, which no update changes" in refused()[1]
    first.spec = first.spec | {"cidr": shop.spec["cidr"]}
    first.release = factories.make_release(description, "0.9.0")
    first.release.is_withdrawn = True
    first.release.save()
    first.save()
    assert refused()[1] == "Release 0.9.0 was withdrawn."
    first.outcome = "partial"
    first.save()
    assert "what a failed operation left" in refused()[1]
    same = client.post(f"{URL}rollback/", {"revision": 2})
    assert same.status_code == 409 and "is at revision 2" in same.data["detail"]
    Environment.objects.update(status="broken")
    assert client.post(f"{URL}rollback/", {"revision": 1}).status_code == 409
    assert not Operation.objects.filter(status="pending").exists()


def test_a_field_that_only_one_of_two_releases_knows_comes_and_goes_with_it(api, shop, description):
    older = {**description, "schema": {**description["schema"]}}
    fields = dict(older["schema"]["properties"])
    del fields["deletion_protection"]
    older["schema"]["properties"] = fields
    first = shop.revisions.get(number=1)
    first.release = factories.make_release(older, "0.9.0")
    first.spec = {name: value for name, value in first.spec.items() if name != "deletion_protection"}
    first.save()
    answer = api("team-lead").post(f"{URL}rollback/", {"revision": 1})
    assert answer.status_code == 202, answer.content
    assert "deletion_protection" not in Operation.objects.get(status="pending").parameters["spec"]


def test_releases_are_compared_by_what_they_say_of_themselves(api, house, description):
    changed = {
        **description,
        "regions": [*description["regions"], "eu-north-1"],
        "lock": {**description["lock"], "jsii": "9.9.9"},
        "changes": [*description.get("changes", []), {"version": "9.0.0", "text": "Everything is new."}],
    }
    factories.make_release(changed, "9.0.0")
    answer = api("auditor").get(f"/api/v1/releases/{house.release.pk}/diff/?to=9.0.0&size=medium")
    assert answer.status_code == 200, answer.content
    assert answer.data["regions"] == [{"name": "eu-north-1", "before": "", "after": "yes"}]
    assert [row["name"] for row in answer.data["lock"]] == ["jsii"]
    assert answer.data["changes"] == [{"version": "9.0.0", "text": "Everything is new."}]
    assert answer.data["fields"] == answer.data["prices"] == []
    assert answer.data["templates"]["status"] == "pending"
    for query, field in (("to=7", "to"), ("", "to"), ("to=9.0.0&size=vast", "size")):
        wrong = api("auditor").get(f"/api/v1/releases/{house.release.pk}/diff/?{query}")
        assert wrong.status_code == 400 and wrong.data["errors"][0]["field"] == field

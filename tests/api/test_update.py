"""Changing an environment through the API: what may change, to which release, and what is refused at its field."""

import pytest

from environments.lifecycle.models import Environment
from environments.operations.models import Operation
from tests.api import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/shop/update/"


@pytest.fixture
def shop(house, api):
    """Asked for as everybody does, and active."""
    api("team-lead").post("/api/v1/environments/", house.asked(name="shop"))
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    return Environment.objects.get()


def test_a_change_answers_202_with_its_operation(api, shop):
    answer = api("team-lead").post(URL, {"changes": {"size": "medium"}})
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert (operation.kind, answer.data["kind"]) == ("update", "update")
    assert operation.parameters["changes"] == {"size": "medium"}
    assert operation.parameters["before"] == {"size": "small"}
    assert operation.parameters["spec"]["size"] == "medium"
    assert Environment.objects.get().size == "small"


def test_another_release_is_an_upgrade_and_an_older_one_goes_back(api, house, shop, description):
    older = factories.make_release(description, "0.9.0")
    answer = api("team-lead").post(URL, {"release": "0.9.0"})
    assert answer.status_code == 202, answer.content
    asked = Operation.objects.get().parameters
    assert asked["release_id"] == older.pk
    assert (asked["release_before"], asked["release"]) == (house.release.version, "0.9.0")


@pytest.mark.parametrize(
    ("body", "field", "told"),
    [
        ({"changes": {"size": "huge"}}, "size", "Choose one of: small, medium, large"),
        (
            {"changes": {"cidr": "10.0.0.0/16"}},
            "cidr",
            "cannot be changed by an update. What can: push, size",
        ),
        ({"changes": {"colour": 1}}, "colour", "cannot be changed by an update"),
        ({"changes": {"log_retention_days": 8}}, "log_retention_days", "Choose one of"),
        ({"changes": "size"}, "changes", ""),
        ({"release": "99.0.0"}, "release", "99.0.0"),
        ({"size": "medium"}, "size", ""),
    ],
)
def test_a_bad_change_is_one_sentence_at_its_field_and_nothing_is_asked(api, shop, body, field, told):
    answer = api("team-lead").post(URL, body)
    assert answer.status_code == 400, answer.content
    (error,) = answer.data["errors"]
    assert error["field"].split(".")[-1] == field and told in error["detail"]
    assert not Operation.objects.exists()


def test_what_is_not_active_or_is_like_that_already_is_a_conflict(api, house, shop):
    same = api("team-lead").post(URL, {"changes": {"size": "small"}})
    assert same.status_code == 409 and "say what is to change" in same.data["detail"]
    Environment.objects.update(status="broken")
    assert api("team-lead").post(URL, {"changes": {"size": "medium"}}).status_code == 409
    assert not Operation.objects.exists()


def test_two_changes_at_once_are_one(api, shop):
    assert api("team-lead").post(URL, {"changes": {"size": "medium"}}).status_code == 202
    second = api("team-lead").post(URL, {"changes": {"size": "large"}})
    assert second.status_code == 409 and "already does this" in second.data["detail"]

"""Environments through the API, from the request to the end."""

import re

import pytest
from django.db import connection

from environments.lifecycle.models import Environment
from environments.lifecycle.validation import NAME_LENGTH
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from tests.api import factories
from tests.api.support import document
from tests.factories import minutes_ago

pytestmark = pytest.mark.django_db
URL = "/api/v1/environments/"


def test_a_request_answers_202_with_its_operation(api, house):
    answer = api("team-lead").post(URL, house.asked())
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert answer["Location"].endswith(f"/api/v1/operations/{operation.pk}/")
    assert answer.data["url"] == answer["Location"]
    assert (answer.data["kind"], answer.data["status"]) == ("provision", "pending")
    assert answer.data["event_count"] == 1
    assert answer.data["subject"] == {
        "type": "environment",
        "id": Environment.objects.get().pk,
        "name": "orders",
    }


def test_the_audit_says_who_asked_and_that_it_was_by_the_api(api, house):
    api("team-lead").post(URL, house.asked())
    row = api("auditor").get("/api/v1/audit/?action=provision.requested").data["results"][0]
    assert (row["actor"], row["subject"], row["origin"]) == (
        "team-lead",
        f"environment:{Environment.objects.get().full_name}",
        "127.0.0.1 api",
    )


def test_an_environment_is_reached_by_name_while_it_lives_and_by_id_for_ever(api, house):
    gone = house.environment("shop", status="torn-down")
    living = house.environment("shop", suffix="aaaa")
    client = api("auditor")
    assert client.get(URL + "shop/").data["id"] == living.pk
    assert client.get(f"{URL}{gone.pk}/").data["status"] == "torn-down"
    assert client.get(f"{URL}{living.pk}/").data["url"].endswith(f"/{living.pk}/")
    missing = client.get(URL + "nothing/")
    assert missing.status_code == 404
    assert "There is no environment nothing" in missing.data["detail"]
    assert client.get(URL + "9" * 30 + "/").status_code == 404
    # Not cut to an id that exists.
    assert client.get(f"{URL}{living.pk:018}/").status_code == 200
    assert client.get(f"{URL}{living.pk:018}77/").status_code == 404


def test_the_document_takes_every_name_that_an_environment_can_have(api, house):
    described = document()
    name = "a" * NAME_LENGTH[1]
    house.environment(name)
    assert api("auditor").get(f"{URL}{name}/").status_code == 200
    patterns = [
        row["schema"]["pattern"]
        for path in described["paths"].values()
        for operation in path.values()
        for row in operation.get("parameters", [])
        if row["name"] == "environment"
    ]
    assert len(patterns) >= 5
    assert all(re.fullmatch(pattern, name) for pattern in patterns)


def test_lists_leave_out_what_is_gone_unless_asked(api, house):
    house.environment("old", status="torn-down")
    house.environment("shop")
    client = api("engineer")

    def names(query):
        return [row["name"] for row in client.get(URL + query).data["results"]]

    assert names("") == ["shop"]
    assert names("?gone=true") == ["old"]
    assert names("?status=torn-down&status=active&ordering=-name") == ["shop", "old"]
    assert names("?search=sho") == ["shop"]
    assert names("?team=shop&tier=dev&account=sandbox-1&owner=team-lead") == ["shop"]
    assert names("?tier=prod") == []


def test_what_goes_on_is_told_by_the_open_operation(api, house):
    shop = house.environment("shop")
    operation = factories.make_operation(
        shop, by=house.people["team-lead"], kind="teardown", sentence="Soon."
    )
    row = api("auditor").get(URL + "shop/").data
    assert row["open_operation"]["id"] == operation.pk
    assert row["open_operation"]["sentence"] == "Soon."
    assert row["open_operation"]["url"].endswith(f"/operations/{operation.pk}/")
    assert {name["key"] for name in row["names"]} >= {"uploads-bucket"}


def test_a_preview_answers_names_cost_and_problems_and_creates_nothing(api, house):
    answer = api("team-lead").post(URL + "preview/", house.asked(name="Orders", cidr="10.0.0.0/8"))
    assert answer.status_code == 200, answer.content
    assert {row["field"] for row in answer.data["problems"]} == {"name", "cidr"}
    fine = api("team-lead").post(URL + "preview/", house.asked())
    assert fine.data["problems"] == []
    assert any("orders-xxxx" in row["value"] for row in fine.data["names"])
    assert float(fine.data["cost"]["total"]) > 100
    assert not Environment.objects.exists() and not Operation.objects.exists()


def test_protection_is_switched_and_withdrawing_frees_a_request(api, house):
    house.environment("shop", status="requested")
    client = api("team-lead")
    assert client.post(URL + "shop/protect/", {"is_protected": True}).data["is_protected"] is True
    assert client.post(URL + "shop/protect/", {"is_protected": False}).data["is_protected"] is False
    assert client.post(URL + "shop/withdraw/", {}).data["status"] == "withdrawn"
    assert client.get(URL + "shop/").status_code == 404


def test_teardown_takes_the_typed_name_and_a_word_per_store(api, house):
    house.environment("shop")
    client = api("team-lead")
    refused = client.post(URL + "shop/teardown/", {"confirm": "shp", "copies": {"database": True}})
    assert refused.status_code == 400
    assert {row["field"] for row in refused.data["errors"]} == {"confirm", "copies"}
    body = {"confirm": "shop", "copies": {"database": True, "uploads": False, "logs": False}}
    answer = client.post(URL + "shop/teardown/", body)
    assert answer.status_code == 202
    assert answer.data["kind"] == "teardown"
    again = client.post(URL + "shop/teardown/", body)
    assert again.status_code == 409
    assert f"Operation {answer.data['id']} already does this" in again.data["detail"]


def test_a_protected_one_is_not_torn_down(api, house):
    house.environment("shop", is_protected=True)
    body = {"confirm": "shop", "copies": {"database": False, "uploads": False, "logs": False}}
    answer = api("administrator").post(URL + "shop/teardown/", body)
    assert (answer.status_code, answer.data["detail"]) == (
        409,
        "shop is protected. Turn its protection off first.",
    )


def test_what_a_teardown_left_is_with_the_environment(api, house):
    gone = house.environment("shop", status="torn-down")
    operation = factories.make_operation(
        gone, by=house.people["team-lead"], kind="teardown", status="succeeded"
    )
    factories.make_report(gone, operation)
    report = api("auditor").get(f"{URL}{gone.pk}/").data["teardown_report"]
    assert report["operation"] == operation.pk
    assert report["kept"] == [{"type": "snapshot", "id": "last-copy"}]


def test_the_audit_of_each_environment_of_a_name_is_its_own(api, house):
    first = house.environment("shop", suffix="aaaa", status="torn-down", created_at=minutes_ago(90))
    # As it was recorded before full names were: by the name alone.
    with connection.cursor() as cursor:
        for minutes, action in ((80, "first.old"), (40, "second.old")):
            cursor.execute(
                "INSERT INTO operations_auditentry (at, actor_name, action, subject, origin, previous_hash, hash)"
                " VALUES (%s, 'ada', %s, 'environment:shop', '', '', '')",
                [minutes_ago(minutes), action],
            )
    second = house.environment("shop", suffix="bbbb", created_at=minutes_ago(50))
    audit_record("first.new", first, actor=None)
    audit_record("second.new", second, actor=None)
    client = api("auditor")

    def actions(path):
        return [row["action"] for row in client.get(path).data["results"]]

    assert actions(f"{URL}{first.pk}/audit/") == ["first.new", "first.old"]
    assert actions(f"{URL}shop/audit/") == ["second.new", "second.old"]
    assert actions("/api/v1/audit/?subject=environment:shop-aaaa") == ["first.new"]
    assert actions("/api/v1/audit/?subject=environment:shop-bbbb") == ["second.new"]


def test_an_environment_named_like_anothers_full_name_shows_nothing_of_it(api, house):
    house.environment("shop-k3x9", suffix="aaaa", created_at=minutes_ago(9))
    audit_record("shop.done", house.environment("shop"), actor=None)
    assert api("auditor").get(URL + "shop-k3x9/audit/").data["results"] == []
    assert api("auditor").get(URL + "shop/audit/").data["count"] == 1


def test_a_request_names_its_owner(api, house):
    answer = api("team-lead").post(URL, house.asked(owner="engineer"))
    assert answer.status_code == 202, answer.content
    row = api("auditor").get(URL + "orders/").data
    assert (row["owner"], row["spec"]["owner"]) == ("engineer", "engineer")
    api("team-lead").post(URL, house.asked(name="cart"))
    assert api("auditor").get(URL + "cart/").data["owner"] == "team-lead"


@pytest.mark.parametrize(
    "owner, words",
    [
        ("nobody", "There is no person nobody."),
        ("gone", "gone has left. Name somebody of team Shop."),
        ("stranger", "stranger is not in team Shop."),
        ("", "null"),
        (7, "in quotes"),
        (None, "null"),
    ],
)
def test_an_owner_who_cannot_answer_for_it_is_refused(api, house, owner, words):
    gone = factories.make_person("gone", teams=(house.team,))
    gone.is_active = False
    gone.save()
    factories.make_person("stranger")
    answer = api("team-lead").post(URL, house.asked(owner=owner))
    assert answer.status_code == 400, answer.content
    told = {row["field"]: row["detail"] for row in answer.data["errors"]}
    assert set(told) == {"owner"} and words in told["owner"]
    assert not Environment.objects.exists()
    previewed = api("team-lead").post(URL + "preview/", house.asked(owner=owner))
    assert words in str(previewed.data)


def test_an_administrator_outside_the_team_may_own_what_they_ask_for(api, house):
    house.people["administrator"].teams.clear()
    for body in ({}, {"owner": "administrator"}):
        answer = api("administrator").post(URL, house.asked(name=f"own-{len(body)}", **body))
        assert answer.status_code == 202, answer.content

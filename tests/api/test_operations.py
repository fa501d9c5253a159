"""Operations through the API: verbs, events, and answers that wait."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from environments.operations.events import event_write
from environments.operations.models import Operation
from environments.operations.waiting import LONGEST_S, RETRY_AFTER_S, WAITERS
from tests.api import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/operations/"


@pytest.fixture
def planned(house):
    """A provisioning that waits for approval, asked for by the team lead."""
    shop = house.environment("shop", status="requested", tier="staging")
    return factories.make_planned(shop, by=house.people["team-lead"])


def test_another_person_approves_the_plan_they_saw(api, planned):
    seen = api("approver").get(f"{URL}{planned.pk}/").data
    assert seen["plan"]["hash"] == factories.HASH
    moved = api("approver").post(f"{URL}{planned.pk}/approve/", {"hash": "b" * 64})
    assert moved.status_code == 409
    assert moved.data["errors"][0]["field"] == "hash"
    body = {"hash": seen["plan"]["hash"], "comment": "Fine."}
    answer = api("approver").post(f"{URL}{planned.pk}/approve/", body)
    assert answer.status_code == 200, answer.content
    assert answer.data["status"] == "queued"
    assert answer.data["queue_position"] == 1
    assert answer.data["decisions"][0]["decided_by"] == "approver"


def test_nobody_approves_their_own_request(api, planned):
    answer = api("team-lead").post(f"{URL}{planned.pk}/approve/", {"hash": factories.HASH})
    assert (answer.status_code, answer.data["type"]) == (403, "urn:switchyard:problem:forbidden")
    assert "You requested this yourself" in answer.data["detail"]


def test_a_rejection_says_why_and_withdraws_the_request(api, planned):
    blank = api("approver").post(f"{URL}{planned.pk}/reject/", {"comment": ""})
    assert (blank.status_code, blank.data["errors"][0]["field"]) == (400, "comment")
    answer = api("approver").post(f"{URL}{planned.pk}/reject/", {"comment": "Use the other team's."})
    assert answer.data["status"] == "rejected"
    assert planned.subject.__class__.objects.get(pk=planned.subject_id).status == "withdrawn"


def test_cancel_ends_what_has_not_begun_and_asks_what_runs(api, house, planned):
    assert api("team-lead").post(f"{URL}{planned.pk}/cancel/").data["status"] == "cancelled"
    running = factories.make_operation(
        house.environment("cart"), by=house.people["team-lead"], kind="teardown", status="running"
    )
    client = api("administrator")
    assert client.post(f"{URL}{running.pk}/force-cancel/", {}).status_code == 409
    assert client.post(f"{URL}{running.pk}/cancel/", {}).data["status"] == "cancelling"
    assert client.post(f"{URL}{running.pk}/force-cancel/", {}).data["status"] == "cancelled"
    assert client.post(f"{URL}{running.pk}/cancel/", {}).status_code == 409


def test_what_failed_is_retried_and_what_is_paused_resumed(api, house):
    shop = house.environment("shop", status="provisioning")
    failed = factories.make_operation(
        shop, by=house.people["team-lead"], status="failed", phase="execute", failure={"reason": "No."}
    )
    client = api("team-lead")
    assert client.get(f"{URL}{failed.pk}/").data["failure"] == {"reason": "No."}
    assert client.post(f"{URL}{failed.pk}/retry/", {}).data["status"] == "queued"
    assert client.post(f"{URL}{failed.pk}/retry/", {}).status_code == 409
    Operation.objects.filter(pk=failed.pk).update(status="paused")
    assert client.post(f"{URL}{failed.pk}/resume/", {}).data["status"] == "queued"


def test_an_administrator_shortens_a_notice_with_a_reason(api, house):
    shop = house.environment("shop", tier="prod")
    until = timezone.now() + timedelta(days=7)
    operation = factories.make_operation(
        shop, by=house.people["team-lead"], kind="teardown", status="queued", not_before=until
    )
    client = api("administrator")
    sooner = (timezone.now() + timedelta(hours=1)).isoformat()
    answer = client.post(f"{URL}{operation.pk}/shorten-notice/", {"not_before": sooner, "reason": "Agreed."})
    assert answer.status_code == 200, answer.content
    assert answer.data["not_before"] < until.isoformat()
    later = (until + timedelta(days=1)).isoformat()
    refused = client.post(f"{URL}{operation.pk}/shorten-notice/", {"not_before": later, "reason": "No."})
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "not_before")


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "2026-02-31T10:00:00Z", "soon", "", None])
def test_a_moment_that_has_passed_or_is_none_shortens_nothing(api, house, moment):
    until = timezone.now() + timedelta(days=7)
    operation = factories.make_operation(
        house.environment("shop", tier="prod"), by=house.people["team-lead"], kind="teardown",
        status="queued", not_before=until,
    )  # fmt: skip
    body = {"not_before": moment, "reason": "Agreed."}
    refused = api("administrator").post(f"{URL}{operation.pk}/shorten-notice/", body)
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "not_before")
    operation.refresh_from_db()
    assert operation.not_before == until


def test_events_are_read_on_from_a_number(api, planned):
    for number in range(1, 6):
        event_write(planned.pk, "step.looked", f"Look {number}.")
    client = api("auditor")
    first = client.get(f"{URL}{planned.pk}/events/?limit=2").data
    assert [row["number"] for row in first["results"]] == [1, 2]
    assert (first["after"], first["has_more"], first["is_ended"]) == (2, True, False)
    rest = client.get(f"{URL}{planned.pk}/events/?after={first['after']}").data
    assert [row["text"] for row in rest["results"]] == ["Look 3.", "Look 4.", "Look 5."]
    assert (rest["after"], rest["has_more"]) == (5, False)
    nothing = client.get(f"{URL}{planned.pk}/events/?after=5").data
    assert (nothing["results"], nothing["after"]) == ([], 5)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", "after=99999999999"])
def test_events_after_nonsense_are_refused(api, planned, query):
    answer = api("auditor").get(f"{URL}{planned.pk}/events/?{query}")
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, query.split("=")[0])


@pytest.mark.parametrize("wait", ["-1", "31", "soon", "nan", "inf", ""])
def test_a_wait_that_is_no_time_is_refused(api, planned, wait):
    answer = api("auditor").get(f"{URL}{planned.pk}/?wait={wait}")
    assert answer.status_code == 400
    assert answer.data["detail"] == f"wait is a number of seconds from 0 to {LONGEST_S}."


def test_a_wait_is_over_when_its_time_is(api, planned):
    began = time.monotonic()
    answer = api("auditor").get(f"{URL}{planned.pk}/?wait=0.7")
    assert (answer.status_code, answer.data["status"]) == (200, "awaiting-approval")
    assert 0.7 <= time.monotonic() - began < 3


def test_a_wait_for_what_has_ended_or_is_not_there_is_none(api, house, planned):
    Operation.objects.filter(pk=planned.pk).update(status="succeeded")
    client = api("auditor")
    began = time.monotonic()
    assert client.get(f"{URL}{planned.pk}/?wait=20").data["status"] == "succeeded"
    assert client.get(f"{URL}999999/?wait=20").status_code == 404
    assert time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
def test_a_change_ends_the_wait(api, planned):
    def change():
        time.sleep(0.8)
        Operation.objects.filter(pk=planned.pk).update(status="queued", sentence="Approved.")
        connection.close()

    client = api("auditor")
    changer = threading.Thread(target=change)
    began = time.monotonic()
    changer.start()
    answer = client.get(f"{URL}{planned.pk}/?wait=20")
    changer.join()
    assert answer.data["sentence"] == "Approved."
    assert 0.8 <= time.monotonic() - began < 5


def test_the_list_is_filtered_searched_and_ordered(api, house, planned):
    cart = house.environment("cart")
    other = factories.make_operation(cart, by=house.people["engineer"], kind="teardown", status="running")
    client = api("auditor")

    def ids(query):
        return [row["id"] for row in client.get(f"{URL}?{query}").data["results"]]

    assert ids("") == [other.pk, planned.pk]
    assert ids("ordering=id") == [planned.pk, other.pk]
    assert ids("subject=cart") == [other.pk]
    assert ids("status=running&status=queued") == [other.pk]
    assert ids("kind=provision&requested_by=team-lead") == [planned.pk]
    assert ids("subject_type=account") == []
    assert ids("search=engin") == [other.pk]
    assert ids("requested_after=2999-01-01T00:00:00Z") == []


def test_a_plan_is_read_by_its_operation(api, planned):
    client = api("engineer")
    listed = client.get("/api/v1/plans/").data["results"][0]
    assert (listed["operation"], listed["hash"], listed["subject"]) == (planned.pk, factories.HASH, "shop")
    plan = client.get(f"/api/v1/plans/{planned.pk}/").data
    assert plan["summary"] == "Five stacks are created."
    assert plan["stacks"][0]["changes"][0]["type"] == "AWS::EC2::VPC"
    assert plan["counts"] == {"added": 1}
    assert client.get("/api/v1/plans/99999/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_waiters_never_take_all_of_a_process(api, planned):
    """One more than may wait: it is answered at once and told when to come again, the others in their time."""
    client, took = api("auditor"), []

    def wait():
        began = time.monotonic()
        answer = client.get(f"{URL}{planned.pk}/?wait=2")
        took.append((time.monotonic() - began < 1.9, answer.get("Retry-After")))
        connection.close()

    threads = [threading.Thread(target=wait) for _ in range(WAITERS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(took, key=str) == [(False, None)] * WAITERS + [(True, str(RETRY_AFTER_S))]

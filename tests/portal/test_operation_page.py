"""The operation page: what it tells, that it moves only when something has changed, and decisions."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from environments.lifecycle.models import TeardownReport
from environments.operations.events import Draft, events_write
from environments.operations.models import AuditEntry, Decision, Operation, Step
from environments.operations.moves import operation_describe
from environments.people.models import PortalRole, User
from tests import factories

R = PortalRole


@pytest.fixture
def running(world: Any) -> Operation:
    """A running provision: network done, database half way, application waiting for it."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop",
        team=world.team,
        owner=lead,
        account=world.account,
        release=world.release,
        status="provisioning",
    )
    operation = factories.operation_make(
        environment, requested_by=lead, phase="execute", started_at=factories.minutes_ago(5)
    )
    times = {"started_at": factories.minutes_ago(5)}
    factories.step_make(
        operation,
        "network",
        status="succeeded",
        ended_at=factories.minutes_ago(3),
        progress_done=10,
        progress_total=10,
        **times,
    )
    factories.step_make(
        operation, "data", status="waiting", waits_for="aws", sentence="The cluster is being created.",
        progress_done=2, progress_total=6, started_at=factories.minutes_ago(3),
    )  # fmt: skip
    factories.step_make(operation, "app", needs=["network", "data"], progress_total=4)
    return operation


def poll_address(page: str) -> str:
    """Where the page asks for news."""
    return page.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")


def test_page_counts_names_the_slowest_and_says_who_waits(
    world: Any, running: Operation, sign_in: Any
) -> None:
    page = (
        sign_in(world.people[R.AUDITOR]).get(reverse("admin:operation", args=[running.pk])).content.decode()
    )
    assert "12 of 20" in page
    assert re.search(r"Slowest: Data since <span [^>]+>3 min", page)
    assert "after Data" in page
    assert "The cluster is being created. 2 of 6." in page


def test_planning_that_waits_for_a_person_says_so_first(world: Any, running: Operation, sign_in: Any) -> None:
    operation = factories.operation_make(running.subject, status="planning")
    role = factories.step_make(
        operation, "role", phase="plan", status="waiting", waits_for="person", sentence="Deploy the role."
    )
    operation_describe(operation, [role])
    address = reverse("admin:operation", args=[operation.pk])
    page = sign_in(world.people[R.AUDITOR]).get(address).content.decode()
    assert "<b>Planning</b> · Role: Deploy the role." in page
    role.waits_for = "aws"
    operation_describe(operation, [role])
    assert "being worked out" in operation.sentence


def test_a_plan_counts_its_steps_and_not_what_they_look_at(
    world: Any, running: Operation, sign_in: Any
) -> None:
    operation = factories.operation_make(running.subject, status="planning", phase="plan")
    factories.step_make(
        operation, "drift", phase="plan", status="succeeded", progress_done=5, progress_total=5
    )
    factories.step_make(operation, "plan", phase="plan", status="running")
    page = sign_in(world.people[R.AUDITOR]).get(reverse("admin:operation", args=[operation.pk]))
    assert (page.context["progress"].done, page.context["progress"].total) == (1, 2)
    assert page.context["progress"].noun == "steps"


def test_step_that_another_operation_does_leads_to_it(world: Any, running: Operation, sign_in: Any) -> None:
    parent = factories.operation_make(running.subject, status="succeeded")
    factories.step_make(parent, "up", status="succeeded", state={"child": running.pk})
    address = reverse("admin:operation", args=[parent.pk])
    page = sign_in(world.people[R.AUDITOR]).get(address).content.decode()
    assert f'href="{reverse("admin:operation", args=[running.pk])}">operation {running.pk}</a>' in page


def test_estimate_comes_from_earlier_runs_of_the_kind(world: Any, running: Operation, sign_in: Any) -> None:
    for minutes in (10, 12, 30):
        factories.operation_make(
            running.subject,
            status="succeeded",
            started_at=factories.minutes_ago(100 + minutes),
            ended_at=factories.minutes_ago(100),
        )
    page = (
        sign_in(world.people[R.AUDITOR]).get(reverse("admin:operation", args=[running.pk])).content.decode()
    )
    assert "left, going by 3 earlier runs" in page


def test_poll_answers_nothing_until_something_changes(world: Any, running: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.ENGINEER])
    page = client.get(reverse("admin:operation", args=[running.pk])).content.decode()
    address = poll_address(page)
    assert client.get(address).status_code == 204
    Step.objects.filter(operation=running, key="data").update(progress_done=3)
    changed = client.get(address)
    assert changed.status_code == 200
    assert "13 of 20" in changed.content.decode()
    assert client.get(poll_address(changed.content.decode())).status_code == 204


def test_poll_brings_new_events_once_and_in_order(world: Any, running: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.ENGINEER])
    address = poll_address(client.get(reverse("admin:operation", args=[running.pk])).content.decode())
    events_write(running.pk, [Draft("a", "First new line."), Draft("b", "Second new line.")])
    news = client.get(address).content.decode()
    assert news.index("First new line.") < news.index("Second new line.")
    assert 'hx-swap-oob="beforeend:#events"' in news
    assert parse_qs(urlsplit(poll_address(news)).query)["after"] == ["3"]
    assert "provision was requested" not in news


def test_poll_stops_when_it_has_ended(world: Any, running: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.ENGINEER])
    address = poll_address(client.get(reverse("admin:operation", args=[running.pk])).content.decode())
    Operation.objects.filter(pk=running.pk).update(status="succeeded", sentence="shop is active.")
    last = client.get(address).content.decode()
    assert "shop is active." in last
    assert "hx-trigger" not in last
    assert 'id="acts" hx-swap-oob' in last


def test_failure_names_resource_reason_and_remedy(world: Any, running: Operation, sign_in: Any) -> None:
    Operation.objects.filter(pk=running.pk).update(
        status="failed",
        failure={
            "step": "data",
            "resource": "Cluster",
            "reason": "not authorized <b>",
            "remedy": "Deploy the role again.",
        },
    )
    page = (
        sign_in(world.people[R.TEAM_LEAD]).get(reverse("admin:operation", args=[running.pk])).content.decode()
    )
    assert "not authorized &lt;b&gt;" in page
    assert "Deploy the role again." in page
    assert reverse("admin:operation-act", args=[running.pk, "retry"]) in page


@pytest.fixture
def waiting(world: Any) -> Operation:
    """A prod request of the team lead that waits for approval."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "pay", team=world.team, owner=lead, account=world.account, release=world.release, status="requested"
    )
    operation = factories.operation_make(
        environment, status="awaiting-approval", requested_by=lead, approvals_needed=1
    )
    factories.plan_make(operation)
    return operation


def test_approval_carries_the_hash_that_was_seen(world: Any, waiting: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.APPROVER])
    page = client.get(reverse("admin:operation", args=[waiting.pk])).content.decode()
    assert f'name="plan_hash" value="{"a" * 64}"' in page
    approve = reverse("admin:operation-act", args=[waiting.pk, "approve"])
    client.post(approve, {"plan_hash": "f" * 64})
    waiting.refresh_from_db()
    assert waiting.status == "awaiting-approval"
    client.post(approve, {"plan_hash": "a" * 64, "comment": "Fine."})
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    assert Decision.objects.get().comment == "Fine."


def test_requester_cannot_approve_and_is_told_so(world: Any, waiting: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    page = client.get(reverse("admin:operation", args=[waiting.pk])).content.decode()
    assert "another person has to approve it" in page
    assert "Approve this plan" not in page
    client.post(reverse("admin:operation-act", args=[waiting.pk, "approve"]), {"plan_hash": "a" * 64})
    waiting.refresh_from_db()
    assert waiting.status == "awaiting-approval"


def test_rejection_without_a_word_is_a_problem_at_the_comment(
    world: Any, waiting: Operation, sign_in: Any
) -> None:
    client = sign_in(world.people[R.APPROVER])
    answer = client.post(reverse("admin:operation-act", args=[waiting.pk, "reject"]), {"comment": " "})
    assert answer.status_code == 400
    assert "Say why" in answer.context["problems"]["comment"]
    client.post(reverse("admin:operation-act", args=[waiting.pk, "reject"]), {"comment": "Too large."})
    waiting.refresh_from_db()
    assert waiting.status == "rejected"


def test_inbox_shows_what_waits_and_who_handled_what(world: Any, waiting: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.APPROVER])
    page = client.get(reverse("admin:approvals")).content.decode()
    assert "Build pay" in page
    assert "USD 245.14 / month" in page
    client.post(
        reverse("admin:operation-act", args=[waiting.pk, "approve"]),
        {"plan_hash": "a" * 64, "comment": "Fine."},
    )
    page = client.get(reverse("admin:approvals")).content.decode()
    assert "The inbox is empty" in page
    assert "Fine." in page


def test_unknown_verb_or_operation_is_not_found(world: Any, waiting: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    assert client.post(reverse("admin:operation-act", args=[waiting.pk, "explode"])).status_code == 404
    assert client.get(reverse("admin:operation", args=[10**9])).status_code == 404
    assert client.get(reverse("admin:operation-act", args=[waiting.pk, "approve"])).status_code == 405


def test_pause_is_told_on_the_page_when_it_comes_and_goes(
    world: Any, running: Operation, sign_in: Any
) -> None:
    admin = world.people[R.ADMINISTRATOR]
    client = sign_in(admin)
    address = poll_address(client.get(reverse("admin:operation", args=[running.pk])).content.decode())
    client.post(reverse("admin:administration-pause"), {"reason": "Moving house."})
    told = client.get(address).content.decode()
    assert "Everything is paused" in told
    assert "Moving house." in told
    client.post(reverse("admin:administration-lift"))
    assert "is paused" not in client.get(poll_address(told)).content.decode()


@pytest.fixture
def noticed(world: Any) -> Operation:
    """A teardown of production whose notice runs for a week."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "bank", team=world.team, owner=lead, account=world.account, release=world.release, tier="prod"
    )
    return factories.operation_make(
        environment,
        kind="teardown",
        status="queued",
        requested_by=lead,
        not_before=timezone.now() + timedelta(days=7),
    )


@pytest.mark.parametrize(
    "typed, words",
    [
        ({}, "Choose whether"),
        ({"when": "soon"}, "Choose whether"),
        ({"not_before": "2026-12-01T10:00"}, "Choose whether"),
        ({"when": "at"}, "Nothing is no date"),
        ({"when": "at", "not_before": "tomorrow"}, "tomorrow is no date"),
        ({"when": "at", "not_before": "2026-02-31T10:00"}, "2026-02-31T10:00 is no date"),
        ({"when": "at", "not_before": "2999-01-01T10:00"}, "The notice ends on"),
        ({"when": "at", "not_before": "2020-01-01T10:00"}, "has passed"),
        ({"when": "at", "not_before": "0001-01-01T00:00"}, "has passed"),
    ],
)
def test_notice_is_not_shortened_by_a_moment_that_is_none(
    typed: dict[str, str], words: str, world: Any, noticed: Operation, sign_in: Any
) -> None:
    until = noticed.not_before
    User.objects.update(time_zone="Pacific/Auckland")
    world.people[R.ADMINISTRATOR].refresh_from_db()
    client = sign_in(world.people[R.ADMINISTRATOR])
    address = reverse("admin:operation-act", args=[noticed.pk, "shorten-notice"])
    answer = client.post(address, {**typed, "reason": "Agreed."})
    assert answer.status_code == 400
    assert words in answer.context["problems"]["not_before"]
    assert words in answer.content.decode()
    noticed.refresh_from_db()
    assert noticed.not_before == until
    assert not AuditEntry.objects.filter(action="teardown.notice-shortened").exists()


def test_notice_ends_now_only_when_now_is_chosen(world: Any, noticed: Operation, sign_in: Any) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    address = reverse("admin:operation-act", args=[noticed.pk, "shorten-notice"])
    soon = timezone.now() + timedelta(days=2)
    client.post(address, {"when": "at", "not_before": f"{soon:%Y-%m-%dT%H:%M}", "reason": "Agreed."})
    noticed.refresh_from_db()
    assert noticed.not_before == soon.replace(second=0, microsecond=0)
    client.post(address, {"when": "now", "not_before": "", "reason": "Agreed."})
    noticed.refresh_from_db()
    assert noticed.not_before <= timezone.now()


def test_decision_on_a_live_account_says_so(world: Any, waiting: Operation, sign_in: Any) -> None:
    world.account.mode = "live"
    world.account.save()
    page = (
        sign_in(world.people[R.APPROVER]).get(reverse("admin:operation", args=[waiting.pk])).content.decode()
    )
    assert f"LIVE {world.account.account_id}" in page
    assert f"This changes the LIVE account {world.account.account_id}" in page


def test_report_of_a_teardown_comes_with_its_end(world: Any, running: Operation, sign_in: Any) -> None:
    browser = sign_in(world.people[R.AUDITOR])
    page = browser.get(reverse("admin:operation", args=[running.pk])).content.decode()
    assert "What remains" not in page
    Operation.objects.filter(pk=running.pk).update(status="succeeded", sentence="It is gone.")
    TeardownReport.objects.create(
        environment=running.subject, operation=running, kept=[{"type": "AWS::KMS::Key", "id": "the-key"}]
    )
    news = browser.get(poll_address(page)).content.decode()
    assert "What remains" in news
    assert "the-key" in news

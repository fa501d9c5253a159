"""The start page: what is told to whom, and that it costs the same however much there is."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from environments.lifecycle.figures import costs_at
from environments.lifecycle.models import Environment, TeamLimit
from environments.operations.models import Decision
from environments.people.models import PortalRole, User
from portal.pages.menu import approvals_badge
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _no_trend_of_other_tests() -> None:
    cache.delete("start-cost-weeks")


def environment(world: Any, name: str, **fields: Any) -> Environment:
    lead = world.people[R.TEAM_LEAD]
    place = {"owner": lead, "account": world.account, "release": world.release, "team": world.team}
    return factories.environment_make(name, **place | fields)


def groups(client: Client) -> dict[str, int]:
    return {group.title: group.count for group in client.get("/").context["waits"].groups}


def test_own_requests_and_failures_wait_for_oneself_and_those_of_others_are_told_apart(
    world: Any, sign_in: SignIn
) -> None:
    engineer, lead = world.people[R.ENGINEER], world.people[R.TEAM_LEAD]
    waits = factories.operation_make(
        environment(world, "one", status="requested"), status="awaiting-approval", requested_by=engineer
    )
    factories.plan_make(waits)
    factories.operation_make(
        environment(world, "two"),
        kind="update",
        status="failed",
        requested_by=engineer,
        ended_at=timezone.now(),
    )
    client = sign_in(engineer)
    assert groups(client) == {"Your requests that wait for somebody": 1, "Yours that failed": 1}
    assert client.get("/").context["failed"].count == 0
    other = sign_in(lead)
    assert groups(other) == {"Plans to decide on": 1}
    page = other.get("/")
    assert page.context["failed"].count == 1
    assert page.context["says"] == "One plan waits for you. One operation failed and wants a look."


def test_a_plan_that_one_approved_waits_for_the_others_only(world: Any, sign_in: SignIn) -> None:
    operation = factories.operation_make(
        environment(world, "one", status="requested"),
        status="awaiting-approval",
        requested_by=world.people[R.ENGINEER],
        approvals_needed=2,
    )
    factories.plan_make(operation)
    lead, approver = world.people[R.TEAM_LEAD], world.people[R.APPROVER]
    Decision.objects.create(
        operation=operation, verdict="approved", decided_by=lead, plan_hash=operation.approval_hash
    )
    assert groups(sign_in(lead)) == {}
    assert groups(sign_in(approver)) == {"Plans to decide on": 1}


def test_a_proposed_setting_waits_for_those_who_can_decide_about_it(world: Any, sign_in: SignIn) -> None:
    ada, paul = world.people[R.ADMINISTRATOR], world.people[R.APPROVER]
    other = factories.person_make(R.ADMINISTRATOR)
    about = factories.person_make(R.ENGINEER)
    proposal = factories.proposal_make(about, by=ada)
    factories.proposal_make(paul, by=ada)
    decides, about_himself, proposed = sign_in(other), sign_in(paul), sign_in(ada)
    assert groups(decides) == {"Settings to decide on": 2}
    assert groups(about_himself) == {"Settings to decide on": 1}
    assert groups(proposed) == {"Settings that you proposed": 2}
    assert groups(sign_in(world.people[R.TEAM_LEAD])) == {}
    page = about_himself.get("/")
    (line,) = page.context["waits"].groups[0].lines
    assert (line.title, line.address) == (f"Change what {about} may do", f"/proposals/{proposal.pk}/")
    assert (page.context["says"], page.context["tone"]) == ("One proposed setting waits for you.", "amber")


def test_the_badge_of_approvals_counts_what_the_viewer_can_decide_about(world: Any, rf: Any) -> None:
    def badge(role: str) -> str:
        request = rf.get("/")
        request.user = world.people[role]
        return approvals_badge(request)

    factories.proposal_make(factories.person_make(R.ENGINEER), by=world.people[R.ADMINISTRATOR])
    waits = factories.operation_make(
        environment(world, "one", status="requested"),
        status="awaiting-approval",
        requested_by=world.people[R.TEAM_LEAD],
        approval_terms={"roles": ["approver"]},
    )
    factories.plan_make(waits)
    roles = (R.APPROVER, R.ADMINISTRATOR, R.TEAM_LEAD, R.ENGINEER)
    assert [badge(role) for role in roles] == ["2", "", "", ""]
    waits.approval_terms = {}
    waits.save()
    assert [badge(role) for role in roles] == ["2", "1", "", ""]


def test_an_environments_card_tells_its_failure_and_that_a_newer_release_is_there(
    world: Any, sign_in: SignIn
) -> None:
    failed = environment(world, "shop")
    factories.operation_make(
        failed,
        kind="update",
        status="failed",
        requested_by=world.people[R.TEAM_LEAD],
        ended_at=timezone.now(),
    )
    world.release.is_default = False
    world.release.save()
    factories.release_make("2.0.0", is_default=True)
    page = sign_in(world.people[R.ENGINEER]).get("/").content.decode()
    assert "sy-edge sy-red" in page and "Update failed" in page and "(behind)" in page


def test_what_expires_and_who_is_at_their_limit_is_told_while_there_is_any(
    world: Any, sign_in: SignIn
) -> None:
    engineer, approver = world.people[R.ENGINEER], world.people[R.APPROVER]
    client = sign_in(engineer)
    environment(world, "calm")
    assert client.get("/").context["alarms"] == []
    environment(world, "brief", expires_at=timezone.now() + timedelta(days=2))
    environment(world, "later", expires_at=timezone.now() + timedelta(days=20))
    TeamLimit.objects.create(team=world.team, max_environments=3)
    for viewer in (client, sign_in(approver)):
        page = viewer.get("/")
        soon, full = page.context["alarms"]
        assert [line.title for line in soon.groups[0].lines] == ["brief"]
        assert [line.title for line in full.groups[0].lines] == ["Storefront"]
        told = "One environment expires within a week. Storefront is at its limit."
        assert (page.context["says"], page.context["tone"]) == (told, "amber")
        assert "3 of 3 environments" in page.content.decode()


def test_what_has_drifted_is_told_to_its_team_and_leads_to_its_findings(world: Any, sign_in: SignIn) -> None:
    drifted = environment(world, "shop", drift_since=factories.minutes_ago(90), drift_count=2)
    page = sign_in(world.people[R.ENGINEER]).get("/")
    (card,) = page.context["alarms"]
    (line,) = card.groups[0].lines
    assert (line.title, line.says, line.address) == (
        "shop",
        "2 findings",
        f"/environments/{drifted.pk}/?tab=drift",
    )
    assert page.context["says"] == "One environment has drifted."
    stranger = factories.person_make(R.ENGINEER, teams=[factories.team_make("Elsewhere")])
    assert sign_in(stranger).get("/").context["alarms"] == []


def test_costs_of_the_past_are_those_of_the_revisions_of_then(world: Any) -> None:
    now = timezone.now()
    grew = environment(world, "grew")
    factories.revision_make(grew, monthly_cost=100, made_at=now - timedelta(days=20))
    factories.revision_make(grew, monthly_cost=300, made_at=now - timedelta(days=3))
    gone = environment(world, "gone", status="torn-down", gone_at=now - timedelta(days=5))
    factories.revision_make(gone, monthly_cost=50, made_at=now - timedelta(days=18))
    moments = [now - timedelta(days=days) for days in (30, 19, 10, 4, 1)]
    assert costs_at(moments) == [Decimal(cost) for cost in (0, 100, 150, 100, 300)]


def test_the_trend_is_drawn_from_the_first_week_that_had_something(world: Any, sign_in: SignIn) -> None:
    row = environment(world, "shop")
    cost = row.monthly_cost or Decimal(0)
    factories.revision_make(row, monthly_cost=cost - 40, made_at=timezone.now() - timedelta(days=16))
    page = sign_in(world.people[R.ENGINEER]).get("/")
    told = page.context["cost"]
    assert [len(told.weeks), told.change, told.mine] == [2, Decimal("40.00"), cost]
    assert "<polyline" in page.content.decode()


def test_start_asks_the_same_however_much_there_is(
    world: Any, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def fill(count: int, stem: str) -> None:
        for number in range(count):
            row = environment(world, f"{stem}-{number}")
            factories.revision_make(row)
            running = factories.operation_make(row, status="running", requested_by=world.people[R.ENGINEER])
            factories.step_make(running, "network")
            other = environment(world, f"{stem}-w{number}", status="requested")
            factories.plan_make(
                factories.operation_make(
                    other, status="awaiting-approval", requested_by=world.people[R.ENGINEER]
                )
            )
            broken = environment(world, f"{stem}-b{number}")
            factories.operation_make(
                broken,
                status="failed",
                requested_by=world.people[R.ENGINEER],
                ended_at=timezone.now(),
            )

    client = sign_in(world.people[R.TEAM_LEAD])
    fill(2, "few")
    client.get("/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/")
    fill(12, "many")
    with django_assert_num_queries(len(few)):
        client.get("/")
    with CaptureQueriesContext(connection) as polled:
        client.get("/", headers={"HX-Target": "moving"})
    assert len(polled) <= 26

"""The timeline of an environment: everything in one line, filtered, paged, and no more than the viewer may see."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from environments.lifecycle.environments import environment_protect
from environments.lifecycle.models import Environment
from environments.lifecycle.timeline import KINDS, environment_timeline
from environments.operations.events import Draft, events_write
from environments.operations.models import Decision, Event
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole


@pytest.fixture
def shop(world: Any) -> Environment:
    """Built, approved by a person, protected since; another environment has a past of its own."""
    lead = world.people[R.TEAM_LEAD]
    place = {"team": world.team, "owner": lead, "account": world.account, "release": world.release}
    for name in ("shop", "web"):
        environment = factories.environment_make(name, **place)
        operation = factories.operation_make(environment, status="succeeded", requested_by=lead)
        events_write(
            operation.pk,
            [
                Draft("operation.approved", "Paul approved the plan. Go."),
                Draft("operation.approved", f"Approved by rule: {name} is small.", data={"hash": "a" * 64}),
                Draft(
                    "stack.create-complete", f"Stack sy-{name}-network: CREATE_COMPLETE", step_key="network"
                ),
                Draft("step.succeeded", f"Network of {name} is deployed.", step_key="network"),
                Draft("resource.created", f"Vpc of {name} was created."),
                Draft("step.failed", f"Data of {name} failed.", level="error"),
                Draft("operation.failed", f"Data of {name} failed.", level="error"),
            ],
        )
        Decision.objects.create(
            operation=operation,
            verdict="approved",
            decided_by=world.people[R.APPROVER],
            plan_hash="a" * 64,
            comment="Go.",
        )
        factories.revision_make(environment, operation=operation, requested_by=lead)
        environment_protect(environment=environment, is_protected=True, actor=lead)
    return Environment.objects.get(name="shop")


def tab(client: Client, environment: Environment, query: str = "") -> str:
    return client.get(f"/environments/{environment.pk}/?tab=timeline{query}").content.decode()


def test_everything_is_told_once_and_nothing_of_another_environment(
    world: Any, shop: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = tab(sign_in(world.people[R.ADMINISTRATOR]), shop)
    for told in (
        "Build was asked for.",
        "The plan was approved. Go.",
        "Approved by rule: shop is small.",
        "Network of shop is deployed.",
        "Data of shop failed.",
        "Revision 1 was deployed from release 1.0.0.",
        "environment.protected",
    ):
        assert page.count(told) == 1, told
    assert (
        "Vpc of shop" not in page
        and "CREATE_COMPLETE" not in page
        and "Paul approved" not in page
        and "of web" not in page
    )


def test_the_audit_is_for_those_who_may_see_it(
    world: Any, shop: Environment, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(world.people[R.ENGINEER])
    page = tab(client, shop)
    assert "environment.protected" not in page and 'value="audit"' not in page
    asked = tab(client, shop, "&kind=audit")
    assert "environment.protected" not in asked


def test_kinds_are_chosen(world: Any, shop: Environment, sign_in: Callable[[User], Client]) -> None:
    page = tab(sign_in(world.people[R.ADMINISTRATOR]), shop, "&kind=approvals&kind=revisions")
    assert "Go." in page and "Revision 1" in page
    assert "Network of shop" not in page and "was asked for" not in page


def test_pages_tell_all_once_also_what_happened_in_one_moment(shop: Environment) -> None:
    operation = shop.operations.get()
    at = timezone.now() - timedelta(hours=1)
    rows = [
        Event(
            operation=operation,
            number=100 + number,
            kind="step.started",
            text=f"Line {number}.",
            at=at - timedelta(minutes=number // 7),
        )
        for number in range(100)
    ]
    Event.objects.bulk_create(rows)
    seen, before, pages = [], None, 0
    while True:
        entries, has_older = environment_timeline(shop, kinds=KINDS, before=before, limit=20)
        seen += [entry.text for entry in entries]
        pages += 1
        if not has_older:
            break
        before = entries[-1].at
    lines = [text for text in seen if text.startswith("Line ")]
    assert sorted(lines) == sorted(row.text for row in rows) and pages > 5
    assert len(seen) == len(set(seen))


def test_a_long_past_costs_no_more_queries(
    world: Any, shop: Environment, sign_in: Callable[[User], Client], django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        factories.operation_make(shop, status="failed", requested_by=world.people[R.ENGINEER])
    client = sign_in(world.people[R.ADMINISTRATOR])
    client.get("/")
    with django_assert_max_num_queries(32):
        tab(client, shop)

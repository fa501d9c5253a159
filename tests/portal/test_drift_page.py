"""The drift tab: findings by stack, what each role may do about them, and where a fix leads."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from environments.lifecycle.models import DriftCheck, DriftFinding, Environment
from environments.operations.models import Operation
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole


@pytest.fixture
def drifted(world: Any) -> Environment:
    """An environment with a finding in its app stack, and one in its data stack."""
    environment = factories.environment_make(
        "shop",
        team=world.team,
        owner=world.people[R.TEAM_LEAD],
        account=world.account,
        release=world.release,
    )
    factories.drift_make(environment)
    factories.stack_make(environment, "data")
    factories.drift_make(
        environment,
        stack="data",
        logical_id="Database",
        type="AWS::RDS::DBCluster",
        property_path="BackupRetentionPeriod",
        expected="3",
        actual="9",
    )
    DriftCheck.objects.create(
        environment=environment,
        scope="111122223333/eu-west-1",
        status="done",
        sentence="2 properties are not what the templates say.",
        night=timezone.now().date(),
        ended_at=timezone.now(),
    )
    return environment


def tab(client: Client, environment: Environment) -> str:
    return client.get(f"/environments/{environment.pk}/?tab=drift").content.decode()


def act(client: Client, environment: Environment, verb: str, **data: Any) -> Any:
    return client.post(reverse("admin:environment-drift", args=[environment.pk, verb]), data, follow=True)


def test_findings_are_told_by_stack_and_property(
    world: Any, drifted: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = tab(sign_in(world.people[R.TEAM_LEAD]), drifted)
    for words in (
        "It is up, at the address above. It has drifted: see its findings under Drift.",
        "2 properties are not what the templates say, since",
        "LoadBalancerAttributes[routing.http2.enabled]",
        "BackupRetentionPeriod",
        "Plan to put app back",
        "never put back by the portal: it holds a database",
        "the night of",
        "/api/v1/environments/shop/drift-fix/",
    ):
        assert words in page, words
    assert "Plan to put data back" not in page
    assert "2 drifted" in page


def test_buttons_are_for_those_who_may(
    world: Any, drifted: Environment, sign_in: Callable[[User], Client]
) -> None:
    engineer = tab(sign_in(world.people[R.ENGINEER]), drifted)
    assert "Check now" in engineer and "Accept" not in engineer and "Plan to put" not in engineer
    auditor = tab(sign_in(world.people[R.AUDITOR]), drifted)
    assert "Check now" not in auditor and 'type="checkbox"' not in auditor


def test_an_acceptance_is_shown_with_who_until_and_why(
    world: Any, drifted: Environment, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    row = DriftFinding.objects.get(stack="app")
    day = timezone.now().date() + timedelta(days=3)
    for data, told in (
        ({"findings": [row.pk], "why": "", "until": str(day)}, "Say why it is accepted"),
        ({"findings": [row.pk], "why": "Meant.", "until": "soon"}, "Choose the last day"),
        ({"why": "Meant.", "until": str(day)}, "Choose at least one finding."),
    ):
        assert told in act(client, drifted, "accept", **data).content.decode()
    page = act(client, drifted, "accept", findings=[row.pk], why="Meant.", until=str(day)).content.decode()
    assert f"by {world.people[R.TEAM_LEAD]} until {day:%-d %b %Y}: Meant." in page
    assert "1 property is not what the templates say" in page
    assert (
        "The acceptance was taken back." in act(client, drifted, "reopen", findings=[row.pk]).content.decode()
    )


def test_a_fix_leads_to_its_operation_and_a_refusal_stays(
    world: Any, drifted: Environment, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(world.people[R.TEAM_LEAD])
    refused = act(client, drifted, "fix", stack="data").content.decode()
    assert "holds a database" in refused and not Operation.objects.exists()
    answer = act(client, drifted, "fix", stack="app")
    operation = Operation.objects.get()
    assert answer.redirect_chain[0][0] == reverse("admin:operation", args=[operation.pk])
    assert operation.parameters["stacks"] == ["app"]


def test_what_was_never_looked_at_says_how_to(world: Any, sign_in: Callable[[User], Client]) -> None:
    fresh = factories.environment_make(
        "fresh",
        team=world.team,
        owner=world.people[R.TEAM_LEAD],
        account=world.account,
        release=world.release,
    )
    client = sign_in(world.people[R.ENGINEER])
    assert "Nobody has looked yet." in tab(client, fresh)
    page = act(client, fresh, "check").content.decode()
    assert "Waiting for a worker." in page
    assert client.post(reverse("admin:environment-drift", args=[fresh.pk, "nonsense"])).status_code == 404


def test_the_list_has_a_column_and_a_view(
    world: Any, drifted: Environment, sign_in: Callable[[User], Client]
) -> None:
    factories.environment_make(
        "calm", team=world.team, owner=world.people[R.TEAM_LEAD], account=world.account, release=world.release
    )
    page = (
        sign_in(world.people[R.AUDITOR])
        .get(f"{reverse('admin:lifecycle_environment_changelist')}?view=drifted")
        .content.decode()
    )
    assert "shop" in page and "calm" not in page and "2 since" in page

"""The environment page's parts: found by themselves, shown to whom they are for, asked for only when they show."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from environments.lifecycle.models import Environment
from environments.people.models import PortalRole, User
from portal.pages.environment_parts.base import all_parts
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment(world: Any) -> Environment:
    return factories.environment_make(
        "shop",
        team=world.team,
        owner=world.people[PortalRole.TEAM_LEAD],
        account=world.account,
        release=world.release,
    )


def page_of(client: Client, environment: Environment, tab: str = "") -> str:
    answer = client.get(f"/environments/{environment.pk}/?tab={tab}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("tab", [part.key for part in all_parts() if part.place == "tab"])
def test_every_tab_opens_on_an_environment_without_a_past(
    tab: str, world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = page_of(sign_in(world.people[PortalRole.ADMINISTRATOR]), environment, tab)
    assert f'href="?tab={tab}" aria-current="page"' in page


def test_unknown_tab_is_the_overview(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = page_of(sign_in(world.people[PortalRole.ENGINEER]), environment, "nonsense")
    assert 'href="?tab=overview" aria-current="page"' in page


def test_tab_that_is_not_for_a_role_is_absent(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = page_of(sign_in(world.people[PortalRole.ENGINEER]), environment, "audit")
    assert "?tab=audit" not in page
    assert 'href="?tab=overview" aria-current="page"' in page


def test_parts_are_in_the_order_of_their_positions() -> None:
    positions = [part.position for part in all_parts()]
    assert positions == sorted(positions)
    assert all_parts()[0].key == "overview"

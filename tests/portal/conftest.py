"""A small world for pages: one person per role, one team, one account, one release.

Imports within the fixtures: this file is read before Django is set up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from environments.lifecycle.models import Account, Release
    from environments.people.models import Team, User


@dataclass
class World:
    """What most pages need to be there."""

    team: "Team"
    account: "Account"
    release: "Release"
    people: dict[str, "User"] = field(default_factory=dict)


@pytest.fixture
def world(db: None, settings: Any) -> World:
    """People of every role (lead and engineer in the team), a ready account, a default release."""
    from environments.people.models import PortalRole
    from tests import factories

    settings.MAIL_IS_ON = True
    team = factories.team_make("Storefront")
    world = World(
        team, factories.account_make("sandbox-dev"), factories.release_make("1.0.0", is_default=True)
    )
    for role in PortalRole.values:
        teams = [team] if role in (PortalRole.TEAM_LEAD, PortalRole.ENGINEER) else []
        world.people[role] = factories.person_make(role, teams=teams)
    return world


@pytest.fixture
def sign_in() -> "Callable[[User], Client]":
    """A client of a person who has a second factor."""
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from django.test import Client

    def signed_in(user: "User") -> Client:
        TOTP.activate(user, generate_totp_secret())
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in

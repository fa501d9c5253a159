"""What API tests work with: a small house of people and things, and clients with tokens."""

from dataclasses import dataclass
from typing import Any

import yaml
from rest_framework.test import APIClient

from devtools.places import ROOT
from environments.lifecycle.models import Account, Release
from environments.people.models import PortalRole, Team, User
from tests.api import factories

SNAPSHOT = ROOT / "docs" / "openapi.yaml"


def document(text: str | bytes = "") -> dict[str, Any]:
    """The API's description, docs/openapi.yaml if no other is given, as data: by libyaml, for Python takes a second."""
    read: dict[str, Any] = yaml.load(text or SNAPSHOT.read_text(), Loader=yaml.CSafeLoader)
    return read


@dataclass
class House:
    """What most API tests need."""

    release: Release
    account: Account
    team: Team
    people: dict[str, User]

    def environment(self, name: str = "shop", **fields: Any) -> Any:
        owner = fields.pop("owner", self.people["team-lead"])
        team = fields.pop("team", self.team)
        account = fields.pop("account", self.account)
        return factories.make_environment(
            name, team=team, owner=owner, account=account, release=self.release, **fields
        )

    def asked(self, **fields: Any) -> dict[str, Any]:
        """The body of a request for an environment that is in order."""
        return {
            "name": "orders",
            "team": "shop",
            "tier": "dev",
            "size": "small",
            "account": "sandbox-1",
            "home_region": "eu-west-1",
        } | fields


def make_house(description: dict[str, Any]) -> House:
    """A release as the blueprint itself describes it, an account, a team, a person per role."""
    team = Team.objects.create(name="Shop", slug="shop")
    return House(
        release=factories.make_release(description),
        account=factories.make_account(),
        team=team,
        people={role: factories.make_person(role, role, (team,)) for role in PortalRole.values},
    )


def client_with(token: str | None) -> APIClient:
    client = APIClient()
    if token is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client

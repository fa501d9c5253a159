"""The environment page's parts: found by themselves, shown to whom they are for, asked for only when they show."""

import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from devtools.places import ROOT
from environments.lifecycle.models import Environment
from environments.lifecycle.secrets import secrets_seen
from environments.people.models import PortalRole, User
from portal.pages.environment_parts.base import all_parts
from portal.pages.picture import picture_of
from tests import factories

pytestmark = pytest.mark.django_db
AWS_ROLES = ROOT / "blueprint_cdk" / "data" / "aws_roles.json"
NAMING = ROOT / "blueprint_cdk" / "data" / "naming.json"
APP_SECRETS = next(row for row in json.loads(NAMING.read_text()) if row["key"] == "app-secrets")


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


@pytest.mark.parametrize(
    ("modules", "beside"),
    [
        ([], []),
        (["identity"], ["Users and their data"]),
        (
            ["identity", "analytics", "notifications"],
            ["Users and their data", "Usage events", "Notifications"],
        ),
    ],
)
def test_the_picture_shows_the_modules_that_are_on_in_each_region(
    world: Any, environment: Environment, modules: list[str], beside: list[str]
) -> None:
    data = ROOT / "blueprint_cdk" / "data"
    environment.release.description |= {"modules": json.loads((data / "modules.json").read_text())}
    environment.release.description["stacks"] = json.loads((data / "stacks.json").read_text())["environment"]
    environment.spec |= {"modules": modules, "standby": "warm", "other_region": "eu-central-1"}
    places = picture_of(environment, [])
    assert [place.region for place in places] == [environment.home_region, "eu-central-1"]
    for place in places:
        titles = [part.title for part in place.beside]
        always = ["Network", "Keys and secrets", "Uploads and logs"]
        assert titles == [*always, *beside, "Alarms and dashboard"]
        assert "Database proxy" not in [part.title for part in place.inside]


def test_stacks_lead_to_their_resources(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    for key in ("network", "other-messaging"):
        factories.stack_make(environment, key)
    page = page_of(sign_in(world.people[PortalRole.ENGINEER]), environment, "resources")
    for key in ("network", "other-messaging"):
        assert f'<a href="#in-{key}">{key}</a>' in page and f'<tbody id="in-{key}">' in page


def test_push_channels_tell_where_credentials_go_and_never_what_they_are(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(world.people[PortalRole.ENGINEER])
    assert "Push channels" not in page_of(client, environment)
    rules = [
        {
            "key": f"push-{name}-secret",
            "label": name,
            "pattern": f"sy-{{name}}/push/{name}",
            "max_length": 512,
        }
        for name in ("apns", "fcm")
    ]
    release = environment.release
    release.description = {**release.description, "naming": [*release.naming, *rules]}
    release.save()
    environment.spec = {**environment.spec, "name": "shop", "modules": ["notifications"], "push": ["fcm"]}
    environment.save(update_fields=["spec"])
    page = page_of(client, environment)
    assert "Its credentials are in the secret" in page and "sy-shop/push/fcm" in page
    assert "--secret-id sy-shop/push/apns --secret-string file://apple.json" in page
    assert "--secret-id sy-shop/push/fcm" not in page


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


def test_access_tells_the_roles_of_the_environments_own_release_and_how_to_take_them(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    engineer = world.people[PortalRole.ENGINEER]
    client = sign_in(engineer)
    assert "An update to a newer release does" in page_of(client, environment, "access")
    environment.release.description["aws_roles"] = json.loads(AWS_ROLES.read_text())
    environment.release.save()
    page = unescape(page_of(client, environment, "access"))
    account_id, name = environment.account.account_id, f"sy-{environment.full_name}"
    for role in ("aws-operator", "aws-developer", "aws-dba", "aws-auditor"):
        assert f"--role-arn arn:aws:iam::{account_id}:role/{name}-{role}" in page
    assert f"--source-identity {engineer.username}" in page
    assert f"--serial-number arn:aws:iam::{account_id}:mfa/{engineer.username}" in page
    assert f"--secret-id {name}/database" in page
    assert "{prefix}/database --query" not in page and "{region} --target" not in page


def test_secrets_are_told_as_set_or_not_with_the_command_and_without_a_value(
    world: Any, environment: Environment, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(world.people[PortalRole.ENGINEER])
    assert "Its spec names none" in page_of(client, environment, "secrets")
    environment.spec = {**environment.spec, "secrets": ["MAPS_KEY", "SMTP_PASSWORD"]}
    environment.save(update_fields=["spec"])
    rules = [*environment.release.description.get("naming", []), APP_SECRETS]
    environment.release.description["naming"] = rules
    environment.release.save()
    assert page_of(client, environment, "secrets").count("not looked at yet") == 2
    assert "has no value" not in page_of(client, environment)
    prefix = f"sy-{environment.full_name}/app/"
    secrets_seen(environment, {f"{prefix}MAPS_KEY": timezone.now()})
    page = page_of(client, environment, "secrets")
    assert page.count(">set</span>") == 1 and page.count(">not set</span>") == 1
    assert f"--secret-id {prefix}SMTP_PASSWORD --secret-string file:///dev/stdin" in page
    assert "SMTP_PASSWORD_SECRET_ARN" in page
    assert "1 of its 2 secrets has no value." in page_of(client, environment)
    # One that the spec no longer names is forgotten with the next look.
    environment.spec = {**environment.spec, "secrets": ["MAPS_KEY"]}
    environment.save(update_fields=["spec"])
    secrets_seen(environment, {f"{prefix}MAPS_KEY": timezone.now()})
    assert [row.name for row in environment.secret_states.all()] == ["MAPS_KEY"]
    assert "has no value" not in page_of(client, environment)

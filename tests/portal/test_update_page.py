"""The form that changes an environment: the fields of the release, the refusal at its field, the plan it leads to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import Environment, Release
from environments.operations.models import Operation
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db
MARKED = {
    "size": {"enum": ["small", "medium"], "title": "Size", "changeable": True},
    "log_retention_days": {
        "enum": [7, 30],
        "type": "integer",
        "title": "Days that logs are kept",
        "changeable": True,
    },
    "deletion_protection": {
        "type": "boolean",
        "title": "Deletion protection",
        "default": False,
        "changeable": True,
    },
    "push": {
        "type": "array",
        "items": {"enum": ["apns", "fcm"], "type": "string"},
        "title": "Push channels",
        "default": [],
        "changeable": True,
    },
    "dashboard_owner": {
        "anyOf": [{"type": "string", "pattern": "^arn:"}, {"type": "null"}],
        "title": "Owner of the dashboard",
        "default": None,
        "changeable": True,
    },
}


@pytest.fixture
def environment(world: Any) -> Environment:
    """An active one, of a release that says what may change."""
    release: Release = world.release
    schema = {"type": "object", "properties": {**release.schema.get("properties", {}), **MARKED}}
    release.description = {
        **release.description,
        "schema": schema,
        "replacement": {"types": {}, "stateful": []},
    }
    release.save()
    lead = world.people[PortalRole.TEAM_LEAD]
    return factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=release
    )


@pytest.fixture
def lead(world: Any, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(world.people[PortalRole.TEAM_LEAD])


def address(environment: Environment) -> str:
    return reverse("admin:environment-update", args=[environment.pk])


def test_the_form_shows_what_may_change_and_what_is_now(lead: Client, environment: Environment) -> None:
    page = lead.get(address(environment)).content.decode()
    for label in ("Size", "Days that logs are kept", "Deletion protection", "Release"):
        assert label in page
    assert "small (now)" in page and "no (now)" in page
    assert f"/api/v1/environments/{environment.name}/update/" in page
    assert (
        address(environment) in lead.get(reverse("admin:environment", args=[environment.pk])).content.decode()
    )


def test_only_what_differs_is_asked_in_the_schemas_types(lead: Client, environment: Environment) -> None:
    typed = {
        "release": str(environment.release_id),
        "size": "medium",
        "log_retention_days": "7",
        "deletion_protection": "no",
    }
    answer = lead.post(address(environment), typed)
    operation = Operation.objects.get()
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    assert operation.parameters["changes"] == {"size": "medium", "log_retention_days": 7}


@pytest.mark.parametrize(
    ("had", "typed", "asked"),
    [
        ({}, {"push": "apns, fcm"}, {"push": ["apns", "fcm"]}),
        ({"push": ["apns", "fcm"]}, {"push": "fcm"}, {"push": ["fcm"]}),
        ({"push": ["fcm"]}, {"push": ""}, {"push": []}),
        ({}, {"dashboard_owner": "arn:ann"}, {"dashboard_owner": "arn:ann"}),
        ({"dashboard_owner": "arn:ann"}, {"dashboard_owner": ""}, {"dashboard_owner": None}),
    ],
)
def test_lists_and_what_may_be_empty_are_typed_as_texts(
    lead: Client, environment: Environment, had: dict[str, Any], typed: dict[str, str], asked: dict[str, Any]
) -> None:
    environment.spec = {**environment.spec, **had}
    environment.save(update_fields=["spec"])
    lead.post(address(environment), typed)
    assert Operation.objects.get(kind="update").parameters["changes"] == asked


def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    lead: Client, environment: Environment
) -> None:
    answer = lead.post(address(environment), {"size": "huge", "log_retention_days": "30"})
    page = answer.content.decode()
    assert answer.status_code == 400 and "huge is not known" in page
    assert not Operation.objects.exists()
    nothing = lead.post(address(environment), {"size": "small"})
    assert nothing.status_code == 400 and "say what is to change" in nothing.content.decode()


def test_what_is_not_active_has_no_form(lead: Client, environment: Environment) -> None:
    Environment.objects.update(status="broken")
    page = lead.get(address(environment)).content.decode()
    assert "only what is active is changed" in page and "Plan the change" not in page


def test_an_engineer_asks_as_for_a_new_one_and_an_auditor_does_not(
    world: Any, sign_in: Callable[[User], Client], environment: Environment
) -> None:
    assert sign_in(world.people[PortalRole.ENGINEER]).get(address(environment)).status_code == 200
    auditor = sign_in(world.people[PortalRole.AUDITOR])
    assert auditor.get(address(environment)).status_code == 403
    assert auditor.post(address(environment), {"size": "medium"}).status_code == 403
    assert not Operation.objects.exists()


MODULES = [
    {"key": "identity", "title": "Identity", "description": "Sign-in.", "needs": []},
    {
        "key": "notifications",
        "title": "Push",
        "description": "Push.",
        "needs": ["identity"],
        "why": "Of users.",
    },
    {"key": "proxy", "title": "Database proxy", "description": "Pools.", "needs": []},
]


@pytest.fixture
def modular(environment: Environment) -> Environment:
    """Its release has modules, which staging requires in part; the environment has one."""
    release = environment.release
    rule = {
        "type": "array",
        "uniqueItems": True,
        "default": ["proxy"],
        "changeable": True,
        "title": "Modules",
    }
    release.description["schema"]["properties"]["modules"] = rule
    release.description |= {
        "modules": MODULES,
        "tiers": {"dev": {}, "staging": {"required_modules": ["identity"]}},
    }
    release.save()
    environment.spec["modules"] = ["proxy"]
    environment.save()
    return environment


def test_environment_from_before_modules_is_upgraded_first(lead: Client, modular: Environment) -> None:
    del modular.spec["modules"]
    modular.save()
    told = {"release": modular.release_id, "modules_told": "yes", "modules": ["identity"]}
    [problem] = lead.post(address(modular), told).context["problems"].values()
    assert problem == f"proxy can be turned off once shop is at release {modular.release.version}."
    lead.post(address(modular), {**told, "modules": ["identity", "proxy"]})
    asked = Operation.objects.get().parameters
    assert (asked["before"], asked["changes"]) == ({"modules": None}, {"modules": ["identity", "proxy"]})


def test_modules_are_turned_on_and_off_by_ticking(lead: Client, modular: Environment) -> None:
    page = lead.get(address(modular))
    [shown] = [field for field in page.context["fields"] if field["name"] == "modules"]
    assert {row["key"]: row["is_on"] for row in shown["modules"]} == {
        "identity": False,
        "notifications": False,
        "proxy": True,
    }
    base = {"release": modular.release_id, "modules_told": "yes"}
    refused = lead.post(address(modular), {**base, "modules": ["notifications"]})
    assert refused.status_code == 400
    assert refused.context["problems"] == {"modules": "notifications needs identity as well. Of users."}
    assert lead.post(address(modular), {**base, "modules": ["identity"]}).status_code == 302
    operation = Operation.objects.get()
    assert operation.parameters["changes"] == {"modules": ["identity"]}
    assert operation.parameters["spec"]["modules"] == ["identity"]


def test_required_modules_cannot_be_unticked(lead: Client, modular: Environment) -> None:
    modular.spec["tier"] = "staging"
    modular.save()
    page = lead.get(address(modular)).content.decode()
    assert 'value="identity" checked disabled' in page
    assert "required in this tier" in page
    told = {
        "release": modular.release_id,
        "modules_told": "yes",
        "modules": ["proxy"],
        "log_retention_days": "7",
    }
    refused = lead.post(address(modular), told)
    assert refused.context["problems"] == {"modules": "staging requires identity as well."}
    # Nothing said of modules: what the tier requires comes with any change.
    assert (
        lead.post(address(modular), {"release": modular.release_id, "log_retention_days": "7"}).status_code
        == 302
    )
    assert Operation.objects.get().parameters["spec"]["modules"] == ["identity", "proxy"]


def test_a_list_is_typed_as_json_and_a_text_that_may_be_empty_can_be_emptied(
    lead: Client, environment: Environment
) -> None:
    properties = environment.release.description["schema"]["properties"]
    properties["schedules"] = {"type": "array", "title": "Schedules", "default": [], "changeable": True}
    properties["alarm_email"] = {"type": "string", "title": "Address", "default": "", "changeable": True}
    environment.release.save()
    environment.spec["alarm_email"] = "on@example.com"
    environment.save()
    page = lead.get(address(environment)).content.decode()
    assert 'name="schedules" value="[]"' in page and 'value="on@example.com"' in page
    typed = '[{"name": "weekdays", "min_instances": 2}]'
    lead.post(address(environment), {"schedules": typed, "alarm_email": "", "size": "small"})
    changes = Operation.objects.get(kind="update").parameters["changes"]
    assert changes == {"schedules": [{"name": "weekdays", "min_instances": 2}], "alarm_email": ""}

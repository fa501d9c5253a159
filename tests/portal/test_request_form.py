"""Requesting in the browser: problems at their fields, and the operation as the answer."""

from typing import Any

import pytest
from django.urls import reverse

from environments.lifecycle.models import Environment
from environments.operations.models import Operation
from environments.people.models import PortalRole
from tests import factories


@pytest.fixture
def form(world: Any) -> dict[str, Any]:
    """A request that is in order."""
    return {
        "release": world.release.pk,
        "name": "shop",
        "team": world.team.pk,
        "tier": "dev",
        "size": "small",
        "account": world.account.pk,
        "home_region": "eu-west-1",
        "cidr": "",
        "domain": "",
        "is_protected": "",
        "restore_kind": "",
        "restore_id": "",
    }


def test_request_leads_to_its_operation(world: Any, form: dict[str, Any], sign_in: Any) -> None:
    client = sign_in(world.people[PortalRole.ENGINEER])
    answer = client.post(reverse("admin:environment-new"), form)
    operation = Operation.objects.get()
    assert answer.url == reverse("admin:operation", args=[operation.pk])
    environment = Environment.objects.get()
    assert (environment.name, environment.status, environment.cidr) == ("shop", "requested", "10.0.0.0/16")
    assert client.get(answer.url).status_code == 200


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("name", "", "Give it a name"),
        ("name", "Shop", "lower-case letters"),
        ("name", "s", "3 to 20 characters"),
        ("name", "a-name-that-is-far-too-long", "3 to 20 characters"),
        ("name", "admin", "reserved"),
        ("name", "taken", "There is an environment taken already"),
        ("cidr", "10.0.0.1/16", "no address range"),
        ("cidr", "8.8.0.0/16", "no private range"),
        ("cidr", "10.77.0.0/20", "overlaps"),
        ("cidr", "172.17.128.0/17", "which Docker uses"),
        ("domain", "a" * 60 + ".example.org", "characters; a certificate's domain may have 64"),
        ("restore_kind", "snapshot", "Name what to restore"),
        ("domain", "shop.example.com", "below the account"),
        ("home_region", "mars-north-1", "does not use mars-north-1"),
        ("size", "huge", "huge is not known"),
        ("tier", "toy", "Choose a tier"),
        ("release", "999999", "Choose a release"),
        ("account", "999999", "Choose an account"),
        ("account", "1; DROP TABLE", "Choose an account"),
        ("team", "999999", "Choose one of your teams"),
    ],
)
def test_bad_input_is_one_sentence_at_its_field_and_creates_nothing(
    field: str, value: str, words: str, world: Any, form: dict[str, Any], sign_in: Any
) -> None:
    factories.environment_make(
        "taken",
        team=world.team,
        owner=world.people[PortalRole.TEAM_LEAD],
        account=world.account,
        release=world.release,
        cidr="10.77.0.0/16",
    )
    client = sign_in(world.people[PortalRole.TEAM_LEAD])
    answer = client.post(reverse("admin:environment-new"), {**form, field: value})
    assert answer.status_code == 400
    told = {"restore_kind": "restore_id"}.get(field, field)
    assert words in answer.context["problems"][told]
    assert f'id="problem-{told}"' in answer.content.decode()
    assert Environment.objects.count() == 1
    assert not Operation.objects.exists()


def test_preview_tells_cost_names_and_problems_while_typing(
    world: Any, form: dict[str, Any], sign_in: Any
) -> None:
    client = sign_in(world.people[PortalRole.ENGINEER])
    page = client.post(reverse("admin:environment-new-preview"), {**form, "name": "shop"}).content.decode()
    assert "USD 245.14 / month" in page
    assert f"sy-shop-xxxx-uploads-{world.account.account_id}-eu-west-1" in page
    larger = client.post(reverse("admin:environment-new-preview"), {**form, "size": "large"}).content.decode()
    assert "USD 735.41 / month" in larger
    wrong = client.post(reverse("admin:environment-new-preview"), {**form, "name": "Shop"}).content.decode()
    assert "lower-case letters" in wrong
    untouched = client.post(reverse("admin:environment-new-preview"), {**form, "name": ""}).content.decode()
    assert "Give it a name" not in untouched
    assert not Environment.objects.exists()


def test_form_without_an_account_teaches(world: Any, sign_in: Any) -> None:
    world.account.delete()
    client = sign_in(world.people[PortalRole.ADMINISTRATOR])
    assert "No account is ready yet" in client.get(reverse("admin:environment-new")).content.decode()


def test_teardown_wants_the_name_and_a_word_on_each_store(world: Any, sign_in: Any) -> None:
    lead = world.people[PortalRole.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    client = sign_in(lead)
    address = reverse("admin:environment-teardown", args=[environment.pk])
    answer = client.post(address, {"confirm": "shup", "copy_database": "yes"})
    assert answer.status_code == 400
    assert set(answer.context["problems"]) == {"confirm", "copies"}
    assert not Operation.objects.exists()
    answer = client.post(address, {"confirm": "shop", "copy_database": "yes", "copy_uploads": "no"})
    operation = Operation.objects.get()
    assert answer.url == reverse("admin:operation", args=[operation.pk])
    assert operation.parameters["copies"] == {"database": True, "uploads": False}


def test_protected_environment_offers_no_teardown_form(world: Any, sign_in: Any) -> None:
    lead = world.people[PortalRole.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release, is_protected=True
    )
    client = sign_in(lead)
    address = reverse("admin:environment-teardown", args=[environment.pk])
    page = client.get(address).content.decode()
    assert "shop is protected" in page
    assert "copy_database" not in page
    client.post(address, {"confirm": "shop", "copy_database": "yes", "copy_uploads": "no"})
    assert not Operation.objects.exists()

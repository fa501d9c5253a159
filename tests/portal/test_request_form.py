"""Requesting in the browser: problems at their fields, and the operation as the answer."""

from typing import Any

import pytest
from django.urls import reverse

from environments.lifecycle.models import ApprovalRule, Environment
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
        "owner": "",
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


def test_secrets_are_named_in_the_request_and_told_as_not_set(
    world: Any, form: dict[str, Any], sign_in: Any
) -> None:
    client = sign_in(world.people[PortalRole.ENGINEER])
    client.post(reverse("admin:environment-new"), {**form, "secrets": "SMTP_PASSWORD, MAPS_KEY"})
    environment = Environment.objects.get()
    assert environment.spec["secrets"] == ["SMTP_PASSWORD", "MAPS_KEY"]
    # Without any, a request is what it was before there were secrets.
    client.post(reverse("admin:environment-new"), {**form, "name": "plain"})
    assert "secrets" not in Environment.objects.get(name="plain").spec
    world.release.description["schema"]["properties"].pop("secrets")
    world.release.save()
    answer = client.post(
        reverse("admin:environment-new"), {**form, "name": "older", "secrets": "SMTP_PASSWORD"}
    )
    assert answer.status_code == 400
    assert f"Release {world.release.version} makes no secrets" in answer.content.decode()


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
        ("secrets", "smtp_password", "smtp_password is not acceptable. Capital letters."),
        ("secrets", "MAPS_KEY, MAPS_KEY", "Something is named twice"),
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
        ("owner", "nobody-at-all", "There is no person nobody-at-all"),
        ("owner", "outsider", "outsider is not in team Storefront"),
        ("owner", "leaver", "leaver has left"),
    ],
)
def test_bad_input_is_one_sentence_at_its_field_and_creates_nothing(
    field: str, value: str, words: str, world: Any, form: dict[str, Any], sign_in: Any
) -> None:
    factories.person_make(username="outsider")
    factories.person_make(username="leaver", teams=[world.team], is_active=False)
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
    answer = client.post(
        address, {"confirm": "shop", "copy_database": "yes", "copy_uploads": "no", "copy_logs": "no"}
    )
    operation = Operation.objects.get()
    assert answer.url == reverse("admin:operation", args=[operation.pk])
    assert operation.parameters["copies"] == {"database": True, "uploads": False, "logs": False}


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
    client.post(address, {"confirm": "shop", "copy_database": "yes", "copy_uploads": "no", "copy_logs": "no"})
    assert not Operation.objects.exists()


def test_owner_is_offered_from_the_team_and_kept(world: Any, form: dict[str, Any], sign_in: Any) -> None:
    lead, engineer = world.people[PortalRole.TEAM_LEAD], world.people[PortalRole.ENGINEER]
    factories.person_make(username="outsider")
    client = sign_in(lead)
    page = client.get(reverse("admin:environment-new"))
    assert {person.pk for person in page.context["owners"]} == {lead.pk, engineer.pk}
    client.post(reverse("admin:environment-new"), {**form, "owner": engineer.username})
    assert Environment.objects.get().owner == engineer


def test_buttons_on_a_live_account_say_so(world: Any, form: dict[str, Any], sign_in: Any) -> None:
    lead = world.people[PortalRole.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release, status="broken"
    )
    operation = factories.operation_make(environment, status="failed", requested_by=lead)
    client = sign_in(lead)
    tag = f'<span class="sy-tag live">LIVE {world.account.account_id}</span>'
    addresses = [
        reverse("admin:environment-new"),
        reverse("admin:environment-teardown", args=[environment.pk]),
        reverse("admin:operation", args=[operation.pk]),
        reverse("admin:environment", args=[environment.pk]),
    ]
    assert not [address for address in addresses if tag in client.get(address).content.decode()]
    world.account.mode = "live"
    world.account.save()
    for address in addresses:
        page = client.get(address).content.decode()
        button = '<button type="submit" class="sy-button'
        # In the row of the button, not only on top of the page.
        rows = [row for row in page.split('<div class="sy-row">')[1:] if button in row.split("</div>")[0]]
        assert any(tag in row.split("</div>")[0] for row in rows), address
    preview = client.post(reverse("admin:environment-new-preview"), form).content.decode()
    assert f'<span id="live-account" hx-swap-oob="true">{tag}' in preview


def test_canary_says_that_it_makes_the_account_live(world: Any, sign_in: Any) -> None:
    world.account.mode = "plan-only"
    world.account.save()
    client = sign_in(world.people[PortalRole.ADMINISTRATOR])
    page = client.get(reverse("admin:account", args=[world.account.pk])).content.decode()
    assert f"makes {world.account.account_id} LIVE" in page.split("Plan the canary")[1].split("</form>")[0]


def test_teardown_page_goes_by_the_rules(world: Any, sign_in: Any) -> None:
    lead = world.people[PortalRole.TEAM_LEAD]
    place = {"team": world.team, "owner": lead, "account": world.account, "release": world.release}
    client = sign_in(lead)

    def page(tier: str) -> str:
        environment = factories.environment_make(tier=tier, **place)
        return client.get(reverse("admin:environment-teardown", args=[environment.pk])).content.decode()

    person = "Another person approves the plan"
    ApprovalRule.objects.all().delete()
    assert person in page("dev")
    factories.rule_make("Dev goes freely", operation_kinds=["teardown"], tiers=["dev"])
    factories.rule_make("Staging too", operation_kinds=["teardown"], tiers=["staging"], sizes=["small"])
    assert "Dev goes freely" in page("dev")
    assert "Staging too" in page("staging")
    assert person in page("prod")
    ApprovalRule.objects.update(is_enabled=False)
    assert person in page("dev")


def test_modules_are_offered_with_their_cost_and_asked_for(
    world: Any, form: dict[str, Any], sign_in: Any
) -> None:
    release = world.release
    release.description |= {
        "modules": [
            {"key": "identity", "title": "Identity", "description": "Sign-in.", "needs": []},
            {"key": "proxy", "title": "Proxy", "description": "Pools.", "needs": []},
        ],
        "tiers": {"dev": {"default_modules": []}, "staging": {"default_modules": ["proxy"]}},
    }
    item = {"key": "px", "label": "Proxy", "types": [], "quantity": 8, "unit": "ACU", "unit_price": "10"}
    more = {"source": "list", "verified": True, "when": {"modules": ["proxy"]}}
    release.description["costs"]["items"].append({**item, **more})
    release.description["schema"].get("properties", {})["modules"] = {"type": "array", "default": ["proxy"]}
    release.save()
    client = sign_in(world.people[PortalRole.TEAM_LEAD])

    def preview(**typed: Any) -> str:
        return client.post(reverse("admin:environment-new-preview"), {**form, **typed}).content.decode()

    page = client.get(reverse("admin:environment-new"))
    assert [(row["key"], row["is_on"]) for row in page.context["modules"]] == [
        ("identity", False),
        ("proxy", False),
    ]
    assert "USD 88.00 / month" in page.content.decode()
    shown_for = page.context["modules_for"]
    assert shown_for == f"{release.pk}/dev/small/eu-west-1"
    assert 'id="modules"' not in preview(modules_told=shown_for)
    ticked = preview(modules_told=shown_for, modules=["proxy"])
    assert "USD 333.14 / month" in ticked
    other = preview(modules_told=shown_for, modules=["identity"], tier="staging")
    assert 'value="proxy" checked' in other and 'value="identity" checked' not in other
    wrong = preview(modules_told=shown_for, modules=["chat"])
    assert "chat is not a module; there are identity and proxy." in wrong
    client.post(
        reverse("admin:environment-new"), {**form, "modules_told": shown_for, "modules": ["identity"]}
    )
    assert Environment.objects.get().spec["modules"] == ["identity"]

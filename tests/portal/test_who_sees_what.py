"""Each page against each role, as a table; and the admin of Django is no way around."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.operations.models import Operation
from environments.people.models import PortalRole, User
from environments.people.rights import RIGHTS
from tests import factories

R = PortalRole
ALL = frozenset(R.values)
ADMIN = frozenset({R.ADMINISTRATOR})
REQUESTERS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD, R.ENGINEER})
LEADS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD})
SEERS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD, R.AUDITOR})

SignIn = Callable[[User], Client]

# What it is, its address, the right that it asks for, and the roles that it opens for.
PAGES: list[tuple[str, str, str, frozenset[str]]] = [
    ("start", "admin:index", "", ALL),
    ("environments", "admin:lifecycle_environment_changelist", "environment.view", ALL),
    ("environment", "admin:environment", "environment.view", ALL),
    ("new environment", "admin:environment-new", "environment.request", REQUESTERS),
    ("change", "admin:environment-update", "environment.request", REQUESTERS),
    ("deploy", "admin:environment-deploy", "environment.deploy", REQUESTERS),
    ("compare", "admin:environment-compare", "environment.view", ALL),
    ("roll back", "admin:environment-rollback", "environment.request", REQUESTERS),
    ("compare releases", "admin:release-compare", "release.view", ALL),
    ("extend", "admin:environment-extend", "environment.extend", LEADS),
    ("teardown", "admin:environment-teardown", "environment.teardown", LEADS),
    ("forget", "admin:environment-forget", "environment.forget", ADMIN),
    ("operations", "admin:operations_operation_changelist", "operation.view", ALL),
    ("operation", "admin:operation", "operation.view", ALL),
    ("operation live", "admin:operation-live", "operation.view", ALL),
    ("queue", "admin:queue", "operation.view", ALL),
    ("approvals", "admin:approvals", "operation.view", ALL),
    ("rules", "admin:rules", "rule.view", ALL),
    ("rule", "admin:rule", "rule.view", ALL),
    ("new rule", "admin:rule-new", "rule.change", ADMIN),
    ("proposal", "admin:proposal", "proposal.view", ALL),
    ("applications", "admin:lifecycle_application_changelist", "application.view", ALL),
    ("application", "admin:application", "application.view", ALL),
    ("new application", "admin:application-new", "application.add", REQUESTERS),
    ("change an application", "admin:application-update", "application.update", REQUESTERS),
    ("remove an application", "admin:application-remove", "application.remove", LEADS),
    ("accounts", "admin:lifecycle_account_changelist", "account.view", ALL),
    ("account", "admin:account", "account.view", ALL),
    ("new account", "admin:account-new", "account.add", ADMIN),
    ("releases", "admin:lifecycle_release_changelist", "release.view", ALL),
    ("release", "admin:release", "release.view", ALL),
    ("people", "admin:people_user_changelist", "person.view", ALL),
    ("person", "admin:person", "person.view", ALL),
    ("new person", "admin:person-new", "person.change", ADMIN),
    ("teams", "admin:people_team_changelist", "team.view", ALL),
    ("new team", "admin:team-new", "team.change", ADMIN),
    ("tokens", "admin:people_apitoken_changelist", "token.own", ALL),
    ("profile", "admin:profile", "", ALL),
    ("new token", "admin:token-new", "token.own", ALL),
    ("notifications", "admin:notifications", "notification.own", ALL),
    ("what one is told", "admin:notification-preferences", "notification.own", ALL),
    ("channels", "admin:channels", "channel.view", SEERS),
    ("channel", "admin:channel", "channel.view", SEERS),
    ("new channel", "admin:channel-new", "channel.change", LEADS),
    ("deliveries", "admin:deliveries", "channel.view", SEERS),
    ("delivery", "admin:delivery", "channel.view", SEERS),
    (
        "audit",
        "admin:operations_auditentry_changelist",
        "audit.view",
        frozenset({R.ADMINISTRATOR, R.AUDITOR}),
    ),
    ("administration", "admin:administration", "health.view", frozenset({R.ADMINISTRATOR, R.AUDITOR})),
    ("expiry and limits", "admin:policies", "rule.view", ALL),
    ("sandbox faults", "admin:sandbox-faults", "sandbox.change", ADMIN),
    ("sandbox faults live", "admin:sandbox-faults-live", "sandbox.change", ADMIN),
    ("sandbox faults fields", "admin:sandbox-faults-fields", "sandbox.change", ADMIN),
]


FRAGMENTS = frozenset({"admin:operation-live", "admin:sandbox-faults-live", "admin:sandbox-faults-fields"})
"""Of these, parts that a page asks for, and no pages."""


@pytest.fixture
def rows(world: Any) -> dict[str, Any]:
    return ids_make(world)


def ids_make(world: Any) -> dict[str, Any]:
    """Ids that the addresses of pages need: one, or several. The browser tests look at each page with them too."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    operation = factories.operation_make(environment, status="running", requested_by=lead)
    factories.revision_make(environment)
    channel = factories.channel_make(world.team)
    application = factories.application_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    factories.version_make(application)
    return {
        "admin:application": application.pk,
        "admin:application-update": application.pk,
        "admin:application-remove": application.pk,
        "admin:channel": channel.pk,
        "admin:delivery": factories.delivery_make(channel).pk,
        "admin:environment": environment.pk,
        "admin:environment-deploy": environment.pk,
        "admin:environment-compare": environment.pk,
        "admin:environment-rollback": [environment.pk, 1],
        "admin:release-compare": world.release.pk,
        "admin:environment-teardown": environment.pk,
        "admin:environment-update": environment.pk,
        "admin:environment-extend": environment.pk,
        "admin:environment-forget": environment.pk,
        "admin:operation": operation.pk,
        "admin:operation-live": operation.pk,
        "admin:rule": factories.rule_make("Development goes").pk,
        "admin:proposal": factories.proposal_make(lead, by=world.people[R.ADMINISTRATOR]).pk,
        "admin:account": world.account.pk,
        "admin:release": world.release.pk,
        "admin:person": lead.pk,
    }


def address_of(name: str, rows: dict[str, Any]) -> str:
    """The address of a page, with the ids that it needs."""
    ids = rows.get(name, [])
    return reverse(name, args=ids if isinstance(ids, list) else [ids])


@pytest.mark.parametrize("role", R.values)
def test_each_page_opens_for_the_roles_of_its_row(
    role: str, world: Any, rows: dict[str, Any], sign_in: SignIn
) -> None:
    client = sign_in(world.people[role])
    found, expected = {}, {}
    for title, name, _, roles in PAGES:
        address = address_of(name, rows)
        found[title] = client.get(address).status_code
        expected[title] = 200 if role in roles else 403
    assert found == expected


@pytest.mark.parametrize("row", [row for row in PAGES if row[2]], ids=lambda row: row[0])
def test_the_right_that_a_row_names_is_the_one_that_is_asked_for(
    row: tuple[str, str, str, frozenset[str]],
    world: Any,
    rows: dict[str, Any],
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    monkeypatch.setitem(RIGHTS, row[2], {})
    address = address_of(row[1], rows)
    assert client.get(address).status_code == 403


def test_nobody_sees_a_page_without_signing_in(rows: dict[str, Any], client: Client) -> None:
    for _title, name, _right, _roles in PAGES:
        answer = client.get(address_of(name, rows), follow=True)
        assert answer.redirect_chain, name
        assert answer.redirect_chain[-1][0].startswith("/accounts/login/"), name


def test_lead_of_another_team_may_do_nothing_here(world: Any, rows: dict[str, Any], sign_in: SignIn) -> None:
    stranger = factories.person_make(R.TEAM_LEAD, teams=[factories.team_make("Elsewhere")])
    client = sign_in(stranger)
    assert (
        client.get(reverse("admin:environment-teardown", args=[rows["admin:environment"]])).status_code == 403
    )
    client.post(reverse("admin:operation-act", args=[rows["admin:operation"], "cancel"]))
    assert Operation.objects.get(pk=rows["admin:operation"]).status == "running"


def test_superuser_without_a_role_bypasses_no_service(
    world: Any, rows: dict[str, Any], sign_in: SignIn
) -> None:
    powerful = factories.person_make(R.AUDITOR, is_superuser=True)
    client = sign_in(powerful)
    assert client.get(reverse("admin:environment-new")).status_code == 403
    client.post(reverse("admin:operation-act", args=[rows["admin:operation"], "cancel"]))
    assert Operation.objects.get(pk=rows["admin:operation"]).status == "running"


def test_rows_in_the_admin_can_be_neither_added_nor_changed_nor_deleted(world: Any, sign_in: SignIn) -> None:
    from django.contrib import admin

    powerful = factories.person_make(R.ADMINISTRATOR, is_superuser=True)
    client = sign_in(powerful)
    for model in admin.site._registry:
        if model._meta.app_label not in ("operations", "people", "lifecycle"):
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        key = row.pk if row is not None else 1
        assert client.post(reverse(f"{base}_add"), {}).status_code == 403, model
        assert client.post(reverse(f"{base}_delete", args=[key]), {"post": "yes"}).status_code in (
            302,
            403,
        ), model
        if row is not None:
            assert model._default_manager.filter(pk=key).exists(), model
            answer = client.post(reverse(f"{base}_change", args=[key]), {"name": "other", "status": "other"})
            assert answer.status_code in (302, 403), model


def test_the_admin_opens_no_way_around_to_other_libraries_rows() -> None:
    """Beat's schedules, knox's tokens, allauth's rows, groups: changing them there would be unaudited."""
    from django.contrib import admin

    assert {model._meta.app_label for model in admin.site._registry} == {"operations", "people", "lifecycle"}

"""Lists: a constant number of queries, filters that work, and empty pages that teach."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from environments.operations.models import AuditEntry
from environments.people.models import PortalRole, User
from environments.people.services import token_create
from portal.pages.start_cards import PLANS
from tests import factories
from tests.api.support import client_with

R = PortalRole


def fill(world: Any, count: int) -> None:
    """Environments with an open operation each, and what else lists show."""
    lead = world.people[R.TEAM_LEAD]
    for _ in range(count):
        environment = factories.environment_make(
            team=factories.team_make(),
            owner=factories.person_make(R.ENGINEER),
            account=factories.account_make(),
            release=factories.release_make(),
        )
        operation = factories.operation_make(
            environment, status="running", requested_by=factories.person_make()
        )
        factories.step_make(operation, "network", status="running")
        waiting = factories.operation_make(
            environment, kind="teardown", status="awaiting-approval", requested_by=factories.person_make()
        )
        factories.plan_make(waiting)
        failed = factories.environment_make(
            team=world.team, owner=lead, account=world.account, release=world.release, status="broken"
        )
        factories.operation_make(
            failed, status="failed", requested_by=lead, ended_at=factories.minutes_ago(3)
        )
        factories.version_make(
            factories.application_make(
                team=factories.team_make(),
                owner=lead,
                account=environment.account,
                release=environment.release,
            )
        )
        token_create(user=lead, name="t", scopes=["read"], days=3, actor=lead)


LISTS = [
    "admin:index",
    "admin:lifecycle_environment_changelist",
    "admin:operations_operation_changelist",
    "admin:approvals",
    "admin:lifecycle_account_changelist",
    "admin:lifecycle_application_changelist",
    "admin:lifecycle_release_changelist",
    "admin:people_user_changelist",
    "admin:people_team_changelist",
    "admin:people_apitoken_changelist",
    "admin:operations_auditentry_changelist",
    "admin:administration",
]


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", LISTS)
def test_number_of_queries_does_not_grow_with_the_rows(
    name: str, world: Any, sign_in: Callable[..., Client]
) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    client.get(reverse(name))
    fill(world, 3)
    few = queries_of(client, reverse(name))
    fill(world, 12)
    many = queries_of(client, reverse(name))
    # A 7th or 51st row may add a "more" link's count, never a query per row.
    assert many <= few + 1, f"{few} queries with 3 rows of each, {many} with 15"


def test_environment_and_operation_pages_ask_a_constant_number_of_questions(
    world: Any, sign_in: Callable[..., Client]
) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    environment = factories.environment_make(
        team=world.team, owner=world.people[R.ENGINEER], account=world.account, release=world.release
    )
    operation = factories.operation_make(environment, status="running")

    def grow(by: int) -> None:
        for number in range(by):
            stack = factories.stack_make(environment, f"s{number}-{by}", operation=operation)
            factories.resource_make(stack, f"R{number}", "AWS::EC2::VPC")
            factories.step_make(operation, f"step{number}-{by}", status="succeeded")
            factories.operation_make(environment, kind="teardown", status="cancelled")

    addresses = [reverse("admin:operation", args=[operation.pk])] + [
        reverse("admin:environment", args=[environment.pk]) + f"?tab={tab}"
        for tab in ("overview", "resources", "operations", "settings", "audit")
    ]
    grow(2)
    few = [queries_of(client, address) for address in addresses]
    grow(9)
    assert [queries_of(client, address) for address in addresses] == few


EMPTY = [
    ("admin:index", "No environment is up", "/api/v1/environments/"),
    ("admin:lifecycle_environment_changelist", "No environment is up", "/api/v1/environments/"),
    ("admin:operations_operation_changelist", "Nothing has been asked for yet", "/api/v1/operations/"),
    ("admin:approvals", "The inbox is empty", "/api/v1/operations/"),
    ("admin:lifecycle_account_changelist", "No account yet", "/api/v1/accounts/"),
    ("admin:lifecycle_release_changelist", "register_release", "/api/v1/releases/"),
    ("admin:people_apitoken_changelist", "No token yet", "/api/v1/"),
]


@pytest.mark.parametrize("name, words, curl", EMPTY)
def test_empty_page_teaches_by_words_and_a_curl_line(
    name: str, words: str, curl: str, db: None, sign_in: Callable[..., Client]
) -> None:
    page = sign_in(factories.person_make(R.ADMINISTRATOR)).get(reverse(name)).content.decode()
    assert words in page
    assert "curl" in page
    assert curl in page


def test_gone_environments_are_behind_the_filter(world: Any, sign_in: Callable[..., Client]) -> None:
    place = {
        "team": world.team,
        "owner": world.people[R.TEAM_LEAD],
        "account": world.account,
        "release": world.release,
    }
    factories.environment_make("here", **place)
    factories.environment_make("gone", status="torn-down", **place)
    client = sign_in(world.people[R.ENGINEER])
    address = reverse("admin:lifecycle_environment_changelist")

    def names(query: str) -> set[str]:
        return {row.name for row in client.get(address + query).context["cl"].result_list}

    assert names("") == {"here"}
    assert names("?status=torn-down") == {"gone"}
    assert names("?status=everything") == {"here", "gone"}
    assert names("?q=gone") == {"gone"}
    assert names(f"?team__id__exact={world.team.pk}&tier__exact=dev&region=eu-west-1") == {"here"}
    assert names("?tier__exact=prod") == set()


def test_filter_with_nonsense_is_no_error(world: Any, sign_in: Callable[..., Client]) -> None:
    client = sign_in(world.people[R.ENGINEER])
    address = reverse("admin:lifecycle_environment_changelist")
    for query in (
        "?q=nothing-is-called-so",
        "?team__id__exact=x",
        "?p=99999",
        "?o=99",
        "?nothing=1",
        "?q=%00",
        "?status=%27",
    ):
        assert client.get(address + query, follow=True).status_code < 500, query


def test_a_token_is_shown_once_and_to_its_person_only(world: Any, sign_in: Callable[..., Client]) -> None:
    client = sign_in(world.people[R.ENGINEER])
    made = client.post(reverse("admin:token-new"), {"name": "nightly", "scopes": ["read"], "days": "5"})
    token = made.context["token"]
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert token not in client.get(reverse("admin:people_apitoken_changelist")).content.decode()
    other = sign_in(world.people[R.TEAM_LEAD])
    assert "nightly" not in other.get(reverse("admin:people_apitoken_changelist")).content.decode()
    row = world.people[R.ENGINEER].api_tokens.get()
    assert other.post(reverse("admin:token-revoke", args=[row.pk])).status_code == 403
    client.post(reverse("admin:token-revoke", args=[row.pk]))
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_start_tells_each_role_what_waits_for_it(world: Any, sign_in: Callable[..., Client]) -> None:
    place = {"account": world.account, "release": world.release}
    lead, elsewhere = world.people[R.TEAM_LEAD], factories.team_make("Elsewhere")
    ours = factories.environment_make("ours", team=world.team, owner=lead, status="requested", **place)
    theirs = factories.environment_make("theirs", team=elsewhere, owner=lead, status="requested", **place)
    asker = world.people[R.ENGINEER]
    for environment, person in ((ours, asker), (theirs, asker)):
        factories.plan_make(
            factories.operation_make(environment, status="awaiting-approval", requested_by=person)
        )
    expected = {R.ADMINISTRATOR: 2, R.APPROVER: 2, R.TEAM_LEAD: 1, R.ENGINEER: 0, R.AUDITOR: 0}
    found = {}
    for role in expected:
        waits = sign_in(world.people[role]).get(reverse("admin:index")).context["waits"]
        found[role] = sum(group.count for group in waits.groups if group.title == PLANS)
    assert found == expected


def test_start_forgets_a_failure_that_was_made_good(world: Any, sign_in: Callable[..., Client]) -> None:
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    factories.operation_make(
        environment, status="failed", ended_at=factories.minutes_ago(9), requested_by=lead
    )
    client = sign_in(lead)
    assert "One operation failed" in client.get(reverse("admin:index")).context["says"]
    factories.operation_make(environment, kind="teardown", status="running", requested_by=lead)
    says = client.get(reverse("admin:index")).context["says"]
    assert says == "One operation is under way."


def test_operations_are_listed_with_their_sentence_and_never_the_engines_own_state(
    world: Any, sign_in: Any
) -> None:
    person = world.people["engineer"]
    environment = factories.environment_make(
        "shop", team=world.team, owner=person, account=world.account, release=world.release
    )
    factories.operation_make(environment, requested_by=person, state={"assembly": "assemblies/0a1b.zip"})
    page = sign_in(person).get(reverse("admin:operations_operation_changelist")).content.decode()
    assert "assemblies/0a1b.zip" not in page
    assert "sy-pill" in page


def test_every_page_of_an_api_object_says_how_the_api_shows_it(
    world: Any, sign_in: Callable[..., Client]
) -> None:
    admin = world.people[R.ADMINISTRATOR]
    environment = factories.environment_make(
        "shop", team=world.team, owner=admin, account=world.account, release=world.release
    )
    operation = factories.operation_make(environment, status="awaiting-approval", requested_by=admin)
    factories.plan_make(operation)
    token_create(user=admin, name="t", scopes=["read"], days=3, actor=admin)
    entry = AuditEntry.objects.first()
    assert entry is not None
    pages = {
        reverse("admin:index"): "environments/",
        reverse("admin:lifecycle_environment_changelist"): "environments/",
        reverse("admin:environment", args=[environment.pk]): "environments/shop/",
        reverse("admin:environment-teardown", args=[environment.pk]): "environments/shop/teardown/",
        reverse("admin:environment-new"): "environments/",
        reverse("admin:operations_operation_changelist"): "operations/",
        reverse("admin:operation", args=[operation.pk]): f"operations/{operation.pk}/?wait=30",
        reverse("admin:approvals"): "operations/?status=awaiting-approval",
        reverse("admin:lifecycle_account_changelist"): "accounts/",
        reverse("admin:account", args=[world.account.pk]): f"accounts/{world.account.name}/",
        reverse("admin:lifecycle_release_changelist"): "releases/",
        reverse("admin:release", args=[world.release.pk]): f"releases/{world.release.pk}/",
        reverse("admin:people_user_changelist"): "people/",
        reverse("admin:person", args=[admin.pk]): f"people/{admin.username}/",
        reverse("admin:profile"): f"people/{admin.username}/",
        reverse("admin:people_team_changelist"): "teams/",
        reverse("admin:team-new"): "teams/",
        reverse("admin:people_apitoken_changelist"): "environments/",
        reverse("admin:operations_auditentry_changelist"): "audit/",
        reverse("admin:operations_auditentry_change", args=[entry.pk]): f"audit/{entry.pk}/",
        reverse("admin:administration"): "pauses/",
    }
    client = sign_in(admin)
    api = client_with(token_create(user=admin, name="api", scopes=["read"], days=3, actor=admin)[1])
    for address, path in pages.items():
        page = client.get(address).content.decode().replace("&quot;", '"')
        assert "<summary>As API call</summary>" in page, address
        assert re.search(rf"/api/v1/{re.escape(path)}[\"\s<]", page), address
        if not address.endswith("teardown/"):
            assert api.get(f"/api/v1/{path.replace('wait=30', 'wait=0')}").status_code == 200, path
    page = client.get(reverse("admin:administration")).content.decode()
    assert all(f"/api/v1/{path}" in page for path in ("pauses/", "limits/", "rules/"))


def test_a_list_is_named_in_the_browsers_tab(world: Any, sign_in: Callable[[User], Client]) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    named = {
        "lifecycle_environment": "Environments",
        "lifecycle_account": "Accounts",
        "lifecycle_release": "Releases",
        "operations_operation": "Operations",
        "operations_auditentry": "Audit",
        "people_user": "People",
        "people_team": "Teams",
        "people_apitoken": "API tokens",
    }
    for name, title in named.items():
        page = client.get(reverse(f"admin:{name}_changelist")).content.decode()
        assert f"<title> {title} | Switchyard</title>" in page, name


def test_the_list_says_what_failed_last_of_an_environment(
    world: Any, sign_in: Callable[[User], Client]
) -> None:
    lead = world.people[R.TEAM_LEAD]
    place = {"owner": lead, "account": world.account, "release": world.release, "team": world.team}
    shop, web = (factories.environment_make(name, **place) for name in ("shop", "web"))
    factories.operation_make(shop, kind="update", status="failed", requested_by=lead)
    factories.operation_make(web, kind="update", status="failed", requested_by=lead)
    factories.operation_make(web, kind="update", status="succeeded", requested_by=lead)
    client = sign_in(lead)
    page = client.get(reverse("admin:lifecycle_environment_changelist")).content.decode()
    assert page.count("Update failed") == 1
    failed = client.get(reverse("admin:lifecycle_environment_changelist") + "?view=failed").content.decode()
    assert "Update failed" in failed and "<b>web</b>" not in failed


def test_labels_of_cells_begin_with_a_capital_on_a_phone_too(
    world: Any, sign_in: Callable[[User], Client]
) -> None:
    fill(world, 1)
    client = sign_in(world.people[R.ADMINISTRATOR])
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = client.get(address).content.decode()
        labels = set(re.findall(r'data-label="([^"]*)"', page))
        assert not [label for label in labels if label[:1].islower()], (address, labels)

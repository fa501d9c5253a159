"""Every list: pages, filters, search and ordering, and as many queries for 50 rows as for 5."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from environments.lifecycle.models import ApprovalRule, Blueprint
from environments.operations.audit import audit_record
from environments.operations.events import event_write
from environments.operations.models import OperationLimit, Pause, Resource, Stack, Step
from environments.people.models import Team
from environments.rest.filters import YesNo
from portal.api.urls import router
from tests.api import factories
from tests.factories import application_make, proposal_make, version_make

pytestmark = pytest.mark.django_db

LISTS = [
    "accounts",
    "applications",
    "applications/till-0/versions",
    "audit",
    "blueprints",
    "chats",
    "deliveries",
    "environments",
    "environments/shop-0/resources",
    "limits",
    "notifications",
    "operations",
    "operations/{operation}/events",
    "pauses",
    "people",
    "plans",
    "proposals",
    "releases",
    "rules",
    "teams",
    "tokens",
    "webhooks",
]
SINGLE = ["environments/shop-0", "operations/{operation}"]


def fill(house, description, first, count):
    """`count` of everything, numbered from `first`."""
    admin = house.people["administrator"]
    for number in range(first, first + count):
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        person = factories.make_person(f"person-{number}", "team-lead", (team, house.team))
        account = factories.make_account(f"account-{number}", f"{number:012}")
        release = factories.make_release(description, version=f"2.{number}.0")
        environment = factories.make_environment(
            f"shop-{number}", team=team, owner=person, account=account, release=release
        )
        operation = factories.make_planned(environment, by=person)
        stack = Stack.objects.create(
            subject=environment,
            account_id=account.account_id,
            region="eu-west-1",
            key="app",
            name=f"s{number}",
        )
        till = application_make(f"till-{number}", team=team, owner=person, account=account, release=release)
        if number == 0:
            house.versions_of = till
        version_make(house.versions_of)
        factories.make_token(admin)
        audit_record("tests.filled", environment, actor=person)
        Pause.objects.create(covers=f"{number:012}/", reason="Storm.", set_by=person)
        OperationLimit.objects.create(scope=f"{number:012}/eu-west-1", max_running=1)
        ApprovalRule.objects.create(name=f"Rule {number}", operation_kinds=["provision"], tiers=["dev"])
        proposal_make(person, by=admin)
        Blueprint.objects.create(name=f"blueprint-{number}", title="Blueprint")
        factories.make_channel(team, kind="chat", created_by=person)
        factories.make_delivery(factories.make_channel(team, created_by=person))
        factories.make_entry(admin, environment)
        if number == 0:
            house.first = (operation, stack)
        first_operation, first_stack = house.first
        event_write(first_operation.pk, "tests.filled", "Filled.")
        Step.objects.create(
            operation=first_operation, key=f"step-{number}", title="Step", phase="plan", position=number
        )
        Resource.objects.create(
            stack=first_stack,
            logical_id=f"Thing{number}",
            type="AWS::EC2::VPC",
            status="CREATE_COMPLETE",
            seen_at=timezone.now(),
        )


def counts(client, paths, house):
    found = {}
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"/api/v1/{path.format(operation=house.first[0].pk)}/")
        assert answer.status_code == 200, answer.content
        results = answer.data.get("results")
        found[path] = (len(queries), len(results) if results is not None else 0)
    return found


def test_lists_ask_as_much_for_fifty_rows_as_for_five(api, house, description):
    client = api("administrator")
    fill(house, description, 0, 5)
    client.get("/api/v1/teams/")
    few = counts(client, LISTS + SINGLE, house)
    fill(house, description, 5, 45)
    many = counts(client, LISTS + SINGLE, house)
    assert {path: queries for path, (queries, _) in many.items()} == {
        path: queries for path, (queries, _) in few.items()
    }
    assert all(rows >= 5 for path, (_, rows) in few.items() if path in LISTS)
    assert all(rows == 50 for path, (_, rows) in many.items() if path in LISTS)
    assert max(queries for queries, _ in many.values()) <= 8


@pytest.mark.parametrize("resource", [prefix for prefix, _, _ in router.registry])
def test_every_list_has_pages_search_and_ordering_and_refuses_nonsense(api, house, resource):
    client, url = api("administrator"), f"/api/v1/{resource}/"
    for query in ("", "?page=1&page_size=200", "?search=nothing-like-it"):
        answer = client.get(url + query)
        assert answer.status_code == 200, answer.content
        assert set(answer.data) == {"count", "next", "previous", "results"}
    assert answer.data["results"] == []
    view = next(view for prefix, view, _ in router.registry if prefix == resource)
    for field in view.ordering_fields:
        assert client.get(f"{url}?ordering=-{field}").status_code == 200
    for name, filter_ in view.filterset_class.base_filters.items():
        value = next(iter(filter_.extra.get("choices", [("2026-01-01T00:00:00Z",)])))[0]
        value = "true" if isinstance(filter_, YesNo) else value
        assert client.get(url, {name: value}).status_code == 200
    for query, field in {
        "?colour=red": "colour",
        "?ordering=password": "ordering",
        "?page=0": "page",
        "?page=x": "page",
        "?page_size=0": "page_size",
        "?page_size=201": "page_size",
        "?page_size=x": "page_size",
    }.items():
        refused = client.get(url + query)
        assert refused.status_code == 400, query
        assert refused.data["errors"][0]["field"] == field
        assert refused.data["detail"].endswith(".")
    assert client.get(url + "?page=99").status_code == 404


def test_a_filter_that_is_nonsense_is_told_at_its_name(api, house):
    client = api("auditor")
    for query, field in {
        "environments/?status=flying": "status",
        "environments/?tier=play": "tier",
        "operations/?requested_after=yesterday": "requested_after",
        "releases/?is_default=perhaps": "is_default",
        "environments/?name=a%00b": "name",
    }.items():
        answer = client.get(f"/api/v1/{query}")
        assert answer.status_code == 400, (query, answer.content)
        assert answer.data["errors"][0]["field"] == field


def test_pages_lead_on_to_each_other(api, house):
    for number in range(5):
        Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
    client = api("auditor")
    first = client.get("/api/v1/teams/?page_size=4&ordering=slug").data
    assert (first["count"], first["previous"]) == (6, None)
    second = client.get(first["next"]).data
    assert second["next"] is None
    slugs = [row["slug"] for row in [*first["results"], *second["results"]]]
    assert slugs == ["shop", *(f"team-{number}" for number in range(5))]


def test_the_audit_is_filtered_by_time_actor_and_subject(api, house):
    shop = house.environment("shop")
    audit_record("environment.protected", shop, actor=house.people["team-lead"], after={"is_protected": True})
    client = api("auditor")
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    for query, expected in {
        "actor=team-lead": 1,
        "actor=nobody": 0,
        "subject=environment:shop-k3x9": 1,
        "action=environment.protected": 1,
        f"at_after={tomorrow}": 0,
        f"at_before={tomorrow}&subject=environment:shop-k3x9": 1,
    }.items():
        rows = client.get(f"/api/v1/audit/?{query}").data["results"]
        assert len(rows) == expected, query
    row = client.get("/api/v1/audit/?actor=team-lead").data["results"][0]
    assert row["after"] == {"is_protected": True}
    assert len(row["hash"]) == 64

"""The history tab, the comparison of two sides, and the way back, in pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import Comparison, Environment
from environments.operations.models import Decision, Operation
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(world: Any) -> Environment:
    """Small at first, medium now: two revisions, the second approved by a person."""
    lead = world.people[PortalRole.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    factories.revision_make(environment, requested_by=lead, made_at=factories.minutes_ago(90))
    operation = factories.operation_make(environment, kind="update", status="succeeded", requested_by=lead)
    Decision.objects.create(
        operation=operation,
        verdict="approved",
        decided_by=world.people[PortalRole.APPROVER],
        plan_hash="a" * 64,
    )
    environment.spec, environment.size = environment.spec | {"size": "medium"}, "medium"
    environment.save()
    factories.revision_make(
        environment, operation=operation, requested_by=lead, monthly_cost=environment.monthly_cost + 100
    )
    return environment


@pytest.fixture
def lead(world: Any, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(world.people[PortalRole.TEAM_LEAD])


def tab(client: Client, environment: Environment) -> str:
    return client.get(f"/environments/{environment.pk}/?tab=history").content.decode()


def test_each_revision_tells_what_it_changed_and_who_approved(
    world: Any, lead: Client, shop: Environment
) -> None:
    page = tab(lead, shop)
    assert ">small</del>" in page and ">medium</ins>" in page and "+100" in page
    assert f"approved: {world.people[PortalRole.APPROVER]}" in page
    assert reverse("admin:environment-rollback", args=[shop.pk, 1]) in page
    assert reverse("admin:environment-rollback", args=[shop.pk, 2]) not in page


def test_who_may_not_ask_is_offered_no_way_back(
    world: Any, shop: Environment, sign_in: Callable[[User], Client]
) -> None:
    page = tab(sign_in(world.people[PortalRole.AUDITOR]), shop)
    assert "What changed" in page and "Roll back" not in page


def test_long_history_is_paged_with_a_constant_number_of_queries(
    lead: Client, shop: Environment, django_assert_max_num_queries: Any
) -> None:
    for _ in range(40):
        factories.revision_make(shop)
    lead.get("/")
    with django_assert_max_num_queries(30):
        page = tab(lead, shop)
    assert 'id="r42"' in page and 'id="r18"' in page and 'id="r17"' not in page
    older = lead.get(f"/environments/{shop.pk}/?tab=history&p=2").content.decode()
    assert 'id="r17"' in older and 'id="r1"' in older


def test_a_comparison_waits_for_a_worker_and_then_tells_each_property(
    lead: Client, shop: Environment
) -> None:
    address = reverse("admin:environment-compare", args=[shop.pk])
    page = lead.get(address).content.decode()
    assert "shop, revision 1" in page and "A worker compares them" in page and "every 700ms" in page
    change = {
        "logical_id": "Writer",
        "type": "AWS::RDS::DBInstance",
        "action": "modified",
        "detail": "",
        "stateful": True,
        "properties": [
            {
                "path": "DBInstanceClass",
                "before": "db.t4g.medium",
                "after": "db.r6g.large",
                "replaces": "never",
            }
        ],
    }
    document = {
        "stacks": [{"key": "data", "action": "update", "changes": [change]}],
        "counts": {"modified": 1},
    }
    Comparison.objects.update(status="made", document=document)
    part = lead.get(address, headers={"HX-Target": "templates"}).content.decode()
    assert "db.r6g.large" in part and "every 700ms" not in part and "<html" not in part
    Comparison.objects.update(status="failed", sentence="The templates of one side are no longer kept.")
    assert "no longer kept" in lead.get(address).content.decode()


def test_a_side_that_is_not_there_is_said_at_its_picker(lead: Client, shop: Environment) -> None:
    address = reverse("admin:environment-compare", args=[shop.pk])
    page = lead.get(address, {"from": "1", "to": "now", "to_other": "nowhere@2"}).content.decode()
    assert "There is no environment nowhere." in page and 'value="nowhere@2"' in page
    assert not Comparison.objects.exists()


def test_an_environment_without_a_history_says_what_will_be_there(world: Any, lead: Client) -> None:
    bare = factories.environment_make(
        "bare",
        team=world.team,
        owner=world.people[PortalRole.TEAM_LEAD],
        account=world.account,
        release=world.release,
    )
    assert "Nothing was deployed yet" in tab(lead, bare)
    compared = lead.get(reverse("admin:environment-compare", args=[bare.pk]))
    assert compared.status_code == 200 and "bare has no history yet" in compared.content.decode()


def test_the_way_back_is_looked_at_and_then_asked_for(lead: Client, shop: Environment) -> None:
    address = reverse("admin:environment-rollback", args=[shop.pk, 1])
    page = lead.get(address).content.decode()
    assert "back to <b>revision 1</b>" in page and "Plan the way back" in page
    answer = lead.post(address)
    operation = Operation.objects.get(kind="update", status="pending")
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    assert operation.parameters["back_to"] == 1 and operation.parameters["spec"]["size"] == "small"
    again = lead.post(address)
    assert again.status_code == 400 and "already does this" in again.content.decode()


def test_what_is_in_the_way_is_said_before_anybody_asks(lead: Client, shop: Environment) -> None:
    current = lead.get(reverse("admin:environment-rollback", args=[shop.pk, 2])).content.decode()
    assert "is at revision 2: there is nothing to go back to" in current
    assert "Plan the way back" not in current
    first = shop.revisions.get(number=1)
    first.spec = first.spec | {"tier": "prod"}
    first.save()
    fixed = lead.get(reverse("admin:environment-rollback", args=[shop.pk, 1])).content.decode()
    assert "has another tier, which no update changes" in fixed
    assert lead.get(reverse("admin:environment-rollback", args=[shop.pk, 9])).status_code == 404


def test_an_operation_that_failed_half_way_shows_the_ways_out(lead: Client, shop: Environment) -> None:
    failed = factories.operation_make(shop, kind="update", status="failed", sentence="No capacity.")
    factories.revision_make(shop, outcome="partial", operation=failed)
    page = lead.get(f"/environments/{shop.pk}/").content.decode()
    assert "It is between two states." in page
    assert reverse("admin:environment-rollback", args=[shop.pk, 2]) in page
    assert (
        "Plan the way back"
        in lead.get(reverse("admin:environment-rollback", args=[shop.pk, 2])).content.decode()
    )


def test_two_releases_are_compared(world: Any, lead: Client) -> None:
    address = reverse("admin:release-compare", args=[world.release.pk])
    assert "is the only release of its blueprint" in lead.get(address).content.decode()
    newer = factories.release_make("2.0.0")
    newer.description = newer.description | {
        "regions": ["eu-west-1"],
        "changes": [{"version": "2.0.0", "text": "One region only."}],
    }
    newer.save()
    page = lead.get(address, {"to": "2.0.0", "size": "medium"}).content.decode()
    assert "One region only." in page and "us-east-1" in page and "A worker compares them" in page
    assert "There is no release 7" in lead.get(address, {"to": "7"}).content.decode()
    # From the newer one's page as well: what it brought is told, and not what the older one lacks.
    from_newer = lead.get(reverse("admin:release-compare", args=[newer.pk])).content.decode()
    assert "One region only." in from_newer
    assert f"From release <b>{world.release.version}</b> to <b>2.0.0</b>" in from_newer


def test_those_of_a_release_are_upgraded_from_its_page_after_a_look(
    world: Any, lead: Client, shop: Environment
) -> None:
    page = lead.get(reverse("admin:release", args=[world.release.pk])).content.decode()
    assert "Upgrade to" not in page and "Compare" not in page
    world.release.is_default = False
    world.release.save()
    newest = factories.release_make("2.0.0", is_default=True)
    page = lead.get(reverse("admin:release", args=[world.release.pk])).content.decode()
    bulk = f"{reverse('admin:environment-bulk', args=['upgrade'])}?ids={shop.pk}"
    assert "Upgrade to 2.0.0" in page and bulk in page
    assert f"{reverse('admin:release-compare', args=[world.release.pk])}?to=2.0.0" in page
    preview = lead.get(bulk).context["outcomes"]
    assert [(row.result, row.sentence) for row in preview] == [("done", preview[0].sentence)]
    assert "1 of 1 would be changed" in lead.get(bulk).content.decode()
    assert not Operation.objects.filter(kind="update", status="pending").exists()
    lead.post(reverse("admin:environment-bulk", args=["upgrade"]), {"ids": str(shop.pk)})
    asked = Operation.objects.get(kind="update", status="pending").parameters
    assert (asked["release_id"], asked["changes"]) == (newest.pk, {})
    Environment.objects.update(release=newest)
    assert "It is of release 2.0.0 already." in lead.get(bulk).content.decode()

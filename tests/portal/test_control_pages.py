"""Pages of the brake, the queue, the watchdog and the ways out: what they show to whom, and what a button does."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.operations.models import Operation, OperationLimit, Pause, Pulse
from environments.operations.scheduling import TICK
from environments.people.models import PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db
R = PortalRole
SignIn = Callable[[User], Client]


@pytest.fixture
def shop(world: Any) -> Environment:
    return factories.environment_make(
        "shop",
        team=world.team,
        owner=world.people[R.TEAM_LEAD],
        account=world.account,
        release=world.release,
    )


@pytest.fixture
def scope(shop: Environment) -> str:
    return f"{shop.account.account_id}/{shop.home_region}"


def shown(client: Client, name: str, *ids: int, query: str = "") -> str:
    answer = client.get(reverse(f"admin:{name}", args=ids) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_step_that_failed_can_be_skipped_by_whom_it_is_for(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    operation = factories.operation_make(shop, kind="update", status="failed", phase="execute")
    factories.step_make(
        operation, "addresses", status="failed", parameters={"may_skip": "Nobody has seen that it answers."}
    )
    client = sign_in(world.people[R.TEAM_LEAD])
    page = shown(client, "operation", operation.pk)
    assert 'href="#skip-addresses"' in page and "Nobody has seen that it answers." in page
    assert "skip-addresses" not in shown(sign_in(world.people[R.ENGINEER]), "operation", operation.pk)
    answer = client.post(
        reverse("admin:operation-act", args=[operation.pk, "skip"]),
        {"step": "addresses", "reason": "Ours."},
        follow=True,
    )
    assert "The step was skipped" in answer.content.decode()
    operation.refresh_from_db()
    assert operation.status == "queued"


def test_the_page_tells_the_limit_of_a_step_and_an_administrator_extends_it(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    operation = factories.operation_make(shop, kind="update", status="running", phase="execute")
    factories.step_make(
        operation, "data", status="waiting", started_at=factories.minutes_ago(12), time_limit_s=3 * 3600
    )
    assert "of 3 h" in shown(sign_in(world.people[R.ENGINEER]), "operation", operation.pk)
    client = sign_in(world.people[R.ADMINISTRATOR])
    assert "Give a step more time" in shown(client, "operation", operation.pk)
    address = reverse("admin:operation-act", args=[operation.pk, "extend-time"])
    refused = client.post(address, {"step": "data", "minutes": "x", "reason": "Large."}, follow=True)
    assert "A step gets 1 to" in refused.content.decode()
    client.post(address, {"step": "data", "minutes": "60", "reason": "Large."})
    assert operation.steps.get().time_limit_s == 4 * 3600


def test_the_queue_tells_what_holds_each_one_up_and_is_put_in_order(
    world: Any, shop: Environment, scope: str, sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    OperationLimit.objects.update(max_running=1)
    running = factories.operation_make(
        shop, kind="update", status="running", scope=scope, started_at=timezone.now()
    )
    first, second = (
        factories.operation_make(shop, kind=kind, status="queued", scope=scope, blocked_by=running)
        for kind in ("update", "teardown")
    )
    client = sign_in(world.people[R.ADMINISTRATOR])
    page = shown(client, "queue")
    assert "One operation runs, and 2 wait for their place." in page
    assert "running 1 of 1 · waiting 2" in page and f"See operation {running.pk}" in page
    assert page.index(f"/operations/{first.pk}/") < page.index(f"/operations/{second.pk}/")
    told = f"1st of 2 in {scope}, where 1 of 1 run; blocked by operation {running.pk}, update of shop"
    assert told in shown(client, "operation", first.pk)
    address = reverse("admin:operation-act", args=[second.pk, "prioritise"])
    answer = client.post(address, {"priority": "1", "reason": "It goes.", "back": "queue"}, follow=True)
    page = answer.content.decode()
    assert page.index(f"/operations/{second.pk}/") < page.index(f"/operations/{first.pk}/")
    assert "Go first" not in shown(sign_in(world.people[R.ENGINEER]), "queue")


def test_an_empty_queue_says_what_belongs_there(world: Any, sign_in: SignIn) -> None:
    page = shown(sign_in(world.people[R.AUDITOR]), "queue")
    assert "Nothing runs, and nothing waits for a place." in page and "operations/?status=queued" in page


def test_what_does_not_move_is_told_on_its_page_and_on_the_start_page(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    operation = factories.operation_make(
        shop,
        kind="update",
        status="running",
        stuck_since=timezone.now(),
        stuck={"cause": "slow", "why": "Database takes long.", "remedy": "Look at its resources."},
    )
    client = sign_in(world.people[R.ENGINEER])
    for page in (shown(client, "operation", operation.pk), shown(client, "index")):
        assert "Database takes long." in page and "What to do: Look at its resources." in page


def test_that_no_worker_answers_is_told_where_somebody_waits(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    operation = factories.operation_make(shop, kind="update", status="running")
    Pulse.objects.create(name=TICK, at=timezone.now() - timedelta(minutes=5))
    client = sign_in(world.people[R.ENGINEER])
    for page in (shown(client, "operation", operation.pk), shown(client, "index")):
        assert "No worker answers" in page


@pytest.mark.parametrize("covers", ["everything", "{account}/", "{scope}", "environment/{pk}"])
def test_a_pause_is_told_on_each_page_that_it_covers(
    world: Any, shop: Environment, scope: str, sign_in: SignIn, covers: str
) -> None:
    operation = factories.operation_make(shop, kind="update", status="running", scope=scope)
    word = covers.format(account=shop.account.account_id, scope=scope, pk=shop.pk)
    Pause.objects.create(covers=word, label="It", reason="An audit is on.")
    client = sign_in(world.people[R.TEAM_LEAD])
    pages = [
        shown(client, "environment", shop.pk),
        shown(client, "operation", operation.pk),
        shown(client, "queue"),
    ]
    for page in pages:
        assert "<b>It is paused</b>" in page and "An audit is on." in page
    own = covers.startswith("environment")
    assert (reverse("admin:environment-pause-lift", args=[shop.pk]) in pages[0]) == own
    account = shown(sign_in(world.people[R.ADMINISTRATOR]), "account", shop.account_id)
    assert ("An audit is on." in account) == (not own)


def test_the_control_tab_offers_what_the_viewer_may_do(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    offered = {"pause", "export", "resync", "forget"}

    def buttons(role: str) -> set[str]:
        page = shown(sign_in(world.people[role]), "environment", shop.pk, query="?tab=control")
        return {
            name for name in offered if f'"{reverse(f"admin:environment-{name}", args=[shop.pk])}"' in page
        }

    assert buttons(R.ADMINISTRATOR) == offered
    assert buttons(R.TEAM_LEAD) == offered - {"forget"}
    assert buttons(R.ENGINEER) == {"export", "resync"}
    assert buttons(R.AUDITOR) == set()


def test_an_export_is_a_download(world: Any, shop: Environment, sign_in: SignIn) -> None:
    client = sign_in(world.people[R.ENGINEER])
    address = reverse("admin:environment-export", args=[shop.pk])
    assert "was ever deployed" in client.post(address, follow=True).content.decode()
    factories.revision_make(shop, assembly=factories.assembly_make(shop))
    answer = client.post(address)
    assert answer["Content-Type"] == "application/zip" and "no-store" in answer["Cache-Control"]
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {
        f"{shop.full_name}/{name}" for name in ("README.md", "environment.json", "assembly/cdk.out")
    } <= set(names)


def test_forgetting_asks_for_the_name_and_keeps_what_stays(
    world: Any, shop: Environment, sign_in: SignIn
) -> None:
    stack = factories.stack_make(shop, "network")
    factories.resource_make(stack, "Vpc", "AWS::EC2::VPC")
    client = sign_in(world.people[R.ADMINISTRATOR])
    address = reverse("admin:environment-forget", args=[shop.pk])
    assert stack.name in client.get(address).content.decode()
    refused = client.post(address, {"confirm": "other", "reason": ""})
    assert refused.status_code == 400 and "Type shop to confirm" in refused.content.decode()
    operation = factories.operation_make(shop, kind="update", status="running")
    said = {"confirm": "shop", "reason": "Given away."}
    assert f"Operation {operation.pk} (update) is running" in client.post(address, said).content.decode()
    Operation.objects.all().delete()
    page = client.post(address, said, follow=True).content.decode()
    assert "<b>Forgotten</b>" in page and "Given away." in page and stack.name in page
    shop.refresh_from_db()
    assert (shop.status, shop.left_behind["stacks"][0]["resources"]) == ("withdrawn", 1)


def test_an_administrator_pauses_a_region_on_the_page_of_health(
    world: Any, shop: Environment, scope: str, sign_in: SignIn
) -> None:
    client = sign_in(world.people[R.ADMINISTRATOR])
    where = f"{shop.account_id}:{shop.home_region}"
    client.post(reverse("admin:administration-pause"), {"where": where, "reason": "A look."})
    pause = Pause.objects.get()
    assert (pause.covers, pause.label) == (scope, f"{shop.account.name} in {shop.home_region}")

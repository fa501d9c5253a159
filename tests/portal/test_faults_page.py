"""The page of the sandbox's faults: its form, what it shows, and that it is there for sandboxes only."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from environments.lifecycle.fault_kinds import KINDS
from environments.lifecycle.models import SandboxOrder, SandboxView
from environments.people.models import PortalRole

FAULT = {
    "id": "fault-7",
    "state": "active",
    "left": 2,
    "begins_at": "2026-11-23T08:00:00+00:00",
    "ends_at": None,
    "script": "script-1",
    "touched": 3,
    "body": {"kind": "dark", "region": ["eu-west-1", "eu-central-1"], "service": "rds", "mode": "hang"},
}
ENTRY = {
    "n": 1,
    "at": "2026-11-23T08:00:00+00:00",
    "event": "set",
    "fault": "fault-7",
    "kind": "dark",
    "body": {},
}


@pytest.fixture
def client(world: Any, sign_in: Any) -> Any:
    return sign_in(world.people[PortalRole.ADMINISTRATOR])


def test_without_a_sandbox_there_is_no_page(client: Any, settings: Any) -> None:
    address = reverse("admin:sandbox-faults")
    assert "Sandbox faults" in client.get(reverse("admin:index")).content.decode()
    settings.SANDBOX_URL = ""
    assert client.get(address).status_code == 404
    assert client.post(address, {"kind": "dark"}).status_code == 404
    assert "Sandbox faults" not in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_form_has_the_fields_of_its_kind(client: Any, kind: str) -> None:
    text = client.get(reverse("admin:sandbox-faults-fields"), {"kind": kind}).content.decode()
    assert all(f'name="{field.name}"' in text for field in KINDS[kind].all_fields())


def test_post_orders_a_fault_and_tells_that_it_is_on_its_way(client: Any, world: Any) -> None:
    region = world.account.regions[0]
    given = {"kind": "slow", "region": region, "account": "", "stack": "sw-*", "factor": "3", "rate": "9"}
    answer = client.post(reverse("admin:sandbox-faults"), given, follow=True)
    assert answer.status_code == 200
    order = SandboxOrder.objects.get()
    assert order.body == {"kind": "slow", "region": region, "stack": "sw-*", "factor": 3}
    assert order.asked_by == world.people[PortalRole.ADMINISTRATOR]
    assert f"Setting: Slow stacks, {region}, sw-*" in answer.content.decode()


def test_bad_input_is_told_at_its_field_and_kept(client: Any) -> None:
    answer = client.post(reverse("admin:sandbox-faults"), {"kind": "throttle", "rate": "fast"})
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "Calls per second is a number from 0 on." in text and 'value="fast"' in text
    assert not SandboxOrder.objects.exists()


def test_several_services_are_picked_and_stay_picked(client: Any) -> None:
    given = {"kind": "throttle", "service": ["rds", "s3"], "operation": "ListBuckets", "burst": "many"}
    text = client.post(reverse("admin:sandbox-faults"), given).content.decode()
    assert all(f'name="service" value="{name}" checked' in text for name in ("rds", "s3"))
    assert 'name="service" value="ec2" checked' not in text and "<details open>" in text
    client.post(reverse("admin:sandbox-faults"), {**given, "burst": "4"})
    assert SandboxOrder.objects.get().body == {
        "kind": "throttle",
        "service": ["rds", "s3"],
        "operation": "ListBuckets",
        "burst": 4,
    }


def test_script_is_put_together_and_ordered(client: Any, world: Any) -> None:
    page, drop = reverse("admin:sandbox-faults"), reverse("admin:sandbox-faults-script-drop")
    region = world.account.regions[0]
    added = {"kind": "dark", "region": region, "after_s": "90", "for_s": "600", "do": "add"}
    client.post(page, added)
    client.post(page, {"kind": "deny", "service": "s3", "do": "add"})
    text = client.post(page, {"kind": "slow", "factor": "3", "do": "add"}, follow=True).content.decode()
    assert f"Dark, {region}" in text and "after 1 min 30 s, for 10 min" in text
    assert "at once; Times as long: 3" in text
    assert not SandboxOrder.objects.exists()
    client.post(drop, {"place": "1"})
    answer = client.post(reverse("admin:sandbox-faults-script"), {"name": "Evening"}, follow=True)
    order = SandboxOrder.objects.get()
    assert (order.verb, order.body["name"]) == ("script", "Evening")
    assert order.body["faults"] == [
        {"kind": "dark", "region": region, "after_s": 90, "for_s": 600},
        {"kind": "slow", "factor": 3},
    ]
    text = answer.content.decode()
    assert "Setting the script Evening: 2 faults" in text and "Take out" not in text


def test_bad_fault_is_not_added_and_an_empty_script_not_ordered(client: Any) -> None:
    page = reverse("admin:sandbox-faults")
    answer = client.post(page, {"kind": "slow", "do": "add"})
    assert (answer.status_code, "Say times as long or seconds more." in answer.content.decode()) == (
        400,
        True,
    )
    answer = client.post(reverse("admin:sandbox-faults-script"), {"name": ""}, follow=True)
    assert "A script has 1 to 50 faults." in answer.content.decode()
    client.post(page, {"kind": "dark", "do": "add"})
    text = client.post(reverse("admin:sandbox-faults-script-drop"), follow=True).content.decode()
    assert "Take out" not in text
    assert not SandboxOrder.objects.exists()


def test_clock_is_put_forward_and_told(client: Any) -> None:
    address = reverse("admin:sandbox-clock")
    text = client.post(address, {"forward": "2", "unit": "days"}, follow=True).content.decode()
    assert "Putting the clock forward by 2 days" in text
    assert SandboxOrder.objects.get().body == {"advance_s": 172800}
    text = client.post(address, {"forward": "back", "unit": "days"}, follow=True).content.decode()
    assert "goes forward by more than nothing" in text
    SandboxView.objects.update(ahead_s=172800)
    assert "clock is 2 days ahead" in client.get(reverse("admin:sandbox-faults-live")).content.decode()


def test_script_that_is_planted_can_be_ended(client: Any) -> None:
    SandboxView.objects.create(faults=[FAULT], seen_at=timezone.now(), asked_at=timezone.now())
    assert "End script-1" in client.get(reverse("admin:sandbox-faults")).content.decode()
    answer = client.post(reverse("admin:sandbox-faults-script-end"), {"script": "script-1"}, follow=True)
    order = SandboxOrder.objects.get()
    assert (order.verb, order.fault_id) == ("end-script", "script-1")
    assert "Ending script-1" in answer.content.decode()


def test_live_part_shows_faults_and_log_and_is_silent_while_nothing_changes(client: Any) -> None:
    address = reverse("admin:sandbox-faults-live")
    SandboxView.objects.create(faults=[FAULT], log=[ENTRY], seen_at=timezone.now(), asked_at=timezone.now())
    answer = client.get(address)
    text = answer.content.decode()
    assert "eu-west-1 and eu-central-1, RDS" in text and "2 to go" in text and "script-1" in text
    seen = answer.context_data["seen"]
    assert client.get(address, {"seen": seen}).status_code == 204
    SandboxView.objects.update(faults=[])
    again = client.get(address, {"seen": seen})
    assert (again.status_code, "Nothing is planted" in again.content.decode()) == (200, True)


def test_fault_that_is_gone_is_told_as_a_message(client: Any) -> None:
    answer = client.post(reverse("admin:sandbox-faults-end"), {"fault": "fault-99"}, follow=True)
    assert "There is no fault fault-99 any more." in answer.content.decode()


def test_changes_need_the_token_of_their_form(world: Any, sign_in: Any) -> None:
    client = sign_in(world.people[PortalRole.ADMINISTRATOR])
    client.handler.enforce_csrf_checks = True
    names = ("faults", "faults-end", "faults-end-all", "faults-script", "faults-script-drop")
    for name in (f"sandbox-{name}" for name in (*names, "faults-script-end", "clock")):
        assert client.post(reverse(f"admin:{name}"), {"kind": "dark"}).status_code == 403
    assert not SandboxOrder.objects.exists()

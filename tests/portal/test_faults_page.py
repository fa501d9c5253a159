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
    for name in ("sandbox-faults", "sandbox-faults-end", "sandbox-faults-end-all"):
        assert client.post(reverse(f"admin:{name}"), {"kind": "dark"}).status_code == 403
    assert not SandboxOrder.objects.exists()

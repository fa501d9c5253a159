"""An administrator's faults on their way to the sandbox: carried once, refused with its sentence, seen by the page."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from devtools import processes
from devtools.sandbox import Sandbox
from environments.errors import Conflict, Forbidden, InvalidFields
from environments.lifecycle.fault_kinds import KINDS
from environments.lifecycle.faults import (
    LONGEST_SCRIPT,
    clock_advance,
    fault_end,
    fault_end_all,
    fault_set,
    orders_take,
    script_end,
    script_set,
    view_ask,
)
from environments.lifecycle.models import SandboxOrder, SandboxView
from environments.operations.models import AuditEntry
from environments.people.models import PortalRole
from tests import factories
from workers.sandbox import sandbox_round
from workers.tasks import tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def administrator() -> Any:
    return factories.person_make(PortalRole.ADMINISTRATOR)


@pytest.fixture
def place(sandbox: Any, settings: Any) -> Any:
    """An account of the sandbox that runs."""
    settings.SANDBOX_URL = sandbox.url
    return factories.account_make("faulty", account_id="444455560071", regions=["eu-west-1", "eu-central-1"])


@pytest.fixture
def own_sandbox(place: Any, settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    """One of this test's own, whose clock may be put forward."""
    sandbox = Sandbox(home=tmp_path / "state", port=processes.free_port())
    sandbox.start()
    settings.SANDBOX_URL = sandbox.url
    yield sandbox
    sandbox.stop()


def planted(sandbox: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.control("GET", "faults")
    return found


def test_ordered_fault_is_planted_once_and_seen(sandbox: Any, place: Any, administrator: Any) -> None:
    given = {"account": place.account_id, "region": "eu-west-1", "service": "rds", "for_s": "60", "mode": ""}
    order = fault_set(kind="dark", given=given, actor=administrator)
    sandbox_round()
    sandbox_round()
    [fault] = planted(sandbox)
    wanted = {
        "kind": "dark",
        "account": place.account_id,
        "region": "eu-west-1",
        "service": "rds",
        "for_s": 60,
    }
    assert {name: fault[name] for name in wanted} == wanted
    order.refresh_from_db()
    assert (order.status, order.fault_id, order.sentence) == ("done", fault["id"], "")
    view = SandboxView.objects.get()
    assert [(f["id"], f["state"], f["body"]) for f in view.faults] == [(fault["id"], "active", wanted)]
    assert [e["event"] for e in view.log if e["fault"] == fault["id"]] == ["begun", "set"]
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor, entry.after) == ("sandbox-fault.set", administrator, wanted)


def test_fault_is_ended_and_all_are_ended(sandbox: Any, place: Any, administrator: Any) -> None:
    for region in ("eu-west-1", "eu-central-1"):
        fault_set(kind="deny", given={"region": region, "after_s": "900"}, actor=administrator)
    sandbox_round()
    first, second = (fault["id"] for fault in planted(sandbox))
    fault_end(fault_id=first, actor=administrator)
    sandbox_round()
    assert [fault["id"] for fault in planted(sandbox)] == [second]
    with pytest.raises(Conflict, match="any more"):
        fault_end(fault_id=first, actor=administrator)
    fault_end_all(actor=administrator)
    sandbox_round()
    assert planted(sandbox) == SandboxView.objects.get().faults == []
    actions = list(AuditEntry.objects.order_by("-id").values_list("action", flat=True)[:2])
    assert actions == ["sandbox-fault.all-ended", "sandbox-fault.ended"]


def test_script_is_planted_as_one_and_ended_as_one(sandbox: Any, place: Any, administrator: Any) -> None:
    faults = [
        {"kind": "dark", "region": "eu-west-1", "service": ["rds", "s3"], "operation": "ListBuckets"},
        {"kind": "throttle", "rate": 2, "burst": "9", "after_s": "900"},
    ]
    order = script_set(name=" Evening ", faults=faults, actor=administrator)
    sandbox_round()
    sandbox_round()
    dark, throttle = planted(sandbox)
    order.refresh_from_db()
    assert (order.status, dark["script"], throttle["script"]) == ("done", order.fault_id, order.fault_id)
    assert (dark["service"], dark["operation"], dark["state"]) == (["rds", "s3"], "ListBuckets", "active")
    assert (throttle["rate"], throttle["burst"], throttle["state"]) == (2, 9, "scheduled")
    assert AuditEntry.objects.latest("id").after["name"] == "Evening"
    script_end(script_id=order.fault_id, actor=administrator)
    sandbox_round()
    assert planted(sandbox) == []
    with pytest.raises(Conflict, match="any more"):
        script_end(script_id=order.fault_id, actor=administrator)
    assert AuditEntry.objects.latest("id").action == "sandbox-script.ended"


def test_script_with_a_bad_fault_is_not_ordered(place: Any, administrator: Any) -> None:
    good = {"kind": "dark", "region": "eu-west-1"}
    with pytest.raises(InvalidFields) as caught:
        script_set(name="n" * 101, faults=[good, {"kind": "lag", "most_s": "-1"}, {}], actor=administrator)
    assert caught.value.errors == {
        "name": "A script's name has at most 100 characters.",
        "faults[1].most_s": "Seconds behind at most is a number from 0 on.",
        "faults[2].kind": f"Choose one of these kinds: {', '.join(KINDS)}.",
    }
    for faults in ([], [good] * (LONGEST_SCRIPT + 1)):
        with pytest.raises(InvalidFields, match="A script has 1 to 50 faults"):
            script_set(name="", faults=faults, actor=administrator)
    assert not SandboxOrder.objects.exists()


def test_clock_is_put_forward_once_and_shown(own_sandbox: Any, place: Any, administrator: Any) -> None:
    order = clock_advance(seconds="1.5", unit="days", actor=administrator)
    sandbox_round()
    sandbox_round()
    order.refresh_from_db()
    assert (order.status, order.body) == ("done", {"advance_s": 129600})
    assert own_sandbox.control("GET", "clock")["ahead_s"] == SandboxView.objects.get().ahead_s == 129600
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.after) == ("sandbox-clock.advanced", {"advance_s": 129600})


@pytest.mark.parametrize("seconds", ["", "0", "-1", "nan", "soon", "367"])
def test_clock_goes_forward_only_and_by_a_year_at_most(place: Any, administrator: Any, seconds: str) -> None:
    with pytest.raises(InvalidFields, match="goes forward by more than nothing"):
        clock_advance(seconds=seconds, unit="days", actor=administrator)
    with pytest.raises(InvalidFields, match="Choose one of these units"):
        clock_advance(seconds="1", unit="fortnights", actor=administrator)
    assert not SandboxOrder.objects.exists()


def test_refusal_of_the_sandbox_is_told_in_its_words(sandbox: Any, place: Any, administrator: Any) -> None:
    order = fault_set(kind="failing-type", given={"type": "Cluster"}, actor=administrator)
    sandbox_round()
    order.refresh_from_db()
    assert order.status == "refused"
    assert order.sentence == "type must be a CloudFormation type, such as AWS::RDS::DBCluster."
    assert planted(sandbox) == []


def test_silent_sandbox_is_told_and_what_was_seen_stays(
    sandbox: Any, place: Any, administrator: Any, settings: Any
) -> None:
    fault_set(kind="dark", given={}, actor=administrator)
    sandbox_round()
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    order = fault_end_all(actor=administrator)
    sandbox_round()
    order.refresh_from_db()
    view = SandboxView.objects.get()
    assert (order.status, "no answer" in order.sentence) == ("refused", True)
    assert (len(view.faults), "could not be looked at" in view.problem) == (1, True)
    settings.SANDBOX_URL = sandbox.url
    sandbox_round()
    assert SandboxView.objects.get().problem == ""


def test_order_of_a_dead_worker_is_not_done_twice(sandbox: Any, place: Any, administrator: Any) -> None:
    order = fault_set(kind="dark", given={}, actor=administrator)
    [taken] = orders_take()
    assert orders_take() == []
    sandbox_round()
    order.refresh_from_db()
    assert (taken.pk, order.status, planted(sandbox)) == (order.pk, "sent", [])
    SandboxOrder.objects.filter(pk=order.pk).update(sent_at=timezone.now() - timedelta(minutes=5))
    sandbox_round()
    order.refresh_from_db()
    assert (order.status, "look at the list" in order.sentence, planted(sandbox)) == ("refused", True, [])


def test_tick_sends_for_an_order_whose_message_was_lost(
    place: Any, administrator: Any, monkeypatch: Any
) -> None:
    from celery import current_app

    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    tick()
    assert "workers.sandbox" not in sent
    fault_set(kind="dark", given={}, actor=administrator)
    sent.clear()
    tick()
    assert "workers.sandbox" in sent


@pytest.mark.parametrize(
    ("kind", "given", "field", "sentence"),
    [
        ("none", {}, "kind", "Choose one of these kinds: dark,"),
        ("dark", {"region": "mars-1"}, "region", "Region: mars-1 is not one of eu-central-1, eu-west-1."),
        ("dark", {"account": "1"}, "account", "Account: 1 is not one of 444455560071."),
        ("dark", {"service": ["rds", "telnet"]}, "service", "Service: telnet is not one of cloudformation,"),
        ("throttle", {"burst": "0.5"}, "burst", "At once is a number from 1 on."),
        (
            "slow",
            {"action": "stop", "factor": "2"},
            "action",
            "When: stop is not one of create, update, delete.",
        ),
        ("dark", {"mode": "off"}, "mode", "Calls are: off is not one of refuse, hang."),
        ("throttle", {"rate": "fast"}, "rate", "Calls per second is a number from 0 on."),
        ("throttle", {"rate": "nan"}, "rate", "Calls per second is a number from 0 on."),
        ("error", {"status": "200"}, "status", "HTTP status is a number from 400 on."),
        ("failing-type", {}, "type", "Type is needed."),
        ("slow", {"factor": ""}, "factor", "Say times as long or seconds more."),
        ("lag", {"seconds": "0"}, "seconds", "Say seconds behind or grows by, seconds per second."),
    ],
)
def test_what_means_nothing_is_refused_at_its_field(
    place: Any, administrator: Any, kind: str, given: dict[str, str], field: str, sentence: str
) -> None:
    with pytest.raises(InvalidFields) as caught:
        fault_set(kind=kind, given=given, actor=administrator)
    assert caught.value.errors[field].startswith(sentence)
    assert not SandboxOrder.objects.exists()


def test_form_and_sandbox_know_the_same_kinds_fields_and_services(sandbox: Any) -> None:
    known = {
        kind["kind"]: {field["name"]: field["required"] for field in kind["fields"]}
        for kind in sandbox.control("GET", "faults/kinds")
    }
    for name, kind in KINDS.items():
        fields = {field.name: field for field in kind.all_fields()}
        assert set(fields) == set(known[name]), name
        assert {n for n, f in fields.items() if f.required} == {n for n, r in known[name].items() if r}, name
        needed = {"type": "AWS::RDS::DBCluster"} if "type" in fields else {}
        if kind.one_of:
            needed[kind.one_of[0]] = 2
        for field in fields.values():
            chosen = [value for value, _ in field.choices]
            if field.name == "service":
                sandbox.fault(name, after_s=900, **needed, service=chosen)
            else:
                for value in chosen:
                    sandbox.fault(name, after_s=900, **needed, **{field.name: value})


def test_only_administrators_and_only_with_a_sandbox(place: Any, administrator: Any, settings: Any) -> None:
    lead = factories.person_make(PortalRole.TEAM_LEAD, teams=[factories.team_make("Shop")])
    for act in (
        lambda: fault_set(kind="dark", given={}, actor=lead),
        lambda: fault_end(fault_id="fault-1", actor=lead),
        lambda: fault_end_all(actor=lead),
        lambda: script_set(name="", faults=[{"kind": "dark"}], actor=lead),
        lambda: script_end(script_id="script-1", actor=lead),
        lambda: clock_advance(seconds="1", unit="hours", actor=lead),
    ):
        with pytest.raises(Forbidden):
            act()
    settings.SANDBOX_URL = ""
    with pytest.raises(Conflict, match="no sandbox"):
        fault_set(kind="dark", given={}, actor=administrator)
    sandbox_round()
    assert not SandboxOrder.objects.exists() and not SandboxView.objects.exists()


def test_page_asks_for_a_look_once_a_second_at_most(place: Any) -> None:
    first = view_ask()
    asked = SandboxView.objects.get(pk=first.pk).asked_at
    view_ask()
    assert SandboxView.objects.get(pk=first.pk).asked_at == asked

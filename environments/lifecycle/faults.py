"""Faults and the clock of the sandbox, changed by an administrator: orders for a worker, and what it saw there.

Only where the portal has a sandbox, and only for accounts that live in it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.fault_checks import LONGEST_S, fault_checked, number_of
from environments.lifecycle.models import SandboxOrder, SandboxView
from environments.operations.audit import audit_record
from environments.operations.queue import ring
from environments.people.models import User
from environments.people.rights import require

TASK = "workers.sandbox"
LONGEST_SCRIPT = 50
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
STUCK = timedelta(seconds=60)
"""An order that a worker took this long ago, and never told of, was lost with it."""
LOOK_EVERY = timedelta(seconds=1)
Verb, Status = SandboxOrder.Verb, SandboxOrder.Status


def fault_set(*, kind: str, given: Mapping[str, Any], actor: User | None) -> SandboxOrder:
    """Order a fault. given: what was typed, by field (`fault_checked`). Raises Forbidden, InvalidFields."""
    _allow(actor)
    body = fault_checked(kind, given)
    return _order(Verb.SET, body=body, audited="sandbox-fault.set", actor=actor)


def script_set(*, name: str, faults: Sequence[Mapping[str, Any]], actor: User | None) -> SandboxOrder:
    """Order several faults as one, each with its own times. faults: "kind" and fields, as `fault_set` takes them.

    Raises Forbidden, InvalidFields (of the n-th fault's field as `faults[n].field`).
    """
    _allow(actor)
    name = name.strip()
    problems = {}
    if not 0 < len(faults) <= LONGEST_SCRIPT:
        problems["faults"] = f"A script has 1 to {LONGEST_SCRIPT} faults."
    if len(name) > 100:
        problems["name"] = "A script's name has at most 100 characters."
    kept = []
    for n, fault in enumerate(faults[:LONGEST_SCRIPT]):
        try:
            kept.append(fault_checked(str(fault.get("kind")), fault))
        except InvalidFields as refused:
            problems |= {f"faults[{n}].{field}": sentence for field, sentence in refused.errors.items()}
    if problems:
        raise InvalidFields(problems)
    body = {**({"name": name} if name else {}), "faults": kept}
    return _order(Verb.SCRIPT, body=body, audited="sandbox-script.set", actor=actor)


def script_end(*, script_id: str, actor: User | None) -> SandboxOrder:
    """Order the end of what is left of a script. Raises Forbidden, Conflict."""
    _allow(actor)
    if not any(fault["script"] == script_id for fault in _known()):
        raise Conflict(f"Nothing of {script_id[:40]} is planted any more.")
    return _order(Verb.END_SCRIPT, body={}, fault_id=script_id, audited="sandbox-script.ended", actor=actor)


def clock_advance(*, seconds: str, unit: str, actor: User | None) -> SandboxOrder:
    """Order that the sandbox's clock is put forward. seconds: a number of `unit` (a key of UNITS), as it was typed.

    Raises Forbidden, InvalidFields.
    """
    _allow(actor)
    number = number_of(seconds)
    if unit not in UNITS:
        raise InvalidFields({"forward": f"Choose one of these units: {', '.join(UNITS)}."})
    if number is None or not 0 < number * UNITS[unit] <= LONGEST_S:
        raise InvalidFields(
            {"forward": "The clock goes forward by more than nothing, and by 366 days at most."}
        )
    body = {"advance_s": round(number * UNITS[unit], 3)}
    return _order(Verb.ADVANCE, body=body, audited="sandbox-clock.advanced", actor=actor)


def fault_end(*, fault_id: str, actor: User | None) -> SandboxOrder:
    """Order the end of a fault, or that it never begins. Raises Forbidden, Conflict."""
    _allow(actor)
    body = next((fault for fault in _known() if fault["id"] == fault_id), None)
    if body is None:
        raise Conflict(f"There is no fault {fault_id[:40]} any more.")
    return _order(Verb.END, body=body["body"], fault_id=fault_id, audited="sandbox-fault.ended", actor=actor)


def fault_end_all(*, actor: User | None) -> SandboxOrder:
    """Order the end of all faults, of those too that are still to begin. Raises Forbidden."""
    _allow(actor)
    return _order(Verb.END_ALL, body={}, audited="sandbox-fault.all-ended", actor=actor)


def _known() -> list[dict[str, Any]]:
    """The faults that were seen last."""
    return SandboxView.objects.filter(pk=SandboxView.THE_ONE).values_list("faults", flat=True).first() or []


def _allow(actor: User | None) -> None:
    require(actor, "sandbox.change")
    if not settings.SANDBOX_URL:
        raise Conflict("This portal has no sandbox.")


def _order(
    verb: str, *, body: dict[str, Any], fault_id: str = "", audited: str, actor: User | None
) -> SandboxOrder:
    with transaction.atomic():
        order = SandboxOrder.objects.create(verb=verb, body=body, fault_id=fault_id, asked_by=actor)
        shown = {**({"fault": fault_id} if fault_id else {}), **body}
        audit_record(audited, f"sandbox:order-{order.pk}", actor=actor, after=shown)
        transaction.on_commit(lambda: ring(TASK))
    return order


# -- what workers ask and tell


def orders_take() -> list[SandboxOrder]:
    """Orders that wait, each taken by one worker only, oldest first."""
    taken = []
    for order in SandboxOrder.objects.filter(status=Status.PENDING).order_by("id"):
        now = timezone.now()
        if SandboxOrder.objects.filter(pk=order.pk, status=Status.PENDING).update(
            status=Status.SENT, sent_at=now
        ):
            taken.append(order)
    return taken


def order_close(order: SandboxOrder, *, fault_id: str = "", refused: str = "") -> None:
    """Say what came of an order. refused: why it was not carried out."""
    order.status = Status.REFUSED if refused else Status.DONE
    order.sentence, order.fault_id = refused, fault_id or order.fault_id
    order.save(update_fields=["status", "sentence", "fault_id"])


def orders_give_up() -> int:
    """Close orders whose worker died: nobody knows whether the sandbox had them, and doing them twice is worse."""
    lost = SandboxOrder.objects.filter(status=Status.SENT, sent_at__lt=timezone.now() - STUCK)
    sentence = "The worker that carried it ended meanwhile: look at the list whether it was done."
    return lost.update(status=Status.REFUSED, sentence=sentence)


def orders_wait() -> bool:
    """Whether an order waits for a worker."""
    return SandboxOrder.objects.filter(status=Status.PENDING).exists()


def view_record(*, faults: list[dict[str, Any]], log: list[dict[str, Any]], ahead_s: float) -> None:
    """Keep what a worker saw. ahead_s: by how much the sandbox's clock is ahead of this machine's."""
    SandboxView.objects.update_or_create(
        pk=SandboxView.THE_ONE,
        defaults={
            "faults": faults,
            "log": log,
            "ahead_s": ahead_s,
            "problem": "",
            "seen_at": timezone.now(),
        },
    )


def view_fail(problem: str) -> None:
    """Keep why a worker saw nothing; what was seen before stays."""
    SandboxView.objects.update_or_create(pk=SandboxView.THE_ONE, defaults={"problem": problem})


def view_ask() -> SandboxView:
    """What was seen last; asks a worker for another look unless somebody just did."""
    view, _ = SandboxView.objects.get_or_create(pk=SandboxView.THE_ONE)
    now: datetime = timezone.now()
    stale = Q(asked_at=None) | Q(asked_at__lt=now - LOOK_EVERY)
    if SandboxView.objects.filter(stale, pk=view.pk).update(asked_at=now):
        transaction.on_commit(lambda: ring(TASK))
    return view

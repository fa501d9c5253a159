"""Faults of the sandbox, set and ended by an administrator: orders that a worker carries there, and what it saw.

Only where the portal has a sandbox, and only for accounts that live in it.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.fault_kinds import KINDS, Kind
from environments.lifecycle.models import Account, SandboxOrder, SandboxView
from environments.operations.audit import audit_record
from environments.operations.queue import ring
from environments.people.models import User
from environments.people.rights import require

TASK = "workers.sandbox"
LONGEST_S = 366 * 86400
STUCK = timedelta(seconds=60)
"""An order that a worker took this long ago, and never told of, was lost with it."""
LOOK_EVERY = timedelta(seconds=1)
Verb, Status = SandboxOrder.Verb, SandboxOrder.Status


def sandbox_accounts() -> QuerySet[Account]:
    """The accounts that live in the sandbox; none where there is none."""
    accounts = Account.objects.filter(is_on_sandbox=True).order_by("name")
    return accounts if settings.SANDBOX_URL else accounts.none()


def sandbox_regions() -> list[str]:
    """The regions of those accounts."""
    return sorted(
        {region for regions in sandbox_accounts().values_list("regions", flat=True) for region in regions}
    )


def fault_set(*, kind: str, given: Mapping[str, str], actor: User | None) -> SandboxOrder:
    """Order a fault. given: what was typed, by field; empty texts say nothing. Raises Forbidden, InvalidFields."""
    _allow(actor)
    described = KINDS.get(kind)
    if described is None:
        raise InvalidFields({"kind": f"Choose one of these kinds: {', '.join(KINDS)}."})
    body = {"kind": kind, **_checked(described, given)}
    return _order(Verb.SET, body=body, audited="sandbox-fault.set", actor=actor)


def fault_end(*, fault_id: str, actor: User | None) -> SandboxOrder:
    """Order the end of a fault, or that it never begins. Raises Forbidden, Conflict."""
    _allow(actor)
    known = SandboxView.objects.filter(pk=SandboxView.THE_ONE).values_list("faults", flat=True).first() or []
    body = next((fault for fault in known if fault["id"] == fault_id), None)
    if body is None:
        raise Conflict(f"There is no fault {fault_id[:40]} any more.")
    return _order(Verb.END, body=body["body"], fault_id=fault_id, audited="sandbox-fault.ended", actor=actor)


def fault_end_all(*, actor: User | None) -> SandboxOrder:
    """Order the end of all faults, of those too that are still to begin. Raises Forbidden."""
    _allow(actor)
    return _order(Verb.END_ALL, body={}, audited="sandbox-fault.all-ended", actor=actor)


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


def _checked(kind: Kind, given: Mapping[str, str]) -> dict[str, Any]:
    """The fault's fields as the sandbox takes them. Raises InvalidFields."""
    problems: dict[str, str] = {}
    body: dict[str, Any] = {}
    choices = {
        "account": [account.account_id for account in sandbox_accounts()],
        "region": sandbox_regions(),
    }
    for field in kind.all_fields():
        typed = str(given.get(field.name) or "").strip()
        if not typed:
            if field.required:
                problems[field.name] = f"{field.label} is needed."
            continue
        allowed = choices.get(field.name) or [value for value, _ in field.choices]
        if field.is_number:
            number = _number(typed)
            if number is None or not field.least <= number <= LONGEST_S:
                problems[field.name] = f"{field.label} is a number from {field.least:g} on."
            elif number or field.least:
                body[field.name] = int(number) if field.is_whole or number.is_integer() else number
        elif (field.choices or field.name in choices) and typed not in allowed:
            problems[field.name] = (
                f"{field.label}: {typed[:60]} is not one of {', '.join(allowed) or 'none'}."
            )
        elif len(typed) > 200:
            problems[field.name] = f"{field.label} has at most 200 characters."
        else:
            body[field.name] = typed
    if kind.one_of and not problems and not any(body.get(name) for name in kind.one_of):
        labels = {field.name: field.label.lower() for field in kind.fields}
        words = " or ".join(labels[name] for name in kind.one_of)
        problems[kind.one_of[0]] = f"Say {words}."
    if problems:
        raise InvalidFields(problems)
    return body


def _number(typed: str) -> float | None:
    try:
        number = float(typed)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


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


def view_record(*, faults: list[dict[str, Any]], log: list[dict[str, Any]]) -> None:
    """Keep what a worker saw."""
    SandboxView.objects.update_or_create(
        pk=SandboxView.THE_ONE,
        defaults={"faults": faults, "log": log, "problem": "", "seen_at": timezone.now()},
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

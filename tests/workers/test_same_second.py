"""Two people and a clock at the same moment: threads with connections of their own, against PostgreSQL, many rounds.

Whoever is first, there is one outcome, and the other is told what it was.
"""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from environments.errors import Conflict
from environments.operations.approvals import (
    operation_approve,
    operation_expire_approval,
    operation_reject,
)
from environments.operations.control import operation_cancel
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.models import Decision, Event, Notice, Operation
from environments.operations.opening import operation_open
from environments.operations.states import ClaimMode
from environments.people.models import PortalRole, Team, User
from workers.runner import advance

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 25
HASH = "h" * 64

kind_register(
    Kind(
        name="same-second",
        title="Racing",
        claim_mode=ClaimMode.CHANGE,
        authorize=lambda actor, verb, operation: None,
        approval=lambda operation: ApprovalNeed(count=1, plan_hash=HASH),
    )
)


@pytest.fixture
def crowd():
    names = ("lena", "paul", "ada", "erik")
    return {name: User.objects.create(username=name, portal_role=PortalRole.ADMINISTRATOR) for name in names}


def waiting(crowd, number, *, needed=1, **fields):
    """An operation of lena's that waits for approval."""
    team = Team.objects.create(name=f"Shop {number}", slug=f"shop-{number}")
    operation = operation_open(kind="same-second", subject=team, actor=crowd["lena"])
    Operation.objects.filter(pk=operation.pk).update(
        **{
            "status": "awaiting-approval",
            "approvals_needed": needed,
            "approval_hash": HASH,
            "approval_expires_at": timezone.now() + timedelta(hours=1),
        }
        | fields
    )
    return operation


def together(*acts):
    """Run all at the same moment, each in a thread; answers what each came to, in order: "done" or its refusal."""
    gate = threading.Barrier(len(acts))
    came = ["nothing"] * len(acts)

    def run(number, act):
        gate.wait(10)
        try:
            came[number] = "done" if act() is not False else "nothing to do"
        except Conflict as refusal:
            came[number] = str(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return came


def approve(operation, person):
    return lambda: operation_approve(operation_id=operation.pk, plan_hash=HASH, actor=person)


def cancel(operation, person):
    return lambda: operation_cancel(operation_id=operation.pk, actor=person)


def reject(operation, person):
    return lambda: operation_reject(operation_id=operation.pk, comment="No.", actor=person)


def fresh(operation):
    return Operation.objects.get(pk=operation.pk)


def test_approval_and_cancel(crowd):
    """Cancelled it always is in the end; what was approved first was queued, and says so before."""
    for number in range(ROUNDS):
        operation = waiting(crowd, number)
        approved, cancelled = together(approve(operation, crowd["paul"]), cancel(operation, crowd["lena"]))
        row = fresh(operation)
        assert (row.status, cancelled) == ("cancelled", "done")
        assert row.wake_at is None and row.lease_token is None and row.ended_at is not None
        events = list(Event.objects.filter(operation=row).order_by("number").values_list("kind", flat=True))
        if approved == "done":
            assert events[-2:] == ["operation.approved", "operation.cancelled"]
            assert (
                Notice.objects.get(operation=row, topic="operation.handled").data["decided_by"]
                == crowd["paul"].pk
            )
        else:
            assert approved.endswith("it is cancelled. Handled by lena, who cancelled it.")
            assert not Decision.objects.filter(operation=row).exists()
            assert "operation.approved" not in events
        # A message that was sent for the approval finds nothing to do.
        advance(row.pk)
        assert fresh(operation).status == "cancelled"


def test_approval_and_rejection(crowd):
    outcomes = Counter()
    for number in range(ROUNDS):
        operation = waiting(crowd, number)
        came = together(approve(operation, crowd["paul"]), reject(operation, crowd["ada"]))
        assert came.count("done") == 1
        status = fresh(operation).status
        outcomes[status] += 1
        assert status == ("queued" if came[0] == "done" else "rejected")
        loser = next(word for word in came if word != "done")
        assert "Handled by" in loser
        assert Decision.objects.filter(operation=operation).count() == 1
        assert Notice.objects.filter(operation=operation, topic="operation.handled").count() == 1
    assert sum(outcomes.values()) == ROUNDS


def test_two_approvers_where_one_is_needed(crowd):
    for number in range(ROUNDS):
        operation = waiting(crowd, number)
        came = together(approve(operation, crowd["paul"]), approve(operation, crowd["ada"]))
        assert came.count("done") == 1
        assert fresh(operation).status == "queued"
        assert Event.objects.filter(operation=operation, kind="operation.approved").count() == 1


def test_two_approvers_where_two_are_needed(crowd):
    for number in range(ROUNDS):
        operation = waiting(crowd, number, needed=2)
        assert together(approve(operation, crowd["paul"]), approve(operation, crowd["ada"])) == ["done"] * 2
        row = fresh(operation)
        assert row.status == "queued"
        assert {decision.decided_by for decision in row.decisions.all()} == {crowd["paul"], crowd["ada"]}


def test_one_person_approving_twice_is_one_approval(crowd):
    for number in range(ROUNDS):
        operation = waiting(crowd, number, needed=2)
        came = together(approve(operation, crowd["paul"]), approve(operation, crowd["paul"]))
        assert sorted(came) == ["You already approved this plan.", "done"]
        assert fresh(operation).status == "awaiting-approval"


def test_approval_and_expiry(crowd):
    """What has expired cannot be approved, and what was approved does not expire."""
    for number in range(ROUNDS):
        soon = timezone.now() + timedelta(milliseconds=4)
        operation = waiting(crowd, number, approval_expires_at=soon)
        came = together(
            approve(operation, crowd["paul"]), lambda op=operation: operation_expire_approval(op.pk)
        )
        row = fresh(operation)
        if came[0] == "done":
            assert (row.status, came[1]) == ("queued", "nothing to do")
        else:
            operation_expire_approval(operation.pk)
            row = fresh(operation)
            assert row.status == "expired"
            assert not Decision.objects.filter(operation=row).exists()


def test_everything_at_once(crowd):
    for number in range(ROUNDS):
        operation = waiting(crowd, number, needed=2)
        came = together(
            approve(operation, crowd["paul"]),
            approve(operation, crowd["ada"]),
            reject(operation, crowd["erik"]),
            cancel(operation, crowd["lena"]),
        )
        row = fresh(operation)
        assert row.status in ("cancelled", "rejected")
        ends = Event.objects.filter(operation=row, kind__in=["operation.cancelled", "operation.rejected"])
        assert ends.count() == 1, came
        assert row.wake_at is None

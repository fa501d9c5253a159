"""The net under all messages: what it sends, how often, and that one bad row stops nothing."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from environments.operations.control import operation_retry
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.leases import lease_take
from environments.operations.models import Notice, Operation, Pulse, Step
from environments.operations.moves import operation_end
from environments.operations.opening import operation_open
from environments.operations.scheduling import TICK
from environments.operations.selectors import operations_due
from environments.operations.states import ClaimMode
from environments.people.models import PortalRole, Team, User
from tests.factories import proposal_make
from workers.children import child_cancel, child_run
from workers.context import StepContext
from workers.tasks import RESEND, tick

pytestmark = pytest.mark.django_db(transaction=True)


def no_end(operation):
    if "broken" in operation.subject_label:
        raise LookupError("Its subject is gone.")


kind_register(
    Kind(
        name="tick-test",
        title="Ticking",
        claim_mode=ClaimMode.CHANGE,
        authorize=lambda actor, verb, operation: None,
        approval=lambda operation: ApprovalNeed(count=1, plan_hash="h" * 64),
        on_end=no_end,
    )
)


def test_a_tick_tells_that_it_was():
    tick()
    first = Pulse.objects.get(name=TICK).at
    tick()
    assert timezone.now() - timedelta(seconds=30) < first < Pulse.objects.get(name=TICK).at


def opened(name="shop", **fields):
    """An operation of that kind, with its row as `fields` say."""
    actor, _ = User.objects.get_or_create(username="ada", portal_role=PortalRole.ADMINISTRATOR)
    operation = operation_open(
        kind="tick-test", subject=Team.objects.create(name=name, slug=name), actor=actor
    )
    Operation.objects.filter(pk=operation.pk).update(**fields)
    operation.refresh_from_db()
    return operation


def test_what_has_not_begun_is_sent_again_only_after_a_while():
    operation = opened()
    assert operations_due() == [operation.pk]
    tick()
    assert operations_due() == []
    assert operations_due(timezone.now() + RESEND + timedelta(seconds=1)) == [operation.pk]


def test_an_approval_that_cannot_be_ended_keeps_no_other_from_its_end():
    past = {"status": "awaiting-approval", "approval_expires_at": timezone.now() - timedelta(seconds=1)}
    broken, other = opened("broken", **past), opened("other", **past)
    tick()
    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.status, other.status) == ("awaiting-approval", "expired")


def test_a_tick_reminds_of_what_waits_and_ends_proposals_that_nobody_decided():
    past, later = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(hours=1)
    waiting = {"status": "awaiting-approval", "approvals_needed": 1, "approval_hash": "h" * 64}
    due = opened("due", **waiting, approval_call_at=past, approval_expires_at=later)
    opened("not-due", **waiting, approval_call_at=later, approval_expires_at=later)
    ada = User.objects.get(username="ada")
    proposal = proposal_make(User.objects.create(username="erik"), by=ada, expires_at=past)
    for _ in range(2):
        tick()
    assert [row.operation_id for row in Notice.objects.filter(topic="operation.approval-due")] == [due.pk]
    proposal.refresh_from_db()
    assert proposal.status == "expired"


def meanwhile(change):
    """Begin a change of a child in another transaction; it is seen half a second later."""
    begun = threading.Event()

    def run():
        with transaction.atomic():
            change()
            begun.set()
            threading.Event().wait(0.5)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(5)
    return thread


def watching(child):
    """A step of a running parent that opened the child, in its second attempt."""
    parent = opened("parent", status="running")
    step = Step.objects.create(
        operation=parent, key="up", title="Up", phase="execute", position=0, attempts=2, status="running"
    )
    step.state = {"child": child.pk, "attempt": 1}
    return StepContext(lease_take(parent.pk, worker="test"), parent, step)


def test_a_child_that_a_person_retries_at_the_same_moment_is_waited_for():
    child = opened("child", status="failed", phase="execute")
    context = watching(child)
    thread = meanwhile(lambda: operation_retry(operation_id=child.pk, actor=None))
    outcome = child_run(context, lambda: pytest.fail("It is there already."))
    thread.join()
    assert outcome.sentence == f"Operation {child.pk} has just been retried."
    child.refresh_from_db()
    assert child.status == "queued"


def test_a_child_that_ends_while_it_is_cancelled_is_looked_at_again():
    child = opened("child", status="running", phase="execute")
    context = watching(child)

    def end():
        row = Operation.objects.select_for_update(of=("self",)).get(pk=child.pk)
        operation_end(row, "succeeded", sentence="Done.")

    thread = meanwhile(end)
    outcome = child_cancel(context)
    thread.join()
    assert outcome.sentence == f"Operation {child.pk} has just ended."
    assert "ended: succeeded" in child_cancel(context).sentence

"""Who is told what while a plan waits for approval, and what becomes of approvals when it moves."""

from datetime import timedelta

import pytest

from environments.errors import Conflict, Forbidden
from environments.operations import approvals
from environments.operations.control import operation_cancel
from environments.operations.kinds import ApprovalNeed
from environments.operations.models import Decision, Notice, Operation
from environments.operations.moves import operation_planned
from environments.operations.states import OperationStatus

pytestmark = pytest.mark.django_db
S = OperationStatus
FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture
def paul(django_user_model):
    return django_user_model.objects.create(username="paul", portal_role="approver")


@pytest.fixture
def waiting(make_operation):
    """An operation that waits for two people; `waiting(hash)` plans it (again)."""
    operation = make_operation(status=S.PLANNING)

    def plan(plan_hash=FIRST, **need):
        Operation.objects.filter(pk=operation.pk).update(status=S.PLANNING)
        operation.refresh_from_db()
        operation_planned(operation, ApprovalNeed(**{"count": 2, "plan_hash": plan_hash} | need))
        return operation

    return plan


def notices(topic):
    return list(Notice.objects.filter(topic=topic).order_by("pk").values_list("sentence", "data"))


def approve(operation, actor, plan_hash=FIRST):
    return approvals.operation_approve(operation_id=operation.pk, plan_hash=plan_hash, actor=actor)


def test_the_requester_is_neither_of_the_two(waiting, ada, lena, paul):
    operation = waiting()
    for _ in range(2):
        with pytest.raises(Forbidden, match="You requested this yourself"):
            approve(operation, ada)
    approve(operation, lena)
    with pytest.raises(Forbidden, match="You requested this yourself"):
        approve(operation, ada)
    operation.refresh_from_db()
    assert operation.status == S.AWAITING_APPROVAL
    approve(operation, paul)
    operation.refresh_from_db()
    assert operation.sentence == "Approved by lena and paul. Waiting for its turn."


def test_approvals_of_a_plan_that_moved_do_not_count(waiting, lena, paul):
    operation = waiting()
    approve(operation, lena)
    waiting(SECOND)
    operation.refresh_from_db()
    assert operation.sentence.startswith("The plan has moved, so earlier approvals do not count.")
    approve(operation, paul, SECOND)
    operation.refresh_from_db()
    assert (operation.status, approvals.approvals_given(operation).count()) == (S.AWAITING_APPROVAL, 1)
    with pytest.raises(Conflict, match="moved since you saw it"):
        approve(operation, lena)
    approve(operation, lena, SECOND)
    operation.refresh_from_db()
    assert operation.status == S.QUEUED


def test_others_are_told_once_who_handled_it(waiting, lena, paul):
    operation = waiting()
    approve(operation, lena)
    assert notices("operation.handled") == []
    approve(operation, paul)
    told = [("Handled by paul, who approved it.", {"verdict": "approved", "decided_by": paul.pk})]
    assert notices("operation.handled") == told
    with pytest.raises(Conflict, match=r"it is queued. Handled by paul, who approved it\."):
        approve(operation, lena)


def test_who_approved_may_still_say_no_while_another_yes_is_missing(waiting, lena):
    operation = waiting()
    approve(operation, lena)
    approvals.operation_reject(operation_id=operation.pk, comment="Read it again: too dear.", actor=lena)
    operation.refresh_from_db()
    assert operation.status == S.REJECTED
    assert [(row.verdict, row.comment) for row in Decision.objects.all()] == [
        ("rejected", "Read it again: too dear.")
    ]


def test_a_cancel_tells_those_who_were_asked(waiting, ada, lena):
    operation = waiting()
    operation_cancel(operation_id=operation.pk, actor=ada)
    assert [sentence for sentence, _ in notices("operation.handled")] == ["Handled by ada, who cancelled it."]
    with pytest.raises(Conflict, match="Handled by ada, who cancelled it"):
        approve(operation, lena)


def test_approvers_are_reminded_once_and_administrators_told_before_it_expires(waiting):
    operation = waiting(expires_after=timedelta(hours=8), remind_after=timedelta(hours=4))
    assert not approvals.operation_call(operation.pk)
    pass_time(operation, hours=4)
    assert approvals.operation_call(operation.pk)
    assert not approvals.operation_call(operation.pk)
    pass_time(operation, hours=3)
    assert approvals.operation_call(operation.pk)
    operation.refresh_from_db()
    assert operation.approval_call_at is None
    told = notices("operation.approval-due")
    assert [data["escalated"] for _, data in told] == [False, True]
    assert told[0][0].startswith("It still waits for approval by 2 people, and expires on ")


def test_a_plan_that_moved_is_reminded_of_anew(waiting):
    operation = waiting()
    pass_time(operation, hours=24)
    assert approvals.operation_call(operation.pk)
    waiting(SECOND)
    pass_time(operation, hours=24)
    assert approvals.operation_call(operation.pk)
    assert [data["escalated"] for _, data in notices("operation.approval-due")] == [False, False]


def test_nobody_is_reminded_when_the_rule_says_so_nor_of_what_has_expired(waiting):
    operation = waiting(remind_after=None)
    pass_time(operation, hours=160)
    assert not approvals.operation_call(operation.pk)
    operation = waiting(SECOND)
    pass_time(operation, hours=24 * 7)
    assert not approvals.operation_call(operation.pk)


def test_half_of_the_approvals_expire_like_none(waiting, lena):
    operation = waiting()
    approve(operation, lena)
    pass_time(operation, hours=24 * 7)
    assert approvals.operation_expire_approval(operation.pk)
    operation.refresh_from_db()
    assert operation.status == S.EXPIRED
    assert operation.sentence.startswith("Only 1 of 2 people approved it in time.")


def pass_time(operation, *, hours):
    """Let so many hours have passed for it."""
    row = Operation.objects.get(pk=operation.pk)
    past = timedelta(hours=hours)
    Operation.objects.filter(pk=operation.pk).update(
        approval_expires_at=row.approval_expires_at - past,
        approval_call_at=row.approval_call_at - past if row.approval_call_at else None,
    )

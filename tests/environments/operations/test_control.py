"""Approving, rejecting, cancelling, retrying, pausing: each verb's good case and its refusals."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from environments.errors import Conflict, Forbidden, Invalid
from environments.operations import approvals, control, pauses
from environments.operations.events import Draft, events_write
from environments.operations.models import AuditEntry, Decision, Operation, Pause, Step
from environments.operations.opening import operation_open
from environments.operations.selectors import approvals_waiting, events_after, operations_due
from environments.operations.states import ENDED, OperationStatus

pytestmark = pytest.mark.django_db
S = OperationStatus


@pytest.fixture
def waiting(make_operation):
    return make_operation(
        status=S.AWAITING_APPROVAL, approvals_needed=1, approval_hash="h" * 64, parameters={"approvals": 1}
    )


def test_another_person_approves_the_plan_they_saw(waiting, lena):
    approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, comment="fine", actor=lena)
    waiting.refresh_from_db()
    assert waiting.status == S.QUEUED
    decision = Decision.objects.get()
    assert (decision.decided_by, decision.verdict, decision.comment) == (lena, "approved", "fine")
    assert AuditEntry.objects.get().action == "test-change.approved"


def test_nobody_approves_their_own_request(waiting, ada):
    with pytest.raises(Forbidden, match="another person"):
        approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, actor=ada)
    assert not Decision.objects.exists()


def test_a_plan_that_moved_cannot_be_approved(waiting, lena):
    with pytest.raises(Conflict, match="moved since you saw it"):
        approvals.operation_approve(operation_id=waiting.pk, plan_hash="x" * 64, actor=lena)


def test_two_approvals_take_two_people(waiting, lena, django_user_model):
    Operation.objects.filter(pk=waiting.pk).update(approvals_needed=2)
    approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, actor=lena)
    waiting.refresh_from_db()
    assert (
        waiting.status == S.AWAITING_APPROVAL
        and waiting.sentence == "Approved by lena. It waits for approval by one more person."
    )
    with pytest.raises(Conflict, match="already approved"):
        approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, actor=lena)
    paul = django_user_model.objects.create(username="paul")
    approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, actor=paul)
    waiting.refresh_from_db()
    assert waiting.status == S.QUEUED


def test_a_rejection_needs_a_reason_and_ends_it(waiting, lena):
    with pytest.raises(Invalid) as refusal:
        approvals.operation_reject(operation_id=waiting.pk, comment=" ", actor=lena)
    assert refusal.value.field == "comment"
    approvals.operation_reject(operation_id=waiting.pk, comment="too dear", actor=lena)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.sentence) == (S.REJECTED, "Rejected by lena: too dear")
    with pytest.raises(Conflict, match="Handled by lena, who rejected it"):
        approvals.operation_approve(operation_id=waiting.pk, plan_hash="h" * 64, actor=lena)


def test_an_approval_that_nobody_gave_expires(waiting):
    assert not approvals.operation_expire_approval(waiting.pk)
    Operation.objects.filter(pk=waiting.pk).update(approval_expires_at=timezone.now())
    assert approvals.operation_expire_approval(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status == S.EXPIRED
    assert list(approvals_waiting()) == []


def test_a_command_pauses_everything_before_a_worker_starts(capsys):
    call_command("pause", reason="restored from Monday's backup")
    assert Pause.objects.get().reason == "restored from Monday's backup"
    assert AuditEntry.objects.get().action == "pause.set"
    call_command("pause", reason="again")
    assert "restored from Monday's backup" in capsys.readouterr().out
    Pause.objects.all().delete()
    with pytest.raises(CommandError, match="Say why"):
        call_command("pause", reason=" ")


# What a cancel makes of an operation of each status: over at once, being stopped, or refused.
CANCELLED = {
    S.PENDING: S.CANCELLED,
    S.PLANNING: S.CANCELLED,
    S.AWAITING_APPROVAL: S.CANCELLED,
    S.QUEUED: S.CANCELLED,
    S.RUNNING: S.CANCELLING,
    S.WAITING: S.CANCELLING,
    S.PAUSED: S.CANCELLED,
    S.CANCELLING: S.CANCELLING,
    **dict.fromkeys(ENDED),
}


def test_the_table_of_cancels_has_every_status():
    assert set(CANCELLED) == set(S.values)


@pytest.mark.parametrize("status", sorted(CANCELLED))
@pytest.mark.parametrize("notice", [False, True])
@pytest.mark.parametrize("paused", [False, True])
def test_cancel_works_in_every_status_with_a_notice_and_under_a_pause(
    make_operation, ada, team, status, notice, paused
):
    later = timezone.now() + timedelta(days=7) if notice else None
    operation = make_operation(status=status, not_before=later)
    looking = operation.steps.create(
        key="look", title="Look", phase="plan", position=0, status="waiting", waits_for="person", attempts=1
    )
    if paused:
        pauses.pause_set(covers=f"team/{team.pk}", reason="audit", actor=ada)
    expected = CANCELLED[status]
    if expected is None:
        with pytest.raises(Conflict, match="ended already"):
            control.operation_cancel(operation_id=operation.pk, actor=ada)
        return
    control.operation_cancel(operation_id=operation.pk, actor=ada)
    operation.refresh_from_db()
    looking.refresh_from_db()
    assert operation.status == expected
    if expected == S.CANCELLED:
        assert "Nothing had been changed" in operation.sentence
        assert (looking.status, looking.wake_at) == ("cancelled", None)
    else:
        assert operation.pk in operations_due()


def test_force_cancel_leaves_no_step_behind_that_seems_to_go_on(make_operation, ada):
    operation = make_operation(status=S.CANCELLING, phase="execute")
    for position, status in enumerate(("waiting", "pending", "succeeded")):
        operation.steps.create(key=status, title=status, phase="execute", position=position, status=status)
    control.operation_force_cancel(operation_id=operation.pk, actor=ada)
    assert dict(operation.steps.values_list("key", "status")) == {
        "waiting": "cancelled",
        "pending": "cancelled",
        "succeeded": "succeeded",
    }


def test_cancel_of_what_runs_is_a_request_and_force_comes_after(make_operation, ada, lena):
    operation = make_operation(status=S.RUNNING)
    with pytest.raises(Conflict, match="Cancel it first"):
        control.operation_force_cancel(operation_id=operation.pk, actor=ada)
    control.operation_cancel(operation_id=operation.pk, actor=lena)
    operation.refresh_from_db()
    assert operation.status == S.CANCELLING and operation.pk in operations_due()
    with pytest.raises(Forbidden):
        control.operation_force_cancel(operation_id=operation.pk, actor=lena)
    control.operation_force_cancel(operation_id=operation.pk, actor=ada)
    operation.refresh_from_db()
    assert operation.status == S.CANCELLED


def test_cancel_of_what_has_ended_is_refused(make_operation, ada):
    with pytest.raises(Conflict, match="ended already"):
        control.operation_cancel(operation_id=make_operation(status=S.SUCCEEDED).pk, actor=ada)


@pytest.mark.parametrize(("phase", "goes_to"), [("plan", S.PLANNING), ("execute", S.QUEUED)])
def test_retry_goes_back_to_the_phase_in_which_it_failed(make_operation, ada, phase, goes_to):
    operation = make_operation(status=S.FAILED, phase=phase, failure={"step": "one"})
    step = Step.objects.create(
        operation=operation, key="one", title="One", phase=phase, position=0, status="failed", attempts=1
    )
    control.operation_retry(operation_id=operation.pk, actor=ada)
    operation.refresh_from_db()
    step.refresh_from_db()
    assert (operation.status, operation.failure, step.status) == (goes_to, None, "pending")


def test_only_what_failed_can_be_retried(make_operation, ada):
    with pytest.raises(Conflict, match="Only what failed"):
        control.operation_retry(operation_id=make_operation(status=S.RUNNING).pk, actor=ada)


@pytest.fixture
def failed(make_operation):
    """An operation of which one step failed that may be skipped, and one that may not."""
    operation = make_operation(status=S.FAILED, phase="execute", failure={"step": "look"})
    for position, (key, status) in enumerate({"look": "failed", "app": "failed", "last": "pending"}.items()):
        told = {"may_skip": "Nobody has looked."} if key == "look" else {}
        operation.steps.create(
            key=key, title=key.title(), phase="execute", position=position, status=status, parameters=told
        )
    return operation


def test_a_skipped_step_is_left_out_and_the_rest_goes_on(failed, ada):
    control.operation_skip(operation_id=failed.pk, step_key="look", reason="seen by eye.", actor=ada)
    failed.refresh_from_db()
    assert (failed.status, failed.failure, failed.sentence) == (
        S.QUEUED,
        None,
        "Queued again after Look was skipped.",
    )
    assert dict(failed.steps.values_list("key", "status")) == {
        "look": "skipped",
        "app": "pending",
        "last": "pending",
    }
    assert failed.steps.get(key="look").sentence == "Skipped by ada: seen by eye. Nobody has looked."
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.after["given_up"]) == ("test-change.skipped", "Nobody has looked.")
    assert failed.events.get(kind="operation.skipped").level == "warning"


@pytest.mark.parametrize(
    ("step", "reason", "refusal", "field"),
    [
        ("look", " ", Invalid, "reason"),
        ("nothing", "why", Invalid, "step"),
        ("app", "why", Invalid, "step"),
        ("last", "why", Conflict, "step"),
    ],
)
def test_what_cannot_be_skipped_says_why(failed, ada, step, reason, refusal, field):
    with pytest.raises(refusal) as error:
        control.operation_skip(operation_id=failed.pk, step_key=step, reason=reason, actor=ada)
    assert error.value.field == field and not AuditEntry.objects.exists()


def test_only_a_step_of_what_failed_is_skipped(failed, ada):
    Operation.objects.filter(pk=failed.pk).update(status=S.RUNNING)
    with pytest.raises(Conflict, match="Only what failed is skipped"):
        control.operation_skip(operation_id=failed.pk, step_key="look", reason="why", actor=ada)


def test_a_step_that_is_not_over_gets_more_time(make_operation, ada):
    operation = make_operation(status=S.RUNNING, phase="execute")
    step = operation.steps.create(key="data", title="Data", phase="execute", position=0, status="waiting")

    def extend(minutes=90, reason="The cluster is large.", key="data"):
        control.operation_extend_time(
            operation_id=operation.pk, step_key=key, minutes=minutes, reason=reason, actor=ada
        )

    extend()
    step.refresh_from_db()
    assert step.time_limit_s == 3600 + 90 * 60
    assert AuditEntry.objects.get().after["minutes"] == 90
    for refused, field in (({"minutes": 0}, "minutes"), ({"reason": ""}, "reason"), ({"key": "x"}, "step")):
        with pytest.raises(Invalid) as error:
            extend(**refused)
        assert error.value.field == field
    operation.steps.update(status="succeeded")
    with pytest.raises(Conflict, match="would not help"):
        extend()


def test_a_notice_is_shortened_with_a_reason(make_operation, ada):
    later = timezone.now() + timedelta(days=7)
    operation = make_operation("end", S.QUEUED, not_before=later, wake_at=later)
    with pytest.raises(Invalid):
        control.operation_shorten_notice(
            operation_id=operation.pk, not_before=timezone.now(), reason="", actor=ada
        )
    control.operation_shorten_notice(
        operation_id=operation.pk, not_before=timezone.now(), reason="budget", actor=ada
    )
    assert operations_due() == [operation.pk]


def test_what_a_recovery_paused_while_it_was_cancelled_can_be_cancelled_again(make_operation, ada):
    operation = make_operation(status=S.RUNNING)
    control.operation_cancel(operation_id=operation.pk, actor=ada)
    type(operation).objects.filter(pk=operation.pk).update(status=S.PAUSED)
    control.operation_resume(operation_id=operation.pk, actor=ada)
    control.operation_cancel(operation_id=operation.pk, actor=ada)
    operation.refresh_from_db()
    assert operation.status == S.CANCELLED


def test_a_retry_forgets_what_the_cancel_before_it_noted(make_operation, ada):
    operation = make_operation(status=S.FAILED)
    step = operation.steps.create(
        key="data",
        title="Data",
        phase="execute",
        position=0,
        status="cancelled",
        state={"cancel_seen": True, "token": "t"},
    )
    control.operation_retry(operation_id=operation.pk, actor=ada)
    step.refresh_from_db()
    assert (step.status, step.state) == ("pending", {"token": "t"})


def test_a_second_open_request_of_the_same_kind_is_a_double_click(team, ada):
    first = operation_open(kind="test-change", subject=team, actor=ada)
    with pytest.raises(Conflict, match=f"Operation {first.pk} already does this"):
        operation_open(kind="test-change", subject=team, actor=ada)
    assert Operation.objects.count() == 1


def test_events_are_numbered_without_a_gap(make_operation):
    operation = make_operation()
    events_write(operation.pk, [Draft("a.b", "one"), Draft("a.b", "two")])
    events_write(operation.pk, [Draft("a.b", "three")])
    assert [(e.number, e.text) for e in events_after(operation.pk, 1)] == [(2, "two"), (3, "three")]
    with pytest.raises(LookupError):
        events_write(10**9, [Draft("a.b", "nowhere")])

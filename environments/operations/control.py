"""What people do to operations besides approving: cancel, force-cancel, retry, skip, resume, give more time."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.operations.approvals import approval_handled
from environments.operations.audit import audit_record
from environments.operations.claims import claim_take
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation, Step
from environments.operations.moves import (
    operation_end,
    operation_move,
    operation_queue,
    step_end,
    steps_reset,
    steps_stop,
)
from environments.operations.queue import wake
from environments.operations.states import (
    HOLDING,
    RETRYABLE,
    STEP_LIVE,
    OperationStatus,
    Phase,
    StepStatus,
)

# "Now" of a script whose clock is a little slow is no slip of the pen; last year's date is one.
CLOCKS_DIFFER = timedelta(minutes=5)
LONGEST_EXTENSION = timedelta(days=7)


def operation_cancel(*, operation_id: int, actor: Any) -> Operation:
    """Ask it to stop. What has not begun ends at once; what runs stops at its next step.

    Raises Forbidden, Conflict (ended already).
    """
    with transaction.atomic():
        operation = _locked(operation_id, actor, "cancel")
        if operation.is_ended:
            raise Conflict(f"Operation {operation.pk} has ended already: {operation.status}.")
        if operation.cancel_requested_at is not None:
            return operation
        operation.cancel_requested_at = timezone.now()
        operation.cancel_requested_by = actor
        operation.save(update_fields=["cancel_requested_at", "cancel_requested_by"])
        began = operation.steps.filter(phase=Phase.EXECUTE, attempts__gt=0).exists()
        has_lost_its_claim = operation.status == OperationStatus.PAUSED and began
        if has_lost_its_claim:
            blocker = claim_take(operation)
            if blocker is not None:
                raise Conflict(
                    f"Operation {blocker.pk} ({blocker.kind}) has {operation.subject_label} now: cancel this one"
                    " when that has ended."
                )
        if operation.status in HOLDING or has_lost_its_claim:
            operation_move(
                operation,
                OperationStatus.CANCELLING,
                sentence=f"{actor} asked to cancel: what is under way is being stopped.",
                wake_at=timezone.now(),
            )
            event_write(operation.pk, "operation.cancelling", operation.sentence, level="warning")
            wake(operation.pk)
        else:
            left = "What it had made stays: see its resources." if began else "Nothing had been changed."
            was_asked = operation.status == OperationStatus.AWAITING_APPROVAL
            steps_stop(operation)
            operation_end(operation, OperationStatus.CANCELLED, sentence=f"Cancelled by {actor}. {left}")
            if was_asked:
                approval_handled(operation, "cancelled", actor)
        _audit(operation, "cancelled", actor)
    return operation


def operation_force_cancel(*, operation_id: int, actor: Any) -> Operation:
    """End it without waiting for AWS. Only after a cancel, and only for whom the kind allows it."""
    with transaction.atomic():
        operation = _locked(operation_id, actor, "force-cancel")
        if operation.status != OperationStatus.CANCELLING:
            raise Conflict("Cancel it first: force-cancel is for a cancel that does not come to an end.")
        steps_stop(operation)
        operation_end(
            operation,
            OperationStatus.CANCELLED,
            sentence=f"Force-cancelled by {actor}. What AWS had begun may still go on: look at its stacks.",
        )
        _audit(operation, "force-cancelled", actor)
    return operation


def operation_retry(*, operation_id: int, actor: Any) -> Operation:
    """Go on at the step that failed. Raises Forbidden, Conflict (nothing failed, or the subject has moved on)."""
    with transaction.atomic():
        operation = _locked(operation_id, actor, "retry")
        if operation.status not in RETRYABLE:
            raise Conflict(
                f"Only what failed can be retried: operation {operation.pk} is {operation.status}."
            )
        keys = _go_on(operation, "a retry")
        event_write(
            operation.pk, "operation.retried", f"{actor} retried it at: {', '.join(keys) or 'the end'}."
        )
        _audit(operation, "retried", actor)
    return operation


def operation_skip(*, operation_id: int, step_key: str, reason: str, actor: Any) -> Operation:
    """Leave out a failed step whose workflow says what is given up by that, and go on with what comes after it.

    Raises Forbidden, Invalid (no reason; no such step; one that cannot be skipped), Conflict (nothing failed).
    """
    if not reason.strip():
        raise Invalid("Say why it is skipped; it is kept in the audit.", field="reason")
    with transaction.atomic():
        operation = _locked(operation_id, actor, "skip")
        if operation.status not in RETRYABLE:
            raise Conflict(f"Only what failed is skipped: operation {operation.pk} is {operation.status}.")
        step = _step(operation, step_key)
        if step.status != StepStatus.FAILED:
            raise Conflict(
                f"{step.title} is {step.status}: only a step that failed is skipped.", field="step"
            )
        if not step.may_skip:
            raise Invalid(
                f"{step.title} cannot be skipped: what comes after it needs it. Retry, or cancel.",
                field="step",
            )
        step_end(step, StepStatus.SKIPPED, sentence=f"Skipped by {actor}: {reason} {step.may_skip}")
        _go_on(operation, f"{step.title} was skipped")
        event_write(
            operation.pk,
            "operation.skipped",
            f"{actor} skipped {step.title}: {reason}",
            level="warning",
            step_key=step.key,
        )
        _audit(operation, "skipped", actor, step=step.key, reason=reason, given_up=step.may_skip)
    return operation


def operation_extend_time(
    *, operation_id: int, step_key: str, minutes: int, reason: str, actor: Any
) -> Operation:
    """Give a step that is not over more time, in minutes on top of its limit, up to LONGEST_EXTENSION.

    Raises Forbidden, Invalid, Conflict (the step is over).
    """
    if not reason.strip():
        raise Invalid("Say why it gets more time; it is kept in the audit.", field="reason")
    most = LONGEST_EXTENSION // timedelta(minutes=1)
    if not 1 <= minutes <= most:
        raise Invalid(f"A step gets 1 to {most} more minutes at once.", field="minutes")
    with transaction.atomic():
        operation = _locked(operation_id, actor, "extend-time")
        step = _step(operation, step_key)
        if operation.is_ended or step.status not in STEP_LIVE | {StepStatus.PENDING}:
            raise Conflict(f"{step.title} is {step.status}: more time would not help it.", field="step")
        before = step.time_limit_s
        Step.objects.filter(pk=step.pk).update(time_limit_s=before + minutes * 60)
        event_write(
            operation.pk,
            "step.extended",
            f"{actor} gave {step.title} {minutes} more minutes: {reason}",
            step_key=step.key,
        )
        _audit(operation, "time-extended", actor, step=step.key, minutes=minutes, reason=reason)
    return operation


def operation_resume(*, operation_id: int, actor: Any) -> Operation:
    """Let a paused operation look again. It queues for its claim anew."""
    with transaction.atomic():
        operation = _locked(operation_id, actor, "retry")
        if operation.status != OperationStatus.PAUSED:
            raise Conflict(f"Operation {operation.pk} is not paused: it is {operation.status}.")
        kind_get(operation.kind).check(operation)
        # A cancel that the pause cut short is over: it can be asked for again.
        operation_queue(operation, sentence=f"Resumed by {actor}.", cancel_requested_at=None)
        event_write(operation.pk, "operation.resumed", operation.sentence)
        _audit(operation, "resumed", actor)
    return operation


def operation_shorten_notice(
    *, operation_id: int, not_before: datetime, reason: str, actor: Any
) -> Operation:
    """Let a notice end earlier, with a reason: at a moment to come, or now, which is the present time.

    Raises Forbidden, Invalid, Conflict (no notice runs).
    """
    if not reason.strip():
        raise Invalid("Say why the notice is shortened; it is kept in the audit.", field="reason")
    with transaction.atomic():
        operation = _locked(operation_id, actor, "shorten-notice")
        if operation.not_before is None or operation.is_ended or operation.started_at is not None:
            raise Conflict(f"No notice runs for operation {operation.pk}.")
        if not_before < timezone.now() - CLOCKS_DIFFER:
            raise Invalid(
                f"{not_before:%d %b %Y %H:%M %Z} has passed. Choose a moment to come, or now.",
                field="not_before",
            )
        if not_before >= operation.not_before:
            raise Invalid(
                f"The notice ends on {operation.not_before:%d %b %Y %H:%M} UTC already.", field="not_before"
            )
        operation.not_before = not_before
        operation.wake_at = not_before if operation.status == OperationStatus.QUEUED else operation.wake_at
        operation.save(update_fields=["not_before", "wake_at"])
        event_write(operation.pk, "operation.notice-shortened", f"{actor} shortened the notice: {reason}")
        _audit(operation, "notice-shortened", actor, not_before=not_before.isoformat(), reason=reason)
        wake(operation.pk)
    return operation


def _locked(operation_id: int, actor: Any, verb: str) -> Operation:
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    kind_get(operation.kind).authorize(actor, verb, operation)
    return operation


def _step(operation: Operation, key: str) -> Step:
    """Its step of that key, locked. A worker that is in the middle of one writes under the operation's row."""
    step = operation.steps.select_for_update().filter(key=key).first()
    if step is None:
        raise Invalid(f"Operation {operation.pk} has no step {key[:60]}.", field="step")
    return step


def _go_on(operation: Operation, after: str) -> list[str]:
    """What has failed goes on where it stopped; answers the keys of the steps that are done again."""
    kind_get(operation.kind).check(operation)
    keys = steps_reset(operation)
    fields: dict[str, Any] = {"failure": None, "ended_at": None, "cancel_requested_at": None}
    if operation.phase == Phase.PLAN:
        operation_move(
            operation, OperationStatus.PLANNING, sentence="Planning again.", wake_at=timezone.now(), **fields
        )
        wake(operation.pk)
    else:
        operation_queue(operation, sentence=f"Queued again after {after}.", **fields)
    return keys


def _audit(operation: Operation, what: str, actor: Any, **more: Any) -> None:
    audit_record(
        f"{operation.kind}.{what}",
        operation.subject or operation.subject_label,
        actor=actor,
        after={"operation": operation.pk, **more},
    )

"""What people do to operations besides approving: cancel, force-cancel, retry, resume, pause everything."""

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
from environments.operations.models import Operation, Pause
from environments.operations.moves import operation_end, operation_move, operation_queue, steps_reset
from environments.operations.queue import wake
from environments.operations.states import HOLDING, RETRYABLE, OperationStatus, Phase

# "Now" of a script whose clock is a little slow is no slip of the pen; last year's date is one.
CLOCKS_DIFFER = timedelta(minutes=5)


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
        kind_get(operation.kind).check(operation)
        keys = steps_reset(operation)
        fields: dict[str, Any] = {"failure": None, "ended_at": None, "cancel_requested_at": None}
        if operation.phase == Phase.PLAN:
            operation_move(
                operation,
                OperationStatus.PLANNING,
                sentence="Planning again.",
                wake_at=timezone.now(),
                **fields,
            )
            wake(operation.pk)
        else:
            operation_queue(operation, sentence="Queued again after a retry.", **fields)
        event_write(
            operation.pk, "operation.retried", f"{actor} retried it at: {', '.join(keys) or 'the end'}."
        )
        _audit(operation, "retried", actor)
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
        audit_record(
            f"{operation.kind}.notice-shortened",
            operation.subject or operation.subject_label,
            actor=actor,
            after={"operation": operation.pk, "not_before": not_before.isoformat(), "reason": reason},
        )
        wake(operation.pk)
    return operation


def pause_set(*, covers: str = Pause.EVERYTHING, reason: str, actor: Any) -> Pause:
    """Stop workers from moving what this covers. The caller has checked the right."""
    if not reason.strip():
        raise Invalid("Say why, so that others know what to wait for.", field="reason")
    with transaction.atomic():
        pause, fresh = Pause.objects.get_or_create(
            covers=covers, defaults={"reason": reason, "set_by": actor}
        )
        if fresh:
            audit_record("pause.set", f"pause:{covers}", actor=actor, after={"reason": reason})
    return pause


def pause_lift(*, covers: str = Pause.EVERYTHING, actor: Any) -> None:
    """Let workers go on; everything that is due is picked up by the next tick."""
    with transaction.atomic():
        deleted, _ = Pause.objects.filter(covers=covers).delete()
        if not deleted:
            raise Conflict("It is not paused.")
        audit_record("pause.lifted", f"pause:{covers}", actor=actor)


def pause_covering(scope: str) -> Pause | None:
    """The pause that covers an operation of this scope ("account/region"), if there is one."""
    account = scope.split("/")[0] + "/"
    return Pause.objects.filter(covers__in=[Pause.EVERYTHING, scope, account]).first()


def _locked(operation_id: int, actor: Any, verb: str) -> Operation:
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    kind_get(operation.kind).authorize(actor, verb, operation)
    return operation


def _audit(operation: Operation, what: str, actor: Any) -> None:
    audit_record(
        f"{operation.kind}.{what}",
        operation.subject or operation.subject_label,
        actor=actor,
        after={"operation": operation.pk},
    )

"""Approving and rejecting. An approval is of the plan that the approver saw: it carries that plan's hash."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments.errors import Conflict, Forbidden, Invalid
from environments.operations.audit import audit_record
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Decision, Operation
from environments.operations.moves import operation_end, operation_queue
from environments.operations.notices import operation_notice
from environments.operations.states import OperationStatus


def operation_approve(*, operation_id: int, plan_hash: str, comment: str = "", actor: Any) -> Operation:
    """Approve the plan with that hash. The last approval that is needed queues the operation.

    Raises Forbidden (no right, or one's own request), Conflict (moved plan, not waiting, decided already).
    """
    with transaction.atomic():
        operation = _waiting(operation_id, actor, "approve")
        if plan_hash != operation.approval_hash:
            raise Conflict(
                "The plan has moved since you saw it. Look at it again, then decide.", field="plan_hash"
            )
        _decide(operation, Decision.Verdict.APPROVED, comment, actor)
        given = approvals_given(operation).count()
        event_write(operation.pk, "operation.approved", f"{actor} approved the plan. {comment}".strip())
        if given >= operation.approvals_needed:
            operation_queue(operation, sentence=_queued_sentence(operation, actor), approval_call_at=None)
            approval_handled(operation, Decision.Verdict.APPROVED, actor)
        else:
            left = operation.approvals_needed - given
            more = "one more person" if left == 1 else f"{left} more people"
            operation.sentence = f"Approved by {actor}. It waits for approval by {more}."
            operation.save(update_fields=["sentence"])
        audit_record(
            f"{operation.kind}.approved",
            operation.subject or operation.subject_label,
            actor=actor,
            after={"operation": operation.pk, "plan_hash": plan_hash, "comment": comment},
        )
    return operation


def operation_reject(*, operation_id: int, comment: str, actor: Any) -> Operation:
    """Say no, with a reason. Ends the operation. Raises Forbidden, Conflict, Invalid (no comment)."""
    if not comment.strip():
        raise Invalid("Say why, so that the requester knows what to change.", field="comment")
    with transaction.atomic():
        operation = _waiting(operation_id, actor, "reject")
        _decide(operation, Decision.Verdict.REJECTED, comment, actor)
        operation_end(operation, OperationStatus.REJECTED, sentence=f"Rejected by {actor}: {comment}")
        approval_handled(operation, Decision.Verdict.REJECTED, actor)
        audit_record(
            f"{operation.kind}.rejected",
            operation.subject or operation.subject_label,
            actor=actor,
            after={"operation": operation.pk, "comment": comment},
        )
    return operation


def approvals_given(operation: Operation) -> QuerySet[Decision]:
    """The approvals that count: those of the plan as it is now."""
    return operation.decisions.filter(
        verdict=Decision.Verdict.APPROVED, plan_hash=operation.approval_hash
    ).select_related("decided_by")


def approval_handled(operation: Operation, verdict: str, actor: Any) -> None:
    """Tell all who were asked that somebody has dealt with it. Call in the transaction that did."""
    operation_notice(
        operation,
        "operation.handled",
        f"Handled by {actor or 'Switchyard'}, who {verdict} it.",
        key=f"handled/{operation.pk}/{operation.approval_hash}"[:120],
        data={"verdict": str(verdict), "decided_by": actor.pk if actor is not None else None},
    )


def operation_expire_approval(operation_id: int) -> bool:
    """End an operation that nobody approved in time. Answers whether it did."""
    with transaction.atomic():
        operation = (
            Operation.objects.select_for_update(of=("self",))
            .filter(
                pk=operation_id,
                status=OperationStatus.AWAITING_APPROVAL,
                approval_expires_at__lte=timezone.now(),
            )
            .first()
        )
        if operation is None:
            return False
        given = approvals_given(operation).count()
        missing = (
            f"Only {given} of {operation.approvals_needed} people approved it in time."
            if given
            else "Nobody approved it in time."
        )
        operation_end(
            operation,
            OperationStatus.EXPIRED,
            sentence=f"{missing} Request it again if it is still wanted.",
        )
    return True


def operation_call(operation_id: int) -> bool:
    """Remind approvers of what waits; when three quarters of the time left then have passed, tell administrators.

    Each is told once per plan. Answers whether somebody was told.
    """
    now = timezone.now()
    with transaction.atomic():
        operation = (
            Operation.objects.select_for_update(of=("self",))
            .filter(pk=operation_id, status=OperationStatus.AWAITING_APPROVAL, approval_call_at__lte=now)
            .first()
        )
        if operation is None or operation.approval_expires_at is None or operation.approval_expires_at <= now:
            return False
        reminded = operation.notices.filter(
            topic="operation.approval-due", data__plan_hash=operation.approval_hash
        ).exists()
        word = "escalated" if reminded else "due"
        waits = operation.approvals_needed - approvals_given(operation).count()
        people = "one person" if waits == 1 else f"{waits} people"
        sentence = (
            f"It still waits for approval by {people}, and expires on"
            f" {operation.approval_expires_at:%d %b %Y at %H:%M} UTC."
        )
        operation_notice(
            operation,
            "operation.approval-due",
            sentence,
            key=f"approval-{word}/{operation.pk}/{operation.approval_hash}"[:120],
            data={"plan_hash": operation.approval_hash, "escalated": reminded},
        )
        event_write(operation.pk, f"operation.approval-{word}", sentence)
        last_call = operation.approval_expires_at - (operation.approval_expires_at - now) / 4
        operation.approval_call_at = None if reminded else last_call
        operation.save(update_fields=["approval_call_at"])
    return True


def _waiting(operation_id: int, actor: Any, verb: str) -> Operation:
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    kind_get(operation.kind).authorize(actor, verb, operation)
    if operation.status != OperationStatus.AWAITING_APPROVAL:
        raise Conflict(
            f"Operation {operation.pk} does not wait for approval: it is {operation.status}."
            f" {handled_by(operation)}".rstrip()
        )
    if operation.approval_expires_at and operation.approval_expires_at <= timezone.now():
        raise Conflict("The time to approve this has passed. Request it again.")
    if verb == "approve" and operation.requested_by_id == actor.pk:
        raise Forbidden("You requested this yourself: another person has to approve it.")
    return operation


def handled_by(operation: Operation) -> str:
    """Who dealt with it, in a sentence; empty when nobody did."""
    if operation.status == OperationStatus.CANCELLED and operation.cancel_requested_by is not None:
        return f"Handled by {operation.cancel_requested_by}, who cancelled it."
    last = operation.decisions.filter(plan_hash=operation.approval_hash).select_related("decided_by").last()
    return f"Handled by {last.decided_by}, who {last.verdict} it." if last else ""


def _decide(operation: Operation, verdict: str, comment: str, actor: Any) -> None:
    decision, fresh = Decision.objects.get_or_create(
        operation=operation,
        decided_by=actor,
        plan_hash=operation.approval_hash,
        defaults={"verdict": verdict, "comment": comment},
    )
    if fresh:
        return
    if verdict == Decision.Verdict.APPROVED:
        raise Conflict(f"You already {decision.verdict} this plan.")
    # Who has approved may still say no while another person's yes is missing: the last word counts.
    decision.verdict, decision.comment, decision.decided_at = verdict, comment, timezone.now()
    decision.save(update_fields=["verdict", "comment", "decided_at"])


def _queued_sentence(operation: Operation, actor: Any) -> str:
    names = [str(row.decided_by) for row in approvals_given(operation)] or [str(actor)]
    by = " and ".join(names)
    if operation.not_before:
        return f"Approved by {by}. It begins on {operation.not_before:%d %b %Y at %H:%M} UTC unless undone."
    return f"Approved by {by}. Waiting for its turn."

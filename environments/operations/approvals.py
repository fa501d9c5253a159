"""Approving and rejecting. An approval is of the plan that the approver saw: it carries that plan's hash."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict, Forbidden, Invalid
from environments.operations.audit import audit_record
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Decision, Operation
from environments.operations.moves import operation_end, operation_queue
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
        given = operation.decisions.filter(
            verdict=Decision.Verdict.APPROVED, plan_hash=operation.approval_hash
        ).count()
        event_write(operation.pk, "operation.approved", f"{actor} approved the plan. {comment}".strip())
        if given >= operation.approvals_needed:
            operation_queue(operation, sentence=_queued_sentence(operation, actor))
        else:
            operation.sentence = f"{given} of {operation.approvals_needed} approvals given."
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
        audit_record(
            f"{operation.kind}.rejected",
            operation.subject or operation.subject_label,
            actor=actor,
            after={"operation": operation.pk, "comment": comment},
        )
    return operation


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
        operation_end(
            operation,
            OperationStatus.EXPIRED,
            sentence="Nobody approved it in time. Request it again if it is still wanted.",
        )
    return True


def _waiting(operation_id: int, actor: Any, verb: str) -> Operation:
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    kind_get(operation.kind).authorize(actor, verb, operation)
    if operation.status != OperationStatus.AWAITING_APPROVAL:
        handled = operation.decisions.select_related("decided_by").last()
        by = f" {handled.decided_by} {handled.verdict} it." if handled else ""
        raise Conflict(f"Operation {operation.pk} does not wait for approval: it is {operation.status}.{by}")
    if operation.approval_expires_at and operation.approval_expires_at <= timezone.now():
        raise Conflict("The time to approve this has passed. Request it again.")
    if verb == "approve" and operation.requested_by_id == actor.pk:
        raise Forbidden("You requested this yourself: another person has to approve it.")
    return operation


def _decide(operation: Operation, verdict: str, comment: str, actor: Any) -> None:
    decision, fresh = Decision.objects.get_or_create(
        operation=operation,
        decided_by=actor,
        plan_hash=operation.approval_hash,
        defaults={"verdict": verdict, "comment": comment},
    )
    if not fresh:
        raise Conflict(f"You already {decision.verdict} this plan.")


def _queued_sentence(operation: Operation, actor: Any) -> str:
    if operation.not_before:
        return (
            f"Approved by {actor}. It begins on {operation.not_before:%d %b %Y at %H:%M} UTC unless undone."
        )
    return f"Approved by {actor}. Waiting for its turn."

"""Planning an operation again: because a person asks for it, or because what its plan was made from has moved.

The same operation goes back to its plan. Approvals are of a hash, so they hold when the new plan is the same, and
count for nothing when it is not.
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from environments.errors import Conflict
from environments.operations.audit import audit_record
from environments.operations.claims import claim_release
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation
from environments.operations.moves import ATTEMPTS, operation_move, step_move
from environments.operations.queue import wake
from environments.operations.states import OPEN, RETRYABLE, STEP_LIVE, OperationStatus, Phase, StepStatus

S = OperationStatus
REPLANNABLE = RETRYABLE | {S.AWAITING_APPROVAL, S.QUEUED}
"""What a person may have planned again; what runs is planned again by its own second look only."""


def operation_replan(*, operation_id: int, actor: Any) -> Operation:
    """Make its plan anew: while it waits for approval or its turn, or after it has stopped.

    Raises Forbidden, Conflict (it runs, is over, is of a kind without that, or another one does the same now).
    """
    with transaction.atomic():
        operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
        kind = kind_get(operation.kind)
        kind.authorize(actor, "retry", operation)
        if not kind.can_replan or operation.status not in REPLANNABLE:
            raise Conflict(
                f"Operation {operation.pk} is {operation.status}: what waits for approval or its turn, or has failed,"
                " is planned again."
            )
        kind.check(operation)
        _require_alone(operation)
        operation_plan_again(operation, sentence=f"{actor} had it planned again.")
        audit_record(
            f"{operation.kind}.replanned",
            operation.subject or operation.subject_label,
            actor=actor,
            after={"operation": operation.pk},
        )
        wake(operation.pk)
    return operation


def operation_plan_again(operation: Operation, *, sentence: str) -> None:
    """Back to the plan, with nothing held: the claim goes, the steps of execution are dropped and come anew with the
    new plan. The caller holds the operation's row in a transaction.
    """
    kind_get(operation.kind).on_replan(operation)
    began = operation.steps.filter(phase=Phase.EXECUTE, attempts__gt=0).exclude(status__in=STEP_LIVE)
    attempts = {**operation.state.get(ATTEMPTS, {}), **dict(began.values_list("key", "attempts"))}
    operation.steps.filter(phase=Phase.EXECUTE).delete()
    for step in operation.steps.filter(phase=Phase.PLAN).exclude(status=StepStatus.PENDING):
        step_move(
            step,
            StepStatus.PENDING,
            state={},
            looks=0,
            faults=0,
            wake_at=None,
            sentence="",
            started_at=None,
            ended_at=None,
        )
    operation_move(
        operation,
        S.PLANNING,
        sentence="What would change is being worked out again.",
        phase=Phase.PLAN,
        state={**operation.state, ATTEMPTS: attempts},
        failure=None,
        ended_at=None,
        cancel_requested_at=None,
        blocked_by=None,
        approvals_needed=0,
        approval_hash="",
        approval_rule="",
        approval_terms={},
        approval_expires_at=None,
        approval_call_at=None,
        queued_at=None,
        wake_at=timezone.now(),
    )
    event_write(operation.pk, "operation.replanned", sentence)
    for waiting in claim_release(operation):
        wake(waiting)


def _require_alone(operation: Operation) -> None:
    double = (
        Operation.objects.filter(
            subject_type_id=operation.subject_type_id,
            subject_id=operation.subject_id,
            kind=operation.kind,
            status__in=OPEN,
        )
        .exclude(pk=operation.pk)
        .first()
    )
    if double is not None:
        raise Conflict(f"Operation {double.pk} already does this ({double.status}).")

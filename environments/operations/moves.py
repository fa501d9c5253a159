"""The moves of operations and steps. Everything that changes a status goes through here.

Callers hold the operation's row (a lease's fence, or select_for_update) inside a transaction.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from environments.operations.audit import audit_record
from environments.operations.claims import claim_release
from environments.operations.events import event_write
from environments.operations.kinds import ApprovalNeed, kind_get
from environments.operations.models import Decision, Operation, Step
from environments.operations.notices import operation_notice
from environments.operations.queue import wake
from environments.operations.states import (
    OPERATION_MOVES,
    STEP_LIVE,
    STEP_MOVES,
    OperationStatus,
    Phase,
    StepStatus,
)

ATTEMPTS = "attempts_before"
"""Where an operation that is planned again keeps how often each step was begun by hand."""
PLANNING_SENTENCE = "What would change is being worked out."


class WrongMove(Exception):
    """Our bug: a status was to change in a way that the table of moves does not have."""


def operation_move(operation: Operation, status: str, *, sentence: str, **fields: Any) -> None:
    """Change the status (and `fields`), saving only what changes. Raises WrongMove."""
    if status != operation.status and status not in OPERATION_MOVES[operation.status]:
        raise WrongMove(f"Operation {operation.pk} cannot go from {operation.status} to {status}.")
    _save(operation, status=status, sentence=sentence, **fields)


def step_move(step: Step, status: str, **fields: Any) -> None:
    """Change a step's status (and `fields`), saving only what changes. Raises WrongMove."""
    if status != step.status and status not in STEP_MOVES[step.status]:
        raise WrongMove(f"{step} cannot go from {step.status} to {status}.")
    _save(step, status=status, **fields)


def steps_add(operation: Operation, phase: str, steps: Iterable[Step]) -> None:
    """Add a phase's steps once; a second worker that comes here after a kill finds them and adds none.

    Steps that an earlier plan had begun go on counting their attempts: their tokens must not come twice.
    """
    if operation.steps.filter(phase=phase).exists():
        return
    rows = list(steps)
    for position, step in enumerate(rows):
        step.operation, step.phase, step.position = operation, phase, position
        step.attempts = operation.state.get(ATTEMPTS, {}).get(step.key, 0)
    Step.objects.bulk_create(rows)


def operation_start_planning(operation: Operation) -> None:
    """A worker has taken it up."""
    operation_move(operation, OperationStatus.PLANNING, sentence=PLANNING_SENTENCE)
    event_write(operation.pk, "operation.planning", "A worker began to plan.")


def operation_planned(operation: Operation, need: ApprovalNeed) -> None:
    """All plan steps are done: ask for approval, or queue it when a rule approves.

    Approvals of an earlier plan with another hash do not count; people are told so.
    """
    fields = {
        "approvals_needed": need.count,
        "approval_hash": need.plan_hash,
        "approval_rule": need.rule[:200],
        "approval_terms": need.terms,
    }
    if need.count and _approvals(operation, need.plan_hash) >= need.count:
        operation_queue(operation, sentence="Planned again, and nothing moved: the approval holds.", **fields)
        event_write(operation.pk, "operation.approved", operation.sentence, data={"hash": need.plan_hash})
        return
    if need.count:
        people = "one other person" if need.count == 1 else f"{need.count} other people"
        moved = operation.decisions.exclude(plan_hash=need.plan_hash).exists()
        start = "The plan has moved, so earlier approvals do not count." if moved else "The plan is ready."
        now = timezone.now()
        expires_at = now + need.expires_after
        operation_move(
            operation,
            OperationStatus.AWAITING_APPROVAL,
            sentence=f"{start} It waits for approval by {people}.",
            approval_expires_at=expires_at,
            approval_call_at=now + need.remind_after if need.remind_after else None,
            wake_at=None,
            **fields,
        )
        event_write(operation.pk, "operation.planned", operation.sentence, data={"hash": need.plan_hash})
        operation_notice(
            operation,
            "operation.awaiting-approval",
            operation.sentence,
            key=f"approval/{operation.pk}/{need.plan_hash}"[:120],
        )
        return
    operation_queue(operation, sentence=f"Approved by rule: {need.rule}", **fields)
    event_write(operation.pk, "operation.approved", operation.sentence, data={"hash": need.plan_hash})
    audit_record(
        f"{operation.kind}.approved",
        operation.subject or operation.subject_label,
        actor=None,
        after={"operation": operation.pk, "plan_hash": need.plan_hash, "rule": need.rule},
    )


def _approvals(operation: Operation, plan_hash: str) -> int:
    """How many people have approved this very plan: one that was made again with the same hash is the same."""
    return operation.decisions.filter(verdict=Decision.Verdict.APPROVED, plan_hash=plan_hash).count()


def operation_queue(operation: Operation, *, sentence: str, **fields: Any) -> None:
    """Ready to run: it waits for its claim, its place within the limits, and the end of a notice."""
    operation_move(
        operation,
        OperationStatus.QUEUED,
        sentence=sentence,
        phase=Phase.EXECUTE,
        queued_at=timezone.now(),
        wake_at=operation.not_before or timezone.now(),
        **fields,
    )
    wake(operation.pk)


def operation_hold(operation: Operation) -> None:
    """A pause covers it: note since when."""
    if operation.held_since is None:
        _save(operation, held_since=timezone.now())


def operation_let_on(operation: Operation) -> None:
    """No pause covers it any more: its steps get the time back in which nobody looked at them."""
    if operation.held_since is None:
        return
    held_s = round((timezone.now() - operation.held_since).total_seconds())
    operation.steps.filter(status__in=STEP_LIVE).update(time_limit_s=F("time_limit_s") + held_s)
    _save(operation, held_since=None)


def operation_end(
    operation: Operation,
    status: str,
    *,
    sentence: str,
    failure: dict[str, Any] | None = None,
    moves_subject: bool = True,
) -> None:
    """End it: status, subject, claims and lease in one transaction; then wake what waited for it.

    `moves_subject` is False only where moving the subject is what went wrong.
    """
    operation_move(
        operation,
        status,
        sentence=sentence,
        failure=failure,
        ended_at=timezone.now(),
        wake_at=None,
        blocked_by=None,
        stuck_since=None,
        stuck={},
        due_since=None,
        lease_losses=0,
        lease_token=None,
        lease_until=None,
        lease_worker="",
    )
    level = {OperationStatus.FAILED: "error", OperationStatus.ERRORED: "error"}.get(
        OperationStatus(status), "info"
    )
    event_write(operation.pk, f"operation.{status}", sentence, level=level, data=failure or {})
    operation_notice(operation, f"operation.{status}", sentence, data=failure)
    if moves_subject:
        kind_get(operation.kind).on_end(operation)
    for waiting in claim_release(operation):
        wake(waiting)


def step_begin(step: Step) -> None:
    """First look of an attempt: the clock of its time limit starts."""
    now = timezone.now()
    if step.status == StepStatus.PENDING:
        step_move(
            step,
            StepStatus.RUNNING,
            started_at=now,
            ended_at=None,
            attempts=step.attempts + 1,
            looks=1,
            faults=0,
            wake_at=None,
        )
        event_write(step.operation_id, "step.started", f"{step.title} began.", step_key=step.key)
    else:
        step_move(step, StepStatus.RUNNING, looks=step.looks + 1, wake_at=None)


def step_wait(
    step: Step, until: datetime, *, sentence: str, waits_for: str = "aws", faults: int = 0, **fields: Any
) -> None:
    """Look again then. Costs nobody anything meanwhile."""
    step_move(
        step,
        StepStatus.WAITING,
        wake_at=until,
        sentence=sentence,
        waits_for=waits_for,
        faults=faults,
        **fields,
    )


def step_end(step: Step, status: str, *, sentence: str) -> None:
    """The step is over."""
    done = step.progress_total if status == StepStatus.SUCCEEDED else step.progress_done
    step_move(
        step,
        status,
        sentence=sentence,
        ended_at=timezone.now(),
        wake_at=None,
        waits_for="",
        progress_done=done,
    )
    level = "error" if status == StepStatus.FAILED else "info"
    event_write(
        step.operation_id, f"step.{status}", f"{step.title}: {sentence}", level=level, step_key=step.key
    )


def operation_describe(operation: Operation, steps: Iterable[Step]) -> None:
    """Running or waiting, and the sentence: the slowest live step, or what everything waits for.

    While it is planned only what is outside of the portal is told, such as a person who has to do something.
    """
    live = [step for step in steps if step.status in STEP_LIVE]
    outside = [step for step in live if step.waits_for in ("person", "notice", "fault", "dark")]
    if not live:
        return
    if operation.status == OperationStatus.PLANNING:
        status = OperationStatus.PLANNING
        sentence = _told(outside[0]) if outside else PLANNING_SENTENCE
    elif operation.status in (OperationStatus.RUNNING, OperationStatus.WAITING):
        status = OperationStatus.WAITING if len(outside) == len(live) else OperationStatus.RUNNING
        sentence = _told(outside[0] if outside else min(live, key=lambda s: s.started_at or timezone.now()))
    else:
        return
    if (status, sentence) != (operation.status, operation.sentence):
        operation_move(operation, status, sentence=sentence)


def _told(step: Step) -> str:
    return f"{step.title}: {step.sentence or 'began.'}"


def steps_stop(operation: Operation) -> None:
    """Of an operation that is about to end without its worker: no step of it goes on, and none begins."""
    for step in operation.steps.filter(status__in=STEP_LIVE | {StepStatus.PENDING}):
        step_move(step, StepStatus.CANCELLED, wake_at=None, waits_for="", ended_at=timezone.now())


def steps_reset(operation: Operation) -> list[str]:
    """Before a retry: what failed or was cancelled is to be done again; answers the keys."""
    again = list(operation.steps.filter(status__in=[StepStatus.FAILED, StepStatus.CANCELLED]))
    for step in again:
        # What a cancel noted is over with it: the next one looks at once again.
        state = {key: value for key, value in step.state.items() if key != "cancel_seen"}
        step_move(
            step, StepStatus.PENDING, state=state, looks=0, faults=0, wake_at=None, sentence="", ended_at=None
        )
    return [step.key for step in again]


def _save(row: Operation | Step, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))

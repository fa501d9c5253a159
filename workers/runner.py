"""The engine's loop: take a lease, run every ready step until each is done or waits, let go."""

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

import workers.workflows  # noqa: F401 - registers the workflows
from environments.operations.kinds import kind_get
from environments.operations.leases import Lease, LeaseLost, lease_take
from environments.operations.models import Operation, Step
from environments.operations.moves import (
    operation_describe,
    operation_end,
    operation_hold,
    operation_let_on,
    operation_planned,
    operation_start_planning,
    step_end,
    steps_add,
)
from environments.operations.pauses import stands_still
from environments.operations.queue import send
from environments.operations.starting import operation_try_start
from environments.operations.states import STEP_LIVE, OperationStatus, Phase, StepStatus
from workers.steps import step_run
from workers.workflow import StepSpec, Workflow, workflow_get

log = structlog.get_logger(__name__)

S = OperationStatus
T = StepStatus

# Below this a countdown message brings the next look; above it the tick does.
COUNTDOWN_S = 15.0
# How often something that is blocked, full or paused is looked at when nobody wakes it.
BLOCKED_S = 15.0


def worker_name() -> str:
    """Who holds a lease, for the page of workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def advance(operation_id: int) -> None:
    """Move one operation as far as it goes now. Does nothing when another worker moves it."""
    lease = lease_take(operation_id, worker=worker_name())
    if lease is None:
        return
    with structlog.contextvars.bound_contextvars(operation=operation_id):
        try:
            seen = _drive(lease)
            _let_go(lease, seen)
        except LeaseLost:
            log.info("lease.lost")
        except Exception as error:
            _give_up(lease, error)


@dataclass(frozen=True)
class Seen:
    """What the drive ended with."""

    status: str
    is_paused: bool = False


def _drive(lease: Lease) -> Seen:
    """Move until nothing is ready, or a pause covers it."""
    while True:
        with lease.fenced() as operation:
            workflow = workflow_get(operation.kind)
            if stands_still(operation):
                operation_hold(operation)
                return Seen(operation.status, is_paused=True)
            operation_let_on(operation)
            if operation.status == S.PENDING:
                operation_start_planning(operation)
            elif operation.status == S.QUEUED and not operation_try_start(operation):
                return Seen(operation.status)
            if operation.status == S.PLANNING:
                # Also when a retry follows a mistake that kept the first worker from coming here.
                steps_add(operation, Phase.PLAN, map(_row, workflow.plan))
            steps = list(operation.steps.filter(phase=operation.phase).order_by("position"))
            if operation.status == S.CANCELLING:
                _cancel_pending(steps)
                _cancel_waiting(steps)
            if _settle(operation, workflow, steps):
                if operation.status == S.QUEUED:
                    continue
                return Seen(operation.status)
            ready = _ready(operation, steps)
            if not ready:
                operation_describe(operation, steps)
                return Seen(operation.status)
        for number, step in enumerate(ready):
            if number and stands_still(operation):
                break
            step_run(lease, workflow, step)


def _ready(operation: Operation, steps: list[Step]) -> list[Step]:
    now = timezone.now()
    live = [s for s in steps if s.status in STEP_LIVE and (s.wake_at is None or s.wake_at <= now)]
    stopping = operation.status == S.CANCELLING or any(s.status == T.FAILED for s in steps)
    if stopping:
        return live
    done = {s.key for s in steps if s.is_done}
    return live + [s for s in steps if s.status == T.PENDING and done.issuperset(s.needs)]


def _settle(operation: Operation, workflow: Workflow, steps: list[Step]) -> bool:
    """End the phase, or the operation, when no step can go on. Answers whether it did."""
    if any(s.status in STEP_LIVE for s in steps):
        return False
    failed = [s for s in steps if s.status == T.FAILED]
    if failed:
        first = failed[0]
        failure = {"step": first.key, **first.state.get("failure", {})}
        status = S.ERRORED if failure.get("errored") else S.FAILED
        operation_end(operation, status, sentence=f"{first.title}: {first.sentence}", failure=failure)
        return True
    if operation.status == S.CANCELLING:
        operation_end(
            operation, S.CANCELLED, sentence="Cancelled. What it had finished stays: see its resources."
        )
        return True
    if not all(s.is_done for s in steps):
        return False
    if operation.phase == Phase.PLAN:
        need = kind_get(operation.kind).approval(operation)
        if need.nothing:
            operation_end(operation, S.SUCCEEDED, sentence=need.nothing)
            return True
        steps_add(operation, Phase.EXECUTE, map(_row, workflow.execute(operation)))
        operation_planned(operation, need)
    else:
        operation_end(operation, S.SUCCEEDED, sentence=workflow.succeeded(operation))
    return True


def _cancel_pending(steps: list[Step]) -> None:
    for step in steps:
        if step.status == T.PENDING:
            step_end(step, T.CANCELLED, sentence="Not begun, because the operation was cancelled.")


def _cancel_waiting(steps: list[Step]) -> None:
    """What waits for its next look is looked at now, once: a cancel does not sit a long wait out."""
    for step in steps:
        if step.status == T.WAITING and not step.state.get("cancel_seen"):
            step.state = {**step.state, "cancel_seen": True}
            step.wake_at = None
            step.save(update_fields=["state", "wake_at"])


def _let_go(lease: Lease, seen: Seen) -> None:
    """Release, and arrange the next look. What changed under the lease (a cancel, an event) is looked at now."""
    now = timezone.now()
    with lease.fenced() as operation:
        wake_at = _wake_at(operation, seen, now)
        lease.release(wake_at=wake_at)
    if wake_at is not None and wake_at - now <= timedelta(seconds=COUNTDOWN_S):
        send(operation.pk, countdown_s=max(0.0, (wake_at - now).total_seconds()))


def _wake_at(operation: Operation, seen: Seen, now: datetime) -> datetime | None:
    if operation.status != seen.status and operation.status in (S.CANCELLING, S.PLANNING):
        return now
    if seen.is_paused:
        return now + timedelta(seconds=BLOCKED_S)
    if operation.status == S.QUEUED:
        later = now + timedelta(seconds=BLOCKED_S)
        return (
            max(operation.not_before, now) if operation.not_before and operation.not_before > now else later
        )
    live = operation.steps.filter(phase=operation.phase, status__in=STEP_LIVE)
    times = list(live.values_list("wake_at", flat=True))
    return min((moment or now for moment in times), default=None)


def _give_up(lease: Lease, error: Exception) -> None:
    """A mistake of ours outside a step: the operation is errored rather than tried for ever."""
    reference = uuid.uuid4().hex[:8]
    log.exception("operation.errored", reference=reference)
    # The second time without its subject, for moving that may be the mistake.
    for moves_subject in (True, False):
        try:
            with lease.fenced() as operation:
                operation_end(
                    operation,
                    S.ERRORED,
                    sentence=f"Switchyard made a mistake here ({type(error).__name__}, reference {reference}).",
                    failure={
                        "reason": reference,
                        "remedy": "Tell an administrator, who finds it in the log.",
                    },
                    moves_subject=moves_subject,
                )
        except LeaseLost:
            log.info("lease.lost")
        except Exception:
            log.exception("operation.not-ended", reference=reference)
            continue
        return


def _row(spec: StepSpec) -> Step:
    told = {"run": spec.run, **({"may_skip": spec.may_skip} if spec.may_skip else {})}
    return Step(
        key=spec.key,
        title=spec.title,
        needs=list(spec.needs),
        region=spec.region,
        time_limit_s=spec.time_limit_s,
        parameters={**told, **spec.parameters},
    )

"""The engine's loop: take a lease, run every ready step until each is done or waits, let go."""

import os
import random
import socket
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone

import workers.workflows  # noqa: F401 - registers the workflows
from environments.operations.control import pause_covering
from environments.operations.leases import Lease, LeaseLost, lease_take
from environments.operations.models import Operation, Step
from environments.operations.moves import (
    operation_describe,
    operation_end,
    operation_planned,
    operation_start_planning,
    operation_try_start,
    step_begin,
    step_end,
    step_wait,
    steps_add,
)
from environments.operations.queue import send
from environments.operations.states import STEP_LIVE, OperationStatus, Phase, StepStatus
from workers.aws import faults
from workers.aws.session import NoEndpoint, credentials_forget
from workers.context import StepContext
from workers.workflow import Outcome, Retryable, StepFailed, StepSpec, Wait, Workflow, workflow_get

log = structlog.get_logger(__name__)

S = OperationStatus
T = StepStatus

FIRST_LOOK_S, LAST_LOOK_S = 0.1, 30.0
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0
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


def _drive(lease: Lease) -> str:
    """Move until nothing is ready; answers the status last seen."""
    while True:
        with lease.fenced() as operation:
            workflow = workflow_get(operation.kind)
            if pause_covering(operation.scope) is not None:
                return operation.status
            if operation.status == S.PENDING:
                operation_start_planning(operation)
                steps_add(operation, Phase.PLAN, map(_row, workflow.plan))
            elif operation.status == S.QUEUED and not operation_try_start(operation):
                return operation.status
            steps = list(operation.steps.filter(phase=operation.phase).order_by("position"))
            if operation.status == S.CANCELLING:
                _cancel_pending(steps)
                _cancel_waiting(steps)
            if _settle(operation, workflow, steps):
                if operation.status == S.QUEUED:
                    continue
                return operation.status
            ready = _ready(operation, steps)
            if not ready:
                operation_describe(operation, steps)
                return operation.status
        for step in ready:
            _run(lease, workflow, step)


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
        steps_add(operation, Phase.EXECUTE, map(_row, workflow.execute(operation)))
        operation_planned(operation)
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


def _run(lease: Lease, workflow: Workflow, step: Step) -> None:
    """One look of one step, and the writing of what came of it."""
    with lease.fenced() as operation:
        cancelling = operation.status == S.CANCELLING
        step_begin(step)
    function = workflow.functions[step.parameters["run"]]
    if cancelling:
        stop = workflow.cancels.get(step.parameters["run"])
        if stop is None:
            with lease.fenced():
                step_end(step, T.CANCELLED, sentence="Stopped, because the operation was cancelled.")
            return
        function = stop
    context = StepContext(lease, operation, step)
    try:
        _require_in_time(step)
        outcome = function(context)
    except LeaseLost:
        raise
    except StepFailed as error:
        _fail(lease, step, error.sentence, error.failure)
    except (Retryable, BotoCoreError, ClientError, NoEndpoint) as error:
        _fault(lease, step, error)
    except Exception as error:
        reference = uuid.uuid4().hex[:8]
        log.exception("step.errored", step=step.key, reference=reference)
        sentence = f"Switchyard made a mistake here ({type(error).__name__}, reference {reference})."
        _fail(
            lease, step, sentence, {"errored": True, "reason": reference, "remedy": "Tell an administrator."}
        )
    else:
        _write(lease, step, outcome, cancelling=cancelling)


def _require_in_time(step: Step) -> None:
    if step.started_at and timezone.now() - step.started_at > timedelta(seconds=step.time_limit_s):
        minutes = round(step.time_limit_s / 60) or 1
        last = f" Last: {step.sentence}" if step.sentence else ""
        raise StepFailed(
            f"It took longer than its limit of {minutes} min.{last}",
            reason="time limit",
            remedy="Look at the resources that are not done, then retry.",
        )


def _write(lease: Lease, step: Step, outcome: Outcome, *, cancelling: bool) -> None:
    with lease.fenced() as operation:
        if isinstance(outcome, Wait):
            step_wait(
                step,
                timezone.now() + timedelta(seconds=_next_look(outcome, step.looks)),
                sentence=outcome.sentence,
                waits_for=outcome.waits_for,
                **_progress(outcome),
            )
            return
        if outcome.state:
            operation.state = {**operation.state, **outcome.state}
            operation.save(update_fields=["state"])
        step_end(step, T.CANCELLED if cancelling else T.SUCCEEDED, sentence=outcome.sentence)


def _progress(wait: Wait) -> dict[str, int]:
    if wait.total is None:
        return {}
    return {"progress_done": wait.done or 0, "progress_total": wait.total}


def _next_look(wait: Wait, looks: int) -> float:
    if wait.seconds is not None:
        return wait.seconds
    return min(LAST_LOOK_S, FIRST_LOOK_S * 2.0 ** min(looks - 1, 12))


def _fault(lease: Lease, step: Step, error: Exception) -> None:
    """A passing fault waits and says so; a lasting one fails at once, with what AWS said."""
    if isinstance(error, ClientError) and faults.error_code(error).startswith("ExpiredToken"):
        credentials_forget()
    elif not (isinstance(error, Retryable) or faults.is_passing(error)):
        if isinstance(error, NoEndpoint):
            _fail(lease, step, str(error), {"reason": "no endpoint", "remedy": "Ask an administrator."})
            return
        sentence, resource, remedy = faults.explain(error)  # type: ignore[arg-type]
        _fail(lease, step, sentence, {"resource": resource, "reason": str(error)[:500], "remedy": remedy})
        return
    seconds = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(step.faults, 10)) * random.uniform(0.5, 1.5)
    what = (
        "AWS asks for fewer calls" if faults.is_throttling(error) else f"AWS could not be reached ({error})"
    )
    with lease.fenced():
        step_wait(
            step,
            timezone.now() + timedelta(seconds=seconds),
            sentence=f"{what}. The next try is in {seconds:.0f} s."[:1000],
            waits_for="fault",
            faults=step.faults + 1,
        )


def _fail(lease: Lease, step: Step, sentence: str, failure: Mapping[str, object]) -> None:
    with lease.fenced():
        step.state = {**step.state, "failure": dict(failure)}
        step.save(update_fields=["state"])
        step_end(step, T.FAILED, sentence=sentence)


def _let_go(lease: Lease, seen: str) -> None:
    """Release, and arrange the next look. What changed under the lease (a cancel, an event) is looked at now."""
    now = timezone.now()
    with lease.fenced() as operation:
        wake_at = _wake_at(operation, seen, now)
        lease.release(wake_at=wake_at)
    if wake_at is not None and wake_at - now <= timedelta(seconds=COUNTDOWN_S):
        send(operation.pk, countdown_s=max(0.0, (wake_at - now).total_seconds()))


def _wake_at(operation: Operation, seen: str, now: datetime) -> datetime | None:
    if operation.status == S.CANCELLING and seen != S.CANCELLING:
        return now
    if pause_covering(operation.scope) is not None:
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
    try:
        with lease.fenced() as operation:
            operation_end(
                operation,
                S.ERRORED,
                sentence=f"Switchyard made a mistake here ({type(error).__name__}, reference {reference}).",
                failure={"reason": reference, "remedy": "Tell an administrator, who finds it in the log."},
            )
    except LeaseLost:
        log.info("lease.lost")


def _row(spec: StepSpec) -> Step:
    return Step(
        key=spec.key,
        title=spec.title,
        needs=list(spec.needs),
        region=spec.region,
        time_limit_s=spec.time_limit_s,
        parameters={"run": spec.run, **spec.parameters},
    )

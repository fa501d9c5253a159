"""One look of one step: run its function, and write what came of it: an outcome, a passing fault, a failure."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone

from environments.operations.leases import Lease, LeaseLost
from environments.operations.models import Step
from environments.operations.moves import step_begin, step_end, step_wait
from environments.operations.replanning import operation_plan_again
from environments.operations.states import OperationStatus, StepStatus
from workers.aws import faults
from workers.aws.session import NoEndpoint, credentials_forget
from workers.context import StepContext
from workers.workflow import Outcome, PlanAgain, Retryable, StepFailed, Wait, Workflow

log = structlog.get_logger(__name__)

S = OperationStatus
T = StepStatus

FIRST_LOOK_S, LAST_LOOK_S = 0.1, 30.0
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0


def step_run(lease: Lease, workflow: Workflow, step: Step) -> None:
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
        _require_in_time(step, operation.cancel_requested_at if cancelling else None)
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


def _require_in_time(step: Step, cancelled_at: datetime | None) -> None:
    """Stopping is given the whole limit anew: what AWS takes back takes as long as what it did."""
    since = max(filter(None, (step.started_at, cancelled_at)), default=None)
    if since and timezone.now() - since > timedelta(seconds=step.time_limit_s):
        minutes = round(step.time_limit_s / 60) or 1
        last = f" Last: {step.sentence}" if step.sentence else ""
        raise StepFailed(
            f"It took longer than its limit of {minutes} min.{last}",
            reason="time limit",
            remedy="Look at the resources that are not done, then retry. Before it has passed, an administrator can"
            " give a step more time.",
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
        if isinstance(outcome, PlanAgain):
            if operation.status == S.CANCELLING:
                step_end(step, T.CANCELLED, sentence=outcome.sentence)
            else:
                operation_plan_again(operation, sentence=outcome.sentence)
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
    if faults.is_expired(error):
        credentials_forget()
    elif not (isinstance(error, Retryable) or faults.is_passing(error)):
        if isinstance(error, NoEndpoint):
            _fail(lease, step, str(error), {"reason": "no endpoint", "remedy": "Ask an administrator."})
            return
        sentence, resource, remedy = faults.explain(error)  # type: ignore[arg-type]
        _fail(lease, step, sentence, {"resource": resource, "reason": str(error)[:500], "remedy": remedy})
        return
    seconds = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(step.faults, 10)) * random.uniform(0.5, 1.5)
    what = faults.passing(error)
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

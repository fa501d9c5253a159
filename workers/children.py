"""A step that has another operation do its work: opened once, watched, retried with the step, cancelled with it."""

from collections.abc import Callable

from environments.errors import Conflict, DomainError
from environments.operations.control import operation_cancel, operation_retry
from environments.operations.models import Operation
from environments.operations.states import RETRYABLE, OperationStatus, StepStatus
from workers.context import StepContext
from workers.workflow import Done, Outcome, StepFailed, Wait

LOOK_S = 2.0
"""Between two looks at the other operation: one row read."""


def child_run(ctx: StepContext, open_child: Callable[[], Operation]) -> Outcome:
    """Open the operation in the transaction that remembers it, then wait for its end.

    A child that failed fails the step, with the child's sentence. A retry of the step retries the child.
    """
    child = _child(ctx)
    if child is None:
        return _open(ctx, open_child)
    if not child.is_ended:
        return _waiting(child)
    if child.status == OperationStatus.SUCCEEDED:
        return Done(child.sentence)
    if child.status in RETRYABLE and ctx.step.state.get("attempt") != ctx.step.attempts:
        return _retry(ctx, child)
    failure = child.failure or {}
    raise StepFailed(
        f"Operation {child.pk} ({child.kind} of {child.subject_label}) {child.status}: {child.sentence}",
        resource=failure.get("resource", child.subject_label),
        reason=failure.get("reason", child.status),
        remedy=_remedy(child),
    )


def child_cancel(ctx: StepContext) -> Outcome:
    """Cancel the other operation, and wait until it has stopped."""
    child = _child(ctx)
    if child is None:
        return Done("Not begun, because the operation was cancelled.")
    if child.is_ended:
        return Done(
            f"Operation {child.pk} ended: {child.status}. What it made stays: look at {child.subject_label}."
        )
    try:
        with ctx.fenced():
            operation_cancel(operation_id=child.pk, actor=None)
    except Conflict:
        return Wait(f"Operation {child.pk} has just ended.", seconds=0.0)
    return Wait(f"Operation {child.pk} is being cancelled.", seconds=LOOK_S)


def _child(ctx: StepContext) -> Operation | None:
    return Operation.objects.filter(pk=ctx.step.state.get("child")).first()


def _open(ctx: StepContext, open_child: Callable[[], Operation]) -> Outcome:
    try:
        with ctx.fenced():
            child = open_child()
            _remember(ctx, child)
    except DomainError as error:
        raise StepFailed(error.message, reason="refused", remedy="Correct the cause, then retry.") from error
    return _waiting(child)


def _retry(ctx: StepContext, child: Operation) -> Outcome:
    try:
        with ctx.fenced():
            operation_retry(operation_id=child.pk, actor=None)
            _remember(ctx, child)
    except Conflict as error:
        child.refresh_from_db()
        if child.status in RETRYABLE:
            raise StepFailed(error.message, resource=child.subject_label, remedy=_remedy(child)) from error
        # A person was quicker on its own page: the next look finds it under way.
        return Wait(f"Operation {child.pk} has just been retried.", seconds=LOOK_S)
    return _waiting(child)


def _remember(ctx: StepContext, child: Operation) -> None:
    ctx.remember(child=child.pk, attempt=ctx.step.attempts)


def _waiting(child: Operation) -> Wait:
    steps = list(child.steps.values_list("status", flat=True))
    done = sum(status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED) for status in steps)
    told = f"Operation {child.pk}, {child.kind} of {child.subject_label}, is {child.status}. {child.sentence}"
    return Wait(told, seconds=LOOK_S, done=done, total=len(steps) or None)


def _remedy(child: Operation) -> str:
    if child.status in RETRYABLE:
        return f"See operation {child.pk}. Correct the cause, then retry here: the retry goes on where it failed."
    return f"Tear {child.subject_label} down on its page, then begin anew."

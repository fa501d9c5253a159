"""The two state machines of the engine, each one table of moves. A test walks every pair."""

from django.db import models


class OperationStatus(models.TextChoices):
    PENDING = "pending"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting-approval"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class StepStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class ClaimMode(models.TextChoices):
    KEEP = "keep"
    CHANGE = "change"
    END = "end"
    RECOVER = "recover"


class Phase(models.TextChoices):
    PLAN = "plan"
    EXECUTE = "execute"


S = OperationStatus

OPERATION_MOVES: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.PLANNING, S.ERRORED, S.CANCELLED}),
    # It succeeds at once when its plan changes nothing.
    S.PLANNING: frozenset({S.AWAITING_APPROVAL, S.QUEUED, S.SUCCEEDED, S.FAILED, S.ERRORED, S.CANCELLED}),
    S.AWAITING_APPROVAL: frozenset({S.QUEUED, S.REJECTED, S.EXPIRED, S.CANCELLED, S.PLANNING}),
    # Queued, running and waiting are planned again when what the plan was made from has moved: see replanning.py.
    S.QUEUED: frozenset({S.RUNNING, S.CANCELLED, S.FAILED, S.ERRORED, S.PLANNING}),
    S.RUNNING: frozenset({S.WAITING, S.PAUSED, S.CANCELLING, S.SUCCEEDED, S.FAILED, S.ERRORED, S.PLANNING}),
    S.WAITING: frozenset({S.RUNNING, S.PAUSED, S.CANCELLING, S.SUCCEEDED, S.FAILED, S.ERRORED, S.PLANNING}),
    # Paused is what lost its claim to a recovery: it queues anew, or is cancelled.
    S.PAUSED: frozenset({S.QUEUED, S.CANCELLING, S.CANCELLED}),
    S.CANCELLING: frozenset({S.PAUSED, S.CANCELLED, S.SUCCEEDED, S.FAILED, S.ERRORED}),
    # A retry goes back to the phase in which it stopped; planning again goes back to the plan.
    S.FAILED: frozenset({S.QUEUED, S.PLANNING}),
    S.ERRORED: frozenset({S.QUEUED, S.PLANNING}),
    S.SUCCEEDED: frozenset(),
    S.CANCELLED: frozenset(),
    S.REJECTED: frozenset(),
    S.EXPIRED: frozenset(),
}

T = StepStatus

STEP_MOVES: dict[str, frozenset[str]] = {
    T.PENDING: frozenset({T.RUNNING, T.SKIPPED, T.CANCELLED}),
    T.RUNNING: frozenset({T.WAITING, T.SUCCEEDED, T.FAILED, T.CANCELLED}),
    T.WAITING: frozenset({T.RUNNING, T.SUCCEEDED, T.FAILED, T.CANCELLED}),
    T.FAILED: frozenset({T.PENDING, T.SKIPPED}),
    T.CANCELLED: frozenset({T.PENDING}),
    # A step of the plan, when it is planned again.
    T.SUCCEEDED: frozenset({T.PENDING}),
    T.SKIPPED: frozenset({T.PENDING}),
}

# Named groups, so that no query spells out a list of its own.
ENDED = frozenset({S.SUCCEEDED, S.FAILED, S.ERRORED, S.CANCELLED, S.REJECTED, S.EXPIRED})
OPEN = frozenset(OperationStatus.values) - ENDED
RETRYABLE = frozenset({S.FAILED, S.ERRORED})
# What a worker moves on by itself; the rest waits for a person.
DRIVEN = frozenset({S.PENDING, S.PLANNING, S.QUEUED, S.RUNNING, S.WAITING, S.CANCELLING})
HOLDING = frozenset({S.RUNNING, S.WAITING, S.CANCELLING})

STEP_DONE = frozenset({T.SUCCEEDED, T.SKIPPED})
STEP_LIVE = frozenset({T.RUNNING, T.WAITING})

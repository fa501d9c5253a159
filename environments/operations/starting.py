"""Starting what is queued: its notice, its place within the limits, its claim, and the state of its subject.

Callers hold the operation's row (a lease's fence) inside a transaction.
"""

from typing import Any

from django.utils import timezone

from environments.errors import DomainError
from environments.operations.claims import claim_lock, claim_release, claim_take, claims_lesser, scope_rooms
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation
from environments.operations.moves import operation_end, operation_move
from environments.operations.places import next_after, ready_before
from environments.operations.queue import wake
from environments.operations.states import HOLDING, ClaimMode, OperationStatus


def operation_try_start(operation: Operation) -> bool:
    """Start a queued operation if nothing is in its way; else write down what is. Answers whether it runs."""
    if operation.not_before and operation.not_before > timezone.now():
        _keep(operation, wake_at=operation.not_before)
        return False
    full = _no_place(operation)
    if full:
        _keep(operation, sentence=full, blocked_by=None)
        return False
    if operation.claim_mode == ClaimMode.RECOVER:
        claim_lock(operation)
        for overtaken in claims_lesser(operation):
            _pause_for(operation, overtaken)
    blocker = claim_take(operation)
    if blocker is not None:
        is_news = operation.blocked_by_id != blocker.pk
        _keep(
            operation,
            sentence=f"Queued: blocked by operation {blocker.pk} ({blocker.kind}, {blocker.status}).",
            blocked_by=blocker,
        )
        after = next_after(operation) if is_news else None
        if after is not None:
            # It waited for its turn, which this one now leaves to it.
            wake(after)
        return False
    try:
        kind_get(operation.kind).check(operation)
    except DomainError as error:
        operation_end(
            operation,
            OperationStatus.FAILED,
            sentence=f"It cannot begin: {error.message}",
            failure={"reason": "subject moved", "remedy": "Ask for what you need anew."},
        )
        return False
    operation_move(
        operation,
        OperationStatus.RUNNING,
        sentence="Running.",
        blocked_by=None,
        started_at=operation.started_at or timezone.now(),
    )
    event_write(operation.pk, "operation.started", "It has its claim and runs.")
    kind_get(operation.kind).on_start(operation)
    return True


def _keep(operation: Operation, **fields: Any) -> None:
    """It stays queued; why is written down."""
    operation_move(
        operation, OperationStatus.QUEUED, sentence=fields.pop("sentence", operation.sentence), **fields
    )


def _no_place(operation: Operation) -> str:
    """Why one of its scopes has no place for it now, in a sentence; empty when all have one."""
    for scope, (limit, running) in scope_rooms(operation).items():
        if running >= limit:
            return f"Queued: {limit} operations already run in {scope}, which is its limit."
        first = list(ready_before(operation, scope)[: limit - running])
        if len(first) < limit - running:
            continue
        places = "one place that is" if len(first) == 1 else f"{len(first)} places that are"
        told = f"operation {first[0].pk} ({first[0].kind} of {first[0].subject_label})"
        return f"Queued: {told} goes first to the {places} free in {scope}."
    return ""


def _pause_for(recovery: Operation, overtaken_id: int) -> None:
    """What a recovery overtakes loses its claim and its worker, and looks again when a person resumes it."""
    overtaken = Operation.objects.select_for_update(of=("self",)).get(pk=overtaken_id)
    if overtaken.status in HOLDING:
        operation_move(
            overtaken,
            OperationStatus.PAUSED,
            sentence=f"Paused by recovery (operation {recovery.pk}); resume it when that has ended.",
            lease_token=None,
            lease_until=None,
            lease_worker="",
            wake_at=None,
        )
        event_write(overtaken.pk, "operation.paused", overtaken.sentence, level="warning")
    claim_release(overtaken)

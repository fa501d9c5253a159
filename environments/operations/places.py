"""Places in the queue: per scope (account and region) by priority, then age; who blocks whom; changing the order."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.operations.audit import audit_record
from environments.operations.claims import in_scopes
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation, OperationLimit, Pause
from environments.operations.queue import wake
from environments.operations.selectors import operations_list
from environments.operations.states import ENDED, HOLDING, ClaimMode, OperationStatus

EVERY_SCOPE = "*"
ORDER = ("-priority", "id")
"""Who goes first of those that wait in one scope."""
HIGHEST = 100
WOKEN = 20


@dataclass(frozen=True)
class Place:
    """Where an operation stands in its scope's queue: position of waiting, while running of limit (None: no limit)."""

    scope: str
    position: int
    waiting: int
    running: int
    limit: int | None

    @property
    def told(self) -> str:
        """In words: 3rd of 5 in 111122223333/eu-west-1, where 25 of 25 run."""
        most = f" of {self.limit}" if self.limit is not None else ""
        where = f" in {self.scope}, where {self.running}{most} run" if self.scope else ""
        return f"{ordinal(self.position)} of {self.waiting}{where}"


@dataclass(frozen=True)
class Queue:
    """One scope: what runs in it, and what waits, in the order in which it goes."""

    scope: str
    limit: int | None
    running: list[Operation] = field(default_factory=list)
    waiting: list[Operation] = field(default_factory=list)

    @property
    def percent(self) -> int:
        """How full it is."""
        return min(100, round(100 * len(self.running) / self.limit)) if self.limit else 0

    @property
    def first(self) -> int:
        """The priority with which one would go before all that wait."""
        return min(HIGHEST, max((row.priority for row in self.waiting), default=0) + 1)

    @property
    def last(self) -> int:
        """The priority with which one would go after all that wait."""
        return max(-HIGHEST, min((row.priority for row in self.waiting), default=0) - 1)


def in_turn(now: datetime) -> Q:
    """Of operations: those that queue, and whose notice is over."""
    return Q(status=OperationStatus.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=now))


def ready_before(operation: Operation, scope: str) -> QuerySet[Operation]:
    """What goes before it in a scope and could start now: neither blocked by another on its subject nor paused.

    What could not start keeps no place free, so that one stuck operation of high priority starves nobody.
    """
    word = Concat(
        "subject_type__model", Value("/"), Cast("subject_id", CharField()), output_field=CharField()
    )
    paused = Exists(Pause.objects.filter(covers=OuterRef("word")))
    return (
        Operation.objects.filter(in_turn(timezone.now()), in_scopes([scope]))
        .filter(Q(priority__gt=operation.priority) | Q(priority=operation.priority, pk__lt=operation.pk))
        .filter(Q(blocked_by__isnull=True) | Q(blocked_by__status__in=ENDED))
        .exclude(claim_mode=ClaimMode.RECOVER)
        .annotate(word=word)
        .exclude(paused)
        .order_by(*ORDER)
    )


def next_after(operation: Operation) -> int | None:
    """The id of the operation that comes after it in its scopes, if one waits."""
    rows = Operation.objects.filter(in_turn(timezone.now()), in_scopes(operation.scopes))
    after = Q(priority__lt=operation.priority) | Q(priority=operation.priority, pk__gt=operation.pk)
    return rows.exclude(pk=operation.pk).filter(after).order_by(*ORDER).values_list("pk", flat=True).first()


def places_of(operations: Iterable[Operation]) -> dict[int, Place]:
    """The places of those that queue, by id; by three queries however many there are, by none when none queues."""
    wanted = [row for row in operations if row.status == OperationStatus.QUEUED]
    if not wanted:
        return {}
    scopes = {row.scope for row in wanted}
    here = in_scopes(scopes) | Q(scope="") if "" in scopes else in_scopes(scopes)
    waiting: dict[str, int] = defaultdict(int)
    positions = {}
    queued = Operation.objects.filter(in_turn(timezone.now()), here).order_by(*ORDER)
    for pk, scope, more in queued.values_list("pk", "scope", "more_scopes"):
        for name in (scope, *more):
            waiting[name] += 1
        # Its place is told where its home is; what keeps it waiting in its other region, its own sentence says.
        positions[pk] = waiting[scope]
    running: dict[str, int] = defaultdict(int)
    for scope, more in Operation.objects.filter(here, status__in=HOLDING).values_list("scope", "more_scopes"):
        for name in (scope, *more):
            running[name] += 1
    limits = _limits()
    return {
        row.pk: Place(
            row.scope,
            positions[row.pk],
            waiting[row.scope],
            running.get(row.scope, 0),
            limits.get(row.scope, limits.get(EVERY_SCOPE)) if row.scope else None,
        )
        for row in wanted
        if row.pk in positions
    }


def queue_position(operation: Operation) -> int | None:
    """1 for the next to run in its scope; None when it does not queue, or its notice runs."""
    place = places_of([operation]).get(operation.pk)
    return place.position if place else None


def queue_told(operation: Operation, place: Place | None) -> str:
    """Place and blocker in a sentence; empty for what does not queue. `blocked_by` is read."""
    if operation.status != OperationStatus.QUEUED:
        return ""
    if place is None and operation.not_before is None:
        return ""  # A worker has started it since it was read.
    if place is None:
        return f"Its notice runs until {operation.not_before:%d %b %Y, %H:%M} UTC."
    blocker = operation.blocked_by
    if blocker is None or blocker.is_ended:
        return f"{place.told}."
    since = f" since {blocker.started_at:%d %b %H:%M} UTC" if blocker.started_at else ""
    return (
        f"{place.told}; blocked by operation {blocker.pk}, {blocker.kind} of {blocker.subject_label},"
        f" {blocker.status}{since}."
    )


def queues() -> list[Queue]:
    """Every scope in which something runs or waits, the fullest first; by two queries."""
    limits = _limits()
    found: dict[str, Queue] = {}
    rows = operations_list().filter(Q(status__in=HOLDING) | in_turn(timezone.now())).exclude(scope="")
    for row in rows.order_by(*ORDER):
        for scope in row.scopes:
            queue = found.setdefault(scope, Queue(scope, limits.get(scope, limits.get(EVERY_SCOPE))))
            (queue.waiting if row.status == OperationStatus.QUEUED else queue.running).append(row)
    return sorted(found.values(), key=lambda queue: (-len(queue.waiting), -len(queue.running), queue.scope))


def operation_prioritise(*, operation_id: int, priority: int, reason: str, actor: Any) -> Operation:
    """Let it go before (above 0) or after others in its scope, from -100 to 100; 0 is the order of asking.

    Raises Forbidden, Invalid, Conflict (it runs, or has ended).
    """
    if not reason.strip():
        raise Invalid("Say why others go after it or before; it is kept in the audit.", field="reason")
    if not -HIGHEST <= priority <= HIGHEST:
        raise Invalid(f"A priority is a number from -{HIGHEST} to {HIGHEST}.", field="priority")
    with transaction.atomic():
        operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
        kind_get(operation.kind).authorize(actor, "prioritise", operation)
        if operation.is_ended or operation.status in HOLDING:
            raise Conflict(f"Operation {operation.pk} is {operation.status}: it waits for no place.")
        before, operation.priority = operation.priority, priority
        operation.save(update_fields=["priority"])
        event_write(
            operation.pk,
            "operation.prioritised",
            f"{actor} gave it priority {priority}, from {before}: {reason}",
        )
        audit_record(
            f"{operation.kind}.prioritised",
            operation.subject or operation.subject_label,
            actor=actor,
            before={"priority": before},
            after={"operation": operation.pk, "priority": priority, "reason": reason},
        )
        here = in_scopes(operation.scopes)
        waiting = Operation.objects.filter(here, in_turn(timezone.now())).order_by(*ORDER)
        for waiting_id in waiting.values_list("pk", flat=True)[:WOKEN] if operation.scope else [operation.pk]:
            wake(waiting_id)
    return operation


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 <= number % 100 <= 20 else endings.get(number % 10, 'th')}"


def _limits() -> dict[str, int]:
    return dict(OperationLimit.objects.values_list("scope", "max_running"))

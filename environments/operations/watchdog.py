"""The watchdog: finds what no longer moves, and tells a person why and what to do. It moves nothing itself.

A mark stands on the operation as long as its cause does; people are told once per cause.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, FloatField, Func, Q
from django.utils import timezone

from environments.operations.events import event_write
from environments.operations.models import Operation, Step
from environments.operations.notices import operation_notice
from environments.operations.pauses import paused_among
from environments.operations.places import in_turn
from environments.operations.states import DRIVEN, OPEN, STEP_LIVE, OperationStatus, StepStatus

LEASES_LOST = 3
UNTAKEN = timedelta(minutes=2)
UNREACHED = timedelta(minutes=15)
SLOW_LEAST = timedelta(minutes=10)
SLOW_FACTOR = 3
"""So many times what 19 of 20 earlier runs took is slow."""
RUNS_LEAST = 3
HISTORY = timedelta(days=90)
CANCELLING = timedelta(hours=1)
QUEUED = timedelta(hours=2)
ON_A_PERSON = timedelta(days=1)


CAUSES = ("cancelling", "lease", "one-look", "person", "queued", "slow", "unreachable", "untaken")
"""Words for what keeps something from moving."""


@dataclass(frozen=True)
class Stuck:
    """One operation that does not move: a word for the cause, why, and what to do."""

    operation: Operation
    cause: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Usual:
    """How long 19 of 20 earlier runs of a step took."""

    seconds: float
    runs: int


def watchdog_look(now: datetime | None = None) -> list[Stuck]:
    """Mark what does not move, and take the mark off what moves again; answers what is found. Safe to run twice."""
    now = now or timezone.now()
    found = stuck_find(now)
    marked = {row.pk: row for row in Operation.objects.filter(stuck_since__isnull=False)}
    for stuck in found:
        before = marked.pop(stuck.operation.pk, None)
        if before is None or before.stuck.get("cause") != stuck.cause:
            _mark(stuck, now)
    for row in marked.values():
        _clear(row)
    return found


def stuck_find(now: datetime) -> list[Stuck]:
    """What does not move, each operation once, by a constant number of queries."""
    steps = list(_steps(now))
    causes = [*_of_operations(now), *_of_steps(steps, _usual(steps, now), now)]
    paused = paused_among([cause.operation for cause in causes])
    found: dict[int, Stuck] = {}
    for cause in causes:
        if cause.operation.pk not in paused:
            found.setdefault(cause.operation.pk, cause)
    return list(found.values())


def _of_operations(now: datetime) -> Iterator[Stuck]:
    """Leases that workers do not bring back, what nobody takes, cancels and queues without an end."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    untaken = Q(due_since__lt=now - UNTAKEN) & free
    cancelling = Q(status=OperationStatus.CANCELLING, cancel_requested_at__lt=now - CANCELLING)
    queued = in_turn(now - QUEUED) & Q(queued_at__lt=now - QUEUED)
    rows = Operation.objects.filter(status__in=DRIVEN).filter(
        Q(lease_losses__gte=LEASES_LOST) | untaken | cancelling | queued
    )
    for row in rows.select_related("subject_type", "blocked_by").prefetch_related("subject").order_by("pk"):
        if row.lease_losses >= LEASES_LOST:
            yield Stuck(
                row,
                "lease",
                f"{row.lease_losses} workers in a row took it and did not come back, the last one"
                f" {row.lease_worker or 'unnamed'}.",
                "Look at the log and the memory of that worker. If no other one gets through, cancel it.",
            )
        elif row.due_since is not None and row.due_since < now - UNTAKEN:
            yield Stuck(
                row,
                "untaken",
                f"A worker should have looked at it at {_at(row.due_since)}, and none has.",
                "See on Health and limits whether workers run, and how much waits for them.",
            )
        elif row.status == OperationStatus.CANCELLING and row.cancel_requested_at is not None:
            yield Stuck(
                row,
                "cancelling",
                f"Its cancel was asked for at {_at(row.cancel_requested_at)} and has not ended.",
                "AWS may take as long to take something back as to do it. An administrator can force-cancel: then"
                " the portal no longer waits for AWS.",
            )
        else:
            yield _queued(row)


def _queued(row: Operation) -> Stuck:
    blocker = row.blocked_by
    if blocker is not None and not blocker.is_ended:
        why = (
            f"operation {blocker.pk} ({blocker.kind} of {blocker.subject_label}, {blocker.status}) blocks it"
        )
        remedy = f"Look at operation {blocker.pk}: let it end, or cancel it."
    else:
        why = f"no place in {row.scope or 'its scope'} has become free for it"
        remedy = "See the queue: raise the limit of the account and region, or give it a priority."
    return Stuck(row, "queued", f"It has been queued since {_at(row.queued_at)}: {why}.", remedy)


def _steps(now: datetime) -> "Iterable[Step]":
    """Steps that have been under way for a while, of operations that workers move."""
    rows = Step.objects.filter(
        status__in=STEP_LIVE, started_at__lt=now - SLOW_LEAST, operation__status__in=DRIVEN
    )
    related = rows.select_related("operation__subject_type").prefetch_related("operation__subject")
    return related.order_by("started_at")


def _of_steps(steps: Iterable[Step], usual: dict[tuple[str, str], Usual], now: datetime) -> Iterator[Stuck]:
    for step in steps:
        operation, began = step.operation, step.started_at or now
        took = now - began
        before = usual.get((operation.kind, step.key))
        if step.status == StepStatus.RUNNING and took > timedelta(seconds=step.time_limit_s):
            yield Stuck(
                operation,
                "one-look",
                f"{step.title} was begun at {_at(began)}, and the look that worker {operation.lease_worker} took at it"
                " has not come back, although the time limit is over.",
                "Restart that worker: another one goes on where it was.",
            )
        elif step.waits_for == "person" and took > ON_A_PERSON:
            yield Stuck(
                operation,
                "person",
                f"{step.title} has waited for a person since {_at(began)}. {step.sentence}".strip(),
                "Do what it says, or cancel the operation.",
            )
        elif step.waits_for in ("fault", "dark") and took > UNREACHED:
            yield Stuck(
                operation,
                "unreachable",
                f"{step.title} cannot get through to AWS; it was begun at {_at(began)}. {step.sentence}".strip(),
                "See AWS's health page for the region. It goes on by itself as soon as AWS answers.",
            )
        elif step.waits_for not in ("person", "notice") and _is_slow(took, before):
            assert before is not None
            yield Stuck(
                operation,
                "slow",
                f"{step.title} was begun at {_at(began)}; of {before.runs} earlier runs 19 of 20 took at most"
                f" {_minutes(before.seconds)}. {step.sentence}".strip(),
                "Look at its resources that are in progress. Its time limit ends it; a cancel does so at once.",
            )


def _is_slow(took: timedelta, before: Usual | None) -> bool:
    if before is None or before.runs < RUNS_LEAST:
        return False
    return took > max(SLOW_LEAST, timedelta(seconds=SLOW_FACTOR * before.seconds))


class _Percentile(Aggregate):
    """The duration in seconds that 95 of 100 do not pass."""

    function = "PERCENTILE_CONT"
    template = "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def _usual(steps: Iterable[Step], now: datetime) -> dict[tuple[str, str], Usual]:
    """By kind of operation and step, how long earlier runs of these steps took; one query, none for no step."""
    keys, kinds = {step.key for step in steps}, {step.operation.kind for step in steps}
    if not keys:
        return {}
    lasted = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    seconds = Func(lasted, template="EXTRACT(EPOCH FROM %(expressions)s)", output_field=FloatField())
    rows = Step.objects.filter(
        status=StepStatus.SUCCEEDED,
        key__in=keys,
        operation__kind__in=kinds,
        started_at__isnull=False,
        ended_at__gte=now - HISTORY,
    )
    grouped = rows.order_by().values_list("operation__kind", "key")
    return {
        (kind, key): Usual(most, runs)
        for kind, key, most, runs in grouped.annotate(most=_Percentile(seconds), runs=Count("pk"))
    }


def _mark(stuck: Stuck, now: datetime) -> None:
    told = {"cause": stuck.cause, "why": stuck.why, "remedy": stuck.remedy}
    with transaction.atomic():
        marked = Operation.objects.filter(pk=stuck.operation.pk, status__in=OPEN).update(
            stuck_since=now, stuck=told
        )
        if not marked:
            return
        event_write(
            stuck.operation.pk,
            "operation.stuck",
            f"It does not move: {stuck.why}",
            level="warning",
            data=told,
        )
        operation_notice(
            stuck.operation,
            "operation.stuck",
            f"{stuck.why} {stuck.remedy}",
            key=f"stuck/{stuck.operation.pk}/{stuck.cause}",
            data=told,
        )


def _clear(row: Operation) -> None:
    with transaction.atomic():
        if Operation.objects.filter(pk=row.pk, stuck_since=row.stuck_since).update(
            stuck_since=None, stuck={}
        ):
            event_write(row.pk, "operation.unstuck", "It moves again, or waits for what it should.")


def _at(moment: datetime | None) -> str:
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment else "an unknown time"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min"

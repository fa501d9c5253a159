"""What an operation's page tells: progress, the slowest thing, an estimate, lanes of steps on one clock."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from environments.display import place, span_words
from environments.operations.models import Operation, Resource, Step
from environments.operations.states import STEP_LIVE, OperationStatus, Phase, StepStatus

PHASE_TITLES = {Phase.PLAN: "Plan", Phase.EXECUTE: "Carry out"}
# Fewer earlier runs than this give no estimate worth showing.
RUNS_FOR_ESTIMATE = 1
RUNS_ASKED = 20


@dataclass(frozen=True)
class Bar:
    """One step in its lane: where it lies on the lane's clock, in percent."""

    step: Step
    left: float
    width: float
    filled: float
    waits: list[str]

    @property
    def limit(self) -> str:
        """How long it may take, in words."""
        return span_words(timedelta(seconds=self.step.time_limit_s))

    @property
    def look(self) -> str:
        """The status to show: a step that waits for AWS is at work, for people it runs."""
        at_work = self.step.status == StepStatus.WAITING and self.step.waits_for == "aws"
        return StepStatus.RUNNING if at_work else self.step.status


@dataclass
class Lane:
    """Steps of one phase in one region, on one clock."""

    title: str
    lasted: str
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True)
class Slowest:
    """What has been at work for longest."""

    what: str
    since: datetime


@dataclass(frozen=True)
class Progress:
    """n of m, the slowest thing, and how long it may still take."""

    done: int
    total: int
    noun: str
    percent: int
    slowest: Slowest | None
    estimate: str


def resources_of(operation: Operation) -> QuerySet[Resource]:
    """Resources of the stacks that this operation was the last to touch."""
    return Resource.objects.filter(stack__operation=operation).select_related("stack")


def digest(operation: Operation, steps: Iterable[Step], held: dict[str, Any]) -> str:
    """Changes whenever anything that the live part shows has changed. `held`: {"pause", "queue", "standstill"}."""
    resources = resources_of(operation).aggregate(
        count=Count("pk"), seen=Max("seen_at"), ended=Max("ended_at")
    )
    shown = [
        operation.status,
        operation.sentence,
        operation.phase,
        operation.event_count,
        operation.approval_hash,
        operation.cancel_requested_at,
        operation.not_before,
        operation.blocked_by_id,
        held["pause"] and held["pause"].since,
        held["queue"],
        bool(held["standstill"]),
        operation.stuck_since,
        operation.stuck.get("cause"),
        resources,
        [
            (
                s.key,
                s.status,
                s.sentence,
                s.progress_done,
                s.progress_total,
                s.attempts,
                s.started_at,
                s.time_limit_s,
            )
            for s in steps
        ],
    ]
    return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()[:16]


def progress_of(operation: Operation, steps: list[Step], resources: list[Resource]) -> Progress:
    """How far the current phase has come. Counts resources where steps of an execution tell them, else steps: those of
    a plan count the stacks that they look at.
    """
    current = [step for step in steps if step.phase == operation.phase]
    total, done = sum(s.progress_total for s in current), sum(s.progress_done for s in current)
    noun = "resources"
    if not total or operation.phase == Phase.PLAN:
        total, done, noun = len(current), sum(s.is_done for s in current), "steps"
    percent = (
        100 if operation.status == OperationStatus.SUCCEEDED else round(100 * done / total) if total else 0
    )
    return Progress(
        done=total if operation.status == OperationStatus.SUCCEEDED else done,
        total=total,
        noun=noun,
        percent=percent,
        slowest=None if operation.is_ended else _slowest(current, resources),
        estimate="" if operation.is_ended else _estimate(operation),
    )


def lanes_of(steps: list[Step], now: datetime | None = None) -> list[Lane]:
    """Steps grouped by phase and region, each lane's bars on the clock of its phase."""
    now = now or timezone.now()
    lanes: dict[tuple[str, str], Lane] = {}
    titles = {step.key: step.title for step in steps}
    for phase in (Phase.PLAN, Phase.EXECUTE):
        members = [step for step in steps if step.phase == phase]
        begins = [s.started_at for s in members if s.started_at]
        if not members:
            continue
        begin = min(begins, default=now)
        end = max((s.ended_at or now for s in members if s.started_at), default=now)
        clock = max((end - begin).total_seconds(), 0.001)
        done = {s.key for s in members if s.is_done}
        for step in members:
            title = PHASE_TITLES[phase] + (f" · {place(step.region)}" if step.region else "")
            lane = lanes.setdefault((phase, step.region), Lane(title, ""))
            lane.bars.append(_bar(step, begin, clock, now, titles, done))
        for (lane_phase, _), lane in lanes.items():
            if lane_phase == phase:
                lane.lasted = span_words(end - begin) if begins else ""
    return list(lanes.values())


def _bar(
    step: Step, begin: datetime, clock: float, now: datetime, titles: dict[str, str], done: set[str]
) -> Bar:
    waits = [titles.get(key, key) for key in step.needs if key not in done]
    if step.started_at is None:
        return Bar(step, 0, 0, 0, waits if step.status == StepStatus.PENDING else [])
    left = 100 * (step.started_at - begin).total_seconds() / clock
    width = 100 * ((step.ended_at or now) - step.started_at).total_seconds() / clock
    filled = 100 * step.progress_done / step.progress_total if step.progress_total else 100
    return Bar(step, round(min(left, 99.5), 2), round(max(width, 0.5), 2), round(filled, 1), [])


def _slowest(steps: list[Step], resources: list[Resource]) -> Slowest | None:
    moving = [(r.started_at, r) for r in resources if r.status.endswith("IN_PROGRESS") and r.started_at]
    if moving:
        since, oldest = min(moving, key=lambda pair: pair[0])
        kind = oldest.type.split("::")[-1]
        return Slowest(f"{oldest.logical_id} ({kind}, {oldest.stack.key})", since)
    live = [(s.started_at, s) for s in steps if s.status in STEP_LIVE and s.started_at]
    if not live:
        return None
    since, slow = min(live, key=lambda pair: pair[0])
    return Slowest(slow.title, since)


def _estimate(operation: Operation) -> str:
    """From earlier runs of the same kind: their median, less what has passed."""
    if operation.started_at is None:
        return ""
    times = (
        Operation.objects.filter(kind=operation.kind, status=OperationStatus.SUCCEEDED)
        .exclude(started_at=None)
        .order_by("-id")
        .values_list("started_at", "ended_at")[:RUNS_ASKED]
    )
    spans = [(end - begin).total_seconds() for begin, end in times if begin and end]
    if len(spans) < RUNS_FOR_ESTIMATE:
        return ""
    usual = timedelta(seconds=median(spans))
    left = usual - (timezone.now() - operation.started_at)
    runs = "the last run" if len(spans) == 1 else f"{len(spans)} earlier runs"
    if left <= timedelta(0):
        return f"longer than usual: {runs} took {span_words(usual)}"
    return f"about {span_words(left)} left, going by {runs}"


def people_of(operation: Operation) -> list[dict[str, Any]]:
    """Who did what with it: asked, approved or rejected, cancelled; [{"who", "what", "at", "comment"}]."""
    rows: list[dict[str, Any]] = [
        {
            "who": operation.requested_by or "Switchyard",
            "what": "asked",
            "at": operation.requested_at,
            "comment": "",
        }
    ]
    for decision in operation.decisions.all():
        counts = decision.plan_hash == operation.approval_hash
        rows.append(
            {
                "who": decision.decided_by,
                "what": decision.verdict if counts else f"{decision.verdict} an earlier plan",
                "at": decision.decided_at,
                "comment": decision.comment,
            }
        )
    if operation.approval_rule and operation.approvals_needed == 0:
        rows.append({"who": "A rule", "what": "approved", "at": None, "comment": operation.approval_rule})
    if operation.cancel_requested_at:
        rows.append(
            {
                "who": operation.cancel_requested_by,
                "what": "asked to cancel",
                "at": operation.cancel_requested_at,
                "comment": "",
            }
        )
    return rows

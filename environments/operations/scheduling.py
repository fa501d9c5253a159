"""Schedules: a due moment is done once, however many beats there are and however late they come."""

from datetime import datetime, timedelta

from django.utils import timezone

from environments.operations.models import Occurrence, Pulse

TICK = "tick"
KEPT = timedelta(days=90)


def occurrence_take(schedule: str, due_at: datetime) -> bool:
    """Whether this caller is the one to do what was due then. A second one is told no by the unique row."""
    _, fresh = Occurrence.objects.get_or_create(schedule=schedule, due_at=due_at)
    return fresh


def occurrence_is_taken(schedule: str, due_at: datetime) -> bool:
    """Whether somebody has done, or is doing, what was due then."""
    return Occurrence.objects.filter(schedule=schedule, due_at=due_at).exists()


def occurrences_forget(now: datetime | None = None) -> int:
    """Drop occurrences that nobody will ask about again; answers how many."""
    return Occurrence.objects.filter(due_at__lt=(now or timezone.now()) - KEPT).delete()[0]


def pulse_record(name: str, now: datetime | None = None) -> None:
    """Keep that it happened just now; who looks after the portal is told when it stops happening."""
    Pulse.objects.update_or_create(name=name, defaults={"at": now or timezone.now()})

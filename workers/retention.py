"""How long assemblies are kept: the rule is in docs/operations/history.md. Run by housekeeping, in batches."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from environments.lifecycle.models import Comparison, Plan, Revision
from environments.lifecycle.states import GONE
from environments.operations.models import Operation
from environments.operations.states import OPEN
from workers.artifacts import store

KEPT_FOR = timedelta(days=90)
KEPT_LAST = 20
COMPARED_FOR = timedelta(days=30)
AT_ONCE = 200
"""Assemblies that one run drops: a task stays short."""


def assemblies_drop(now: datetime | None = None) -> int:
    """Delete assemblies that nobody goes back to any more; answers how many."""
    now = now or timezone.now()
    dropped = 0
    for name in _droppable(now - KEPT_FOR):
        # Asked once more for each: an operation may have been planned meanwhile, and found it in the store.
        if _is_needed(name, now - KEPT_FOR):
            continue
        store().delete(name)
        Revision.objects.filter(assembly=name).update(assembly="")
        Plan.objects.filter(assembly=name).update(assembly="")
        dropped += 1
    return dropped


def comparisons_forget(now: datetime | None = None) -> int:
    """Drop comparisons that were asked for long ago; who asks again has them made anew."""
    old = (now or timezone.now()) - COMPARED_FOR
    return Comparison.objects.filter(asked_at__lt=old).delete()[0]


def _droppable(old: datetime) -> list[str]:
    """Names of assemblies of revisions that are not kept, and of old plans that nobody carried out."""
    plans = Plan.objects.exclude(assembly="").filter(made_at__lt=old, operation__started_at__isnull=True)
    plans = plans.exclude(operation__status__in=OPEN)
    names = [rows.values_list("assembly", flat=True)[:AT_ONCE] for rows in (*_left(old), plans)]
    return sorted({name for some in names for name in some})[:AT_ONCE]


def _left(old: datetime) -> tuple[QuerySet[Revision], QuerySet[Revision]]:
    """Old revisions that are not kept: all of environments that are gone, and of others those beyond the last ones."""
    rows = Revision.objects.exclude(assembly="")
    later = Revision.objects.filter(
        environment=OuterRef("environment"), number__gt=OuterRef("number"), outcome=Revision.Outcome.DEPLOYED
    )
    place = Window(RowNumber(), partition_by=F("environment"), order_by=F("number").desc())
    living = Revision.objects.exclude(environment__status__in=GONE).annotate(place=place)
    beyond = living.filter(place__gt=KEPT_LAST).values("pk")
    return (
        rows.filter(environment__status__in=GONE, made_at__lt=old),
        rows.filter(Exists(later), pk__in=beyond, made_at__lt=old),
    )


def _is_needed(name: str, old: datetime) -> bool:
    kept = Revision.objects.filter(assembly=name)
    for left in _left(old):
        kept = kept.exclude(pk__in=left.values("pk"))
    recent = Plan.objects.filter(assembly=name, made_at__gte=old)
    planned = Operation.objects.filter(status__in=OPEN, state__assembly=name)
    return kept.exists() or recent.exists() or planned.exists()

"""Estimated cost of all that was there at moments in the past, from the revisions that were current then."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from environments.lifecycle.models import Revision


def costs_at(moments: Sequence[datetime]) -> list[Decimal]:
    """USD a month at each of the moments; a query per moment over all environments, so keep what it answers."""
    return [_cost_at(moment) for moment in moments]


def _cost_at(moment: datetime) -> Decimal:
    there = Q(environment__gone_at__isnull=True) | Q(environment__gone_at__gt=moment)
    newest = (
        Revision.objects.filter(there, made_at__lte=moment)
        .order_by("environment_id", "-made_at")
        .distinct("environment_id")
    )
    # Summing over DISTINCT ON itself is not in Django's reach.
    total = Revision.objects.filter(pk__in=newest.values("pk")).aggregate(total=Sum("monthly_cost"))["total"]
    return total or Decimal(0)

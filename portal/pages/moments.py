"""Moments that people type: into a date-and-time field, in the zone that their pages tell times in."""

from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from environments.errors import Invalid


def moment_typed(text: str, *, field: str) -> datetime:
    """The moment; one without an offset is in the viewer's zone. Raises Invalid at `field` for what is none."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid(
            f"{text[:40] or 'Nothing'} is no date with a time. Write it as 2026-11-30T09:00.", field=field
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def moment_field(moment: datetime | None) -> str:
    """What a date-and-time field shows for a moment, in the viewer's zone."""
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}" if moment is not None else ""

"""How telling people goes, in figures, by a constant number of queries: for whoever watches the portal."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone

from environments.notifications.deliveries import due
from environments.notifications.models import Channel, Delivery
from environments.operations.models import Notice, Pulse

MAIL_ASKED, MAIL_ANSWERED = "mail-asked", "mail-answered"
"""Pulses of the worker's look at the mail server."""

LATE_S = 300
WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class TellingFigures:
    """Counts, and ages in seconds; an age is None when there is nothing that it could be the age of."""

    untold: int
    """Notices that are not addressed yet."""
    pending: int
    failed: int
    """Deliveries that failed and are tried again."""
    oldest_due_s: float | None
    abandoned: int
    """Given up within the last day."""
    disabled: int
    """Channels that are disabled."""
    mail: str
    """"off", "files", "unknown", "answers" or "silent"."""
    mail_asked_at: datetime | None

    @property
    def is_late(self) -> bool:
        """Whether something has been due for so long that nobody seems to send."""
        return self.oldest_due_s is not None and self.oldest_due_s > LATE_S


def telling_figures(now: datetime | None = None) -> TellingFigures:
    """The figures of this moment, by five queries."""
    now = now or timezone.now()
    recent = Q(status=Delivery.Status.ABANDONED, created_at__gte=now - WITHIN, is_test=False)
    rows = Delivery.objects.filter(Q(status__in=Delivery.OPEN) | recent).order_by()
    by_status = {row["status"]: row["count"] for row in rows.values("status").annotate(count=Count("pk"))}
    oldest = due(now).order_by().aggregate(oldest=Min("next_try_at"))["oldest"]
    mail, asked_at = _mail()
    return TellingFigures(
        untold=Notice.objects.filter(told_at__isnull=True).count(),
        pending=by_status.get(Delivery.Status.PENDING, 0),
        failed=by_status.get(Delivery.Status.FAILED, 0),
        oldest_due_s=None if oldest is None else max(0.0, (now - oldest).total_seconds()),
        abandoned=by_status.get(Delivery.Status.ABANDONED, 0),
        disabled=Channel.objects.filter(is_enabled=False).count(),
        mail=mail,
        mail_asked_at=asked_at,
    )


def _mail() -> tuple[str, datetime | None]:
    """Whether the mail server answered when a worker last asked it, and when that was."""
    if not settings.MAIL_IS_ON:
        return "off", None
    if settings.EMAIL_FILE_PATH:
        return "files", None
    seen = {pulse.name: pulse.at for pulse in Pulse.objects.filter(name__in=[MAIL_ASKED, MAIL_ANSWERED])}
    asked, answered = seen.get(MAIL_ASKED), seen.get(MAIL_ANSWERED)
    if asked is None:
        return "unknown", None
    return ("answers" if answered is not None and answered >= asked else "silent"), asked

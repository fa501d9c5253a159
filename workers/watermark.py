"""A database restored from yesterday must not deploy or delete anything a second time.

The tick notes outside the database how far it has come: beside the artifacts and in the shared cache, for a backup may
hold one of them. When the database is behind either, it was restored: everything is paused, it is compared with AWS
(`workers.reconcile`), and a person lifts the pause.
"""

from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.utils import timezone

from environments.notes import note_read, note_write
from environments.operations.models import Pause
from environments.operations.pauses import pause_set
from environments.operations.scheduling import occurrence_take
from workers import reconcile

log = structlog.get_logger(__name__)

NOTE = "watermark"
RESTORED = "restored"
COMPARE_EVERY_MINUTES = 5
"""A comparison that did not come to its end is begun again after so long."""
# Sequences never go back, also when rows are deleted; in a restored database they are where they were.
SEQUENCES = {
    "operation": "operations_operation_id_seq",
    "event": "operations_event_id_seq",
    "audit": "operations_auditentry_id_seq",
}


def is_kept() -> bool:
    """Whether a mark is kept. Tests make their databases anew, so theirs are behind any mark."""
    default = not settings.DATABASES["default"]["NAME"].startswith(TEST_DATABASE_PREFIX)
    return bool(getattr(settings, "ENGINE_WATERMARK", default))


def watermark_check() -> bool:
    """Compare and note. Answers whether the database was found restored just now, and so was paused."""
    if not is_kept():
        return False
    here = marks()
    noted = [
        mark for mark in (note_read(NOTE), cache.get(NOTE)) if mark and mark["database"] == here["database"]
    ]
    ahead = [mark for mark in noted if any(here[name] < mark[name] for name in SEQUENCES)]
    if ahead:
        _pause(here, ahead[0])
    elif len(noted) == 2 and all(here[name] == mark[name] for mark in noted for name in SEQUENCES):
        return False
    note_write(NOTE, here)
    cache.set(NOTE, here, timeout=None)
    return bool(ahead)


def comparison_is_due() -> bool:
    """Whether a worker should compare with AWS now: the database was found restored, and nobody has compared since."""
    if not Pause.objects.filter(covers=Pause.EVERYTHING).exists():
        return False
    restored, compared = note_read(RESTORED), note_read(reconcile.NOTE)
    if restored is None or (compared is not None and compared["at"] >= restored["at"]):
        return False
    now = timezone.now().replace(second=0, microsecond=0)
    return occurrence_take(
        "reconcile", now.replace(minute=now.minute // COMPARE_EVERY_MINUTES * COMPARE_EVERY_MINUTES)
    )


def marks() -> dict[str, Any]:
    """How far this database has come: its identity, and the last number of each kind of row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(applied)::text FROM django_migrations")
        database = cursor.fetchone()[0]
        found: dict[str, Any] = {"database": database, "at": timezone.now().isoformat()}
        for name, sequence in SEQUENCES.items():
            cursor.execute(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608 - a name of ours
            last, called = cursor.fetchone()
            found[name] = last if called else 0
    return found


def _pause(here: dict[str, Any], noted: dict[str, Any]) -> None:
    at = datetime.fromisoformat(noted["at"])
    reason = (
        f"This database is older than what was noted on {at:%d %b %Y at %H:%M} UTC"
        f" (operation {here['operation']} here, {noted['operation']} then): it seems to be restored from a backup."
        " It is compared with AWS; put right what differs, then lift this pause."
    )
    # The note first: whoever dies before the pause is there finds the database behind again.
    note_write(RESTORED, {"at": timezone.now().isoformat(), "here": here, "noted": noted})
    pause_set(reason=reason, actor=None)
    log.error("watermark.behind", here=here, noted=noted)

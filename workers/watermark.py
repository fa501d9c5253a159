"""A database restored from yesterday must not deploy or delete anything a second time.

The tick notes outside the database how far it has come. When the database is behind that note, it was restored:
everything is paused until a person has compared it with AWS (`manage.py reconcile`) and lifts the pause.
"""

from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.utils import timezone

from environments.operations.control import pause_set
from workers.artifacts import note_read, note_write

log = structlog.get_logger(__name__)

NOTE = "watermark.json"
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
    here, noted = marks(), note_read(NOTE)
    if noted is not None and noted.get("database") == here["database"]:
        behind = [name for name in SEQUENCES if here[name] < noted[name]]
        if behind:
            _pause(here, noted)
            note_write(NOTE, here)
            return True
        if all(here[name] == noted[name] for name in SEQUENCES):
            return False
    note_write(NOTE, here)
    return False


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
    reason = (
        f"This database is older than what was noted on {noted['at'][:16]} UTC"
        f" (operation {here['operation']} here, {noted['operation']} then): it seems to be restored from a backup."
        " Compare it with AWS (manage.py reconcile), put right what differs, then lift this pause."
    )
    pause_set(reason=reason, actor=None)
    log.error("watermark.behind", here=here, noted=noted)

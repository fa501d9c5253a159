"""Writing events: numbered from the operation's own counter, so a reader's after=N never skips one.

The counter's UPDATE locks the operation row until commit. A later writer gets a higher number only after
the earlier one is visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from environments.operations.models import Event


@dataclass(frozen=True)
class Draft:
    """An event that has no number yet."""

    kind: str
    text: str
    level: str = Event.Level.INFO
    step_key: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def events_write(operation_id: int, drafts: Sequence[Draft]) -> None:
    """Append events in order. Runs in the caller's transaction, or in one of its own."""
    if not drafts:
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE operations_operation SET event_count = event_count + %s WHERE id = %s"
                " RETURNING event_count",
                [len(drafts), operation_id],
            )
            row = cursor.fetchone()
        if row is None:
            raise LookupError(f"There is no operation {operation_id}.")
        first = row[0] - len(drafts) + 1
        now = timezone.now()
        Event.objects.bulk_create(
            Event(
                operation_id=operation_id,
                number=first + offset,
                at=draft.at or now,
                kind=draft.kind,
                level=draft.level,
                step_key=draft.step_key,
                text=draft.text,
                data=draft.data,
            )
            for offset, draft in enumerate(drafts)
        )


def event_write(operation_id: int, kind: str, text: str, **fields: Any) -> None:
    """Append one event; fields as in Draft."""
    events_write(operation_id, [Draft(kind, text, **fields)])

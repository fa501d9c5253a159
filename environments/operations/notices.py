"""Noting what people should be told. Written with what happened, so that no message tells of what was rolled back,
and none is lost to a broker that is down.
"""

import uuid
from typing import Any

from django.contrib.contenttypes.models import ContentType

from environments.operations.models import Notice, Operation


def notice_write(
    topic: str, subject: Any, sentence: str, *, key: str = "", data: dict[str, Any] | None = None
) -> None:
    """Note it once. With a `key` (up to 120 characters) the same thing is noted once, however often it is found:
    "expiry/17/2026-12-01T10:00/2 h". Call inside the transaction of what happened.
    """
    _write(
        Notice(
            topic=topic,
            subject_type=ContentType.objects.get_for_model(subject),
            subject_id=subject.pk,
            subject_label=str(subject)[:120],
            sentence=sentence,
            data=data or {},
        ),
        key,
    )


def operation_notice(
    operation: Operation, topic: str, sentence: str, *, key: str = "", data: dict[str, Any] | None = None
) -> None:
    """Note something about an operation, under its own subject. Key and transaction as in `notice_write`."""
    _write(
        Notice(
            topic=topic,
            subject_type_id=operation.subject_type_id,
            subject_id=operation.subject_id,
            subject_label=operation.subject_label,
            operation=operation,
            sentence=sentence,
            data=data or {},
        ),
        key,
    )


def _write(notice: Notice, key: str) -> None:
    notice.key = key or uuid.uuid4().hex
    Notice.objects.bulk_create([notice], ignore_conflicts=True)

"""The audit's chain of hashes: whether it holds, and what of it goes into a locked bucket."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from environments.operations.models import AuditEntry, AuditExport, Decision

MOST = 20_000
"""Rows of the chain that one object holds. What is more comes with the next hour."""
SETTLED = timedelta(minutes=1)
"""So long after its moment an approval is certainly committed: transactions are shorter."""

# The same expression as the trigger's (models/audit.py), over what the rows say now.
BROKEN = """
    SELECT id FROM (
        SELECT id, hash, previous_hash,
            lag(hash, 1, '') OVER (ORDER BY id) AS predecessor,
            encode(sha256(convert_to(concat_ws(
                E'\\x1f', previous_hash, id, at, actor_name, action, subject, origin, before::text, after::text
            ), 'UTF8')), 'hex') AS computed
        FROM operations_auditentry
    ) rows
    WHERE hash <> computed OR previous_hash <> predecessor
    ORDER BY id LIMIT 1
"""


def chain_break() -> int | None:
    """The first audit row at which the chain breaks: it, or a row before it, was tampered with. None: it holds."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The hash was made from the time as the database printed it, in UTC.
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute(BROKEN)
        broken = cursor.fetchone()
    return int(broken[0]) if broken else None


def export_open(*, due_at: datetime, account_id: str, region: str, bucket: str) -> AuditExport | None:
    """The object that is to be written next: one that was not, else that of `due_at`; None when that one is there."""
    pending = AuditExport.objects.filter(written_at__isnull=True).first()
    if pending is not None:
        return pending
    last = AuditExport.objects.filter(bucket=bucket).first()
    after = last.through_id if last else 0
    rows = AuditEntry.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:MOST]
    ids = list(rows)
    made, fresh = AuditExport.objects.get_or_create(
        due_at=due_at,
        defaults={
            "since": last.until if last else datetime.fromtimestamp(0, tz=due_at.tzinfo),
            "until": due_at - SETTLED,
            "after_id": after,
            "through_id": ids[-1] if ids else after,
            "account_id": account_id,
            "region": region,
            "bucket": bucket,
            "key": f"{settings.AUDIT_PREFIX}{due_at:%Y/%m/%d/%H%M}.json",
        },
    )
    return made if fresh or made.written_at is None else None


def export_wanted(due_at: datetime) -> bool:
    """Whether the object of `due_at` does not lie in its bucket yet."""
    return not AuditExport.objects.filter(due_at__gte=due_at, written_at__isnull=False).exists()


def export_written(export: AuditExport, sha256: str) -> None:
    """It lies there."""
    AuditExport.objects.filter(pk=export.pk, written_at__isnull=True).update(
        sha256=sha256, written_at=timezone.now(), problem=""
    )


def export_failed(export: AuditExport, problem: str) -> None:
    """It could not be written; it is tried again."""
    AuditExport.objects.filter(pk=export.pk, written_at__isnull=True).update(problem=problem)


def chain_part(after: int, through: int) -> dict[str, Any]:
    """Part of the chain: {"after", "through", "head", "rows": [[id, hash]]}; head is the hash of row `through`."""
    rows = AuditEntry.objects.filter(pk__gt=after, pk__lte=through).order_by("pk").values_list("pk", "hash")
    head = AuditEntry.objects.filter(pk__lte=through).values_list("hash", flat=True).first()
    return {"after": after, "through": through, "head": head or "", "rows": [list(row) for row in rows]}


def decisions_between(since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Approvals and rejections of that time, as they are kept; `until` is no part of it."""
    rows = Decision.objects.filter(decided_at__gte=since, decided_at__lt=until).order_by("pk")
    return [
        {
            "id": row.pk,
            "operation": row.operation_id,
            "kind": row.operation.kind,
            "subject": row.operation.subject_label,
            "verdict": row.verdict,
            "by": row.decided_by.get_username(),
            "at": row.decided_at.isoformat(),
            "plan_hash": row.plan_hash,
            "comment": row.comment,
        }
        for row in rows.select_related("operation", "decided_by")
    ]

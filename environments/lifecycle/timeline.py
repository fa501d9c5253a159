"""Everything that happened to an environment, in one line of time: from operations, people, revisions and the audit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from environments.display import kind_word
from environments.lifecycle.models import Environment, Revision
from environments.lifecycle.selectors import environment_audit
from environments.operations.models import AuditEntry, Decision, Event, Operation

KINDS = {
    "requests": "Requests",
    "approvals": "Approvals",
    "steps": "Steps and stacks",
    "revisions": "Revisions",
    "audit": "Audit",
}
"""What can be asked for, by its word in addresses."""

RESOURCES, STACKS = "resource.", "stack."
"""Events that CloudFormation sent: they stand on the operation's page. Here the step of a stack tells its end, once."""


@dataclass(frozen=True)
class Entry:
    """One moment. `level` is info, warning or error; `operation` its number, if it was part of one."""

    at: datetime
    kind: str
    text: str
    who: str = ""
    level: str = "info"
    operation: int | None = None
    number: int = 0

    @property
    def order(self) -> tuple[datetime, int]:
        """Newest first by time; events of one operation by their number."""
        return (self.at, self.number)


def environment_timeline(
    environment: Environment, *, kinds: Iterable[str], before: datetime | None = None, limit: int = 50
) -> tuple[list[Entry], bool]:
    """(entries newest first, whether older ones are there) of those of KINDS that are asked for; `before` is the time
    of the last entry of the page before. At most two queries per kind, however long its past.
    """
    found: list[Entry] = []
    for kind in kinds:
        found += SOURCES[kind](environment, before, limit + 1)
    found.sort(key=lambda entry: entry.order, reverse=True)
    if len(found) <= limit:
        return _once(found), False
    # The next page begins before a moment, so what happened in one moment stays on one page.
    cut = next((n for n in range(limit, 0, -1) if found[n - 1].at != found[limit].at), limit)
    return _once(found[:cut]), True


def _once(entries: list[Entry]) -> list[Entry]:
    """Without what an operation says in the words of the entry above it: a failed step is why its operation failed."""
    return [
        entry
        for above, entry in zip([None, *entries], entries, strict=False)
        if above is None or (entry.text, entry.operation) != (above.text, above.operation)
    ]


def _of(environment: Environment) -> dict[str, Any]:
    """What names its operations, from a row that belongs to one."""
    return {
        "operation__subject_type": ContentType.objects.get_for_model(Environment),
        "operation__subject_id": environment.pk,
    }


def _events(environment: Environment, before: datetime | None, limit: int) -> list[Entry]:
    by_steps = Q(kind__startswith=RESOURCES) | Q(kind__startswith=STACKS, level="info")
    # What a rule approved has no decision, and keeps its event; that one carries the plan's hash.
    by_decisions = Q(kind="operation.approved", data={}) | Q(kind="operation.rejected")
    rows = Event.objects.filter(**_of(environment)).exclude(by_steps | by_decisions)
    return _entries(rows.exclude(kind="operation.requested"), before, limit)


def _requests(environment: Environment, before: datetime | None, limit: int) -> list[Entry]:
    kind = ContentType.objects.get_for_model(Environment)
    rows = Operation.objects.filter(subject_type=kind, subject_id=environment.pk)
    rows = rows.filter(requested_at__lt=before) if before else rows
    shown = rows.select_related("requested_by").order_by("-requested_at")[:limit]
    return [
        Entry(
            row.requested_at,
            "requests",
            f"{kind_word(row.kind)} was asked for.",
            _name(row.requested_by),
            "info",
            row.pk,
        )
        for row in shown
    ]


def _entries(rows: Any, before: datetime | None, limit: int) -> list[Entry]:
    rows = rows.filter(at__lt=before) if before else rows
    return [
        Entry(row.at, "steps", row.text, "", row.level, row.operation_id, row.number)
        for row in rows.order_by("-at", "-number")[:limit]
    ]


def _approvals(environment: Environment, before: datetime | None, limit: int) -> list[Entry]:
    rows = Decision.objects.filter(**_of(environment)).select_related("decided_by")
    rows = rows.filter(decided_at__lt=before) if before else rows
    return [
        Entry(
            row.decided_at,
            "approvals",
            f"The plan was {row.verdict}." + (f" {row.comment}" if row.comment else ""),
            _name(row.decided_by),
            "info" if row.verdict == Decision.Verdict.APPROVED else "warning",
            row.operation_id,
        )
        for row in rows.order_by("-decided_at")[:limit]
    ]


def _revisions(environment: Environment, before: datetime | None, limit: int) -> list[Entry]:
    rows = environment.revisions.select_related("release", "requested_by", "back_to")
    rows = rows.filter(made_at__lt=before) if before else rows
    return [
        Entry(
            row.made_at,
            "revisions",
            _revision_text(row),
            _name(row.requested_by),
            "info" if row.is_deployed else "warning",
            row.operation_id,
        )
        for row in rows.order_by("-made_at")[:limit]
    ]


def _revision_text(row: Revision) -> str:
    back = f", back to revision {row.back_to.number}" if row.back_to else ""
    whole = "" if row.is_deployed else " in part"
    return f"Revision {row.number} was deployed{whole} from release {row.release.version}{back}."


def _audit(environment: Environment, before: datetime | None, limit: int) -> list[Entry]:
    rows = environment_audit(environment).exclude(after__has_key="operation")
    rows = rows.filter(at__lt=before) if before else rows
    return [
        Entry(row.at, "audit", _audit_text(row), row.actor_name)
        for row in rows.order_by("-at", "-id")[:limit]
    ]


def _audit_text(row: AuditEntry) -> str:
    return f"{row.action} from {row.origin}" if row.origin else row.action


def _name(person: Any) -> str:
    return str(person) if person is not None else "switchyard"


SOURCES: dict[str, Callable[[Environment, datetime | None, int], list[Entry]]] = {
    "requests": _requests,
    "approvals": _approvals,
    "steps": _events,
    "revisions": _revisions,
    "audit": _audit,
}
"""An audited act that belongs to an operation is told by that operation, and not once more by the audit."""

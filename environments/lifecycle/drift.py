"""Drift of environments: asking for a look, keeping what it found, accepting it until a day."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.lifecycle.models import DriftCheck, DriftFinding, Environment
from environments.lifecycle.models.drift import CHECK_OPEN, FINDING_LIVE, CheckStatus, FindingStatus
from environments.lifecycle.stacks import regions_there
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.audit import audit_record
from environments.operations.models import Operation
from environments.operations.notices import notice_write
from environments.people.models import User
from environments.people.rights import require

LONGEST = timedelta(days=366)
"""The longest acceptance: what is meant for ever belongs into the blueprint."""
F = FindingStatus


@dataclass(frozen=True)
class Found:
    """One difference as a worker read it; see DriftFinding."""

    region: str
    stack: str
    logical_id: str
    physical_id: str
    type: str
    property_path: str
    expected: str
    actual: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two of them the same finding."""
        return self.stack, self.logical_id, self.property_path


def drift_check_ask(*, environment: Environment, actor: User | None) -> DriftCheck:
    """Ask for a look now, in each of its regions; answers the one in its home, which is one that was open already and
    is now due, if there was one.

    Raises Forbidden, Conflict (not active).
    """
    require(actor, "environment.drift-check", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.status != EnvironmentStatus.ACTIVE:
            raise Conflict(f"{environment.name} is {environment.status}: only what is active can drift.")
        checks = [
            _check_ask(environment, f"{environment.account.account_id}/{region}", actor)
            for region in regions_there(environment)
        ]
        audit_record("environment.drift-check-asked", environment, actor=actor, after={"check": checks[0].pk})
    return checks[0]


def _check_ask(environment: Environment, scope: str, actor: User | None) -> DriftCheck:
    check = environment.drift_checks.filter(status__in=CHECK_OPEN, scope=scope).first()
    if check is None:
        return DriftCheck.objects.create(environment=environment, asked_by=actor, scope=scope)
    if check.status == CheckStatus.WAITING:
        check.due_at = timezone.now()
        check.asked_by = check.asked_by or actor
        check.save(update_fields=["due_at", "asked_by"])
    return check


def drift_record(
    *,
    environment: Environment,
    found: Sequence[Found],
    stacks: Collection[str],
    fixed_by: Operation | None = None,
) -> tuple[int, int]:
    """Keep what a look at `stacks` (keys) found; answers (open findings of the environment, new ones).

    What is not found any more is gone, or fixed by that operation. An accepted finding whose value has moved on is
    open again. People are told once of a set of findings that has something new. Call inside a transaction.
    """
    now = timezone.now()
    environment = Environment.objects.select_for_update().get(pk=environment.pk)
    live = list(environment.drift_findings.filter(status__in=FINDING_LIVE))
    there = {(row.stack, row.logical_id, row.property_path): row for row in live}
    seen = {row.key: row for row in found}
    fresh = [
        DriftFinding(environment=environment, first_seen=now, last_seen=now, **_columns(row))
        for key, row in seen.items()
        if key not in there
    ]
    moved = [_see(row, seen[key], now) for key, row in there.items() if key in seen]
    for key, row in there.items():
        if key not in seen and row.stack in stacks:
            row.status = F.GONE if fixed_by is None else F.FIXED
            row.fixed_by, row.ended_at = fixed_by, now
    DriftFinding.objects.bulk_create(fresh)
    fields = ["physical_id", "expected", "actual", "status", "last_seen", "ended_at", "fixed_by"]
    DriftFinding.objects.bulk_update(
        [row for row in live if row.last_seen == now or row.ended_at == now], fields
    )
    new = len(fresh) + sum(moved)
    count = _count(environment)
    if new:
        _tell(environment, new)
    return count, new


def _columns(row: Found) -> dict[str, str]:
    return {name: getattr(row, name) for name in Found.__dataclass_fields__}


def _see(row: DriftFinding, found: Found, now: datetime) -> bool:
    """Bring a finding that is there to what was just seen; answers whether it is news."""
    changed = row.actual != found.actual
    row.physical_id, row.expected, row.actual = found.physical_id, found.expected, found.actual
    row.last_seen = now
    lapsed = row.status == F.ACCEPTED and row.accepted_until is not None and row.accepted_until < now.date()
    if row.status == F.ACCEPTED and (changed or lapsed):
        row.status = F.OPEN
        return True
    return changed


def _count(environment: Environment) -> int:
    """How many findings are open; the environment's row is brought to it."""
    rows = environment.drift_findings.filter(status=F.OPEN)
    since = rows.aggregate(since=Min("first_seen"))["since"]
    count = rows.count() if since else 0
    if (environment.drift_since, environment.drift_count) != (since, count):
        environment.drift_since, environment.drift_count = since, count
        environment.save(update_fields=["drift_since", "drift_count"])
    return count


def _tell(environment: Environment, new: int) -> None:
    rows = list(environment.drift_findings.filter(status=F.OPEN))
    marks = sorted([row.pk, row.actual] for row in rows)
    digest = hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:32]
    first = "; ".join(row.what for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    notice_write(
        "environment.drifted",
        environment,
        f"{environment.name} is no longer what its templates say: {first}{more}. Accept it with a reason, or have it"
        " put back.",
        key=f"drift/{environment.pk}/{digest}",
        data={"open": len(rows), "new": new},
    )


def drift_accept(
    *, environment: Environment, findings: Collection[int], why: str, until: date, actor: User
) -> list[DriftFinding]:
    """Live with these findings (ids) until the end of a day (UTC), with a reason; then they are open again.

    Raises Forbidden, Invalid (a field; or a finding that is not live, or of another environment).
    """
    require(actor, "environment.drift-accept", team=environment.team)
    today = timezone.now().date()
    if not why.strip():
        raise Invalid("Say why it is accepted: who reads it later will ask.", field="why")
    if not today <= until <= today + LONGEST:
        raise Invalid(
            f"Choose a day from today to {today + LONGEST:%d %b %Y}: what is meant to stay belongs into the blueprint.",
            field="until",
        )
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        rows = _live(environment, findings)
        for row in rows:
            row.status, row.accepted_by, row.accepted_at = F.ACCEPTED, actor, timezone.now()
            row.accepted_until, row.accepted_why = until, why.strip()
        fields = ["status", "accepted_by", "accepted_at", "accepted_until", "accepted_why"]
        DriftFinding.objects.bulk_update(rows, fields)
        _count(environment)
        audit_record(
            "environment.drift-accepted",
            environment,
            actor=actor,
            after={"findings": [row.what for row in rows], "until": until.isoformat(), "why": why.strip()},
        )
    return rows


def drift_reopen(*, environment: Environment, findings: Collection[int], actor: User) -> list[DriftFinding]:
    """Take acceptances back; answers those that were accepted. Raises Forbidden, Invalid."""
    require(actor, "environment.drift-accept", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        rows = [row for row in _live(environment, findings) if row.status == F.ACCEPTED]
        if not rows:
            return []
        for row in rows:
            row.status = F.OPEN
        DriftFinding.objects.bulk_update(rows, ["status"])
        _count(environment)
        audit_record(
            "environment.drift-reopened",
            environment,
            actor=actor,
            after={"findings": [row.what for row in rows]},
        )
    return rows


def _live(environment: Environment, findings: Collection[int]) -> list[DriftFinding]:
    if not findings:
        raise Invalid("Choose at least one finding.", field="findings")
    rows = list(environment.drift_findings.filter(pk__in=findings, status__in=FINDING_LIVE))
    missing = sorted(set(findings) - {row.pk for row in rows})
    if missing:
        told = ", ".join(map(str, missing))
        raise Invalid(f"{environment.name} has no such finding (any more): {told}.", field="findings")
    return rows


def drift_acceptances_lapse(now: datetime | None = None) -> int:
    """Open again what was accepted until a day that has passed; answers how many. By the hour."""
    today = (now or timezone.now()).date()
    lapsed = DriftFinding.objects.filter(status=F.ACCEPTED, accepted_until__lt=today)
    count = 0
    for pk in list(lapsed.values_list("environment", flat=True).distinct()):
        with transaction.atomic():
            environment = Environment.objects.select_for_update().get(pk=pk)
            here = lapsed.filter(environment=environment).update(status=F.OPEN)
            _count(environment)
            if here:
                _tell(environment, here)
            count += here
    return count

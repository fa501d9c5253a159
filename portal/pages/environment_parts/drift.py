"""What is no longer what the templates say: a tab, a tag while there is some, and the button that looks."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.lifecycle.drift_fix import database_stacks
from environments.lifecycle.models.drift import FINDING_LIVE
from environments.lifecycle.states import EnvironmentStatus
from environments.people.rights import may
from portal.pages.environment_parts.base import Look, Part

CHECKS, ENDED = 10, 20
USUAL = timedelta(days=14)


def _drift(look: Look) -> dict[str, Any]:
    environment, team = look.environment, look.environment.team
    rows = list(environment.drift_findings.filter(status__in=FINDING_LIVE).select_related("accepted_by"))
    stacks: dict[str, list[Any]] = {}
    for row in rows:
        stacks.setdefault(row.stack, []).append(row)
    checks = list(environment.drift_checks.select_related("asked_by")[:CHECKS])
    ended = environment.drift_findings.exclude(status__in=FINDING_LIVE).order_by("-ended_at")
    is_active = environment.status == EnvironmentStatus.ACTIVE
    return {
        "drift_stacks": stacks,
        "drift_checks": checks,
        "drift_latest": next(iter(checks), None),
        "drift_ended": list(ended.select_related("fixed_by")[:ENDED]),
        "drift_barred": database_stacks(environment) if rows else set(),
        "may_check": is_active and may(look.user, "environment.drift-check", team=team),
        "may_accept": bool(rows) and may(look.user, "environment.drift-accept", team=team),
        "may_fix": is_active and bool(rows) and may(look.user, "environment.drift-fix", team=team),
        "until": timezone.now().date() + USUAL,
    }


PARTS = (
    Part(
        "tab",
        "drift",
        "portal/environment/drift.html",
        position=60,
        title="Drift",
        shown=lambda look: (
            look.environment.status == EnvironmentStatus.ACTIVE
            or look.environment.drift_checked_at is not None
        ),
        context=_drift,
    ),
    Part(
        "tag",
        "drift",
        "portal/environment/drift_tag.html",
        shown=lambda look: look.environment.drift_since is not None and not look.environment.is_gone,
    ),
)

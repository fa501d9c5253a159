"""What a plan's page tells besides the plan: what moved since the one that the viewer knows, and what a refused plan
leaves one to do.
"""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from environments.lifecycle.models import Environment, Plan, PlanVersion
from environments.lifecycle.moved import plan_moves
from environments.operations.models import Decision, Operation
from environments.people.models import User


def plan_context(operation: Operation, user: User) -> dict[str, Any]:
    """{"plan", "plan_before", "plan_moves", "approved_before", "quotas_lacking"}; no moves for a first plan."""
    plan = Plan.objects.filter(operation=operation).first()
    before = _known_version(operation, user) if plan else None
    return {
        "plan": plan,
        "plan_before": before,
        "plan_moves": plan_moves(before, plan) if plan and before else [],
        "again_url": _again_url(operation),
    }


def _known_version(operation: Operation, user: User) -> PlanVersion | None:
    """The newest earlier plan that the viewer approved; else that anybody approved; else the one before."""
    versions = list(PlanVersion.objects.filter(operation=operation).defer("document").order_by("-number"))
    if not versions:
        return None
    yes = [row for row in operation.decisions.all() if row.verdict == Decision.Verdict.APPROVED]
    own = {row.plan_hash for row in yes if row.decided_by_id == user.pk}
    anybody = {row.plan_hash for row in yes}
    for hashes in (own, anybody):
        for version in versions:
            if version.hash in hashes:
                return version
    return versions[0]


def _again_url(operation: Operation) -> str:
    """Where an update that was refused for what it would lose is asked for again, with each loss to be named."""
    if operation.kind != "update" or not (operation.failure or {}).get("losses"):
        return ""
    if not isinstance(operation.subject, Environment):
        return ""
    page = reverse("admin:environment-update", args=[operation.subject_id])
    return f"{page}?{urlencode({'refused': operation.pk})}"

"""Forgetting an environment: it leaves the portal's care, and AWS is not touched. For what it cannot get out of.

Its history and the audit stay. What it has in AWS stays too, with all its costs: that is listed and kept.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.environments import environment_move, environment_operations_open
from environments.lifecycle.models import Environment
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.audit import audit_record
from environments.people.models import User
from environments.people.rights import require


def environment_forget(*, environment: Environment, confirm: str, reason: str, actor: User) -> Environment:
    """Take it out of the portal's care; answers it, withdrawn and with `left_behind` filled.

    Its name is free again, its address range and domain are not: AWS still uses them. `confirm` is its name, typed.
    Raises Forbidden, InvalidFields, Conflict (it is gone, or something goes on with it).
    """
    require(actor, "environment.forget")
    with transaction.atomic():
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.is_gone:
            raise Conflict(f"{row.name} is {row.status}: the portal looks after it no longer.")
        going_on = environment_operations_open(row).order_by("-id").first()
        if going_on is not None:
            raise Conflict(
                f"Operation {going_on.pk} ({going_on.kind}) is {going_on.status}: cancel it first, and force-cancel it"
                " if that does not end."
            )
        problems = {}
        if confirm != row.name:
            problems["confirm"] = f"Type {row.name} to confirm that nobody looks after it any more."
        if not reason.strip():
            problems["reason"] = "Say why; it is kept with what stays behind."
        if problems:
            raise InvalidFields(problems)
        before = row.status
        left = left_in_aws(row)
        environment_move(
            row,
            EnvironmentStatus.WITHDRAWN,
            forgotten_at=timezone.now(),
            left_behind={**left, "reason": reason, "by": actor.username, "status_before": before},
        )
        audit_record(
            "environment.forgotten",
            row,
            actor=actor,
            before={"status": before},
            after={"reason": reason, "left_behind": left},
        )
    return row


def left_in_aws(environment: Environment) -> dict[str, Any]:
    """What would stay: {"account", "stacks": [{"name", "region", "status", "resources"}], "monthly_cost" in USD}.

    As last seen by the workers; the cost is the estimate of the whole environment.
    """
    alive = Count("resources", filter=~Q(resources__status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"]))
    rows = environment.stacks.exclude(status__in=["", "DELETE_COMPLETE"]).annotate(alive=alive)
    stacks = [
        {"name": row.name, "region": row.region, "status": row.status, "resources": row.alive}
        for row in rows.order_by("pk")
    ]
    cost = environment.monthly_cost if stacks and environment.monthly_cost else Decimal(0)
    return {"account": environment.account.account_id, "stacks": stacks, "monthly_cost": str(cost)}

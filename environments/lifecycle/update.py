"""Changing what an environment is told: a new spec, planned, approved and deployed like the first one."""

from typing import Any

from django.db import transaction

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Environment
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.validation import schema_problems
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

CHANGEABLE = frozenset({"log_retention_days"})
"""Fields of a spec that an update may change: those that replace nothing and move no data."""


def environment_update(*, environment: Environment, changes: dict[str, Any], actor: User) -> Operation:
    """Ask for other values of the spec; answers the `update` operation. Raises Forbidden, InvalidFields, Conflict."""
    require(actor, "environment.request", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.status != EnvironmentStatus.ACTIVE:
            raise Conflict(f"{environment.name} is {environment.status}: only what is active is updated.")
        spec = {**environment.spec, **changes}
        problems = {
            field: f"{field} cannot be changed by an update." for field in sorted(set(changes) - CHANGEABLE)
        } or schema_problems(environment.release.schema, spec)
        if problems:
            raise InvalidFields(problems)
        return operation_open(
            kind="update",
            subject=environment,
            scope=f"{environment.account.account_id}/{environment.home_region}",
            parameters={"spec": spec, "changes": changes},
            actor=actor,
        )


def environment_spec_keep(environment: Environment, spec: dict[str, Any]) -> None:
    """What was deployed is what the environment is told from now on."""
    environment.spec = spec
    environment.monthly_cost = cost_estimate(environment.release.costs, spec)["total"]
    environment.save(update_fields=["spec", "monthly_cost"])

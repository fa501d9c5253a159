"""Resync: asking that the portal reads an environment anew from AWS, after somebody has put something right by hand."""

from typing import Any

from django.db import transaction

from environments.errors import Conflict
from environments.lifecycle.environments import environment_move
from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import regions_there, scopes_of
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

MAY_RESYNC = frozenset({EnvironmentStatus.ACTIVE, EnvironmentStatus.STOPPED, EnvironmentStatus.BROKEN})
RULE = "A resync reads AWS and changes nothing in it"


def environment_resync(*, environment: Environment, actor: User) -> Operation:
    """Ask for it; answers the `resync` operation. Nobody approves, for nothing in AWS is changed.

    Raises Forbidden, Conflict (nothing is there to be read, or one is open already).
    """
    require(actor, "environment.resync", team=environment.team)
    with transaction.atomic():
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.status not in MAY_RESYNC:
            raise Conflict(
                f"{row.name} is {row.status}: what is active, stopped or broken can be read anew. Retry or cancel"
                " its operation instead."
            )
        return operation_open(
            kind="resync",
            subject=row,
            **scopes_of(row.account, regions_there(row)),
            actor=actor,
        )


def environment_resynced(environment: Environment, told: dict[str, Any]) -> None:
    """Bring status and addresses in line with what a resync found: {"healthy", "addresses", …}. The row is locked.

    One that never came up, and is healthy after all, is active. A healthy one that is not any more keeps its status:
    what is wrong with it is told by the operation, and put right by an update.
    """
    addresses = told["addresses"]
    if told["healthy"] and environment.status == EnvironmentStatus.BROKEN:
        environment_move(
            environment,
            EnvironmentStatus.ACTIVE,
            addresses=addresses,
            active_region=environment.home_region,
        )
    elif addresses and addresses != environment.addresses:
        environment.addresses = addresses
        environment.save(update_fields=["addresses"])

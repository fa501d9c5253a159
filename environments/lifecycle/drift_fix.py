"""Putting back what has drifted: planned, approved and carried out by drift-aware change sets."""

from collections.abc import Collection

from django.db import transaction

from environments.errors import Conflict, Invalid
from environments.lifecycle.models import Environment
from environments.lifecycle.models.drift import FINDING_LIVE, FindingStatus
from environments.lifecycle.stacks import regions_there, scopes_of
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.models import Operation, Resource
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

DATABASES = "AWS::RDS::"


def database_stacks(environment: Environment) -> set[str]:
    """Keys of its stacks that hold a database: nothing is put back there by the portal, ever."""
    rows = Resource.objects.filter(stack__in=environment.stacks.all(), type__startswith=DATABASES)
    drifted = environment.drift_findings.filter(status__in=FINDING_LIVE, type__startswith=DATABASES)
    return {*rows.values_list("stack__key", flat=True), *drifted.values_list("stack", flat=True)}


def environment_drift_fix(
    *, environment: Environment, stacks: Collection[str] = (), findings: Collection[int] = (), actor: User
) -> Operation:
    """Ask to have drift put back; answers the `drift-fix` operation.

    AWS puts a stack back as a whole: `findings` (ids) stand for their stacks (keys), and what else has drifted there,
    accepted or not, is put back with them, as the plan tells. Raises Forbidden, Invalid, Conflict (nothing drifted
    there; a database stack; not active).
    """
    require(actor, "environment.drift-fix", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.status != EnvironmentStatus.ACTIVE:
            raise Conflict(f"{environment.name} is {environment.status}: only what is active is put back.")
        chosen = _chosen(environment, stacks, findings)
        barred = sorted(chosen & database_stacks(environment))
        if barred:
            raise Conflict(
                f"The stack {barred[0]} holds a database, which CloudFormation could replace while it puts things"
                " back. Change the property back by hand, or accept it with a reason."
            )
        return operation_open(
            kind="drift-fix",
            subject=environment,
            **scopes_of(environment.account, regions_there(environment)),
            parameters={
                "stacks": sorted(chosen),
                "spec": environment.spec,
                "release": environment.release.version,
                "release_id": environment.release_id,
            },
            actor=actor,
        )


def _chosen(environment: Environment, stacks: Collection[str], findings: Collection[int]) -> set[str]:
    live = environment.drift_findings.filter(status__in=FINDING_LIVE)
    of = dict(live.values_list("pk", "stack"))
    missing = sorted(set(findings) - set(of))
    if missing:
        told = ", ".join(map(str, missing))
        raise Invalid(f"{environment.name} has no such finding (any more): {told}.", field="findings")
    unknown = sorted(set(stacks) - set(environment.stacks.values_list("key", flat=True)))
    if unknown:
        raise Invalid(f"{environment.name} has no stack {', '.join(unknown)}.", field="stacks")
    chosen = {*stacks, *(of[pk] for pk in findings)}
    if not stacks and not findings:
        barred = database_stacks(environment)
        chosen = set(live.filter(status=FindingStatus.OPEN).values_list("stack", flat=True)) - barred
        if not chosen and live.exists():
            raise Conflict(
                "Only a stack with a database has drifted, or what was accepted: that is not put back unless chosen."
            )
    clean = sorted(chosen - set(of.values()))
    if clean or not chosen:
        where = f"in {', '.join(clean)} of {environment.name}" if clean else f"in {environment.name}"
        raise Conflict(f"Nothing is known to have drifted {where}. Check its drift first.")
    return chosen

"""Changing what an environment is told, or its release: planned, approved and deployed like the first time."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.limits import MONTHLY_COST, limit_problems_locked
from environments.lifecycle.models import Account, Environment, Release
from environments.lifecycle.modules import modules_completed, modules_ordered, modules_problem
from environments.lifecycle.stacks import (
    regions_of,
    regions_there,
    scopes_of,
    stack_rows_alive,
    stacks_missing,
)
from environments.lifecycle.standby import (
    FIELDS,
    standby_changes,
    standby_problems,
    standby_reserve,
    standbys_of,
)
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.validation import release_problem, schema_problems
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
CHANGEABLE = frozenset({"log_retention_days"})
"""What an update may change of releases whose schema does not say it."""


def fields_changeable(release: Release) -> dict[str, dict[str, Any]]:
    """The fields of a spec that an update may change, with their JSON Schema: those that the release marks so."""
    found = {}
    for name, rule in release.schema.get("properties", {}).items():
        if rule.get("changeable") or (name in CHANGEABLE and "replacement" not in release.description):
            reference = rule.get("$ref", "").rsplit("/", 1)[-1]
            found[name] = {**release.schema.get("$defs", {}).get(reference, {}), **rule}
    if standbys_of(release):
        # A standby comes and goes with its region and range, whatever the schema marks.
        found |= {name: release.schema["properties"][name] for name in FIELDS if name not in found}
    return found


def environment_update(
    *,
    environment: Environment,
    changes: dict[str, Any],
    release: Release | None = None,
    replace: Sequence[str] = (),
    actor: User,
) -> Operation:
    """Ask for other values of the spec, another release, or both; answers the `update` operation.

    `replace` names what holds data and may be replaced or removed all the same, each as stack/LogicalId; the plan
    loses these and no others, or is refused.
    Without any change it builds what somebody deleted outside the portal.
    Raises Forbidden, InvalidFields, Conflict (not active, or nothing would change).
    """
    require(actor, "environment.request", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if environment.status != EnvironmentStatus.ACTIVE:
            raise Conflict(f"{environment.name} is {environment.status}: only what is active is updated.")
        release = release or environment.release
        # Ranges are settled one after the other, under the account's row.
        account = Account.objects.select_for_update().get(pk=environment.account_id)
        changes = standby_changes(environment, release, account, changes)
        known = set(release.schema.get("properties", {}))
        spec = {name: value for name, value in environment.spec.items() if name in known}
        if "modules" not in changes and (modules := modules_completed(release, spec)) is not None:
            if modules != environment.spec.get("modules"):
                changes = {**changes, "modules": modules}
        elif isinstance(changes.get("modules"), list):
            changes = {**changes, "modules": modules_ordered(release, changes["modules"])}
        spec |= changes
        problems = (
            _problems(environment, release, changes, spec)
            or standby_problems(spec, account=account, release=release, environment=environment)
            or _unnamed(environment, release, replace)
        )
        if problems:
            raise InvalidFields(problems)
        before = {name: environment.spec.get(name) for name in changes}
        is_same = before == changes and release.pk == environment.release_id
        if is_same and not stacks_missing(environment):
            raise Conflict(f"{environment.name} is like that already: say what is to change.")
        more = {"replace": sorted(set(replace))} if replace else None
        return update_open(environment, release, spec, changes=changes, before=before, actor=actor, more=more)


def update_open(
    environment: Environment,
    release: Release,
    spec: dict[str, Any],
    *,
    changes: dict[str, Any],
    before: dict[str, Any],
    actor: User | None,
    more: dict[str, Any] | None = None,
) -> Operation:
    """Open the `update` that brings a locked environment to this spec and release; who calls has checked both.

    `changes` and `before` tell the fields that differ, for people; `more` is kept beside them. Raises Conflict when
    another one is open, InvalidFields when the team may not spend what it costs more.
    """
    cost = Decimal(cost_estimate(release.costs, environment.spec | spec)["total"])
    _require_within_limit(environment, cost - (environment.monthly_cost or Decimal(0)), changes)
    standby_reserve(environment, spec)
    return operation_open(
        kind="update",
        subject=environment,
        **scopes_of(
            environment.account,
            dict.fromkeys([*regions_there(environment), *regions_of(environment.spec | spec)]),
        ),
        parameters={
            "spec": spec,
            "changes": changes,
            "before": before,
            "release": release.version,
            "release_before": environment.release.version,
            "release_id": release.pk,
            MONTHLY_COST: str(cost),
            **(more or {}),
        },
        actor=actor,
    )


def _require_within_limit(environment: Environment, more: Decimal, changes: dict[str, Any]) -> None:
    """Refuse what costs the team more than it may spend. Less is always welcome."""
    if environment.is_canary or more <= 0:
        return
    field = "size" if "size" in changes else next(iter(changes), "release")
    problems = limit_problems_locked(environment.team, cost=more, adds=0, field=field)
    if problems:
        raise InvalidFields(problems)


def _problems(
    environment: Environment, release: Release, changes: dict[str, Any], spec: dict[str, Any]
) -> dict[str, str]:
    if problem := release_problem(environment.release, release):
        return {"release": problem}
    may = fields_changeable(release)
    problems = {
        field: f"{field} cannot be changed by an update. What can: {', '.join(may) or 'nothing'}."
        for field in sorted(set(changes) - set(may))
    }
    if not problems and "modules" in changes:
        wrong = _modules_left(environment, release, changes["modules"])
        wrong = wrong or modules_problem(release, changes["modules"], spec["tier"])
        problems = {"modules": wrong} if wrong else {}
    return problems or schema_problems(release.schema, spec)


def _modules_left(environment: Environment, release: Release, modules: Any) -> str:
    """Why what the environment has from before modules cannot go in the update that brings it to them.

    Its application imports the proxy's addresses until it has come to the release (docs/decisions/0217-modules.md).
    """
    had = release.schema.get("properties", {}).get("modules", {}).get("default", [])
    left = [name for name in had if isinstance(modules, list) and name not in modules]
    if "modules" in environment.spec or not left:
        return ""
    return f"{', '.join(left)} can be turned off once {environment.name} is at release {release.version}."


def _unnamed(environment: Environment, release: Release, replace: Sequence[str]) -> dict[str, str]:
    stacks = {row["key"] for told in (environment.release, release) for row in told.stacks}
    stacks |= set(stack_rows_alive(environment).values_list("key", flat=True))
    for name in replace:
        stack, _, logical_id = name.partition("/")
        if stack not in stacks or not LOGICAL_ID.fullmatch(logical_id):
            return {
                "replace": f"{name[:80]} names no resource: write its stack and logical id, as data/Cluster."
                f" Stacks: {', '.join(sorted(stacks))}."
            }
    return {}


def environment_spec_keep(environment: Environment, parameters: dict[str, Any]) -> None:
    """What was deployed (an update's parameters) is what the environment is told from now on."""
    release = Release.objects.get(pk=parameters.get("release_id", environment.release_id))
    environment.spec, environment.release = parameters["spec"], release
    environment.size = parameters["spec"]["size"]
    environment.monthly_cost = cost_estimate(release.costs, environment.spec)["total"]
    environment.save(update_fields=["spec", "release", "size", "monthly_cost"])

"""Changing an application that is ready: its branch, what its checks let pass, who is told, its release."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.applications import application_cost, delivery_of
from environments.lifecycle.models import Application, Release
from environments.lifecycle.stacks import scopes_of
from environments.lifecycle.states import ApplicationStatus
from environments.lifecycle.validation import release_problem, schema_problems
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require


def application_update(
    *,
    application: Application,
    changes: dict[str, Any],
    release: Release | None = None,
    actor: User,
) -> Operation:
    """Ask for other values of its spec, another release, or both; answers the `application-update` operation.

    Raises Forbidden, InvalidFields (a sentence per field), Conflict (not ready, or nothing would change).
    """
    require(actor, "application.update", team=application.team)
    with transaction.atomic():
        application = Application.objects.select_for_update().get(pk=application.pk)
        if problem := update_problem(application):
            raise Conflict(problem)
        release = release or application.release
        known = set(delivery_of(release).get("schema", {}).get("properties", {}))
        spec = {name: value for name, value in application.spec.items() if name in known} | changes
        if problems := _problems(application, release, changes, spec):
            raise InvalidFields(problems)
        before = {name: value_of(application, name, release) for name in changes}
        if before == changes and release.pk == application.release_id:
            raise Conflict(f"{application.name} is like that already: say what is to change.")
        return operation_open(
            kind="application-update",
            subject=application,
            **scopes_of(application.account, [application.region]),
            parameters={
                "spec": spec,
                "changes": changes,
                "before": before,
                "release": release.version,
                "release_before": application.release.version,
                "release_id": release.pk,
            },
            actor=actor,
        )


def update_problem(application: Application) -> str:
    """Why it cannot be changed now, in a sentence; empty when it can."""
    if application.status == ApplicationStatus.READY:
        return ""
    return f"{application.name} is {application.status}: only what is ready is changed."


def fields_changeable(release: Release) -> dict[str, dict[str, Any]]:
    """The fields of an application's spec that may change, with their JSON Schema: those that the release marks so."""
    properties = delivery_of(release).get("schema", {}).get("properties", {})
    return {name: rule for name, rule in properties.items() if rule.get("changeable")}


def value_of(application: Application, name: str, release: Release) -> Any:
    """What a field is now: a spec from before there was the field has what the release takes for it."""
    return application.spec.get(name, fields_changeable(release).get(name, {}).get("default"))


def application_spec_keep(application: Application, operation: Operation) -> None:
    """What was deployed is what the application is told from now on."""
    release = Release.objects.get(pk=operation.parameters["release_id"])
    application.spec, application.release = operation.parameters["spec"], release
    application.monthly_cost = Decimal(application_cost(release, application.spec)["total"])
    application.outputs = operation.state.get("outputs", application.outputs)
    application.save(update_fields=["spec", "release", "monthly_cost", "outputs"])


def _problems(
    application: Application, release: Release, changes: dict[str, Any], spec: dict[str, Any]
) -> dict[str, str]:
    if not delivery_of(release):
        return {"release": f"Release {release.version} delivers no applications. Choose a newer one."}
    if problem := release_problem(application.release, release):
        return {"release": problem}
    may = fields_changeable(release)
    problems = {
        field: f"{field} cannot be changed. What can: {', '.join(may) or 'nothing'}."
        for field in sorted(set(changes) - set(may))
    }
    return problems or schema_problems(delivery_of(release)["schema"], spec)

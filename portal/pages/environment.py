"""The environment page: header and tabs (environment_parts), all from rows that workers keep fresh."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from environments.lifecycle.environments import environment_protect, environment_withdraw
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.stacks import StackOf, stacks_missing
from environments.lifecycle.states import EnvironmentStatus
from environments.lifecycle.teardown import MAY_TEAR_DOWN
from environments.operations.models import Operation
from environments.operations.selectors import operations_list
from environments.operations.states import OPEN, RETRYABLE
from environments.people.models import User
from environments.people.rights import may
from portal.pages.base import attempt, page, view_requires, viewer
from portal.pages.environment_parts import Look, parts_of

E = EnvironmentStatus
ROWS = 50


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One environment, by tab."""
    user = view_requires(request, "environment.view")
    environment = environments_list().get(pk=pk)
    operations = list(_operations(environment)[:ROWS])
    latest = next(iter(operations), None)
    rights = _rights(environment, user, latest)
    missing = stacks_missing(environment) if environment.status == E.ACTIVE else []
    parts = parts_of(Look(request, user, environment, operations, rights))
    return page(
        request,
        "portal/environment/page.html",
        f"Environment {environment.name}",
        env=environment,
        parts=parts,
        tab=parts["open"][0].part.key,
        operations=operations,
        latest=latest,
        says=_sentence(environment, latest, missing),
        tone=_tone(environment, latest, missing),
        **rights,
    )


@require_POST
def protect(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn protection on or off, at once."""
    environment = environments_list().get(pk=pk)
    wanted = request.POST.get("is_protected") == "on"
    attempt(
        request,
        lambda: environment_protect(environment=environment, is_protected=wanted, actor=viewer(request)),
        done=f"{environment.name} is {'protected' if wanted else 'no longer protected'} against teardown.",
    )
    return redirect("admin:environment", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up a request that never began."""
    environment = environments_list().get(pk=pk)
    attempt(
        request,
        lambda: environment_withdraw(environment=environment, actor=viewer(request)),
        done=f"The request for {environment.name} was withdrawn; its name is free again.",
    )
    return redirect("admin:environment", pk)


def _operations(environment: Environment) -> QuerySet[Operation]:
    kind = ContentType.objects.get_for_model(Environment)
    return operations_list().filter(subject_type=kind, subject_id=environment.pk).order_by("-id")


def _sentence(environment: Environment, latest: Operation | None, missing: list[StackOf]) -> str:
    """How things are and what to do next."""
    if _tells(environment, latest):
        return latest.sentence if latest else ""
    told = {
        E.REQUESTED: "Nothing has been built, and nothing is going on. Withdraw the request, or retry it.",
        E.ACTIVE: _active(environment, missing),
        E.TORN_DOWN: "It is gone. What was kept on purpose is in the report of its teardown.",
        E.WITHDRAWN: "The portal looks after it no longer."
        if environment.forgotten_at
        else latest.sentence
        if latest
        else "The request was withdrawn.",
        E.BROKEN: "It never came up. Retry its last operation, or tear it down.",
        E.STOPPED: "It is stopped; its data is kept.",
    }
    return told.get(EnvironmentStatus(environment.status), latest.sentence if latest else "")


def _active(environment: Environment, missing: list[StackOf]) -> str:
    if missing:
        titles = ", ".join(stack.title for stack in missing)
        return (
            f"Somebody deleted stacks of it outside the portal: {titles}. Change … plans them anew, whether"
            " anything else changes or not."
        )
    drifted = " It has drifted: see its findings under Drift." if environment.drift_since else ""
    return f"It is up, at the address above.{drifted}"


def _tone(environment: Environment, latest: Operation | None, missing: list[StackOf]) -> str:
    if latest and _tells(environment, latest):
        return latest.status
    return E.BROKEN if missing else environment.status


def _tells(environment: Environment, latest: Operation | None) -> bool:
    """Whether the newest operation says how things are: it goes on, or failed and may be retried."""
    if latest is None or environment.forgotten_at is not None:
        return False
    return latest.status in OPEN or latest.status in RETRYABLE


def _rights(environment: Environment, user: User, latest: Operation | None) -> dict[str, bool]:
    # An extension that waits for somebody keeps nothing else from being asked for.
    free = latest is None or latest.status not in OPEN or latest.kind == "extend"
    team = environment.team
    tears = may(user, "environment.teardown", team=team) and environment.status in MAY_TEAR_DOWN
    return {
        "may_protect": may(user, "environment.protect", team=team) and not environment.is_gone,
        "may_teardown": tears and free,
        "may_update": free and environment.status == E.ACTIVE and may(user, "environment.request", team=team),
        "may_withdraw": free
        and environment.status == E.REQUESTED
        and may(user, "operation.cancel", team=team, owner_id=environment.owner_id),
        "may_retry": latest is not None
        and latest.can_retry
        and may(user, "operation.retry", team=team, owner_id=latest.requested_by_id),
        "may_see_audit": may(user, "audit.view"),
    }

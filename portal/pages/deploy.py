"""Putting a version on an environment: one of an application's, or the one that runs on another environment."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from environments.errors import Invalid
from environments.lifecycle.deploy import (
    deploy_problem,
    environment_deploy,
    environment_promote,
    is_running,
    label_of,
    version_running,
    versions_deployable,
)
from environments.lifecycle.models import Environment
from environments.lifecycle.runtime import labels_running
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.models import Operation
from environments.people.models import User
from environments.people.rights import require
from portal.pages.base import page, refusals, viewer

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
def deploy(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST opens the deployment and leads to its operation."""
    environment = environments_list().select_related("release").get(pk=pk)
    user = viewer(request)
    require(user, "environment.deploy", team=environment.team)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            operation = _asked(request, environment, user)
        if not problems:
            return redirect("admin:operation", operation.pk)
    versions = [
        (row, is_running(environment, label_of(row))) for row in versions_deployable(environment)[:SHOWN]
    ]
    return page(
        request,
        "portal/environment/deploy.html",
        f"Deploy to {environment.name}",
        status=400 if problems else 200,
        env=environment,
        impossible=deploy_problem(environment),
        running=version_running(environment),
        versions=versions,
        sources=_sources(environment),
        chosen=request.POST.get("chosen", ""),
        problems=problems,
    )


def _asked(request: HttpRequest, environment: Environment, user: User) -> Operation:
    """What was chosen: "version-<id>", or "from-<id>" of an environment. Raises Invalid at "version"."""
    kind, _, key = request.POST.get("chosen", "").partition("-")
    if kind == "version" and key.isdecimal():
        version = versions_deployable(environment).filter(pk=int(key)).first()
        if version is not None:
            return environment_deploy(environment=environment, version=version, actor=user)
    if kind == "from" and key.isdecimal():
        source = Environment.objects.filter(pk=int(key)).first()
        if source is not None:
            return environment_promote(environment=environment, source=source, actor=user)
    raise Invalid("Choose a version, or an environment whose version is to run here.", field="version")


def _sources(environment: Environment) -> list[Environment]:
    """Environments of the team in the account that run another version, and no placeholder."""
    rows = Environment.objects.filter(
        team_id=environment.team_id,
        account_id=environment.account_id,
        status=EnvironmentStatus.ACTIVE,
        runtime__version_label__isnull=False,
    )
    others = rows.exclude(pk=environment.pk).order_by("name")
    labels = [(row, labels_running(row)[row.home_region]) for row in others]
    return [row for row, label in labels if label and not is_running(environment, label)]

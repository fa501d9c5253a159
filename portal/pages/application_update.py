"""Changing an application: the fields that its release lets change, and the releases it can be brought to."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from environments.lifecycle.application_update import (
    application_update,
    fields_changeable,
    update_problem,
    value_of,
)
from environments.lifecycle.models import Application, Release
from environments.people.rights import require
from portal.pages.base import page, refusals, viewer
from portal.pages.update import (
    MOST_TEXT,
    field_shown,
    release_chosen,
    releases_for,
    value_emptied,
    value_shown,
    value_typed,
)


@require_http_methods(["GET", "HEAD", "POST"])
def update(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST asks for the change and leads to its operation, whose plan tells what it does."""
    application = Application.objects.select_related("team", "account", "release").get(pk=pk)
    user = viewer(request)
    require(user, "application.update", team=application.team)
    releases = releases_for(application.release)
    release = release_chosen(releases, request.POST.get("release") or request.GET.get("release", ""))
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            operation = application_update(
                application=application,
                changes=_changes(application, release, request.POST),
                release=release,
                actor=user,
            )
        if not problems:
            return redirect("admin:operation", operation.pk)
    return page(
        request,
        "portal/applications/update.html",
        f"Change {application.name}",
        status=400 if problems else 200,
        app=application,
        releases=releases,
        release=release,
        fields=[
            field_shown(
                name,
                rule,
                value_of(application, name, release),
                [str(choice) for choice in rule.get("enum", [])],
                request.POST,
            )
            for name, rule in fields_changeable(release).items()
        ],
        problem=update_problem(application),
        problems=problems,
    )


def _changes(application: Application, release: Release, typed: Any) -> dict[str, Any]:
    """What was typed and differs from what the application has, in the schema's types."""
    found: dict[str, Any] = {}
    for name, rule in fields_changeable(release).items():
        text = str(typed.get(name, "")).strip()[:MOST_TEXT]
        if text == value_shown(value_of(application, name, release), rule):
            continue
        if text:
            found[name] = value_typed(text, rule)
        elif name in typed:
            found[name] = value_emptied(rule)
    return found

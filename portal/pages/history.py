"""Comparing two revisions, moments or environments, or two releases; and rolling back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from environments.errors import InvalidFields
from environments.lifecycle.comparison import (
    Side,
    comparison_ask,
    environments_compare,
    releases_compare,
    side_of_environment,
    side_of_release,
)
from environments.lifecycle.history import (
    environment_rollback,
    revision_current,
    revision_partial,
    rollback_problem,
)
from environments.lifecycle.models import Comparison, Environment, Release
from environments.lifecycle.reference import sizes_of
from environments.lifecycle.selectors import environments_list
from environments.lifecycle.states import EnvironmentStatus
from environments.people.rights import require
from portal.pages.base import page, refusals, view_requires, viewer

OFFERED = 50
TEMPLATES = "templates"
"""The part of a page that asks for itself again until a worker has compared."""


@dataclass
class Picked:
    """One picker of two: what was asked for, and the side that it names or why it names none."""

    name: str
    title: str
    asked: str
    side: Side | None = None
    problem: str = ""
    rest: dict[str, str] = field(default_factory=dict)

    def find(self, look: Callable[[str], Side]) -> None:
        try:
            self.side = look(self.asked)
        except InvalidFields as error:
            self.problem = " ".join(error.errors.values())


@require_safe
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """?from= and ?to= of an environment: what differs. Left out, the last step."""
    view_requires(request, "environment.view")
    environment = environments_list().get(pk=pk)
    right = Picked("to", "To", _asked(request, "to") or "now")
    right.find(lambda text: side_of_environment(text, environment))
    newest = right.side.revision.number if right.side and right.side.revision else 1
    left = Picked("from", "From", _asked(request, "from") or str(max(1, newest - 1)))
    left.find(lambda text: side_of_environment(text, environment))
    found = _compared(left, right)
    if request.headers.get("HX-Target") == TEMPLATES and found:
        return render(request, "portal/parts/comparison.html", found)
    return page(
        request,
        "portal/environment/compare.html",
        f"Compare {environment.name}",
        env=environment,
        pickers=[left, right],
        revisions=list(environment.revisions.select_related("release")[:OFFERED]),
        is_other=left.side is not None and left.side.environment != environment,
        **found,
    )


def _asked(request: HttpRequest, name: str) -> str:
    """What was typed goes before what was chosen; cut, for it is told on the page."""
    typed = request.GET.get(f"{name}_other", "").strip()
    return (typed or request.GET.get(name, "").strip())[:80]


def _compared(left: Picked, right: Picked) -> dict[str, Any]:
    if left.side is None or right.side is None:
        return {}
    return environments_compare(left.side, right.side) | _templates(left.side, right.side)


def _templates(left: Side, right: Side) -> dict[str, Any]:
    return {"left": left, "right": right, "comparison": comparison_ask(left, right)}


@require_http_methods(["GET", "HEAD", "POST"])
def rollback(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """What the way back to a revision would change; a POST asks for it and leads to its operation."""
    environment = environments_list().get(pk=pk)
    user = viewer(request)
    require(user, "environment.request", team=environment.team)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            operation = environment_rollback(environment=environment, revision=number, actor=user)
        if not problems:
            return redirect("admin:operation", operation.pk)
    wanted = environment.revisions.select_related("release").get(number=number)
    left = side_of_environment("now", environment)
    right = side_of_environment(str(number), environment)
    found = environments_compare(left, right) | _templates(left, right)
    if request.headers.get("HX-Target") == TEMPLATES:
        return render(request, "portal/parts/comparison.html", found)
    return page(
        request,
        "portal/environment/rollback.html",
        f"Roll {environment.name} back",
        status=400 if problems else 200,
        env=environment,
        wanted=wanted,
        problem=" ".join(problems.values()) or _in_the_way(environment, number),
        **found,
    )


def _in_the_way(environment: Environment, number: int) -> str:
    """Why no way leads back, before anybody asks; empty when one does."""
    if environment.status != EnvironmentStatus.ACTIVE:
        return f"{environment.name} is {environment.status}: only what is active is rolled back."
    current = revision_current(environment)
    if current is not None and current.number == number and revision_partial(environment) is None:
        return f"{environment.name} is at revision {number}: there is nothing to go back to."
    return rollback_problem(environment, environment.revisions.get(number=number))


@require_safe
def release_compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Two releases by what they say of themselves, and by the templates that they make of one spec (?to=, ?size=).

    The older one comes first: so what changed in words is told, whichever of the two was opened.
    """
    view_requires(request, "release.view")
    release = Release.objects.select_related("blueprint").get(pk=pk)
    others = list(release.blueprint.releases.exclude(pk=pk).defer("description"))
    sizes = sizes_of(release)
    size = request.GET.get("size", "")
    size = size if size in sizes else next(iter(sizes), "")
    asked = request.GET.get("to", "")[:40] or (others[0].version if others else "")
    right = Picked("to", "To", asked)
    if asked:
        right.find(lambda version: side_of_release(version, release, size))
    found: dict[str, Any] = {}
    if right.side is not None:
        sides = (Side(f"{release} ({size})", release, size=size), right.side)
        older, newer = sorted(sides, key=lambda side: side.release.pk)
        found = releases_compare(older.release, newer.release) | _templates(older, newer)
    if request.headers.get("HX-Target") == TEMPLATES and found:
        return render(request, "portal/parts/comparison.html", found)
    return page(
        request,
        "portal/releases/compare.html",
        f"Compare {release}",
        release=release,
        others=others,
        picked=right,
        size=size,
        sizes=sizes,
        is_made=bool(found) and found["comparison"].status == Comparison.Status.MADE,
        **found,
    )

"""Releases: who uses which, its lock, its stacks and prices; the default one, and withdrawing."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from environments.lifecycle.models import Release
from environments.lifecycle.releases import release_make_default, release_withdraw
from environments.lifecycle.states import GONE
from environments.people.rights import may
from portal.pages.base import attempt, page, view_requires, viewer

ROWS = 20
VERBS = {
    "make-default": (release_make_default, "New requests are offered this release first."),
    "withdraw": (release_withdraw, "No new environments are made from this release."),
}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One release."""
    user = view_requires(request, "release.view")
    release = Release.objects.select_related("blueprint").get(pk=pk)
    users = release.environments.exclude(status__in=GONE).select_related("team").order_by("name")
    return page(
        request,
        "portal/releases/page.html",
        str(release),
        release=release,
        users=users[:ROWS],
        users_count=users.count(),
        lock=release.description.get("lock", {}),
        costs=release.costs,
        may_change=may(user, "release.change"),
        titles={stack["key"]: stack.get("title", stack["key"]) for stack in release.stacks},
    )


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Make it the default, or withdraw it."""
    if verb not in VERBS:
        raise Http404
    release = Release.objects.select_related("blueprint").get(pk=pk)
    service, done = VERBS[verb]
    attempt(request, lambda: service(release=release, actor=viewer(request)), done=done)
    return redirect("admin:release", pk)

"""Releases: who uses which, its lock, its stacks and prices; the default one, withdrawing and restoring."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from environments.errors import DomainError
from environments.lifecycle.bulk import MOST
from environments.lifecycle.models import Release
from environments.lifecycle.selectors import release_default
from environments.lifecycle.settings import release_propose
from environments.lifecycle.states import GONE, EnvironmentStatus
from environments.people.models import PortalRole, User
from environments.people.rights import RIGHTS, Reach, may
from environments.people.selectors import proposal_of
from portal.pages.base import page, proposed, view_requires, viewer

ROWS = 20
VERBS = {
    "make-default": "New requests are offered this release first.",
    "withdraw": "No new environments are made from this release.",
    "restore": "New environments can be made from this release again.",
}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One release."""
    user = view_requires(request, "release.view")
    release = Release.objects.select_related("blueprint").get(pk=pk)
    newest = release_default()
    if newest is not None and newest.blueprint_id != release.blueprint_id:
        newest = None
    users = release.environments.exclude(status__in=GONE).select_related("team").order_by("name")
    return page(
        request,
        "portal/releases/page.html",
        str(release),
        release=release,
        newest=newest,
        upgradable=_upgradable(release, user) if newest is not None and newest.pk != pk else "",
        others=release.blueprint.releases.exclude(pk=pk).exists(),
        users=users[:ROWS],
        users_count=users.count(),
        lock=release.description.get("lock", {}),
        costs=release.costs,
        may_change=may(user, "release.change"),
        proposal=proposal_of(release),
        titles={stack["key"]: stack.get("title", stack["key"]) for stack in release.stacks},
    )


def _upgradable(release: Release, user: User) -> str:
    """Ids of active environments of this release that the viewer may bring to another, as the preview takes them."""
    if not may(user, "environment.request"):
        return ""
    rows = release.environments.filter(status=EnvironmentStatus.ACTIVE)
    if RIGHTS["environment.request"][PortalRole(user.portal_role)] is not Reach.ALL:
        rows = rows.filter(team__in=user.teams.all())
    return ",".join(map(str, rows.order_by("name").values_list("pk", flat=True)[:MOST]))


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Propose to make it the default, withdraw it or restore it."""
    if verb not in VERBS:
        raise Http404
    release = Release.objects.select_related("blueprint").get(pk=pk)
    try:
        proposal = release_propose(release=release, verb=verb, actor=viewer(request))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:release", pk)
    return proposed(request, proposal, done=VERBS[verb], then="admin:release", pk=pk)

"""Chats and webhooks of teams: the list, making one, and its page with test, secret and switch."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.errors import DomainError, Forbidden, Invalid
from environments.notifications.addresses import CHATS
from environments.notifications.channels import (
    channel_change,
    channel_create,
    channel_enable,
    channel_remove,
    channel_rotate,
    channel_test,
    channels_seen_by,
    may_change,
)
from environments.notifications.models import Channel
from environments.notifications.topics import Group, topics_of
from environments.people.models import PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach, may
from portal.pages.base import page, refusals, view_requires, viewer

DELIVERIES = 10
# A channel is nobody in particular.
WORDS = {Group.WAITING: "Waiting for approval"}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The channels that I may see, and how each is."""
    user = view_requires(request, "channel.view")
    rows = list(channels_seen_by(user).filter(person__isnull=True).order_by("team__name", "name", "id"))
    failing = sum(1 for row in rows if not row.is_enabled or row.failing_since)
    return page(
        request,
        "portal/notifications/channels.html",
        "Channels",
        rows=rows,
        failing=failing,
        may_make=may(user, "channel.change"),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a chat or a webhook. A webhook's secret is shown in the answer to the POST, and never again."""
    user = view_requires(request, "channel.change")
    kind = request.POST.get("kind") or request.GET.get("kind", Channel.Kind.WEBHOOK)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            made = channel_create(
                kind=kind,
                name=request.POST.get("name", ""),
                team=_team(request.POST.get("team", "")),
                groups=request.POST.getlist("groups"),
                address=request.POST.get("address", ""),
                actor=user,
            )
        if not problems:
            if made.secret:
                return _secret(request, made.channel, made.secret)
            messages.success(request, f"{made.channel} is made. Send a test to see that it arrives.")
            return redirect("admin:channel", made.channel.pk)
    return page(
        request,
        "portal/notifications/channel_new.html",
        "New webhook" if kind == Channel.Kind.WEBHOOK else "New chat",
        status=400 if problems else 200,
        kind=kind,
        problems=problems,
        typed=request.POST,
        teams=_teams(user),
        may_all=RIGHTS["channel.change"].get(PortalRole(user.portal_role)) is Reach.ALL,
        **_choices(request.POST.getlist("groups") or [Group.FAILED, Group.WAITING]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One channel; a POST changes its name, groups or address."""
    user = view_requires(request, "channel.view")
    # Who may not change it is told so by the service, whether or not they see it.
    rows = Channel.objects.filter(person__isnull=True) if request.method == "POST" else channels_seen_by(user)
    channel = rows.select_related("team", "created_by").get(pk=pk)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            channel_change(
                channel=channel,
                name=request.POST.get("name", ""),
                groups=request.POST.getlist("groups"),
                address=request.POST.get("address", ""),
                actor=user,
            )
        if not problems:
            messages.success(request, "Saved.")
            return redirect("admin:channel", pk)
    return page(
        request,
        "portal/notifications/channel.html",
        channel.name,
        status=400 if problems else 200,
        channel=channel,
        says=_sentence(channel),
        tone="red" if not channel.is_enabled else "amber" if channel.failing_since else "green",
        topics=topics_of(channel.groups),
        deliveries=channel.deliveries.order_by("-id")[:DELIVERIES],
        may_change=may_change(user, channel),
        problems=problems,
        typed=request.POST,
        **_choices(request.POST.getlist("groups") or channel.groups),
    )


@never_cache
@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One verb by POST: test, rotate, enable, disable, remove."""
    if verb not in ("test", "rotate", "enable", "disable", "remove"):
        raise Http404
    user = viewer(request)
    channel = Channel.objects.filter(person__isnull=True).select_related("team").get(pk=pk)
    try:
        return _act(request, channel, verb, user)
    except Forbidden:
        raise
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:channel", pk)


def _act(request: HttpRequest, channel: Channel, verb: str, user: User) -> HttpResponse:
    if verb == "test":
        return redirect("admin:delivery", channel_test(channel=channel, actor=user).pk)
    if verb == "rotate":
        made = channel_rotate(channel=channel, actor=user)
        return _secret(request, made.channel, made.secret)
    if verb == "remove":
        channel_remove(channel=channel, actor=user)
        messages.success(request, f"{channel.name} was removed.")
        return redirect("admin:channels")
    channel_enable(channel=channel, is_enabled=verb == "enable", actor=user)
    messages.success(request, f"{channel.name} is {verb}d.")
    return redirect("admin:channel", channel.pk)


def _secret(request: HttpRequest, channel: Channel, secret: str) -> HttpResponse:
    return page(
        request, "portal/notifications/secret.html", f"Secret of {channel}", channel=channel, secret=secret
    )


def _sentence(channel: Channel) -> str:
    if not channel.is_enabled:
        return f"Disabled. {channel.disabled_why} What happens meanwhile is not sent later."
    if channel.failing_since:
        times = "The last attempt" if channel.failures == 1 else f"The last {channel.failures} attempts"
        return f"{times} failed. It is tried again by itself; after three days of failures it is disabled."
    return "It is told of what is chosen below, as it happens."


def _choices(groups: list[str]) -> dict[str, Any]:
    return {
        "groups": [
            (group.value, WORDS.get(group, group.label), ", ".join(topics_of([group]))) for group in Group
        ],
        "chosen": groups,
        "chats": CHATS.values(),
    }


def _teams(user: User) -> list[Team]:
    """The teams that a person may make channels for."""
    if RIGHTS["channel.change"].get(PortalRole(user.portal_role)) is Reach.ALL:
        return list(Team.objects.all())
    return list(user.teams.all())


def _team(slug: str) -> Team | None:
    """The chosen team; None for everything."""
    if slug == "*":
        return None
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise Invalid("Choose a team.", field="team")
    return team

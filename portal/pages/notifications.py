"""One's own notifications: the inbox, and what one is told by which way."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.errors import DomainError
from environments.notifications.addresses import CHATS
from environments.notifications.channels import mail_test, own_chat_remove, own_chat_set
from environments.notifications.contents import notice_path
from environments.notifications.inbox import entries_read, inbox_of, unread_count
from environments.notifications.models import Channel
from environments.notifications.preferences import CHOSEN, matrix_of, preferences_set
from environments.notifications.topics import GROUP_WORDS, TOPICS, Group
from environments.people.models import User
from portal.pages.base import attempt, page, problems_of, view_requires, viewer

ROWS = 30


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """What concerned me, newest first."""
    user = view_requires(request, "notification.own")
    entries = Paginator(inbox_of(user), ROWS).get_page(request.GET.get("p"))
    rows = [
        (entry, TOPICS[entry.notice.topic], notice_path(entry.notice))
        for entry in entries
        if entry.notice.topic in TOPICS
    ]
    return page(
        request,
        "portal/notifications/inbox.html",
        "Notifications",
        entries=entries,
        rows=rows,
        unread=unread_count(user),
    )


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    user = viewer(request)
    entries_read(actor=user)
    return redirect("admin:notifications")


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What I am told, and how: a matrix of groups and ways, and a chat of my own."""
    user = view_requires(request, "notification.own")
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            done = _choose(request, user)
        except DomainError as error:
            problems = problems_of(error)
        else:
            messages.success(request, done)
            return redirect("admin:notification-preferences")
    matrix = matrix_of(user)
    return page(
        request,
        "portal/notifications/preferences.html",
        "What you are told",
        status=400 if problems else 200,
        rows=[(group, group.label, GROUP_WORDS[group], matrix[group]) for group in Group],
        chat=Channel.objects.filter(person=user).defer("address").first(),
        chats=CHATS.values(),
        mail_is_on=settings.MAIL_IS_ON,
        problems=problems,
        typed=request.POST.get("address", ""),
    )


def _choose(request: HttpRequest, user: User) -> str:
    """Do what the form's button says: set the chat, take it away, or keep the matrix."""
    what = request.POST.get("what", "")
    if what == "chat":
        own_chat_set(address=request.POST.get("address", ""), actor=user)
        return "Your chat is set. Send a test to see that it arrives."
    if what == "chat-remove":
        own_chat_remove(actor=user)
        return "Your chat was taken away."
    chosen = set(request.POST.getlist("chosen"))
    matrix = {group.value: {way.value: f"{group}.{way}" in chosen for way in CHOSEN} for group in Group}
    preferences_set(user=user, matrix=matrix, actor=user)
    return "Saved: this holds from the next notification on."


@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Send myself a mail; leads to how it went."""
    user = viewer(request)
    sent: list[int] = []
    attempt(request, lambda: sent.append(mail_test(actor=user).pk))
    return redirect("admin:delivery", sent[0]) if sent else redirect("admin:notification-preferences")

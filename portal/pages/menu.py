"""What the sidebar asks: who sees which entry, and how many approvals wait."""

from django.conf import settings
from django.http import HttpRequest

from environments.lifecycle.terms import approvals_for
from environments.notifications.inbox import unread_count
from environments.people.rights import may
from environments.people.selectors import proposals_for
from portal.pages.base import viewer


def sees_health(request: HttpRequest) -> bool:
    """Whether the viewer may see the health page."""
    return may(viewer(request), "health.view")


def sees_channels(request: HttpRequest) -> bool:
    """Whether the viewer may see chats and webhooks of teams."""
    return may(viewer(request), "channel.view")


def unread_badge(request: HttpRequest) -> str:
    """How many notifications the viewer has not read; empty when none."""
    count = unread_count(viewer(request))
    return "" if not count else "99+" if count > 99 else str(count)


def sees_faults(request: HttpRequest) -> bool:
    """Whether the viewer may set faults of the sandbox, and there is one."""
    return bool(settings.SANDBOX_URL) and may(viewer(request), "sandbox.change")


def sees_audit(request: HttpRequest) -> bool:
    """Whether the viewer may see the audit."""
    return may(viewer(request), "audit.view")


def approvals_badge(request: HttpRequest) -> str:
    """How many plans and proposals wait for the viewer's decision; empty when none does."""
    user = viewer(request)
    waiting = approvals_for(user).count() + proposals_for(user).count()
    return str(waiting) if waiting else ""

"""What the sidebar asks: who sees which entry, and how many approvals wait."""

from django.conf import settings
from django.http import HttpRequest

from environments.notifications.inbox import unread_count
from environments.operations.models import Operation
from environments.operations.states import OperationStatus
from environments.people.models import Proposal
from environments.people.rights import may
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
    """How many approvals and proposals wait; empty when none does, or when the viewer decides about nothing."""
    user, waiting = viewer(request), 0
    if may(user, "operation.approve"):
        waiting += Operation.objects.filter(status=OperationStatus.AWAITING_APPROVAL).count()
    if may(user, "proposal.decide"):
        waiting += Proposal.objects.filter(status=Proposal.Status.OPEN).count()
    return str(waiting) if waiting else ""

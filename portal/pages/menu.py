"""What the sidebar asks: who sees which entry, and how many approvals wait."""

from django.http import HttpRequest

from environments.operations.models import Operation
from environments.operations.states import OperationStatus
from environments.people.rights import may


def sees_health(request: HttpRequest) -> bool:
    """Whether the viewer may see the health page."""
    return may(request.user, "health.view")


def sees_audit(request: HttpRequest) -> bool:
    """Whether the viewer may see the audit."""
    return may(request.user, "audit.view")


def approvals_badge(request: HttpRequest) -> str:
    """How many approvals wait; empty when none does, or when the viewer approves nothing."""
    if not may(request.user, "operation.approve"):
        return ""
    waiting = Operation.objects.filter(status=OperationStatus.AWAITING_APPROVAL).count()
    return str(waiting) if waiting else ""

"""The inbox of approvals: what waits, oldest first, and what was handled by whom."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from environments.operations.models import Decision
from environments.operations.selectors import approvals_waiting
from portal.pages.base import page, view_requires

ROWS = 25


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Everybody sees it; who may decide does so on the operation's page, beside the plan."""
    user = view_requires(request, "operation.view")
    waiting = Paginator(approvals_waiting(), ROWS).get_page(request.GET.get("p"))
    handled = Decision.objects.select_related("operation", "decided_by").order_by("-id")[:ROWS]
    return page(request, "portal/approvals.html", "Approvals", waiting=waiting, handled=handled, me=user)

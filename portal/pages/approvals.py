"""The inbox of approvals: what waits, oldest first, and what was handled by whom."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from environments.lifecycle.terms import approvals_for, terms_words
from environments.operations.models import Decision, Operation
from environments.operations.selectors import approvals_waiting
from environments.people.changes import title_of
from environments.people.models import Proposal, User
from environments.people.selectors import proposals_for, proposals_waiting
from portal.pages.base import page, view_requires

ROWS = 25
DECIDED = 10


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Everybody sees it; who may decide does so on the operation's page, beside the plan."""
    user = view_requires(request, "operation.view")
    waiting = Paginator(approvals_waiting(), ROWS).get_page(request.GET.get("p"))
    mine = set(
        approvals_for(user).filter(pk__in=[row.pk for row in waiting]).order_by().values_list("pk", flat=True)
    )
    decidable = set(proposals_for(user).values_list("pk", flat=True))
    handled = Decision.objects.select_related("operation", "decided_by").order_by("-id")[:ROWS]
    return page(
        request,
        "portal/approvals.html",
        "Approvals",
        waiting=waiting,
        rows=[_row(operation, user, calls=operation.pk in mine) for operation in waiting],
        proposals=[
            (row, title_of(row), row.proposed_by_id == user.pk, row.pk in decidable)
            for row in proposals_waiting()[:ROWS]
        ],
        decided=[
            (row, title_of(row))
            for row in Proposal.objects.select_related("decided_by")
            .exclude(status=Proposal.Status.OPEN)
            .order_by("-decided_at")[:DECIDED]
        ],
        handled=handled,
    )


def _row(operation: Operation, user: User, *, calls: bool) -> dict[str, Any]:
    """One that waits: {"operation", "given": [Decision], "terms": whose approval the rule asks for, "action": what its
    button says, "calls": whether the viewer can approve it}.
    """
    given = [
        row
        for row in operation.decisions.all()
        if row.verdict == Decision.Verdict.APPROVED and row.plan_hash == operation.approval_hash
    ]
    if operation.requested_by_id == user.pk:
        action = "Your own request"
    elif any(row.decided_by_id == user.pk for row in given):
        action = "You approved it"
    else:
        action = "Look and decide" if calls else "Look"
    return {
        "operation": operation,
        "given": given,
        "terms": terms_words(
            operation.approval_terms,
            team=None,
            people=operation.approvals_needed,
        ),
        "action": action,
        "calls": calls,
    }

"""A proposal: what it would change of the portal's settings, and the decision of a second person."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from environments.errors import DomainError
from environments.people.changes import proposal_moved, title_of
from environments.people.models import Proposal, User
from environments.people.proposals import proposal_approve, proposal_reject, proposal_withdraw
from environments.people.selectors import deciders
from portal.pages.base import page, problems_of, view_requires, viewer

# Where the pages of subjects are.
PAGES = {
    "user": "admin:person",
    "release": "admin:release",
    "account": "admin:account",
    "approvalrule": "admin:rule",
}
SHOWN_NAMES = 6
# Fields of all kinds of proposals, in the order in which they are read; JSON in the database keeps none.
FIELD_WORDS = {
    "name": "Name",
    "username": "User name",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "portal_role": "Portal role",
    "teams": "Teams",
    "is_active": "May sign in",
    "second_factor": "Second factor",
    "position": "Position",
    "is_enabled": "In force",
    "operation_kinds": "Kinds of change",
    "tiers": "Tiers",
    "sizes": "Sizes after the change",
    "min_monthly_cost": "Costs at least, USD a month",
    "max_monthly_cost": "Costs at most, USD a month",
    "min_cost_increase": "Costs more than before, at least, USD a month",
    "max_cost_increase": "Costs more than before, at most, USD a month",
    "risks_needed": "Only with one of these risks",
    "risks_covered": "Covers these risks",
    "approvals": "People who approve",
    "approver_roles": "Roles that may approve",
    "another_team": "One of them from another team",
    "expires_after_h": "Expires after, hours",
    "remind_after_h": "Reminds after, hours",
    "order": "Order",
    "is_default": "Offered first",
    "is_withdrawn": "Withdrawn",
    "regions": "Regions",
    "mode": "Mode",
}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One proposal."""
    user = view_requires(request, "proposal.view")
    return _whole(request, user, pk)


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Approve, reject or withdraw it. A refusal comes back on the page, at its field."""
    if verb not in VERBS:
        raise Http404
    user = viewer(request)
    try:
        done = VERBS[verb](request, pk, user)
    except DomainError as error:
        problems = problems_of(error)
        if "comment" not in problems:
            messages.error(request, error.message)
            return redirect("admin:proposal", pk)
        return _whole(request, user, pk, problems=problems, status=400)
    messages.success(request, done)
    return redirect("admin:proposal", pk)


def _approve(request: HttpRequest, pk: int, user: User) -> str:
    proposal_approve(
        proposal_id=pk,
        digest=request.POST.get("digest", ""),
        comment=request.POST.get("comment", ""),
        actor=user,
    )
    return "You approved it, and it is done."


def _reject(request: HttpRequest, pk: int, user: User) -> str:
    proposal_reject(proposal_id=pk, comment=request.POST.get("comment", ""), actor=user)
    return "You rejected it; who proposed it sees your comment."


def _withdraw(request: HttpRequest, pk: int, user: User) -> str:
    proposal_withdraw(proposal_id=pk, actor=user)
    return "You took it back."


VERBS = {"approve": _approve, "reject": _reject, "withdraw": _withdraw}


def _whole(
    request: HttpRequest, user: User, pk: int, *, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    proposal = Proposal.objects.select_related("proposed_by", "decided_by", "subject_type").get(pk=pk)
    could = list(deciders(proposal)) if proposal.is_open else []
    title = title_of(proposal)
    return page(
        request,
        "portal/proposals/page.html",
        title[:1].upper() + title[1:],
        status=status,
        proposal=proposal,
        rows=_rows(proposal),
        moved=proposal_moved(proposal) if proposal.is_open else "",
        could=could[:SHOWN_NAMES],
        could_more=max(0, len(could) - SHOWN_NAMES),
        may_decide=user in could,
        is_own=proposal.is_open and proposal.proposed_by_id == user.pk,
        subject_url=_subject_url(proposal),
        api_key=f"{pk}/",
        problems=problems or {},
        typed=request.POST,
    )


def _rows(proposal: Proposal) -> list[dict[str, Any]]:
    """What differs, in the order in which it is read: [{"label", "before", "after"}]; of something new, what it has."""
    order = {name: place for place, name in enumerate(FIELD_WORDS)}
    rows = [
        {**row, "label": FIELD_WORDS.get(row["field"], row["field"].replace("_", " ").capitalize())}
        for row in proposal.changes
        if proposal.before is not None or row["after"] not in (None, "", [])
    ]
    return sorted(rows, key=lambda row: order.get(row["field"], len(order)))


def _subject_url(proposal: Proposal) -> str:
    """The page of what it is about; empty where that is not there (yet, or any more)."""
    kind: Any = proposal.subject_type
    if kind is None or kind.model not in PAGES or proposal.subject is None:
        return ""
    return reverse(PAGES[kind.model], args=[proposal.subject_id])

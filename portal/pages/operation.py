"""The operation page: live while it goes on, and everything that may be done to it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from environments.display import kind_word
from environments.errors import DomainError, Forbidden, Invalid
from environments.lifecycle.models import Account, Application, Environment, TeardownReport
from environments.lifecycle.states import AccountMode
from environments.lifecycle.terms import terms_words
from environments.operations.approvals import operation_approve, operation_reject
from environments.operations.control import (
    operation_cancel,
    operation_force_cancel,
    operation_resume,
    operation_retry,
    operation_shorten_notice,
)
from environments.operations.figures import standstill
from environments.operations.kinds import kind_get
from environments.operations.models import Decision, Operation, Stack, Step
from environments.operations.pauses import operation_pause
from environments.operations.places import places_of, queue_told
from environments.operations.replanning import REPLANNABLE, operation_replan
from environments.operations.selectors import events_after, operation_detail, operations_list
from environments.operations.states import OPEN, OperationStatus
from environments.people.models import User
from portal.pages import operation_control, story
from portal.pages.base import page, problems_of, view_requires, viewer
from portal.pages.moments import moment_typed
from portal.pages.plan_parts import plan_context

# What the page loads at once of a long log; the API has the rest.
EVENTS_SHOWN = 200
S = OperationStatus


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One operation, whole."""
    user = view_requires(request, "operation.view")
    return _whole(request, user, pk)


@require_safe
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What has changed since the page last asked (`after` an event's number, `seen` a digest); 204 if nothing.

    Events are appended; the rest replaces what stands there. The decision form is only sent when the status
    has changed, so that a comment being typed is not lost.
    """
    user = view_requires(request, "operation.view")
    operation = operations_list().prefetch_related(_steps()).get(pk=pk)
    steps = list(operation.steps.all())
    held = _held(operation)
    seen = story.digest(operation, steps, held)
    if seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    after = _number(request.GET.get("after"))
    context = _live_context(operation, steps, seen, user) | held
    events = events_after(pk, after)
    # Not the row's counter: an event may have been written since the row was read, and would come twice.
    last = events[-1].number if events else after
    context |= {"events": events, "last_event": last, "is_poll": True, "operation": operation}
    if request.GET.get("status") != operation.status:
        context |= _around(operation_detail(pk), user) | {"status_changed": True}
    return render(request, "portal/operation/live.html", context)


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One verb by POST. A refusal comes back on the page, at its field."""
    if verb not in VERBS:
        raise Http404
    user = viewer(request)
    try:
        done = VERBS[verb](request, pk, user)
    except DomainError as error:
        problems = problems_of(error)
        if verb in operation_control.VERBS or not {"comment", "reason", "not_before"} & set(problems):
            messages.error(request, error.message)
            return redirect("admin:operation", pk)
        return _whole(request, user, pk, problems=problems, typed=request.POST, status=400)
    messages.success(request, done)
    return redirect("admin:queue") if request.POST.get("back") == "queue" else redirect("admin:operation", pk)


def _approve(request: HttpRequest, pk: int, user: User) -> str:
    operation_approve(
        operation_id=pk,
        plan_hash=request.POST.get("plan_hash", ""),
        comment=request.POST.get("comment", ""),
        actor=user,
    )
    return "You approved this plan."


def _reject(request: HttpRequest, pk: int, user: User) -> str:
    operation_reject(operation_id=pk, comment=request.POST.get("comment", ""), actor=user)
    return "You rejected this plan; the requester sees your comment."


def _cancel(request: HttpRequest, pk: int, user: User) -> str:
    operation_cancel(operation_id=pk, actor=user)
    return "Cancelling was asked for."


def _force_cancel(request: HttpRequest, pk: int, user: User) -> str:
    operation_force_cancel(operation_id=pk, actor=user)
    return "Force-cancelled."


def _retry(request: HttpRequest, pk: int, user: User) -> str:
    operation_retry(operation_id=pk, actor=user)
    return "It goes on at the step that failed."


def _replan(request: HttpRequest, pk: int, user: User) -> str:
    operation_replan(operation_id=pk, actor=user)
    return "It is planned again. An approval of the plan before holds only if nothing has moved."


def _resume(request: HttpRequest, pk: int, user: User) -> str:
    operation_resume(operation_id=pk, actor=user)
    return "Resumed."


def _shorten_notice(request: HttpRequest, pk: int, user: User) -> str:
    operation_shorten_notice(
        operation_id=pk,
        not_before=_moment(request.POST.get("when", ""), request.POST.get("not_before", "").strip()),
        reason=request.POST.get("reason", ""),
        actor=user,
    )
    return "The notice was shortened."


VERBS = {
    "approve": _approve,
    "reject": _reject,
    "cancel": _cancel,
    "force-cancel": _force_cancel,
    "retry": _retry,
    "replan": _replan,
    "resume": _resume,
    "shorten-notice": _shorten_notice,
    **operation_control.VERBS,
}


def _whole(
    request: HttpRequest,
    user: User,
    pk: int,
    *,
    problems: dict[str, str] | None = None,
    typed: Any = None,
    status: int = 200,
) -> HttpResponse:
    operation = operation_detail(pk)
    steps = list(operation.steps.all())
    held = _held(operation)
    seen = story.digest(operation, steps, held)
    context = _live_context(operation, steps, seen, user) | _around(operation, user) | held
    after = max(0, operation.event_count - EVENTS_SHOWN)
    events = events_after(pk, after)
    return page(
        request,
        "portal/operation/page.html",
        f"{kind_word(operation.kind)} {operation.subject_label}",
        status=status,
        operation=operation,
        events=events,
        last_event=events[-1].number if events else after,
        events_before=after,
        problems=problems or {},
        typed=typed or {},
        **context,
    )


def _held(operation: Operation) -> dict[str, Any]:
    """What holds it: a pause, its place in the queue in a sentence, or that no worker answers at all."""
    return {
        "pause": None if operation.is_ended else operation_pause(operation),
        "queue": queue_told(operation, places_of([operation]).get(operation.pk)),
        "standstill": None if operation.is_ended else standstill(),
    }


def _live_context(operation: Operation, steps: list[Step], seen: str, user: User) -> dict[str, Any]:
    resources = list(story.resources_of(operation).order_by("stack__key", "started_at", "logical_id"))
    # What goes on stands on top; the sort keeps the order of the rest.
    resources.sort(key=lambda resource: not resource.status.endswith("IN_PROGRESS"))
    return {
        "steps": steps,
        "lanes": story.lanes_of(steps),
        "resources": resources,
        "progress": story.progress_of(operation, steps, resources),
        "seen": seen,
        "may_skip": operation.can_retry and _may(operation, "skip", user),
    }


def _around(operation: Operation, user: User) -> dict[str, Any]:
    """What changes with the status only: report, plan, decisions, buttons, the link to the subject."""
    waiting = operation.status == S.AWAITING_APPROVAL
    own = operation.requested_by_id == user.pk
    yes = [row for row in operation.decisions.all() if row.verdict == Decision.Verdict.APPROVED]
    given = [row for row in yes if row.plan_hash == operation.approval_hash]
    allowed = {verb: _may(operation, verb, user) for verb in ("reject", "cancel", "retry")}
    refused = _refused(operation, "approve", user) if waiting else ""
    notice = operation.not_before and operation.not_before > timezone.now() and operation.status in OPEN
    return {
        "report": TeardownReport.objects.filter(operation=operation).first(),
        **plan_context(operation, user),
        "people": story.people_of(operation),
        "subject_url": _subject_url(operation),
        "live_account": _live_account(operation),
        "may_decide": waiting and (not refused or allowed["reject"]),
        "approval_refused": refused,
        "own_request": own,
        "given": given,
        "void": [row for row in yes if row.plan_hash != operation.approval_hash] if waiting else [],
        "missing": operation.approvals_needed - len(given),
        "approved_by_me": any(row.decided_by_id == user.pk for row in given),
        "terms": terms_words(
            operation.approval_terms,
            team=getattr(operation.subject, "team", None),
            people=operation.approvals_needed,
        ),
        "may_cancel": allowed["cancel"] and operation.can_cancel,
        "may_force_cancel": operation.status == S.CANCELLING and _may(operation, "force-cancel", user),
        "may_retry": allowed["retry"] and operation.can_retry,
        "may_replan": allowed["retry"]
        and operation.status in REPLANNABLE
        and kind_get(operation.kind).can_replan,
        "may_resume": operation.status == S.PAUSED and allowed["retry"],
        "may_skip": operation.can_retry and _may(operation, "skip", user),
        "may_extend_time": not operation.is_ended and _may(operation, "extend-time", user),
        **operation_control.choices(operation, list(operation.steps.all())),
        "notice_runs": bool(notice),
        "may_shorten": bool(notice) and _may(operation, "shorten-notice", user),
    }


def _may(operation: Operation, verb: str, user: User) -> bool:
    return not _refused(operation, verb, user)


def _refused(operation: Operation, verb: str, user: User) -> str:
    """Why the person may not, in a sentence; empty when they may."""
    try:
        kind_get(operation.kind).authorize(user, verb, operation)
    except Forbidden as error:
        return error.message
    return ""


def _subject_url(operation: Operation) -> str:
    pages = {
        Environment: "admin:environment",
        Account: "admin:account",
        Application: "admin:application",
    }
    model = ContentType.objects.get_for_id(operation.subject_type_id).model_class()
    name = pages.get(model) if model else None
    return reverse(name, args=[operation.subject_id]) if name else ""


def _live_account(operation: Operation) -> str:
    """The account's id when this changes real AWS; confirmations carry it."""
    subject = operation.subject
    account = subject.account if isinstance(subject, Environment | Application) else subject
    if not isinstance(account, Account) or account.mode != AccountMode.LIVE:
        return ""
    return account.account_id


def _steps() -> "Prefetch[str]":
    return Prefetch("steps", Step.objects.order_by("phase", "position"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _moment(when: str, text: str) -> datetime:
    """When a notice should end: now, when that was chosen, or the moment typed in the viewer's zone.

    Raises Invalid for what is neither: a slip of the pen must not begin a teardown.
    """
    if when == "now":
        return timezone.now()
    if when != "at":
        raise Invalid("Choose whether it begins now or at a moment of yours.", field="not_before")
    return moment_typed(text, field="not_before")


def stacks_of(subject: Environment | Account | Application) -> list[Stack]:
    """The subject's stacks with their resources, in the blueprint's order as first seen."""
    kind = ContentType.objects.get_for_model(type(subject))
    return list(
        Stack.objects.filter(subject_type=kind, subject_id=subject.pk)
        .prefetch_related("resources")
        .order_by("pk")
    )

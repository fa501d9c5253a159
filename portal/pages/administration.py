"""Health of the engine, the brake, and limits of what runs side by side."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from environments.errors import Invalid
from environments.lifecycle.models import Account, ApprovalRule
from environments.lifecycle.pauses import account_pause
from environments.notes import note_read
from environments.notifications.figures import telling_figures
from environments.operations.figures import LATE_S, EngineFigures, engine_figures
from environments.operations.limits import limit_remove, limit_set
from environments.operations.models import Operation, OperationLimit, Pause
from environments.operations.pauses import pause_lift, pause_set
from environments.operations.queue import ring
from environments.operations.selectors import operations_stuck, scopes_moving
from environments.people.rights import may, require
from portal import health
from portal.pages.base import attempt, page, view_requires, viewer

LARGEST_LIMIT = 1000


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """How the portal itself is."""
    user = view_requires(request, "health.view")
    now = timezone.now()
    figures = engine_figures(now)
    held = Operation.objects.filter(lease_until__gte=now).order_by("lease_until")
    database, broker = health.database_answers(), health.broker_answers()
    return page(
        request,
        "portal/administration/page.html",
        "Health and limits",
        database=database,
        broker=broker,
        due=figures.due,
        oldest_due=_before(now, figures.oldest_due_s),
        ticked=_before(now, figures.tick_age_s),
        held=held[:50],
        stuck=operations_stuck()[:50],
        moving=scopes_moving(),
        limits=OperationLimit.objects.order_by("scope"),
        pauses=Pause.objects.select_related("set_by"),
        everything_paused=Pause.objects.filter(covers=Pause.EVERYTHING).exists(),
        accounts=Account.objects.order_by("name").only("name", "regions"),
        rules=ApprovalRule.objects.all(),
        isolation=_isolation(),
        telling=telling_figures(now),
        comparison=_comparison(),
        sandbox_url=settings.SANDBOX_URL,
        may_pause=may(user, "pause.change"),
        may_limit=may(user, "limit.change"),
        may_fault=may(user, "sandbox.change"),
        says=_sentence(database=database, broker=broker, figures=figures),
        tone="red"
        if not database or figures.late or _is_silent(figures)
        else "amber"
        if not broker
        else "green",
    )


@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Stop workers from moving anything, or what is in the account or region that was chosen as "pk:region"."""
    user = viewer(request)
    require(user, "pause.change")
    reason = request.POST.get("reason", "")
    number, _, region = request.POST.get("where", "").partition(":")
    if number.isdecimal() and len(number) < 10:
        account = Account.objects.get(pk=int(number))
        attempt(
            request,
            lambda: account_pause(account=account, region=region, reason=reason, actor=user),
            done=f"{account.name}{f' in {region}' if region else ''} is paused.",
        )
    else:
        attempt(request, lambda: pause_set(reason=reason, actor=user), done="Everything is paused.")
    return redirect("admin:administration")


@require_POST
def lift(request: HttpRequest) -> HttpResponse:
    """Let workers go on."""
    user = viewer(request)
    require(user, "pause.change")
    covers = request.POST.get("covers", Pause.EVERYTHING)
    attempt(request, lambda: pause_lift(covers=covers, actor=user), done="Lifted: the next tick goes on.")
    return redirect("admin:administration")


@require_POST
def compare(request: HttpRequest) -> HttpResponse:
    """Have a worker compare environments and open operations with AWS. It reads only."""
    user = viewer(request)
    require(user, "pause.change")
    if ring("workers.reconcile"):
        messages.success(request, "A worker compares with AWS: what differs is shown here in a moment.")
    else:
        messages.error(request, "The broker does not answer. Run `manage.py reconcile` where a worker runs.")
    return redirect("admin:administration")


@require_POST
def limit(request: HttpRequest) -> HttpResponse:
    """Set how many operations may run at once in a scope."""
    user = viewer(request)
    require(user, "limit.change")
    attempt(request, lambda: _limit(request.POST, user), done="The limit was set.")
    return redirect("admin:administration")


@require_POST
def limit_drop(request: HttpRequest) -> HttpResponse:
    """Let a scope fall back to the limit of all others."""
    user = viewer(request)
    require(user, "limit.change")
    row = OperationLimit.objects.get(scope=request.POST.get("scope", ""))
    attempt(
        request,
        lambda: limit_remove(limit=row, actor=user),
        done=f"{row.scope} has the limit of all others again.",
    )
    return redirect("admin:administration")


def _limit(data: Any, user: Any) -> None:
    scope, typed = data.get("scope", "").strip()[:60], data.get("max_running", "")
    if scope != "*" and scope.count("/") != 1:
        raise Invalid(
            "A scope is account/region, as 111122223333/eu-west-1, or * for all others.", field="scope"
        )
    if not typed.isdecimal() or not 1 <= int(typed[:5]) <= LARGEST_LIMIT:
        raise Invalid(f"A limit is a number from 1 to {LARGEST_LIMIT}.", field="max_running")
    limit_set(scope=scope, max_running=int(typed), actor=user)


def _before(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now - timedelta(seconds=seconds)


def _is_silent(figures: EngineFigures) -> bool:
    """Whether ticks have stopped; where there never was one, nothing has."""
    return figures.tick_age_s is not None and figures.tick_age_s > LATE_S


def _sentence(*, database: bool, broker: bool, figures: EngineFigures) -> str:
    if figures.late:
        return "Operations are due and nobody takes them: look whether a worker and beat run."
    if _is_silent(figures):
        return "No tick was carried out for more than a minute: look whether a worker and beat run."
    if not database:
        return "The database does not answer."
    if not broker:
        return "The broker does not answer: operations begin by the tick alone, some seconds later."
    return "Database and broker answer, and nothing is overdue."


def _comparison() -> dict[str, Any] | None:
    """The last comparison with AWS: {"at": moment, "differences": [{"subject", "what", "remedy"}]}."""
    told = note_read("reconcile")
    return {**told, "at": datetime.fromisoformat(told["at"])} if told else None


def _isolation() -> bool | None:
    """Whether synthesis runs without a network, as the worker that starts it has found; None: not told yet."""
    told = note_read("synthesis")
    return bool(told["isolated"]) if told else None

"""Faults of the sandbox, for administrators: what is planted, planting one, ending it, and what came of them.

A worker carries the orders to the sandbox and brings back what it sees there; the page polls for that.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.display import place, span_words
from environments.errors import InvalidFields
from environments.lifecycle.fault_checks import fault_checked, sandbox_accounts, sandbox_regions
from environments.lifecycle.fault_kinds import KINDS, Kind
from environments.lifecycle.faults import (
    LONGEST_SCRIPT,
    UNITS,
    fault_end,
    fault_end_all,
    fault_set,
    view_ask,
)
from environments.lifecycle.models import SandboxOrder
from environments.people.models import User
from portal.pages import fault_words
from portal.pages.base import attempt, page, refusals, view_requires

FIRST = "dark"
REFUSALS_SHOWN = timedelta(minutes=10)
SCRIPT = "sandbox-script"
"""Of the session: the faults that a person is putting together, as the service takes them."""


def sandbox_viewer(request: HttpRequest) -> User:
    """An administrator of a portal that has a sandbox."""
    user = view_requires(request, "sandbox.change")
    if not settings.SANDBOX_URL:
        raise Http404("This portal has no sandbox.")
    return user


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The page; a POST orders a fault, or adds it to the script that is being put together."""
    user = sandbox_viewer(request)
    problems: dict[str, str] = {}
    typed = request.POST if request.method == "POST" else request.GET
    name = typed.get("kind", FIRST)
    if request.method == "POST":
        given = {field: request.POST.getlist(field) for field in request.POST}
        with refusals() as problems:
            if request.POST.get("do") == "add":
                _add(request, fault_checked(name, given))
            else:
                fault_set(kind=name, given=given, actor=user)
        if not problems:
            return redirect(f"{reverse('admin:sandbox-faults')}?kind={name}")
    return page(
        request,
        "portal/faults/page.html",
        "Sandbox faults",
        status=400 if problems else 200,
        kinds=[(key, kind.label) for key, kind in KINDS.items()],
        sandbox_url=settings.SANDBOX_URL,
        script=[fault_words.drafted(body) for body in request.session.get(SCRIPT, ())],
        units=UNITS,
        **_form(name if name in KINDS else FIRST, typed, problems),
        **_live(),
    )


def _add(request: HttpRequest, body: dict[str, Any]) -> None:
    """Raises InvalidFields when the script is full."""
    drafted = request.session.get(SCRIPT, [])
    if len(drafted) >= LONGEST_SCRIPT:
        raise InvalidFields({"kind": f"A script has {LONGEST_SCRIPT} faults at most."})
    request.session[SCRIPT] = [*drafted, body]


@require_safe
def fields(request: HttpRequest) -> HttpResponse:
    """The inputs of another kind."""
    sandbox_viewer(request)
    name = request.GET.get("kind", FIRST)
    form = _form(name if name in KINDS else FIRST, request.GET, {})
    return TemplateResponse(request, "portal/faults/fields.html", form)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """What has changed since the page last asked; 204 when nothing has."""
    sandbox_viewer(request)
    state = _live()
    if state["seen"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    return TemplateResponse(request, "portal/faults/live.html", state)


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End one, or cancel it before it begins."""
    user = sandbox_viewer(request)
    attempt(request, lambda: fault_end(fault_id=request.POST.get("fault", ""), actor=user))
    return redirect("admin:sandbox-faults")


@require_POST
def end_all(request: HttpRequest) -> HttpResponse:
    """End all of them."""
    user = sandbox_viewer(request)
    attempt(request, lambda: fault_end_all(actor=user))
    return redirect("admin:sandbox-faults")


def _form(name: str, typed: QueryDict, problems: dict[str, str]) -> dict[str, Any]:
    kind: Kind = KINDS[name]
    choices = {
        "account": [(account.account_id, account.name) for account in sandbox_accounts()],
        "region": [(region, place(region)) for region in sandbox_regions()],
    }
    rows = [
        {
            "field": field,
            "choices": choices.get(field.name, field.choices),
            "is_choice": bool(field.choices) or field.name in choices,
            "typed": typed.get(field.name, ""),
            "picked": typed.getlist(field.name),
            "problem": problems.get(field.name, ""),
        }
        for field in kind.all_fields()
    ]
    return {"chosen": name, "kind": kind, "rows": rows, "problems": problems}


def _live() -> dict[str, Any]:
    """What is planted, ordered and told; `seen` changes with any of it."""
    view = view_ask()
    orders = [
        {
            "words": fault_words.order_words(order),
            "status": order.status,
            "sentence": order.sentence,
            "at": order.asked_at,
        }
        for order in _recent_orders()
    ]
    told = [
        view.faults,
        view.log[:1],
        view.problem,
        round(view.ahead_s),
        [(o["words"], o["status"]) for o in orders],
        bool(view.seen_at),
    ]
    seen = hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]
    return {
        "faults": [fault_words.planted(fault) for fault in view.faults],
        "log": [fault_words.told(entry) for entry in view.log],
        "problem": view.problem,
        "scripts": sorted({fault["script"] for fault in view.faults if fault["script"]}),
        "ahead": span_words(timedelta(seconds=view.ahead_s)) if view.ahead_s >= 1 else "",
        "looked": view.seen_at is not None,
        "orders": orders,
        "seen": seen,
    }


def _recent_orders() -> list[SandboxOrder]:
    waiting = SandboxOrder.objects.filter(status__in=("pending", "sent"))
    since = timezone.now() - REFUSALS_SHOWN
    refused = SandboxOrder.objects.filter(status=SandboxOrder.Status.REFUSED, asked_at__gte=since)
    return [*waiting[:20], *refused[:5]]

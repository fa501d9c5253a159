"""Faults of the sandbox, for administrators: what is planted, planting one, ending it, and what came of them.

A worker carries the orders to the sandbox and brings back what it sees there; the page polls for that.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.display import place
from environments.errors import DomainError, Forbidden
from environments.lifecycle.fault_kinds import KINDS, SERVICES, Kind
from environments.lifecycle.faults import (
    fault_end,
    fault_end_all,
    fault_set,
    sandbox_accounts,
    sandbox_regions,
    view_ask,
)
from environments.lifecycle.models import SandboxOrder
from environments.people.models import User
from portal.pages.base import attempt, page, problems_of, view_requires

FIRST = "dark"
REFUSALS_SHOWN = timedelta(minutes=10)
EVENTS = {
    "set": ("Set", "add_circle", "grey"),
    "begun": ("Begun", "bolt", "amber"),
    "touched": ("Struck", "flash_on", "blue"),
    "ended": ("Ended", "check_circle", "green"),
    "cancelled": ("Cancelled", "cancel", "grey"),
}
SERVICE_WORDS = dict(SERVICES)


def _viewer(request: HttpRequest) -> User:
    """An administrator of a portal that has a sandbox."""
    user = view_requires(request, "sandbox.change")
    if not settings.SANDBOX_URL:
        raise Http404("This portal has no sandbox.")
    return user


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The page; a POST orders a fault."""
    user = _viewer(request)
    problems: dict[str, str] = {}
    typed = request.POST if request.method == "POST" else request.GET
    name = typed.get("kind", FIRST)
    if request.method == "POST":
        given = {field: str(value) for field, value in request.POST.items()}
        try:
            fault_set(kind=name, given=given, actor=user)
        except Forbidden:
            raise
        except DomainError as error:
            problems = problems_of(error)
        else:
            return redirect(f"{reverse('admin:sandbox-faults')}?kind={name}")
    return page(
        request,
        "portal/faults/page.html",
        "Sandbox faults",
        status=400 if problems else 200,
        kinds=[(key, kind.label) for key, kind in KINDS.items()],
        sandbox_url=settings.SANDBOX_URL,
        **_form(name if name in KINDS else FIRST, typed, problems),
        **_live(),
    )


@require_safe
def fields(request: HttpRequest) -> HttpResponse:
    """The inputs of another kind."""
    _viewer(request)
    name = request.GET.get("kind", FIRST)
    form = _form(name if name in KINDS else FIRST, request.GET, {})
    return TemplateResponse(request, "portal/faults/fields.html", form)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """What has changed since the page last asked; 204 when nothing has."""
    _viewer(request)
    state = _live()
    if state["seen"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    return TemplateResponse(request, "portal/faults/live.html", state)


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End one, or cancel it before it begins."""
    user = _viewer(request)
    attempt(request, lambda: fault_end(fault_id=request.POST.get("fault", ""), actor=user))
    return redirect("admin:sandbox-faults")


@require_POST
def end_all(request: HttpRequest) -> HttpResponse:
    """End all of them."""
    user = _viewer(request)
    attempt(request, lambda: fault_end_all(actor=user))
    return redirect("admin:sandbox-faults")


def _form(name: str, typed: Any, problems: dict[str, str]) -> dict[str, Any]:
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
            "words": _order_words(order),
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
        [(o["words"], o["status"]) for o in orders],
        bool(view.seen_at),
    ]
    seen = hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]
    return {
        "faults": [_fault(fault) for fault in view.faults],
        "log": [_entry(entry) for entry in view.log],
        "problem": view.problem,
        "looked": view.seen_at is not None,
        "orders": orders,
        "seen": seen,
    }


def _recent_orders() -> list[SandboxOrder]:
    waiting = SandboxOrder.objects.filter(status__in=("pending", "sent"))
    since = timezone.now() - REFUSALS_SHOWN
    refused = SandboxOrder.objects.filter(status=SandboxOrder.Status.REFUSED, asked_at__gte=since)
    return [*waiting[:20], *refused[:5]]


def _order_words(order: SandboxOrder) -> str:
    verb = SandboxOrder.Verb
    if order.verb == verb.END_ALL:
        return "Ending all faults"
    name = _name(order.body)
    return f"Setting: {name}" if order.verb == verb.SET else f"Ending {order.fault_id}: {name}"


def _name(body: dict[str, Any]) -> str:
    kind = KINDS.get(body.get("kind", ""))
    return ", ".join([kind.label if kind else str(body.get("kind", "")), _where(body)])


def _where(body: dict[str, Any]) -> str:
    """Whom a fault meets, in words: account, region, service, type, stack."""
    names = {account.account_id: account.name for account in sandbox_accounts()}
    parts = [
        _words(body.get("region"), {}, "every region"),
        _words(body.get("service"), SERVICE_WORDS, ""),
        *(_words(body.get(name), {}, "") for name in ("operation", "type", "stack")),
        _words(body.get("account"), names, ""),
    ]
    return ", ".join(part for part in parts if part)


def _words(value: Any, table: dict[str, str], none: str) -> str:
    if value in (None, ""):
        return none
    values = value if isinstance(value, list) else [value]
    return " and ".join(table.get(str(one), str(one)) for one in values)


def _fault(fault: dict[str, Any]) -> dict[str, Any]:
    body = fault["body"]
    kind = KINDS.get(body["kind"])
    detail = {
        field.label: dict(field.choices).get(str(body[field.name]), body[field.name])
        for field in (kind.fields if kind else ())
        if field.name in body and field.name not in ("service", "operation", "type", "stack", "count")
    }
    return {
        "id": fault["id"],
        "label": kind.label if kind else body["kind"],
        "icon": kind.icon if kind else "bolt",
        "where": _where(body),
        "detail": detail,
        "active": fault["state"] == "active",
        "begins": datetime.fromisoformat(fault["begins_at"]),
        "ends": datetime.fromisoformat(fault["ends_at"]) if fault["ends_at"] else None,
        "touched": fault["touched"],
        "left": fault["left"],
        "script": fault["script"],
    }


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    word, icon, tone = EVENTS.get(entry["event"], (entry["event"], "bolt", "grey"))
    kind = KINDS.get(entry["kind"])
    if entry["event"] == "set":
        text = _where(entry["body"])
    elif entry["event"] == "touched":
        named = (
            str(entry[name])
            for name in ("service", "operation", "type", "action", "resource", "region")
            if entry.get(name)
        )
        text = " ".join(named)
    else:
        text = str(entry.get("why", ""))
    return {
        "at": datetime.fromisoformat(entry["at"]),
        "word": word,
        "icon": icon,
        "tone": tone,
        "fault": entry["fault"],
        "label": kind.label if kind else entry["kind"],
        "text": text,
    }

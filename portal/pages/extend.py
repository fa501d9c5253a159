"""Extending an environment: choices with what each means, at once within the maximum, by approval beyond it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from environments.errors import Conflict, Invalid
from environments.lifecycle.expired import expiry_teardown
from environments.lifecycle.expiry import SOONEST, is_beyond, span_left, when_words
from environments.lifecycle.extend import Extension, environment_extend, extend_limit, extendable_require
from environments.lifecycle.models import Environment
from environments.lifecycle.selectors import environments_list
from environments.people.rights import require
from portal.pages.base import page, refusals, viewer
from portal.pages.moments import moment_field, moment_typed

SPANS = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))
UNDO = "extended"
"""Key of the session under which the viewer's last extension is kept: {"environment", "before", "until"}."""
NEVER, OWN = "never", "at"


@dataclass(frozen=True)
class Choice:
    """One way to extend: what is posted, the words of it, when it would expire, and whether somebody has to approve."""

    value: str
    title: str
    until: datetime | None
    is_beyond: bool


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST extends at once, or asks for approval and leads to the operation that waits for it."""
    environment = environments_list().get(pk=pk)
    user = viewer(request)
    require(user, "environment.extend", team=environment.team, owner_id=environment.owner_id)
    problems: dict[str, str] = {}
    if request.method == "POST":
        with refusals() as problems:
            done = environment_extend(
                environment=environment,
                until=_until(request.POST),
                reason=request.POST.get("reason", "").strip()[:2000],
                actor=user,
            )
        if not problems:
            return _told(request, done)
    limit = extend_limit(environment)
    return page(
        request,
        "portal/environment/extend.html",
        f"Extend {environment.name}",
        status=400 if problems else 200,
        env=environment,
        choices=choices_for(environment, limit, timezone.now()),
        limit=limit,
        typed=request.POST,
        own=request.POST.get("moment") or moment_field(environment.expires_at),
        problems=problems,
        impossible=_impossible(environment),
    )


def choices_for(environment: Environment, limit: datetime | None, now: datetime) -> list[Choice]:
    """A few spans on top of what it has; as far as nobody has to approve; and never, where there is no maximum."""
    base = max(environment.expires_at or now, now)
    spans = [(f"{span_left(span)} more", base + span) for span in SPANS]
    if limit is not None and is_beyond(limit, environment.expires_at) and limit > now + SOONEST:
        spans.append(("As far as nobody has to approve", limit))
    found = [Choice(moment.isoformat(), title, moment, is_beyond(moment, limit)) for title, moment in spans]
    found.sort(key=lambda choice: choice.value)
    if limit is None and environment.expires_at is not None:
        found.append(Choice(NEVER, "Let it live until somebody tears it down", None, False))
    return found


def undo_of(request: HttpRequest, environment: Environment) -> dict[str, Any] | None:
    """What takes the viewer's last extension back, while it is what the environment has: {"before": ISO or never}."""
    kept = request.session.get(UNDO)
    if not kept or kept["environment"] != environment.pk or kept["until"] != _text(environment.expires_at):
        return None
    before = kept["before"]
    is_past = before != NEVER and datetime.fromisoformat(before) < timezone.now() + SOONEST
    return None if is_past else {"before": before}


def _told(request: HttpRequest, done: Extension) -> HttpResponse:
    environment = done.environment
    if done.operation is not None:
        messages.success(
            request, "That is beyond what one person may give: it waits for another one's approval."
        )
        return redirect("admin:operation", done.operation.pk)
    request.session[UNDO] = {
        "environment": environment.pk,
        "before": _text(done.before),
        "until": _text(environment.expires_at),
    }
    messages.success(request, f"{environment.name} expires {when_words(environment.expires_at)}.")
    return redirect("admin:environment", environment.pk)


def _until(typed: Any) -> datetime | None:
    """What was chosen. Raises Invalid at "until"."""
    chosen = typed.get("until", "")
    if chosen == NEVER:
        return None
    if not chosen:
        raise Invalid("Choose how long it is to live.", field="until")
    return moment_typed(typed.get("moment", "").strip() if chosen == OWN else chosen, field="until")


def _impossible(environment: Environment) -> str:
    """Why it cannot be extended at all, in a sentence; empty when it can."""
    try:
        extendable_require(environment, expiry_teardown(environment))
    except Conflict as error:
        return error.message
    return ""


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else NEVER

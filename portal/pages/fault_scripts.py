"""Scripts of faults, put together on the page of the sandbox's faults, and the sandbox's clock.

What a person is putting together is in their session and nowhere else, until it is ordered.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from environments.lifecycle.faults import clock_advance, script_end, script_set
from portal.pages.base import attempt
from portal.pages.faults import SCRIPT, sandbox_viewer


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Order the script; it stays where it is when it is refused."""
    user = sandbox_viewer(request)
    drafted, name = request.session.get(SCRIPT, []), request.POST.get("name", "")
    if attempt(request, lambda: script_set(name=name, faults=drafted, actor=user)):
        request.session.pop(SCRIPT, None)
    return redirect("admin:sandbox-faults")


@require_POST
def drop(request: HttpRequest) -> HttpResponse:
    """Take one fault (its place from 0 on) out of the script, or with none named all of them."""
    sandbox_viewer(request)
    drafted, place = request.session.get(SCRIPT, []), request.POST.get("place", "")
    left = [body for n, body in enumerate(drafted) if place and str(n) != place]
    request.session[SCRIPT] = left
    return redirect("admin:sandbox-faults")


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End or cancel what is left of a script."""
    user = sandbox_viewer(request)
    attempt(request, lambda: script_end(script_id=request.POST.get("script", ""), actor=user))
    return redirect("admin:sandbox-faults")


@require_POST
def forward(request: HttpRequest) -> HttpResponse:
    """Put the sandbox's clock forward."""
    user = sandbox_viewer(request)
    asked = {"seconds": request.POST.get("forward", ""), "unit": request.POST.get("unit", "")}
    attempt(request, lambda: clock_advance(**asked, actor=user))
    return redirect("admin:sandbox-faults")

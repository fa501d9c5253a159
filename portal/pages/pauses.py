"""Pausing an environment, an account or one of its regions from their own pages, and letting them go on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from environments.lifecycle.models import Account
from environments.lifecycle.pauses import (
    account_pause,
    account_pause_lift,
    environment_pause,
    environment_pause_lift,
)
from environments.lifecycle.selectors import environments_list
from portal.pages.base import attempt, viewer

GOES_ON = "What AWS has begun goes on; nothing new begins."


@require_POST
def environment_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause one environment."""
    environment = environments_list().get(pk=pk)
    reason = request.POST.get("reason", "")
    attempt(
        request,
        lambda: environment_pause(environment=environment, reason=reason, actor=viewer(request)),
        done=f"{environment.name} is paused. {GOES_ON}",
    )
    return redirect(f"{reverse('admin:environment', args=[pk])}?tab=control")


@require_POST
def environment_lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go on."""
    environment = environments_list().get(pk=pk)
    attempt(
        request,
        lambda: environment_pause_lift(environment=environment, actor=viewer(request)),
        done=f"{environment.name} goes on.",
    )
    return redirect(f"{reverse('admin:environment', args=[pk])}?tab=control")


@require_POST
def account_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause an account, or the region that was chosen."""
    account = Account.objects.get(pk=pk)
    region, reason = request.POST.get("region", ""), request.POST.get("reason", "")
    attempt(
        request,
        lambda: account_pause(account=account, region=region, reason=reason, actor=viewer(request)),
        done=f"{account.name}{f' in {region}' if region else ''} is paused. {GOES_ON}",
    )
    return redirect("admin:account", pk)


@require_POST
def account_lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go on."""
    account = Account.objects.get(pk=pk)
    region = request.POST.get("region", "")
    attempt(
        request,
        lambda: account_pause_lift(account=account, region=region, actor=viewer(request)),
        done=f"{account.name}{f' in {region}' if region else ''} goes on.",
    )
    return redirect("admin:account", pk)

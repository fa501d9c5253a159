"""What every browser request passes: a second factor, the viewer's time zone, and where an act came from."""

import zoneinfo
from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from environments.operations import audit

Handler = Callable[[HttpRequest], HttpResponse]

# Where a person without a second factor may go: to set one up, or to leave.
OPEN_PREFIXES = ("/accounts/", "/static/", "/healthz", "/readyz", "/metrics", "/api/")


class RequireSecondFactorMiddleware:
    """Sends a signed-in person without TOTP to set it up first. The API has tokens and needs none."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = audit.origin.set(self._origin(request))
        try:
            if (
                request.user.is_authenticated
                and not request.path.startswith(OPEN_PREFIXES)
                and not is_mfa_enabled(request.user)
            ):
                return redirect(reverse("mfa_activate_totp"))
            return self.get_response(request)
        finally:
            audit.origin.reset(token)

    @staticmethod
    def _origin(request: HttpRequest) -> str:
        door = "api" if request.path.startswith("/api/") else "browser"
        return f"{request.META.get('REMOTE_ADDR', '')} {door}".strip()


class TimeZoneMiddleware:
    """Shows times in the viewer's own zone."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "UTC")
        try:
            timezone.activate(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.deactivate()
        return self.get_response(request)

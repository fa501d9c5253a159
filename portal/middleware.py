"""What every browser request passes: a second factor, the viewer's time zone, and where an act came from."""

import zoneinfo
from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from environments.operations import audit
from environments.people.signins import by_themselves
from environments.rest.throttling import address_of

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
        return f"{address_of(request) or ''} {door}".strip()


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


class SelfServiceMiddleware:
    """What a person does at allauth's pages, and its audit entry, are one transaction."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not request.path.startswith("/accounts/"):
            return self.get_response(request)
        mark = by_themselves.set(True)
        try:
            with transaction.atomic():
                response = self.get_response(request)
                if response.status_code >= 500:
                    # Django made an answer of the exception, which atomic therefore never saw.
                    transaction.set_rollback(True)
            return response
        finally:
            by_themselves.reset(mark)

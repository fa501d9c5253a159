"""The admin site grown into the portal: its pages and its start page."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite


class PortalSite(UnfoldAdminSite):
    """Switchyard's site: unfold's admin, pages of our own, and sign-in by allauth with a second factor."""

    site_title = "Switchyard"
    site_url = None

    def get_urls(self) -> list[URLPattern]:
        # Pages import models, which are not there yet while the site is made.
        from portal.pages.urls import page_urls

        urls: list[URLPattern] = [*page_urls(self), *super().get_urls()]
        return urls

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The start page."""
        from portal.pages.start import start

        return start(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """allauth's sign-in; the admin's own knows no second factor."""
        return secure_admin_login(super().login)(request, extra_context)

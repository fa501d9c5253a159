"""The admin site grown into the portal: its pages and its start page."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

OURS = frozenset({"operations", "people", "lifecycle"})


class PortalSite(UnfoldAdminSite):
    """Switchyard's site: unfold's admin, pages of our own, and sign-in by allauth with a second factor."""

    site_title = "Switchyard"
    site_url = None

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in our own models only: those of libraries (schedules, tokens, groups) would be changed unaudited."""
        single = isinstance(model_or_iterable, type)
        models: list[Any] = [model_or_iterable] if single else list(model_or_iterable)
        ours = [model for model in models if model._meta.app_label in OURS]
        super().register(ours, admin_class, **options)

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

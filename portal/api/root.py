"""The API's root: every resource of every app under one prefix, served alike."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ViewSetMixin

from environments.people.authentication import ApiTokenAuthentication
from portal.api.idempotency import IdempotentPosts


class SecondFactorSession(SessionAuthentication):
    """A browser's session, once its second factor is set up: the API is no way around it."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found is not None and not is_mfa_enabled(found[0]):
            raise PermissionDenied("Set up your second factor first, or use a token.")
        return found


class ApiRouter(DefaultRouter):
    """Serves each app's resource with what only the portal knows: who signs in how, and idempotent POSTs.

    Apps know nothing of the portal, so their views get both here.
    """

    include_format_suffixes = False

    def register(self, prefix: str, viewset: type[ViewSetMixin], basename: str | None = None) -> None:
        served = type(
            viewset.__name__,
            (IdempotentPosts, viewset),
            {
                "authentication_classes": [ApiTokenAuthentication, SecondFactorSession],
                "__doc__": viewset.__doc__,
                "__module__": viewset.__module__,
            },
        )
        super().register(prefix, served, basename)

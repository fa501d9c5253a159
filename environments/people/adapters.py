"""How allauth behaves here: nobody signs up by themselves, and TOTP secrets are encrypted at rest."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from environments.people.encryption import decrypt, encrypt
from environments.people.signins import password_refused


class ClosedAccountAdapter(DefaultAccountAdapter):
    """People are taken in by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who has just signed in has just proved who they are; allauth counts only a second proof."""
        request = context.request
        records = get_authentication_records(request, request.user) if request else []
        if records and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        password_refused(credentials)


class EncryptedMFAAdapter(DefaultMFAAdapter):
    """Encrypts TOTP secrets and recovery codes with keys that live outside the database."""

    def encrypt(self, text: str) -> str:
        return encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode()).decode()

"""How allauth behaves here: nobody signs up by themselves, and TOTP secrets are encrypted at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):
    """People are taken in by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def _box() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise ImproperlyConfigured("Set FIELD_ENCRYPTION_KEYS: TOTP secrets are never stored in clear.")
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


class EncryptedMFAAdapter(DefaultMFAAdapter):
    """Encrypts TOTP secrets and recovery codes with keys that live outside the database."""

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()

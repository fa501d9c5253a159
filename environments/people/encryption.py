"""What is kept in rows but never in clear: encrypted with keys that live outside the database."""

import json
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def encrypt(content: bytes) -> bytes:
    """Encrypted with the first key of FIELD_ENCRYPTION_KEYS, as text of Fernet's alphabet."""
    return _box().encrypt(content)


def decrypt(content: bytes) -> bytes:
    """What `encrypt` was given; any of the keys will do. Raises cryptography.fernet.InvalidToken."""
    return _box().decrypt(content)


class SessionSerializer:
    """Sessions hold the secret of a second factor from its first showing until its code is typed."""

    def dumps(self, session: dict[str, Any]) -> bytes:
        return encrypt(json.dumps(session, separators=(",", ":")).encode())

    def loads(self, content: bytes) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(decrypt(content))
        return found


def _box() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise ImproperlyConfigured("Set FIELD_ENCRYPTION_KEYS: secrets are never stored in clear.")
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])

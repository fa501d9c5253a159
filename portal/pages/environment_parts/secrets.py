"""The application's own secrets: whether each is set, and how to set it. Never a value: the portal may not read one."""

from typing import Any

from environments.lifecycle.secrets import secrets_named, secrets_of
from portal.pages.environment_parts.base import Look, Part


def _secrets(look: Look) -> dict[str, Any]:
    secrets = secrets_of(look.environment)
    return {
        "secrets": secrets,
        "unset": sum(1 for secret in secrets if secret.is_set is False),
        "seen_at": max((secret.seen_at for secret in secrets if secret.seen_at), default=None),
    }


def _some_unset(look: Look) -> bool:
    environment = look.environment
    if environment.is_gone or not secrets_named(environment):
        return False
    return environment.secret_states.filter(is_set=False).exists()


PARTS = (
    Part(
        "tab",
        "secrets",
        "portal/environment/secrets.html",
        position=85,
        title="Secrets",
        context=_secrets,
    ),
    Part(
        "note",
        "secrets",
        "portal/environment/secrets_note.html",
        position=60,
        shown=_some_unset,
        context=_secrets,
    ),
)

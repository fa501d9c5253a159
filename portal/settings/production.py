"""Production: refuses to start without its secrets, and never talks to a sandbox."""

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from portal.settings.base import *  # noqa: F403
from portal.settings.base import FIELD_ENCRYPTION_KEYS, SANDBOX_URL, env

REQUIRED = (
    "SECRET_KEY",
    "DATABASE_URL",
    "BROKER_URL",
    "ALLOWED_HOSTS",
    "FIELD_ENCRYPTION_KEYS",
    "PUBLIC_URL",
)
missing = [name for name in REQUIRED if not env(name, default="")]
if missing:
    raise ImproperlyConfigured(f"Set {', '.join(missing)}: Switchyard does not start in production without.")
for number, key in enumerate(FIELD_ENCRYPTION_KEYS, 1):
    try:
        Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            f"Key {number} of FIELD_ENCRYPTION_KEYS is no Fernet key (32 bytes in URL-safe base64): make one with"
            ' python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())".'
        ) from None
if SANDBOX_URL:
    raise ImproperlyConfigured(
        "SANDBOX_URL is set: production deploys to AWS only. Use portal.settings.demo."
    )

DEBUG = False
SECRET_KEY = env("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 86400
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

"""What every place shares. Whatever differs, or is secret, comes from the environment."""

from pathlib import Path
from typing import Any

import environ
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.settings.logs import logging_config
from portal.settings.unfold import UNFOLD  # noqa: F401 - a setting

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.Env()

PUBLIC_URL = env("PUBLIC_URL", default="http://localhost:8000")
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
AUTH_USER_MODEL = "people.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_ID = 1

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the plain "unfold" would put its own site in place of ours
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_prometheus",
    "django_structlog",
    "django_htmx",
    "django_filters",
    "django_celery_beat",
    "pgtrigger",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "environments.operations",
    "environments.people",
    "environments.lifecycle",
    "environments.access",
    "environments.notifications",
    "portal.api",
    "portal.pages",
    "workers",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.RequireSecondFactorMiddleware",
    "portal.middleware.TimeZoneMiddleware",
    "portal.middleware.SelfServiceMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# The application's role: it may not alter tables, nor touch audit rows. Migrations run as the owner
# (`manage.py migrate --database owner`), whose address the web and worker processes never get.
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://switchyard_app@localhost/switchyard")}
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
if env("DATABASE_OWNER_URL", default=""):
    DATABASES["owner"] = env.db_url("DATABASE_OWNER_URL") | {"TEST": {"MIRROR": "default"}}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = env("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
ARTIFACTS_DIR = env("ARTIFACTS_DIR", default=str(BASE_DIR / ".data" / "artifacts"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    # Releases and assemblies; S3 by django-storages where there is more than one host.
    "artifacts": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": ARTIFACTS_DIR},
    },
}

# --- Sign-in: allauth with TOTP, no sign-up, second factor enforced by our middleware -------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "environments.people.adapters.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_ADAPTER = "environments.people.adapters.EncryptedMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Switchyard"
MFA_TOTP_TOLERANCE = 1
# Keys that encrypt TOTP secrets at rest, newest first; they live outside the database.
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[])
SESSION_SERIALIZER = "environments.people.encryption.SessionSerializer"

# --- Cache: counters of requests and sign-ins, shared by all web processes ---------------------------
BROKER_URL = env("BROKER_URL", default="redis://localhost:6379/0")
# The broker's Valkey, unless the broker is of another kind; then each process counts for itself.
CACHE_URL = env("CACHE_URL", default=BROKER_URL if BROKER_URL.startswith(("redis://", "rediss://")) else "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "portal.cache.SharedCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "switchyard",
        # A request waits this long at most for a server that is gone; nothing is tried twice.
        "OPTIONS": {
            "socket_connect_timeout": 0.3,
            "socket_timeout": 0.3,
            "retry": Retry(NoBackoff(), 0),
        },
    }
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# Proxies in front that set X-Forwarded-For; 0: the address is whoever connects.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# --- REST API --------------------------------------------------------------------------------------
KNOX_TOKEN_MODEL = "people.ApiToken"  # noqa: S105 - a model's name
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_MODEL": "people.ApiToken", "TOKEN_TTL": None}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "environments.people.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["environments.people.authentication.ScopedPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["environments.rest.throttling.PersonThrottle"],
    "NUM_PROXIES": TRUSTED_PROXIES,
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "PAGE_SIZE": 50,
}
# Far above what people and their scripts need, and below what would slow everybody else.
API_RATES = {
    "token": env("API_RATE_TOKEN", default="6000/min"),
    "session": env("API_RATE_SESSION", default="3000/min"),
    "refused": env("API_RATE_REFUSED", default="60/min"),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchyard",
    "DESCRIPTION": "Request, watch and tear down environments from one blueprint.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Groups closed: with more than 128 operations drawn at once, Swagger UI draws the first group only.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none"},
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "EnvironmentStatus": "environments.lifecycle.states.EnvironmentStatus",
        "OperationStatus": "environments.operations.states.OperationStatus",
        "StepStatus": "environments.operations.states.StepStatus",
        "ApplicationStatus": "environments.lifecycle.states.ApplicationStatus",
        "AccountStatus": "environments.lifecycle.states.AccountStatus",
        "Tier": "environments.lifecycle.states.Tier",
        "PortalRole": "environments.people.models.PortalRole",
        "Risk": "environments.lifecycle.models.Risk",
        "ProposalStatus": "environments.people.models.ProposalStatus",
    },
}

# --- The engine (seconds) --------------------------------------------------------------------------
ENGINE_LEASE_S = env.float("ENGINE_LEASE_S", default=60.0)
ENGINE_TICK_S = env.float("ENGINE_TICK_S", default=5.0)
# The most that one AWS call may take: connect + read stay below half a lease.
AWS_CONNECT_TIMEOUT_S = env.float("AWS_CONNECT_TIMEOUT_S", default=3.0)
AWS_READ_TIMEOUT_S = env.float("AWS_READ_TIMEOUT_S", default=20.0)

# --- Notifications ----------------------------------------------------------------------------------
# smtp+tls://user:password@host:587, smtp+ssl://…:465, smtp://host:25; filemail:////folder: files. Empty: no mails.
MAIL_URL = env("MAIL_URL", default="")
# Where the web is not told the server and its password, it is told that there is one.
MAIL_IS_ON = env.bool("MAIL_IS_ON", default=bool(MAIL_URL))
MAIL = env.email_url_config(MAIL_URL or "dummymail://")
EMAIL_BACKEND = MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = MAIL.get("EMAIL_HOST") or "localhost", MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.get("EMAIL_USE_TLS", False), MAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = MAIL.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = env.float("MAIL_TIMEOUT_S", default=15.0)
DEFAULT_FROM_EMAIL = env("MAIL_FROM", default="") or "Switchyard <switchyard@localhost>"
# Networks inside that webhooks and chats may reach, without TLS too: 10.20.0.0/16. None by default.
NOTIFY_NETWORKS = env.list("NOTIFY_NETWORKS", default=[])
NOTIFY_TIMEOUT_S = env.float("NOTIFY_TIMEOUT_S", default=15.0)
# A worker that sends is missed after so long; far more than one delivery takes.
NOTIFY_CLAIM_S = env.float("NOTIFY_CLAIM_S", default=180.0)
# Notices that are older when a worker first sees them are in the inbox only: an outage ends without a burst.
NOTIFY_STALE_HOURS = env.float("NOTIFY_STALE_HOURS", default=24.0)

# --- Drift: the nightly look at every environment ---------------------------------------------------
# Hour and minute (UTC) at which the night's looks begin; empty: none.
DRIFT_NIGHT = env("DRIFT_NIGHT", default="01:00")
# They are spread over so many seconds.
DRIFT_SPREAD_S = env.float("DRIFT_SPREAD_S", default=4 * 3600.0)
# Stacks in detection at once per account and region. AWS publishes no limit; it throttles.
DRIFT_IN_FLIGHT = env.int("DRIFT_IN_FLIGHT", default=25)
# From asking for a detection to the first look at it; later looks come after twice as long each.
DRIFT_FIRST_LOOK_S = env.float("DRIFT_FIRST_LOOK_S", default=5.0)

# --- AWS: the portal's own principal, good for AssumeRole only -------------------------------------
SANDBOX_URL = env("SANDBOX_URL", default="")
# Name of the account whose locked bucket holds the audit's copy; empty: the oldest one that has such a bucket.
AUDIT_ACCOUNT = env("AUDIT_ACCOUNT", default="")
# What the keys of its objects begin with: portals that share an account have prefixes of their own.
AUDIT_PREFIX = env("AUDIT_PREFIX", default="audit/")
PORTAL_AWS_ACCESS_KEY_ID = env("PORTAL_AWS_ACCESS_KEY_ID", default="")
PORTAL_AWS_SECRET_ACCESS_KEY = env("PORTAL_AWS_SECRET_ACCESS_KEY", default="")
# Who the role that a person deploys into an account trusts; shown with the template.
PORTAL_PRINCIPAL_ARN = env("PORTAL_PRINCIPAL_ARN", default="")
SYNTHESIS_SOCKET = env("SYNTHESIS_SOCKET", default=str(BASE_DIR / ".data" / "synthesis.sock"))
# Synthesis has a container of its own, without a network: workers start no process for it.
SYNTHESIS_IS_EXTERNAL = env.bool("SYNTHESIS_IS_EXTERNAL", default=False)

# --- Browser security ------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # unfold's Alpine compiles its attributes with Function(); there is no CSP build of it in unfold.
        "script-src": ["'self'", "'unsafe-eval'"],
        # unfold and Alpine set style attributes (x-show, progress bars).
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LOGGING = logging_config(env("LOG_FORMAT", default="console"), env("LOG_LEVEL", default="INFO"))

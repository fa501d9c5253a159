"""Tests: as the demo, with quick leases and cheap password hashing, and sign-in's rate limits off."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import env

DEBUG = False
SECRET_KEY = env("SECRET_KEY", default="only-for-tests-and-therefore-not-a-secret-at-all-0123456789")
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = [env("PUBLIC_URL", default="http://localhost:8000")]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_RATE_LIMITS = False
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
# Tests send unknown tokens by the hundred from one address.
API_RATES = {"token": "", "session": "", "refused": ""}
# Whatever the hour, a night begins only where a test says so.
DRIFT_NIGHT = env("DRIFT_NIGHT", default="")
# A database that is made anew for each run is behind any mark; the test of a restored one turns it on.
ENGINE_WATERMARK = env.bool("ENGINE_WATERMARK", default=False)

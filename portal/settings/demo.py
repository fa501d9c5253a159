"""`make demo`: one machine, http://localhost, and the sandbox in place of AWS."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import env

DEBUG = False
SECRET_KEY = env("SECRET_KEY")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = [env("PUBLIC_URL", default="http://localhost:8000")]

"""Django's own checks, as `make lint` runs them: migrations complete, and production settings fit for deployment."""

import subprocess
import sys

from devtools import places
from devtools.node import with_our_tools
from devtools.sandbox import clean_environment

# Made up: the checks look at settings and connect to nothing.
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    "SECRET_KEY": "a-checked-key-" + "kq7Zr0TbXw2Jf9LdNc4V" * 3,
    "ALLOWED_HOSTS": "switchyard.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://switchyard.example.org",
    "PUBLIC_URL": "https://switchyard.example.org",
    "DATABASE_URL": "postgres://switchyard_app:unused@127.0.0.1:1/switchyard",
    "BROKER_URL": "redis://:unused@127.0.0.1:1/0",
    "FIELD_ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}
CHECKS = {
    "Migrations are complete": ("makemigrations", "--check", "--dry-run"),
    "Production settings pass the deployment check": ("check", "--deploy", "--fail-level", "WARNING"),
}


def main() -> int:
    """Run each; 1 when one fails, with what Django said."""
    environment = with_our_tools(clean_environment()) | PRODUCTION
    failed = 0
    for title, arguments in CHECKS.items():
        # makemigrations warns that it cannot ask a database about applied migrations; there is none to ask.
        command = [sys.executable, "-W", "ignore::RuntimeWarning", str(places.ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=places.ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            failed += 1
            print(f"{title}: no.\n{done.stdout}{done.stderr}", file=sys.stderr)
        else:
            print(f"{title}: yes.")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())

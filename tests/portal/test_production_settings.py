"""Production refuses to start without its secrets, and passes Django's own deployment check."""

import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

COMPLETE = {
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    "SECRET_KEY": "0123456789abcdef" * 5 + "-not-a-default",
    "DATABASE_URL": "postgres://app:password@127.0.0.1:1/switchyard",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "ALLOWED_HOSTS": "switchyard.example.org",
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "PUBLIC_URL": "https://switchyard.example.org",
}


def check(tmp_path, **changes):
    environment = {"PATH": os.environ["PATH"], "STATIC_ROOT": str(tmp_path), **COMPLETE, **changes}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
    )


def test_complete_settings_pass_the_deployment_check(tmp_path):
    done = check(tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(set(COMPLETE) - {"DJANGO_SETTINGS_MODULE"}))
def test_each_missing_secret_is_named_and_nothing_starts(tmp_path, name):
    done = check(tmp_path, **{name: ""})
    assert done.returncode != 0
    assert f"Set {name}: Switchyard does not start in production without." in done.stderr


@pytest.mark.parametrize("bad", ["not-a-key", "a" * 43, COMPLETE["SECRET_KEY"]])
def test_a_key_that_encrypts_nothing_is_told_at_the_start_and_not_shown(tmp_path, bad):
    good = COMPLETE["FIELD_ENCRYPTION_KEYS"]
    done = check(tmp_path, FIELD_ENCRYPTION_KEYS=f"{good},{bad}")
    assert done.returncode != 0
    assert "Key 2 of FIELD_ENCRYPTION_KEYS is no Fernet key" in done.stderr.splitlines()[-1]
    assert bad not in done.stderr and good not in done.stderr


def test_production_never_talks_to_a_sandbox(tmp_path):
    done = check(tmp_path, SANDBOX_URL="http://127.0.0.1:4566")
    assert done.returncode != 0 and "production deploys to AWS only" in done.stderr

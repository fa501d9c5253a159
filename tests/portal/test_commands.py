"""First administrator, lost second factor, the demo's people: by command, and audited."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from environments.operations.models import AuditEntry
from environments.people.models import ApiToken, PortalRole, User
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_first_administrator_is_made_and_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a-long-enough-phrase\n"))
    run("create_administrator", "ada", "ada@example.org", password_stdin=True)
    ada = User.objects.get(username="ada")
    assert ada.portal_role == PortalRole.ADMINISTRATOR
    assert ada.check_password("a-long-enough-phrase")
    entry = AuditEntry.objects.get(action="person.created")
    assert (entry.actor_name, entry.origin) == ("switchyard", "command")
    assert "a-long-enough-phrase" not in json.dumps(entry.after)


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012345"])
def test_weak_password_is_refused(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHYARD_ADMIN_PASSWORD", password)
    with pytest.raises(CommandError):
        run("create_administrator", "ada", "ada@example.org")
    assert not User.objects.exists()


def test_lost_second_factor_is_taken_away_with_a_reason() -> None:
    user = factories.person_make()
    TOTP.activate(user, generate_totp_secret())
    with pytest.raises(CommandError):
        run("reset_totp", user.username, reason=" ")
    assert Authenticator.objects.filter(user=user).exists()
    run("reset_totp", user.username, reason="Seen in person.")
    assert not Authenticator.objects.filter(user=user).exists()
    assert AuditEntry.objects.get(action="person.totp-reset").after["reason"] == "Seen in person."
    with pytest.raises(CommandError, match="no person"):
        run("reset_totp", "nobody", reason="x")


def test_demo_people_can_sign_in_and_keep_their_secrets(tmp_path: Path, client: Client) -> None:
    file = tmp_path / "demo.json"
    run("seed_demo", output=str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = json.loads(file.read_text())["users"]
    assert set(first) == set(PortalRole.values)
    run("seed_demo", output=str(file))
    assert json.loads(file.read_text())["users"] == first
    assert User.objects.count() == len(first)
    lead = first["team-lead"]
    client.post(reverse("account_login"), {"login": lead["username"], "password": lead["password"]})
    client.post(reverse("mfa_authenticate"), {"code": pyotp.TOTP(lead["totp_secret"]).now()})
    assert client.get("/").status_code == 200


def test_demo_people_whose_secrets_were_lost_get_new_ones() -> None:
    first = json.loads(run("seed_demo"))["users"]
    told = json.loads(run("seed_demo", known='["approver", "auditor"]'))["users"]
    assert set(told) == set(first) - {"approver", "auditor"}
    assert told["team-lead"]["password"] != first["team-lead"]["password"]
    assert ApiToken.objects.count() == len(first)


def test_demo_people_are_refused_without_a_sandbox(settings: Any) -> None:
    settings.SANDBOX_URL = ""
    with pytest.raises(CommandError):
        run("seed_demo")
    assert not User.objects.exists()

"""`manage.py seed_demo`: the demo's teams and people, one per portal role, ready to sign in and to script."""

import json
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from environments.operations import audit
from environments.people.acts import person_create
from environments.people.models import PortalRole, Team, TokenScope, User
from environments.people.services import team_create, token_create

TOKEN_NAME = "demo"  # noqa: S105 - a token's name
TOKEN_DAYS = 365
TEAMS = ("Storefront", "Platform")
S = TokenScope


@dataclass(frozen=True)
class Figure:
    """One of the demo's people."""

    role: str
    username: str
    first_name: str
    last_name: str
    teams: tuple[str, ...]
    scopes: tuple[str, ...]


FIGURES = (
    Figure(PortalRole.ADMINISTRATOR, "ada", "Ada", "Novak", ("Platform",), tuple(S.values)),
    Figure(PortalRole.APPROVER, "paul", "Paul", "Okafor", (), (S.READ, S.APPROVE)),
    Figure(PortalRole.TEAM_LEAD, "lena", "Lena", "Fischer", ("Storefront",), (S.READ, S.OPERATE, S.APPROVE)),
    Figure(PortalRole.ENGINEER, "erik", "Erik", "Lindqvist", ("Storefront",), (S.READ, S.OPERATE)),
    Figure(PortalRole.AUDITOR, "olga", "Olga", "Marin", (), (S.READ,)),
)


class Command(BaseCommand):
    """Idempotent. Secrets are told once; whoever keeps them names the roles that it knows."""

    help = "Make the demo's people and teams. Prints their sign-ins as one line of JSON, or keeps them in a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--known", default="[]", help="JSON list of roles whose sign-ins the caller has.")
        parser.add_argument(
            "--output", help="Keep the sign-ins in this file (mode 0600) instead of printing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX_URL:
            raise CommandError("Demo people are for a portal on the sandbox: SANDBOX_URL is not set.")
        kept = _read(options["output"])
        known = {*json.loads(options["known"]), *kept}
        token = audit.origin.set("command")
        try:
            with transaction.atomic():
                teams = {name: _team(name) for name in TEAMS}
                made = {
                    figure.role: _renew(figure, teams)
                    for figure in FIGURES
                    if figure.role not in known or not User.objects.filter(username=figure.username).exists()
                }
        finally:
            audit.origin.reset(token)
        users = {**kept, **made}
        if options["output"]:
            _write(Path(options["output"]), {"users": users})
        else:
            self.stdout.write(json.dumps({"users": users}))


def _team(name: str) -> Team:
    return Team.objects.filter(name=name).first() or team_create(
        name=name, email=f"{name.lower()}@switchyard.example", actor=None
    )


def _renew(figure: Figure, teams: dict[str, Team]) -> dict[str, str]:
    """Make the person, or, when their secrets were lost, give them new ones; answers the sign-in."""
    password = _password()
    user = User.objects.filter(username=figure.username).first()
    if user is None:
        user = person_create(
            username=figure.username,
            email=f"{figure.username}@switchyard.example",
            portal_role=figure.role,
            teams=[teams[name] for name in figure.teams],
            password=password,
            first_name=figure.first_name,
            last_name=figure.last_name,
            actor=None,
        )
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.audit_record("person.password-set", user, actor=None, after={"by": "seed_demo"})
    Authenticator.objects.filter(user=user).delete()
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    user.api_tokens.filter(name=TOKEN_NAME).delete()
    _, api_token = token_create(user=user, name=TOKEN_NAME, scopes=figure.scopes, days=TOKEN_DAYS, actor=user)
    return {
        "username": figure.username,
        "password": password,
        "totp_secret": secret,
        "api_token": api_token,
    }


def _password() -> str:
    """Four groups of letters and digits: strong, and typed without a mistake."""
    letters = string.ascii_lowercase.replace("l", "").replace("o", "") + "23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _read(path: str | None) -> dict[str, dict[str, str]]:
    if not path or not Path(path).exists():
        return {}
    users: dict[str, dict[str, str]] = json.loads(Path(path).read_text()).get("users", {})
    return users


def _write(path: Path, content: dict[str, Any]) -> None:
    """Keep what else is in the file; nobody but its owner can read it at any moment."""
    old = json.loads(path.read_text()) if path.exists() else {}
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({**old, **content}, file, indent=1)
    fresh.replace(path)

"""`manage.py create_administrator`: the first person, who takes in all others."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from environments.errors import DomainError
from environments.operations import audit
from environments.people.acts import person_create
from environments.people.models import PortalRole

PASSWORD_VARIABLE = "SWITCHYARD_ADMIN_PASSWORD"  # noqa: S105 - a variable's name


class Command(BaseCommand):
    """Audited as done by the portal itself; the second factor is set up at the first sign-in."""

    help = "Make an administrator. Needed once: administrators take in everybody else in the browser."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("email")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help=f"Read the password from standard input; else from {PASSWORD_VARIABLE}, else by asking.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        token = audit.origin.set("command")
        try:
            person_create(
                username=options["username"],
                email=options["email"],
                portal_role=PortalRole.ADMINISTRATOR,
                password=_password(from_stdin=options["password_stdin"]),
                actor=None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        finally:
            audit.origin.reset(token)
        self.stdout.write(f"{options['username']} is an administrator. TOTP is set up at the first sign-in.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    given = os.environ.get(PASSWORD_VARIABLE, "")
    if given:
        return given
    if not sys.stdin.isatty():
        raise CommandError(f"Give a password by --password-stdin or in {PASSWORD_VARIABLE}.")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise CommandError("The two passwords differ.")
    return first

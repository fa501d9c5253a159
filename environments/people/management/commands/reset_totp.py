"""`manage.py reset_totp`: for a person who has lost the phone, when no administrator can sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from environments.errors import DomainError
from environments.operations import audit
from environments.people.acts import totp_reset
from environments.people.models import User


class Command(BaseCommand):
    """Removes TOTP and recovery codes; audited, with the reason."""

    help = "Take a person's lost second factor away; they set up a new one at the next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="How you know that it is really them.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no person {options['username']}.")
        token = audit.origin.set("command")
        try:
            removed = totp_reset(user=user, reason=options["reason"], actor=None)
        except DomainError as error:
            raise CommandError(error.message) from error
        finally:
            audit.origin.reset(token)
        if removed:
            self.stdout.write(f"{user.username} sets up a new second factor at the next sign-in.")
        else:
            self.stdout.write(f"{user.username} had no second factor; the request is in the audit.")

"""`manage.py pause`: everything stands still before the first worker starts. Lifted on the page of health."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from environments.errors import DomainError
from environments.operations.pauses import pause_set


class Command(BaseCommand):
    """Sets the pause of everything, audited as the portal's own act."""

    help = "Pause everything: no worker starts or moves anything until it is lifted on the page Health and limits."

    def add_arguments(self, parser: CommandParser) -> None:
        """Why; people read it on every page."""
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; a pause that is there already stays as it is."""
        try:
            pause = pause_set(reason=options["reason"], actor=None)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Everything is paused since {pause.since:%d %b %Y %H:%M} UTC: {pause.reason}")

"""`manage.py preflight <account>`: what the account lacks, how to put it right, and what that costs."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from environments.lifecycle.models import Account
from environments.lifecycle.selectors import release_default
from workers.preflight import MISSING, OPTIONAL, THERE, UNKNOWN, Finding, preflight

MARKS = {THERE: "ok      ", MISSING: "MISSING ", OPTIONAL: "optional", UNKNOWN: "unknown "}


class Command(BaseCommand):
    """Looks, and changes nothing."""

    help = (
        "Say what an account lacks before environments can be built in it: the command or link for each thing, and"
        " what it costs. Ends with 1 when something is missing or could not be looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="The account's name in the portal.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        release = release_default()
        if release is None:
            raise CommandError("No release is registered: run `manage.py register_release`.")
        counts = dict.fromkeys(MARKS, 0)
        for finding in preflight(account, release):
            counts[finding.state] += 1
            self._tell(finding)
        self.stdout.write(", ".join(f"{count} {state}" for state, count in counts.items()) + ".")
        if counts[MISSING] or counts[UNKNOWN]:
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        self.stdout.write(f"{MARKS[finding.state]} {finding.check}: {finding.sentence}")
        for line in finding.todo.splitlines():
            self.stdout.write(f"             {line}")
        if finding.todo and finding.costs != "nothing":
            self.stdout.write(f"             It costs {finding.costs}.")

"""`manage.py reconcile`: what this database says against what is in AWS. Reads only."""

from typing import Any

from django.core.management.base import BaseCommand

from workers.reconcile import reconcile, told


class Command(BaseCommand):
    """Prints each difference with what to do about it."""

    help = "Compare environments and open operations with AWS, for example after restoring the database."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; the same list is kept in the artifact store for the page of health."""
        differences = reconcile()
        for line in told(differences):
            self.stdout.write(line)
        if not differences:
            self.stdout.write("Environments and operations are as AWS has them.")

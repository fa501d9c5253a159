"""Whether the audit is what was recorded: by its own chain of hashes, and by what lies in a locked bucket."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from environments.operations.chain import chain_break
from environments.operations.models import AuditEntry, AuditExport
from workers.audit_export import audit_differences

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Check that no audit row was changed, removed or put in between: each holds its predecessor's hash, and the"
        " objects of the locked bucket, which the database's owner cannot reach, hold the hashes as they were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--chain-only", action="store_true", help="Do not ask AWS: check the chain by itself."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = chain_break()
        if broken is not None:
            raise CommandError(
                f"The chain breaks at audit row {broken}: it, or a row before it, was tampered with."
            )
        count = AuditEntry.objects.count()
        if options["chain_only"]:
            self.stdout.write(f"{count} audit rows, chain unbroken. The locked bucket was not asked.")
            return
        found = list(audit_differences())
        if found:
            more = f" And {len(found) - SHOWN} more." if len(found) > SHOWN else ""
            raise CommandError("The audit is not what was recorded. " + " ".join(found[:SHOWN]) + more)
        written = AuditExport.objects.filter(written_at__isnull=False)
        newest = written.first()
        if newest is None:
            self.stdout.write(f"{count} audit rows, chain unbroken. Nothing lies in a locked bucket yet.")
            return
        self.stdout.write(
            f"{count} audit rows, chain unbroken; rows up to {newest.through_id}, approvals and reports are those of"
            f" {written.count()} locked objects, the newest of {newest.due_at:%Y-%m-%d %H:%M} UTC."
        )

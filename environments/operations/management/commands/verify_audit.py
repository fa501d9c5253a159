"""Walk the audit's chain of hashes and say where it breaks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

# The same expression as the trigger's (models/audit.py), over what the rows say now.
BROKEN = """
    SELECT id FROM (
        SELECT id, hash, previous_hash,
            lag(hash, 1, '') OVER (ORDER BY id) AS predecessor,
            encode(sha256(convert_to(concat_ws(
                E'\\x1f', previous_hash, id, at, actor_name, action, subject, origin, before::text, after::text
            ), 'UTF8')), 'hex') AS computed
        FROM operations_auditentry
    ) rows
    WHERE hash <> computed OR previous_hash <> predecessor
    ORDER BY id LIMIT 1
"""


class Command(BaseCommand):
    help = (
        "Check that no audit row was changed, removed or put in between: each holds its predecessor's hash."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            # The hash was made from the time as the database printed it, in UTC.
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute(BROKEN)
            broken = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM operations_auditentry")
            count = cursor.fetchone()[0]
        if broken is not None:
            raise CommandError(
                f"The chain breaks at audit row {broken[0]}: it, or a row before it, was tampered with."
            )
        self.stdout.write(f"{count} audit rows, chain unbroken.")

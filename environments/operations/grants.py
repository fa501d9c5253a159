"""What the application's database role may do. Runs after each migration, as the database's owner.

Audit rows can be added and read, nothing else: not by a bug, not by a superuser of the portal. The role owns
no table, so it cannot TRUNCATE, drop triggers or alter them either.
"""

from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import sql

APPEND_ONLY_TABLES = ("operations_auditentry",)


def grant_application_role(*, using: str, **_: Any) -> None:
    """Give the role of the `default` database its rights, if another role (the owner) is migrating."""
    role = settings.DATABASES["default"]["USER"]
    connection = connections[using]
    if connection.vendor != "postgresql" or connection.settings_dict["USER"] == role:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            return
        present = set(connection.introspection.table_names(cursor))
        grants = [
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        ]
        for statement in grants:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
        for table in present.intersection(APPEND_ONLY_TABLES):
            cursor.execute(
                sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}").format(
                    table=sql.Identifier(table), role=sql.Identifier(role)
                )
            )

"""The audit is out of everyone's reach: of the portal's database role, and of a portal superuser."""

import hashlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from environments.operations.audit import audit_record, origin
from environments.operations.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_rows_are_chained_by_hash(team, ada):
    token = origin.set("10.0.0.1 api")
    try:
        first = audit_record("team.created", team, actor=ada, after={"slug": "shop"})
    finally:
        origin.reset(token)
    second = audit_record("team.changed", team, actor=None, before={"a": 1}, after={"a": 2})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.origin, first.actor_name, second.actor_name) == ("10.0.0.1 api", "ada", "switchyard")
    assert second.previous_hash == first.hash != ""
    assert len(second.hash) == len(hashlib.sha256().hexdigest())


ATTACKS = [
    "UPDATE operations_auditentry SET action = 'nothing'",
    "DELETE FROM operations_auditentry",
    "TRUNCATE operations_auditentry",
    "ALTER TABLE operations_auditentry DISABLE TRIGGER ALL",
    "DROP TABLE operations_auditentry",
    "SET session_replication_role = replica",
]


@pytest.mark.parametrize("statement", ATTACKS)
def test_the_portals_role_can_only_add_and_read(team, ada, statement):
    audit_record("team.created", team, actor=ada)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get().action == "team.created"


def test_orm_cannot_change_a_row_either(team, ada):
    entry = audit_record("team.created", team, actor=ada)
    entry.action = "something.else"
    with pytest.raises(ProgrammingError), transaction.atomic():
        entry.save()
    with pytest.raises(ProgrammingError), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_the_chain_is_verified_and_tampering_by_the_owner_is_found(team, ada, transactional_db, postgres):
    for number in range(5):
        audit_record("team.changed", team, actor=ada, after={"number": number, "text": "ä \\ '"})
    report = StringIO()
    call_command("audit_verify", "--chain-only", stdout=report)
    assert report.getvalue().startswith("5 audit rows, chain unbroken.")
    third = AuditEntry.objects.order_by("id")[2]
    with postgres.superuser("test_switchyard") as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE operations_auditentry SET actor_name = 'eve' WHERE id = %s", [third.pk])
    with pytest.raises(CommandError, match=f"breaks at audit row {third.pk}"):
        call_command("audit_verify", "--chain-only")

"""The audit's copy in the locked bucket: written once an hour, and believed when the database is not."""

import itertools
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from environments.operations.audit import audit_record
from environments.operations.models import AuditEntry, AuditExport, Decision
from tests.workers.support import approve, drive
from workers.audit_export import audit_export

pytestmark = pytest.mark.django_db(transaction=True)
numbers = itertools.count(1)
# The same expression as the trigger's (models/audit.py), as the database's owner may use it.
REHASH = r"""
    UPDATE operations_auditentry AS entry SET
        previous_hash = previous.hash,
        hash = encode(sha256(convert_to(concat_ws(E'\x1f', previous.hash, entry.id, entry.at, entry.actor_name,
            entry.action, entry.subject, entry.origin, entry.before::text, entry.after::text), 'UTF8')), 'hex')
    FROM (SELECT coalesce((SELECT hash FROM operations_auditentry WHERE id < %(id)s ORDER BY id DESC LIMIT 1), '')
        AS hash) AS previous
    WHERE entry.id = %(id)s
"""


@pytest.fixture
def hour(settings):
    """A moment due, with keys that no other test's objects have: the bucket is the account's, for the whole run."""
    settings.AUDIT_PREFIX = f"audit-{next(numbers)}/"
    return timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


@pytest.fixture
def bucket(account, hour):
    return account.baseline["eu-west-1"]["audit_bucket"]


@pytest.fixture
def contents(sandbox, keys, bucket, settings):
    """Answers what lies in the bucket, all versions, the oldest first."""

    def read():
        s3 = sandbox.client("s3", keys)
        found = s3.list_object_versions(Bucket=bucket, Prefix=settings.AUDIT_PREFIX).get("Versions", [])
        return [
            json.loads(
                s3.get_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])["Body"].read()
            )
            for row in found
        ]

    return read


def verified():
    report = StringIO()
    call_command("audit_verify", stdout=report)
    return report.getvalue()


def changes(people, count):
    return [
        audit_record("team.changed", "team:shop", actor=people["administrator"], after={"number": number})
        for number in range(count)
    ]


def test_each_hour_has_one_object_that_goes_on_where_the_last_one_ended(people, bucket, hour, contents):
    changes(people, 2)
    assert audit_export(hour)
    assert not audit_export(hour)
    [entry] = changes(people, 1)
    assert audit_export(hour + timedelta(hours=1))
    first, second = contents()
    assert first["chain"]["after"] == 0 and len(first["chain"]["rows"]) >= 2
    assert second["chain"]["after"] == first["chain"]["through"]
    entry.refresh_from_db()
    assert second["chain"]["rows"] == [[entry.pk, entry.hash]] and second["chain"]["head"] == entry.hash
    assert "2 locked objects" in verified()


def test_what_was_put_cannot_be_taken_away_for_a_year(sandbox, keys, bucket, hour):
    audit_export(hour)
    told = sandbox.client("s3", keys).head_object(Bucket=bucket, Key=AuditExport.objects.get().key)
    assert told["ObjectLockMode"] == "COMPLIANCE"
    assert told["ObjectLockRetainUntilDate"] > timezone.now() + timedelta(days=360)


def test_approvals_are_in_it_and_a_changed_one_is_found(ask, people, bucket, hour, contents):
    operation = drive(ask(size="medium"), until=lambda row: row.status == "awaiting-approval")
    approve(operation, people)
    decision = Decision.objects.get()
    audit_export(hour)
    [content] = contents()
    [kept] = content["decisions"]
    assert (kept["id"], kept["verdict"], kept["plan_hash"]) == (decision.pk, "approved", decision.plan_hash)
    assert kept["by"] == decision.decided_by.username
    verified()
    Decision.objects.update(comment="Somebody else said so.")
    with pytest.raises(CommandError, match=f"Approval {decision.pk} is not what lies in"):
        verified()


def test_a_row_that_the_owner_altered_with_all_hashes_after_it_is_found(people, bucket, hour, postgres):
    """The owner can make the chain hold again. What lies in the bucket was written before."""
    changes(people, 4)
    audit_export(hour)
    verified()
    *_, altered, third, fourth = AuditEntry.objects.order_by("pk").values_list("pk", flat=True)
    with postgres.superuser("test_switchyard") as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("SET TIME ZONE 'UTC'")
        owner.execute("UPDATE operations_auditentry SET actor_name = 'eve' WHERE id = %s", [altered])
        for row in (altered, third, fourth):
            owner.execute(REHASH, {"id": row})
    call_command("audit_verify", "--chain-only", stdout=StringIO())
    with pytest.raises(CommandError, match=f"Audit row {altered} is not what was recorded"):
        verified()


def test_rows_that_the_owner_deleted_are_named(people, bucket, hour, postgres):
    entry = changes(people, 3)[-1]
    audit_export(hour)
    with postgres.superuser("test_switchyard") as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM operations_auditentry WHERE id = %s", [entry.pk])
    with pytest.raises(CommandError, match=f"Audit row {entry.pk} is gone"):
        verified()


def test_a_second_version_of_an_object_does_not_count_and_is_told(people, sandbox, keys, bucket, hour):
    changes(people, 1)
    audit_export(hour)
    key = AuditExport.objects.get().key
    sandbox.client("s3", keys).put_object(Bucket=bucket, Key=key, Body=b"{}")
    with pytest.raises(CommandError, match="has 2 versions") as caught:
        verified()
    assert "Audit row" not in str(caught.value)


def test_a_refused_export_is_told_and_written_the_next_time(account, people, sandbox, bucket, hour, contents):
    changes(people, 1)
    sandbox.fault("deny", service="s3", operation="PutObject", account=account.account_id)
    assert not audit_export(hour)
    assert AuditExport.objects.get().problem and contents() == []
    sandbox.lift_faults()
    assert audit_export(hour + timedelta(hours=1))
    [content] = contents()
    assert content["due_at"] == hour.isoformat() and AuditExport.objects.get().problem == ""


def test_an_object_that_was_written_before_its_worker_died_is_left_as_it_is(people, bucket, hour, contents):
    changes(people, 1)
    audit_export(hour)
    AuditExport.objects.update(written_at=None, sha256="")
    assert audit_export(hour)
    assert len(contents()) == 1 and "1 locked objects" in verified()


def test_without_a_locked_bucket_nothing_is_written(bucket, hour, settings):
    settings.AUDIT_ACCOUNT = "another"
    assert not audit_export(hour)
    assert not AuditExport.objects.exists()

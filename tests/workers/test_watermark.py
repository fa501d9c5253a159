"""A database restored from yesterday is paused, compared with AWS, and nothing is done a second time."""

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.notes import note_read, note_write
from environments.operations.models import Occurrence, Operation, Pause
from tests.workers.support import STACKS, drive
from workers import watermark
from workers.reconcile import reconcile, told
from workers.runner import advance
from workers.tasks import tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept_mark(settings):
    settings.ENGINE_WATERMARK = True
    mark_put(watermark.marks())
    yield
    mark_put({**watermark.marks(), "database": "another"})
    note_write(watermark.RESTORED, {"at": ""})


def mark_put(mark, *, beside_artifacts=True, in_cache=True):
    """As the tick of a database that has come so far would have noted it."""
    if beside_artifacts:
        note_write(watermark.NOTE, mark)
    if in_cache:
        cache.set(watermark.NOTE, mark, timeout=None)


def test_the_mark_follows_the_database(kept_mark, ask):
    before = note_read(watermark.NOTE)
    drive(ask())
    assert watermark.watermark_check() is False
    after = note_read(watermark.NOTE)
    assert after["operation"] > before["operation"] and after["event"] > before["event"]
    assert not Pause.objects.exists()


def ahead_of(mark):
    return {**mark, "event": mark["event"] + 400, "operation": mark["operation"] + 3}


@pytest.mark.parametrize("restored", ["artifacts", "cache"])
def test_one_of_the_two_marks_is_enough(kept_mark, restored):
    """A backup may hold the artifacts' folder too, or the broker's file."""
    mark_put(
        ahead_of(watermark.marks()), beside_artifacts=restored == "cache", in_cache=restored == "artifacts"
    )
    assert watermark.watermark_check() is True
    assert Pause.objects.get().covers == "everything"


def test_the_comparison_is_begun_once_and_again_when_it_came_to_no_end(kept_mark, people):
    assert not watermark.comparison_is_due()
    mark_put(ahead_of(watermark.marks()))
    watermark.watermark_check()
    assert watermark.comparison_is_due() and not watermark.comparison_is_due()
    Occurrence.objects.all().delete()
    assert watermark.comparison_is_due()
    reconcile()
    Occurrence.objects.all().delete()
    assert not watermark.comparison_is_due()


def test_nothing_expires_while_a_restored_database_waits_for_a_person(kept_mark, ask):
    operation = drive(ask(tier="staging"))
    assert operation.status == "awaiting-approval"
    Operation.objects.update(approval_expires_at=timezone.now())
    mark_put(ahead_of(watermark.marks()))
    tick()
    operation.refresh_from_db()
    assert operation.status == "awaiting-approval"
    Pause.objects.all().delete()
    tick()
    operation.refresh_from_db()
    assert operation.status == "expired"


def test_the_comparison_tells_of_what_is_under_way_without_an_operation_and_of_accounts(ask, account):
    operation = drive(ask())
    Environment.objects.update(status="broken")
    lines = "\n".join(told(reconcile()))
    assert (
        f"is broken here with no operation open; AWS has {len(STACKS)} of {len(STACKS)} stacks complete"
        in lines
    )
    Environment.objects.update(status="active")
    operation.pk, operation.kind, operation.status, operation.subject = None, "account-add", "queued", account
    operation.save(force_insert=True)
    lines = "\n".join(told(reconcile()))
    assert f"operation {operation.pk} (account-add of" in lines
    assert "AWS has in eu-west-1: CDKToolkit-swyard (CREATE_COMPLETE), switchyard-access (" in lines


def test_an_older_database_is_paused_before_anything_moves(kept_mark, ask, sandbox):
    operation = ask()
    mark_put(ahead_of(watermark.marks()))
    before = sandbox.control("GET", "requests/counts")["last"]
    tick()
    pause = Pause.objects.get()
    assert pause.covers == "everything" and "restored from a backup" in pause.reason
    advance(operation.pk)
    operation.refresh_from_db()
    assert operation.status == "pending"
    assert sandbox.control("GET", "requests/counts", after=before)["total"] == 0
    Pause.objects.all().delete()
    # Lifted by a person: it is not paused again for the same reason.
    assert watermark.watermark_check() is False


def test_another_database_is_no_restored_one(kept_mark):
    mark_put({**watermark.marks(), "database": "another", "event": 10**9})
    assert watermark.watermark_check() is False and not Pause.objects.exists()


def test_the_comparison_tells_what_differs_and_changes_nothing(ask, sandbox, capsys):
    operation = drive(ask())
    environment = Environment.objects.get()
    assert not [row for row in reconcile() if str(environment) in row.subject]
    # As a backup from before the approval would have it, and one from before the request.
    Environment.objects.update(status="requested")
    type(operation).objects.filter(pk=operation.pk).update(status="queued")
    before = sandbox.control("GET", "requests/counts")["last"]
    lines = "\n".join(told(reconcile()))
    assert f"environment {environment.name} is requested here, but AWS has" in lines
    assert "all its stacks are complete" in lines
    calls = sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    assert set(calls) <= {"cloudformation.DescribeStacks", "sts.AssumeRole"}
    stem = f"sy-{environment.full_name}-"
    environment.stacks.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lifecycle_environment SET suffix = 'zzzz'")
    call_command("reconcile")
    unknown = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "no environment or application here knows it" in line
    ]
    assert len([line for line in unknown if stem in line]) == len(STACKS)


def test_the_comparison_asks_the_database_as_often_for_many_environments_as_for_one(ask):
    ask()
    reconcile()
    with CaptureQueriesContext(connection) as one:
        foreign = reconcile()
    source = Environment.objects.get()
    for number in range(30):
        source.pk, source.name, source.status = None, f"old-{number}", "torn-down"
        source.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        assert reconcile() == foreign
    assert len(many) == len(one)


def test_a_restored_operation_looks_first_and_deploys_nothing_again(ask, sandbox):
    """The backup is from before the stacks were created: lifted, it finds them and ends well."""
    operation = drive(ask())
    environment = Environment.objects.get()
    environment.stacks.all().delete()
    Environment.objects.update(status="provisioning")
    operation.steps.filter(phase="execute").update(status="pending", attempts=0, state={}, looks=0)
    type(operation).objects.filter(pk=operation.pk).update(status="running", ended_at=None, wake_at=None)
    before = sandbox.control("GET", "requests/counts")["last"]
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    rows = sandbox.control("GET", "requests", after=before, limit=1000)
    assert not [r for r in rows if r["operation"] == "CreateStack" and not r["error"]]
    assert not [
        r
        for r in rows
        if r["operation"].startswith(("Execute", "Delete", "Update")) and "Stack" in r["operation"]
    ]

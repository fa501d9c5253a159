"""A database restored from yesterday is paused, compared with AWS, and nothing is done a second time."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.lifecycle.models import Environment
from environments.operations.models import Pause
from tests.workers.support import drive
from workers import watermark
from workers.artifacts import note_read, note_write
from workers.reconcile import reconcile, told
from workers.runner import advance
from workers.tasks import tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept_mark(settings):
    settings.ENGINE_WATERMARK = True
    note_write(watermark.NOTE, watermark.marks())
    yield
    note_write(watermark.NOTE, {})


def test_the_mark_follows_the_database(kept_mark, ask):
    before = note_read(watermark.NOTE)
    drive(ask())
    assert watermark.watermark_check() is False
    after = note_read(watermark.NOTE)
    assert after["operation"] > before["operation"] and after["event"] > before["event"]
    assert not Pause.objects.exists()


def test_an_older_database_is_paused_before_anything_moves(kept_mark, ask, sandbox):
    operation = ask()
    ahead = watermark.marks()
    note_write(watermark.NOTE, {**ahead, "event": ahead["event"] + 400, "operation": ahead["operation"] + 3})
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
    note_write(watermark.NOTE, {**watermark.marks(), "database": "another", "event": 10**9})
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
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lifecycle_environment SET suffix = 'zzzz'")
    call_command("reconcile")
    assert "no environment here knows it" in capsys.readouterr().out


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

"""The portal's database is replaced by an older one, and real workers start on it."""

import os
import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import Environment
from environments.notes import note_read, note_write
from environments.operations.models import Operation, Pause
from environments.operations.pauses import pause_lift
from tests.workers.houses import House, wait_ended
from tests.workers.support import ask_teardown
from workers import reconcile, watermark

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
YESTERDAY = "test_yesterday"
CHANGES = ("Create", "Update", "Delete", "Execute", "Put")


@pytest.fixture
def house(portal_env, portal_principal, tmp_path_factory, scratch_database, postgres, settings):
    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    environment = {**portal_env, **{name: os.environ[name] for name in names}, "ENGINE_WATERMARK": "true"}
    house = House(tmp_path_factory.mktemp("house"), environment)
    yield house
    house.stop()
    postgres.drop_database(YESTERDAY)
    scratch_database.empty()
    note_write(watermark.NOTE, {**watermark.marks(), "database": "another"})
    note_write(watermark.RESTORED, {"at": ""})
    cache.delete(watermark.NOTE)


def replace(postgres, name, template):
    """A database made from another one, to which nobody may be connected meanwhile."""
    connections.close_all()
    postgres.drop_database(name)
    with postgres.superuser() as connection:
        # A process that has just ended may still be connected for a moment.
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [template]
        )
    postgres.make_database(name, template)


def test_nothing_is_done_a_second_time_and_a_person_decides(
    house, ask, people, sandbox, postgres, scratch_database
):
    # Yesterday: one environment is active, another one has just been asked for.
    house.start()
    assert wait_ended(ask(name="kept")).status == "succeeded"
    house.stop()
    asked = ask(name="again")
    replace(postgres, YESTERDAY, scratch_database.name)
    # Today: the second one was built and torn down again, and a third one was made.
    house.start()
    assert wait_ended(asked).status == "succeeded"
    again = Environment.objects.get(name="again")
    assert wait_ended(ask_teardown(people, again)).status == "succeeded"
    assert wait_ended(ask(name="newer")).status == "succeeded"
    house.stop()

    replace(postgres, scratch_database.name, YESTERDAY)
    before = sandbox.control("GET", "requests/counts")["last"]
    house.start()
    deadline = time.monotonic() + 60
    while not _compared():
        assert time.monotonic() < deadline, "Nobody has compared the restored database with AWS."
        time.sleep(0.2)
    pause = Pause.objects.get()
    assert pause.covers == "everything" and "restored from a backup" in pause.reason
    assert Operation.objects.get(pk=asked.pk).status == "pending"
    told = "\n".join(reconcile.told([reconcile.Difference(**row) for row in _comparison()["differences"]]))
    assert f"operation {asked.pk} (provision of again) is pending here" in told
    assert "stack sy-newer-" in told and "no environment or application here knows it" in told
    assert "environment kept" not in told
    rows = sandbox.control("GET", "requests", after=before, limit=100_000)
    assert [row["operation"] for row in rows if row["operation"].startswith(CHANGES)] == []

    client = Client()
    person = people["administrator"]
    person.is_staff = True
    person.save()
    TOTP.activate(person, generate_totp_secret())
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:administration")).content.decode()
    assert "seems to be restored from a backup" in page
    assert f"Operation {asked.pk} (provision of again)" in page

    # A person gives the request up, and lets the rest go on: it is not paused again.
    Operation.objects.filter(pk=asked.pk).update(status="cancelled")
    pause_lift(actor=people["administrator"])
    assert wait_ended(ask(name="later")).status == "succeeded"
    assert not Pause.objects.exists()


def _comparison():
    return note_read(reconcile.NOTE)


def _compared():
    restored, compared = note_read(watermark.RESTORED), _comparison()
    return bool(restored and restored["at"] and compared and compared["at"] >= restored["at"])

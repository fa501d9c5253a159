"""The points at which workers are killed come from a trace of good runs, never from somebody's memory."""

import os
from pathlib import Path

import pytest

from environments.lifecycle.accounts import account_add_again
from environments.lifecycle.models import Account, Environment
from environments.lifecycle.teardown import environment_teardown
from tests.workers.support import drive

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = Path(__file__).with_name("points.txt")
LOOKS = ("Describe", "AssumeRole")


@pytest.fixture
def trace(tmp_path, monkeypatch):
    file = tmp_path / "trace"
    monkeypatch.setenv("SWITCHYARD_FAULT_TRACE", str(file))
    return file


def test_every_point_of_good_runs_is_in_the_matrix(trace, ask, people, sandbox):
    account = Account.objects.get()
    drive(account_add_again(account=account, actor=people["administrator"]))
    drive(ask(), observing=False)
    drive(ask())
    environment = Environment.objects.latest("pk")
    copies = {"database": True, "uploads": False}
    operation = environment_teardown(
        environment=environment, confirm=environment.name, copies=copies, actor=people["team-lead"]
    )
    assert drive(operation).status == "succeeded", operation.sentence
    passed = set(trace.read_text().split())
    if os.environ.get("SWITCHYARD_RECORD_POINTS"):
        POINTS.write_text("\n".join(sorted(passed | set(POINTS.read_text().split()))) + "\n")
    # How often a step only looks depends on the clock; that it changes something does not.
    missing = sorted(
        point
        for point in passed - set(POINTS.read_text().split())
        if not point.split(".")[3].startswith(LOOKS)
    )
    assert not missing, f"Run this test with SWITCHYARD_RECORD_POINTS=1, which adds {missing}"
    assert len(passed) > 100

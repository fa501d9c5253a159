"""The points at which workers are killed come from traces of good runs, never from somebody's memory.

A canary's points are recorded by the canary that passes, in test_canary.py: with SWITCHYARD_RECORD_POINTS=1, run
`tests/workers -k "matrix or passed_canary"`.
"""

import pytest

from environments.lifecycle.accounts import account_add_again
from environments.lifecycle.application_update import application_update
from environments.lifecycle.applications import application_add, application_remove
from environments.lifecycle.deploy import environment_deploy
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.models import Account, Application, Environment
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel
from environments.people.models import Team
from tests.workers.delivering import registry, version_push
from tests.workers.hands import Hands
from tests.workers.points import CANCELLED, points_recorded
from tests.workers.rounds import check
from tests.workers.support import approve, drive

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_point_of_good_runs_is_in_the_matrix(trace, ask, people, sandbox):
    account = Account.objects.get()
    drive(account_add_again(account=account, actor=people["administrator"]))
    drive(ask(), observing=False)
    drive(ask())
    environment = Environment.objects.latest("pk")
    copies = {"database": True, "uploads": False, "logs": False}
    operation = environment_teardown(
        environment=environment, confirm=environment.name, copies=copies, actor=people["team-lead"]
    )
    assert drive(operation).status == "succeeded", operation.sentence
    assert points_recorded(trace) > 100


def test_every_point_of_an_update_and_of_a_cancelled_one_is_in_the_matrix(trace, active, people, sandbox):
    def ask_for(size):
        operation = environment_update(environment=active, changes={"size": size}, actor=people["team-lead"])
        drive(operation)
        return approve(operation, people)

    assert drive(ask_for("medium")).status == "succeeded"
    assert points_recorded(trace) > 40
    sandbox.fault("slow", type="AWS::RDS::DBInstance", action="update", seconds=3)
    operation = ask_for("small")
    drive(operation, until=lambda row: row.steps.filter(key="data", state__executed=True).exists())
    trace.write_text("")
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "cancelled", operation.sentence
    assert points_recorded(trace, prefix=CANCELLED) > 3


def test_every_point_of_a_drift_fix_is_in_the_matrix(trace, active, people, sandbox, keys):
    hands = Hands(active, sandbox, keys)
    hands.http2("false")
    hands.unversion()
    check(active, people)
    trace.write_text("")
    operation = drive(environment_drift_fix(environment=active, actor=people["team-lead"]))
    assert drive(approve(operation, people)).status == "succeeded", operation.sentence
    assert points_recorded(trace) > 30


def test_every_point_of_a_deployment_is_in_the_matrix(trace, active, people, sandbox, keys):
    with registry(sandbox, keys, active) as till:
        version = version_push(sandbox, keys, till, "c0ffee")
        trace.write_text("")
        operation = drive(environment_deploy(environment=active, version=version, actor=people["team-lead"]))
        assert drive(approve(operation, people)).status == "succeeded", operation.sentence
        assert points_recorded(trace) > 30


def test_every_point_of_an_application_that_comes_changes_and_goes_is_in_the_matrix(
    trace, account, release, people
):
    trace.write_text("")
    operation = drive(
        application_add(
            name="till", team=Team.objects.get(), account=account, release=release, actor=people["team-lead"]
        )
    )
    assert drive(approve(operation, people)).status == "succeeded", operation.sentence
    application = Application.objects.get()
    operation = drive(
        application_update(application=application, changes={"branch": "trunk"}, actor=people["team-lead"])
    )
    assert drive(approve(operation, people)).status == "succeeded", operation.sentence
    operation = drive(application_remove(application=application, confirm="till", actor=people["team-lead"]))
    assert drive(approve(operation, people)).status == "succeeded", operation.sentence
    assert points_recorded(trace) > 40

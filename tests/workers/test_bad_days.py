"""Bad days of an update, with real worker and beat processes: a dark region, throttling, a cancel in flight."""

import os
import time

import pytest

from environments.lifecycle.models import Environment
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel
from tests.workers.houses import AT_REST, House, wait_ended
from tests.workers.support import ACCOUNT_ID, REGION, approve

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
SLOW = "AWS::RDS::DBInstance"


@pytest.fixture(scope="module")
def house(portal_env, portal_principal, tmp_path_factory, scratch_database):
    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    environment = {**portal_env, **{name: os.environ[name] for name in names}}
    house = House(tmp_path_factory.mktemp("house"), environment, children=2).start()
    yield house
    house.stop()
    scratch_database.empty()


@pytest.fixture
def update(house, active, people):
    """An approved update to another size, which changes the data stack among others."""
    operation = environment_update(environment=active, changes={"size": "medium"}, actor=people["team-lead"])
    wait_ended(operation, statuses=AT_REST)
    assert operation.status == "awaiting-approval", operation.sentence
    return operation


def calls(sandbox, operation, after):
    """How often a call succeeded since then."""
    rows = sandbox.control("GET", "requests", after=after, limit=100_000)
    return sum(1 for row in rows if row["operation"] == operation and not row["error"])


def wait_for(operation, what, within_s=30):
    """Wait for something of the operation's, which must not end meanwhile."""
    deadline = time.monotonic() + within_s
    while not what():
        operation.refresh_from_db()
        assert not operation.is_ended, operation.sentence
        assert time.monotonic() < deadline, [(s.key, s.status, s.sentence) for s in operation.steps.all()]
        time.sleep(0.05)


def in_flight(operation, sandbox, people, seconds):
    """Approve, and wait until CloudFormation changes the database; answers the request counter before it."""
    before = sandbox.control("GET", "requests/counts")["last"]
    sandbox.fault("slow", type=SLOW, action="update", seconds=seconds)
    approve(operation, people)
    wait_for(operation, lambda: operation.steps.filter(key="data", state__executed=True).exists())
    return before


def changed_once(operation, sandbox, before):
    """Each stack of the plan was changed by one change set, and the environment is what was asked for."""
    changing = [row for row in operation.plan.document["stacks"] if row["action"] == "update"]
    assert calls(sandbox, "ExecuteChangeSet", before) == len(changing) > 1
    assert Environment.objects.get().size == "medium"


@pytest.mark.parametrize("mode", ["refuse", "hang"])
def test_a_region_dark_in_the_middle_of_an_update_delays_it_and_says_so(update, people, sandbox, mode):
    before = in_flight(update, sandbox, people, seconds=2)
    dark = sandbox.fault("dark", account=ACCOUNT_ID, region=REGION, mode=mode)
    wait_for(update, lambda: update.steps.filter(key="data", waits_for="dark").exists())
    wait_for(update, lambda: update.status == "waiting")
    assert f"AWS in {REGION} could not be reached since" in update.sentence
    sandbox.control("DELETE", f"faults/{dark}")
    assert wait_ended(update).status == "succeeded", update.sentence
    changed_once(update, sandbox, before)


def test_throttling_of_every_call_is_waited_out_and_changes_nothing_twice(update, people, sandbox):
    before = sandbox.control("GET", "requests/counts")["last"]
    throttled = sandbox.fault("throttle", account=ACCOUNT_ID, rate=0)
    approve(update, people)
    wait_for(update, lambda: update.steps.filter(waits_for="fault", faults__gte=4).exists())
    # S3 answers a HEAD without a body: then it is only known to be unavailable.
    told = update.steps.filter(waits_for="fault").first().sentence
    assert told.startswith(("AWS asks for fewer calls", "AWS could not be reached")) and "next try" in told
    sandbox.control("DELETE", f"faults/{throttled}")
    assert wait_ended(update).status == "succeeded", update.sentence
    changed_once(update, sandbox, before)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_throttling_for_minutes_loses_nothing(update, people, sandbox):
    before = sandbox.control("GET", "requests/counts")["last"]
    throttled = sandbox.fault("throttle", account=ACCOUNT_ID, rate=0.2)
    approve(update, people)
    until = time.monotonic() + 150
    wait_for(update, lambda: time.monotonic() > until, within_s=160)
    sandbox.control("DELETE", f"faults/{throttled}")
    # The longest pause between two tries is a minute and a half.
    assert wait_ended(update, within_s=240).status == "succeeded", update.sentence
    changed_once(update, sandbox, before)


def test_a_cancel_in_flight_takes_the_update_back(update, people, sandbox):
    before = in_flight(update, sandbox, people, seconds=4)
    operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    assert wait_ended(update).status == "cancelled", update.sentence
    assert calls(sandbox, "CancelUpdateStack", before) == 1
    environment = Environment.objects.get()
    assert environment.stacks.get(key="data").status == "UPDATE_ROLLBACK_COMPLETE"
    assert (environment.status, environment.size) == ("active", "small")
    again = environment_update(environment=environment, changes={"size": "medium"}, actor=people["team-lead"])
    wait_ended(again, statuses=AT_REST)
    approve(again, people)
    assert wait_ended(again).status == "succeeded", again.sentence


def test_a_cancel_while_the_region_is_dark_is_carried_out_when_it_answers(update, people, sandbox):
    before = in_flight(update, sandbox, people, seconds=6)
    dark = sandbox.fault("dark", account=ACCOUNT_ID, region=REGION)
    operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    wait_for(update, lambda: update.steps.filter(key="data", waits_for="fault").exists())
    update.refresh_from_db()
    assert update.status == "cancelling"
    sandbox.control("DELETE", f"faults/{dark}")
    assert wait_ended(update).status == "cancelled", update.sentence
    assert calls(sandbox, "CancelUpdateStack", before) == 1

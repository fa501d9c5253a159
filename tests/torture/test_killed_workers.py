"""A worker killed at every point that a good run passes: one deployment, the right end, no event lost.

The matrix is made from points.txt (see tests/workers/test_matrix.py): one run per operation and step, in which a
worker dies at each of the step's points in turn, before and after each AWS call. A canary takes longer than all of
its deaths: its own points are met in one run, and those of its environment's update in another.
"""

import itertools
import time

import pytest

from environments.lifecycle.accounts import account_add
from environments.lifecycle.canary import account_canary
from environments.lifecycle.drift import drift_check_ask
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.models import Account, Environment, TeardownReport
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel
from environments.operations.models import Stack
from environments.people.models import Team
from tests.workers.hands import Hands
from tests.workers.houses import AT_REST, wait_ended
from tests.workers.points import CANCELLED, POINTS
from tests.workers.support import (
    REGION,
    ZONE,
    approve,
    assets_take_back,
    change_by_hand,
    role_deploy,
    zone_make,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torture, pytest.mark.timeout(1200)]
CHANGING = (
    "CancelUpdateStack",
    "ChangeResourceRecordSets",
    "CreateChangeSet",
    "CreateDBClusterSnapshot",
    "CreateStack",
    "DeleteStack",
    "ExecuteChangeSet",
    "PutObject",
    "ScheduleKeyDeletion",
    "SetStackPolicy",
)
accounts = itertools.count(300_000_000_001)


def steps(kind):
    """The steps of a kind that call AWS."""
    return sorted({point.split(".")[1] for point in POINTS if point.startswith(f"{kind}.")})


def points(kind, step=""):
    """The points of a kind, or of one of its steps."""
    beginning = f"{kind}.{step}." if step else f"{kind}."
    return [point for point in POINTS if point.startswith(beginning)]


def calls(sandbox, operation, after):
    """How often a call succeeded since then."""
    rows = sandbox.control("GET", "requests", after=after, limit=100_000)
    return sum(1 for row in rows if row["operation"] == operation and not row["error"])


def stacks_made(sandbox, keys):
    """How many stacks an account was ever given in the region; Beanstalk's own are not asked for by CreateStack."""
    pages = sandbox.client("cloudformation", keys, REGION).get_paginator("list_stacks").paginate()
    names = [row["StackName"] for page in pages for row in page["StackSummaries"]]
    return sum(1 for name in names if not name.startswith("awseb-"))


def counter(sandbox):
    return sandbox.control("GET", "requests/counts")["last"]


def no_event_is_lost(operation):
    # The observer may still add lines: what was counted when we looked has to be there without a gap.
    operation.refresh_from_db()
    numbers = list(
        operation.events.filter(number__lte=operation.event_count).values_list("number", flat=True)
    )
    assert numbers == list(range(1, operation.event_count + 1))
    for step in operation.steps.all():
        kinds = set(operation.events.filter(step_key=step.key).values_list("kind", flat=True))
        assert {"step.started", "step.succeeded"} <= kinds, step.key


def died_everywhere(house, kind, step="", idle=()):
    """Each point was met. Only looks may be missing: how often a step looks depends on the clock.

    idle: keys of the steps in which this run had nothing to change.
    """
    missed = [point for point in house.unmet() if point.split(".")[1] not in idle]
    assert len(missed) < len(points(kind, step)) or not missed
    assert not [point for point in missed if point.split(".")[3] in CHANGING], missed


@pytest.mark.parametrize("step", steps("provision"))
def test_provision_survives(step, house, ask, sandbox, keys):
    assets_take_back(sandbox, keys)
    before = counter(sandbox)
    house.arm(*points("provision", step))
    operation = wait_ended(ask(), within_s=200)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "provision", step)
    assert calls(sandbox, "CreateStack", before) == Environment.objects.get().stacks.count() > 4
    assert set(Stack.objects.filter(operation=operation).values_list("status", flat=True)) == {
        "CREATE_COMPLETE"
    }
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("teardown"))
def test_teardown_survives(step, house, ask, people, sandbox):
    house.arm()
    assert wait_ended(ask()).status == "succeeded"
    environment = Environment.objects.get()
    before, had = counter(sandbox), environment.stacks.count()
    house.arm(*points("teardown", step))
    operation = wait_ended(
        environment_teardown(
            environment=environment,
            confirm=environment.name,
            # Keys go with the last use of them: no copy may need one where their deletion is to be died at.
            copies={"database": step != "clean", "uploads": False, "logs": False},
            actor=people["team-lead"],
        ),
        within_s=1000,
    )
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "teardown", step)
    assert calls(sandbox, "DeleteStack", before) == had > 4
    assert calls(sandbox, "CreateDBClusterSnapshot", before) == (step != "clean")
    assert TeardownReport.objects.get().left_over == []
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("update"))
def test_update_survives(step, house, ask, people, sandbox):
    house.arm()
    assert wait_ended(ask()).status == "succeeded"
    before = counter(sandbox)
    house.arm(*points("update", step))
    # The retention of logs is what an update of the storage stack can be about.
    operation = planned(people, size="medium", log_retention_days=7)
    approve(operation, people)
    wait_ended(operation, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "update", step)
    changing = [stack for stack in operation.plan.document["stacks"] if stack["action"] == "update"]
    assert calls(sandbox, "ExecuteChangeSet", before) == len(changing) > 1
    assert Environment.objects.get().size == "medium"
    no_event_is_lost(operation)


def test_a_plan_that_moved_after_its_approval_survives(house, ask, people, sandbox, keys):
    """Killed on the way back to the plan as well: it asks for approval once more, of another plan."""
    house.arm()
    assert wait_ended(ask()).status == "succeeded"
    operation = planned(people, size="medium")
    seen = operation.approval_hash
    change_by_hand(sandbox, keys, Environment.objects.get().stacks.get(key="network").name)
    house.arm(*points("update", "second-look"))
    approve(operation, people)
    wait_ended(operation, within_s=300, statuses=AT_REST)
    assert operation.status == "awaiting-approval" and operation.approval_hash != seen, operation.sentence
    assert operation.events.filter(kind="operation.replanned").count() == 1
    approve(operation, people)
    wait_ended(operation, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    no_event_is_lost(operation)


def test_a_cancelled_update_survives(house, ask, people, sandbox):
    house.arm()
    assert wait_ended(ask()).status == "succeeded"
    before = counter(sandbox)
    sandbox.fault("slow", type="AWS::RDS::DBInstance", action="update", seconds=25)
    operation = planned(people, size="medium")
    approve(operation, people)
    while not operation.steps.filter(key="data", state__executed=True).exists():
        time.sleep(0.1)
    kind = f"{CANCELLED}update"
    house.arm(*(point.removeprefix(CANCELLED) for point in points(kind)))
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    wait_ended(operation, within_s=300)
    assert operation.status == "cancelled", operation.sentence
    died_everywhere(house, kind)
    assert calls(sandbox, "CancelUpdateStack", before) == 1
    environment = Environment.objects.get()
    assert (environment.status, environment.size) == ("active", "small")
    assert environment.stacks.get(key="data").status == "UPDATE_ROLLBACK_COMPLETE"


def planned(people, **changes):
    """An update of the one environment, which waits for its approval."""
    operation = environment_update(
        environment=Environment.objects.get(), changes=changes, actor=people["team-lead"]
    )
    wait_ended(operation, within_s=200, statuses=AT_REST)
    assert operation.status == "awaiting-approval", operation.sentence
    return operation


def wait_approved(operation, people, *, within_s=200):
    """Wait for its plan, which another person approves, and for its end; answers it."""
    wait_ended(operation, within_s=200, statuses=AT_REST)
    assert operation.status == "awaiting-approval", operation.sentence
    approve(operation, people)
    return wait_ended(operation, within_s=within_s)


@pytest.mark.parametrize("step", steps("drift-fix"))
def test_drift_fix_survives(step, house, ask, people, sandbox, keys):
    house.arm()
    assert wait_ended(ask()).status == "succeeded"
    environment = Environment.objects.get()
    hands = Hands(environment, sandbox, keys)
    hands.http2("false")
    hands.unversion()
    look = drift_check_ask(environment=environment, actor=people["engineer"])
    deadline = time.monotonic() + 60
    while look.is_open:
        assert time.monotonic() < deadline, look.sentence
        time.sleep(0.2)
        look.refresh_from_db()
    assert (look.status, look.found) == ("done", 2), look.sentence
    before = counter(sandbox)
    house.arm(*points("drift-fix", step))
    operation = environment_drift_fix(environment=environment, actor=people["team-lead"])
    wait_approved(operation, people, within_s=300)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "drift-fix", step)
    assert calls(sandbox, "ExecuteChangeSet", before) == 2
    assert (hands.is_http2(), hands.versioning()) == ("true", "Enabled")
    assert set(environment.drift_findings.values_list("status", flat=True)) == {"fixed"}
    no_event_is_lost(operation)


@pytest.mark.parametrize("step", steps("account-add"))
def test_account_add_survives(step, house, release, people, sandbox, settings):
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    keys = sandbox.account(str(next(accounts)))
    zone_make(sandbox, keys)
    before = counter(sandbox)
    house.arm(*points("account-add", step))
    operation = account_add(
        name="tortured",
        account_id=keys.account_id,
        mode="sandbox",
        regions=[REGION],
        zone_name=ZONE,
        actor=people["administrator"],
    )
    role_deploy(sandbox, keys, release, Account.objects.get())
    wait_approved(operation, people, within_s=200)
    assert operation.status == "succeeded", operation.sentence
    died_everywhere(house, "account-add", step)
    assert calls(sandbox, "CreateStack", before) == stacks_made(sandbox, keys) > 3
    assert Account.objects.get().status == "ready"
    no_event_is_lost(operation)


@pytest.mark.parametrize("kind", ["canary", "update"])
def test_canary_survives(kind, house, release, people, sandbox, settings):
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    keys = sandbox.account(str(next(accounts)))
    zone_make(sandbox, keys)
    house.arm()
    adding = account_add(
        name="plan-only",
        account_id=keys.account_id,
        mode="plan-only",
        regions=[REGION],
        zone_name=ZONE,
        actor=people["administrator"],
    )
    account = Account.objects.get()
    role_deploy(sandbox, keys, release, account)
    assert wait_approved(adding, people).status == "succeeded", adding.sentence
    account.refresh_from_db()
    before, had = counter(sandbox), stacks_made(sandbox, keys)
    house.arm(*points(kind))
    operation = account_canary(account=account, team=Team.objects.get(), actor=people["administrator"])
    wait_approved(operation, people, within_s=900)
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    lived = list(environment.operations.order_by("pk"))
    planned = lived[1].plan.document["stacks"]
    # The canary changes less than the update did of which the points were noted.
    died_everywhere(house, kind, idle=[stack["key"] for stack in planned if not stack["changes"]])
    assert [row.kind for row in lived] == ["provision", "update", "teardown"]
    assert {row.status for row in lived} == {"succeeded"}
    # The bootstrap, the baseline and the environment's own.
    made, own = stacks_made(sandbox, keys) - had, lived[0].steps.filter(parameters__has_key="stack").count()
    assert calls(sandbox, "CreateStack", before) == made > own > 4
    changed = [stack for stack in planned if stack["changes"]]
    assert calls(sandbox, "ExecuteChangeSet", before) == len(changed) > 0
    assert calls(sandbox, "DeleteStack", before) == own
    account.refresh_from_db()
    assert (account.mode, environment.status) == ("live", "torn-down")
    assert TeardownReport.objects.get().left_over == []
    for row in (operation, *lived):
        no_event_is_lost(row)

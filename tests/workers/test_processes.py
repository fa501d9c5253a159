"""Bad days with real worker and beat processes: two workers and two beats on one database, queue and sandbox."""

import datetime
import os
import random
import signal
import threading
import time

import psutil
import pytest
from django.db import connections
from django.utils import timezone

from environments.errors import Conflict, DomainError
from environments.lifecycle.deploy import environment_deploy, label_of
from environments.lifecycle.environments import environment_protect
from environments.lifecycle.extend import environment_extend_hours
from environments.lifecycle.models import Environment, ExpiryRule
from environments.lifecycle.pauses import account_pause, account_pause_lift
from environments.lifecycle.update import environment_update
from environments.operations.approvals import operation_approve
from environments.operations.control import operation_cancel
from environments.operations.models import AuditEntry, Claim, Notice, Operation, Stack
from environments.operations.queue import send
from tests.factories import rule_make
from tests.workers.delivering import label_running, registry, version_push
from tests.workers.houses import AT_REST, House, wait_ended
from tests.workers.points import POINTS
from tests.workers.support import STACKS, approve, ask_teardown, assets_take_back

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def house(portal_env, portal_principal, tmp_path_factory, scratch_database):
    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    environment = {**portal_env, **{name: os.environ[name] for name in names}}
    house = House(tmp_path_factory.mktemp("house"), environment).start(workers=2, beats=2)
    yield house
    house.stop()
    # What its beats wrote after the last test would be met by somebody's next one.
    scratch_database.empty()


@pytest.fixture
def counted(sandbox):
    """How many stacks were created since the test began, by calls that succeeded."""
    before = sandbox.control("GET", "requests/counts")["last"]

    def count():
        rows = sandbox.control("GET", "requests", after=before, limit=100_000)
        return sum(1 for row in rows if row["operation"] == "CreateStack" and not row["error"])

    return count


def over(operation, counted):
    """The right end: active, each stack deployed once, no event lost."""
    assert operation.status == "succeeded", operation.sentence
    assert Environment.objects.get().status == "active"
    assert counted() == len(STACKS)
    assert set(Stack.objects.filter(operation=operation).values_list("status", flat=True)) == {
        "CREATE_COMPLETE"
    }
    # The observer may still add lines: what was counted when we looked has to be there without a gap.
    operation.refresh_from_db()
    numbers = list(
        operation.events.filter(number__lte=operation.event_count).values_list("number", flat=True)
    )
    assert numbers == list(range(1, operation.event_count + 1))


def test_workers_killed_at_three_points_of_today(ask, house, counted, sandbox, keys):
    """A sample that moves with the day; `make torture` takes every point."""
    today = random.Random(datetime.datetime.now(datetime.UTC).toordinal())
    changing = [point for point in POINTS if point.startswith("provision.") and "Describe" not in point]
    assets_take_back(sandbox, keys)
    house.arm(*today.sample([point for point in changing if "sts" not in point], 3))
    over(wait_ended(ask(), within_s=120), counted)
    assert house.unmet() == []


def test_a_version_is_named_and_deployed_once_although_workers_die_around_the_calls(
    active, house, people, sandbox, keys
):
    before = sandbox.control("GET", "requests/counts")["last"]
    with registry(sandbox, keys, active) as till:
        version = version_push(sandbox, keys, till, "c0ffee")
        house.arm(
            "deploy.version-app.elasticbeanstalk.CreateApplicationVersion.after",
            "deploy.app.cloudformation.ExecuteChangeSet.after",
        )
        operation = environment_deploy(environment=active, version=version, actor=people["team-lead"])
        wait_ended(operation, within_s=120, statuses=AT_REST)
        assert operation.status == "awaiting-approval", operation.sentence
        wait_ended(approve(operation, people), within_s=120)
        assert operation.status == "succeeded", operation.sentence
        assert house.unmet() == []
        assert label_running(sandbox, keys, active) == label_of(version)
    rows = sandbox.control("GET", "requests", after=before, limit=100_000)
    done = [row["operation"] for row in rows if not row["error"]]
    assert done.count("CreateApplicationVersion") == done.count("ExecuteChangeSet") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_frozen_worker_that_wakes_after_its_lease_changes_nothing(ask, house, counted, moment):
    house.arm(f"provision.data.cloudformation.CreateStack.{moment}", what="STOP")
    operation = wait_ended(ask(), within_s=120)
    over(operation, counted)
    (frozen,) = house.frozen()
    os.kill(frozen.pid, signal.SIGCONT)
    deadline = time.monotonic() + 20
    while not any(b"lease.lost" in process.log.read_bytes() for process in house.running):
        assert time.monotonic() < deadline, "The frozen worker did not notice."
        time.sleep(0.1)
    operation.refresh_from_db()
    over(operation, counted)
    assert psutil.pid_exists(frozen.pid)


def test_a_validation_record_is_deleted_once_although_workers_die_around_the_call(
    active, house, people, sandbox, keys
):
    before = sandbox.control("GET", "requests/counts")["last"]
    call = "teardown.validation-record.route53.ChangeResourceRecordSets"
    house.arm(f"{call}.before", f"{call}.after")
    operation = wait_ended(
        ask_teardown(people, active),
        within_s=120,
    )
    assert operation.status == "succeeded", operation.sentence
    assert house.unmet() == []
    rows = sandbox.control("GET", "requests", after=before, limit=100_000)
    assert sum(1 for row in rows if row["operation"] == "ChangeResourceRecordSets" and not row["error"]) == 1
    route53 = sandbox.client("route53", keys)
    records = route53.list_resource_record_sets(HostedZoneId=active.spec["zone_id"])
    names = [record["Name"].rstrip(".") for record in records["ResourceRecordSets"]]
    assert not [name for name in names if name.endswith(active.spec["domain"])]


def test_doubled_and_late_messages_and_two_beats_deploy_once(ask, house, counted):
    operation = ask()
    for countdown_s in (0, 0, 0, 0.2, 0.2, 0.5, 1, 2):
        send(operation.pk, countdown_s=countdown_s)
    over(wait_ended(operation), counted)
    send(operation.pk)
    time.sleep(1)
    over(operation, counted)


def test_a_broker_that_is_down_at_the_request_only_makes_it_later(ask, house, counted, valkey):
    valkey.stop()
    try:
        operation = ask()
    finally:
        valkey.start()
    over(wait_ended(operation, within_s=120), counted)


def test_a_database_that_restarts_in_the_middle_is_survived(ask, house, counted, postgres):
    operation = ask()
    wait_ended(operation, statuses={"running"})
    connections.close_all()
    postgres.restart()
    over(wait_ended(operation, within_s=120), counted)


def expire(environment):
    """Its time came a moment ago, and its people were told in time."""
    now = timezone.now()
    Environment.objects.filter(pk=environment.pk).update(
        expires_at=now, expiry_due_at=now, expiry_warned_at=now - datetime.timedelta(hours=1)
    )


@pytest.fixture
def up(active, house):
    """An active environment, and the product's rule for its expiry."""
    rule = {"default_days": 14, "maximum_days": 30, "approves_teardown": True}
    ExpiryRule.objects.update_or_create(tier="dev", defaults=rule)
    return active


def teardowns(within_s=40):
    """The teardowns that there are, once there is one."""
    deadline = time.monotonic() + within_s
    while not Operation.objects.filter(kind="teardown").exists():
        assert time.monotonic() < deadline, "No teardown was opened."
        time.sleep(0.1)
    return list(Operation.objects.filter(kind="teardown"))


def changed(environment, people):
    """An update of it that runs."""
    asked = environment_update(environment=environment, changes={"size": "medium"}, actor=people["team-lead"])
    wait_ended(asked, statuses={"awaiting-approval"})
    operation_approve(operation_id=asked.pk, plan_hash=asked.approval_hash, actor=people["approver"])
    return wait_ended(asked, statuses={"running", "waiting"})


def test_an_expiry_during_an_update_comes_after_it(up, house, people, sandbox):
    sandbox.settings(speed=0.02)
    update = changed(up, people)
    expire(up)
    notices = Notice.objects.filter(topic="environment.expired", subject_id=up.pk)
    deadline = time.monotonic() + 20
    while not notices.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert f"as soon as operation {update.pk} (update) has ended" in notices.get().sentence
    assert not Operation.objects.filter(kind="teardown").exists()
    sandbox.settings(speed=0)
    assert wait_ended(update, within_s=120).status == "succeeded", update.sentence
    (operation,) = teardowns()
    assert wait_ended(operation, within_s=150).status == "succeeded", operation.sentence
    assert operation.started_at > update.ended_at
    assert Environment.objects.get().status == "torn-down"


def test_an_extension_during_the_update_leaves_it_standing(up, house, people, sandbox):
    sandbox.settings(speed=0.02)
    update = changed(up, people)
    expire(up)
    time.sleep(2)
    environment_extend_hours(environment=up, hours=24, actor=people["team-lead"])
    sandbox.settings(speed=0)
    assert wait_ended(update, within_s=120).status == "succeeded", update.sentence
    # Two rounds of what looks again, and more.
    time.sleep(4)
    assert not Operation.objects.filter(kind="teardown").exists()
    assert Environment.objects.get().status == "active"


def test_a_worker_killed_between_telling_and_opening_has_done_neither_and_it_is_done_once(up, house, people):
    house.arm("expiry.opened")
    expire(up)
    operations = teardowns()
    assert house.unmet() == []
    assert wait_ended(operations[0], within_s=150).status == "succeeded", operations[0].sentence
    assert Operation.objects.filter(kind="teardown").count() == 1
    assert Notice.objects.filter(topic="environment.expired", subject_id=up.pk).count() == 1


def test_a_paused_account_lets_aws_finish_what_it_has_begun_and_goes_on_once_lifted(
    ask, house, counted, people, account, sandbox
):
    sandbox.fault("slow", type="AWS::EC2::VPC", action="create", seconds=3)
    operation = ask()
    stacks = Stack.objects.filter(operation=operation)
    wait_until(lambda: stacks.filter(status="CREATE_IN_PROGRESS").exists())
    account_pause(account=account, reason="An incident.", actor=people["administrator"])
    time.sleep(1)
    begun = counted()
    # Longer than a lease, a tick and the stack itself take.
    time.sleep(6)
    assert counted() == begun < 5
    assert set(stacks.values_list("status", flat=True)) == {"CREATE_COMPLETE"}
    operation.refresh_from_db()
    assert operation.status in ("running", "waiting") and operation.held_since is not None
    account_pause_lift(account=account, actor=people["administrator"])
    over(wait_ended(operation, within_s=120), counted)


def test_people_who_do_different_things_at_once_lose_nothing(active, house, people):
    """Update, teardown, protection and a cancel in one moment: each is done, or told why not; claims order the rest."""
    rule_make("Dev changes", operation_kinds=["update"], tiers=["dev"], position=2)
    before = AuditEntry.objects.order_by("-id").first().id

    def change(days):
        return lambda: environment_update(
            environment=active, changes={"log_retention_days": days}, actor=people["engineer"]
        )

    def cancel():
        row = Operation.objects.filter(kind="update").order_by("-id").first()
        if row is None:
            raise Conflict("No update is there yet.")
        return operation_cancel(operation_id=row.pk, actor=people["administrator"])

    deeds = {
        "update": change(7),
        "the same update": change(14),
        "teardown": lambda: ask_teardown(people, active),
        "protect": lambda: environment_protect(
            environment=active, is_protected=True, actor=people["administrator"]
        ),
        "cancel": cancel,
    }
    told = at_once(deeds)
    assert not [error for error in told.values() if isinstance(error, Exception) and not is_refusal(error)]
    done = {name for name, answer in told.items() if not isinstance(answer, Exception)}
    assert "protect" in done and not {"update", "the same update"} <= done
    assert "teardown" in done or "protected" in told["teardown"].message
    for operation in Operation.objects.exclude(kind="provision"):
        wait_ended(operation, within_s=120)
        assert operation.sentence
        assert operation.status in ("succeeded", "cancelled", "failed")
    # What was done is in the audit, once each, and in the name of who did it.
    entries = AuditEntry.objects.filter(id__gt=before, actor__isnull=False)
    asked = {"update.requested", "teardown.requested", "environment.protected", "update.cancelled"}
    assert entries.filter(action__in=asked).count() == len(done)
    assert not Claim.objects.exists()
    active.refresh_from_db()
    torn = Operation.objects.filter(kind="teardown", status="succeeded").exists()
    assert active.status == ("torn-down" if torn else "active")
    assert active.is_protected


def at_once(deeds):
    """Each deed in a thread of its own, let loose together; answers or errors by name."""
    gate, told = threading.Barrier(len(deeds)), {}

    def run(name, deed):
        gate.wait()
        try:
            told[name] = deed()
        except Exception as error:
            told[name] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in deeds.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return told


def is_refusal(error):
    return isinstance(error, DomainError)


def wait_until(holds, within_s=30):
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)

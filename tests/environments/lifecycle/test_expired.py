"""What the portal does by itself when an environment's time is up: warnings, the teardown, and what is in its way."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as clock

from environments.lifecycle.environments import environment_protect, environment_request
from environments.lifecycle.expired import expiries_due, expiries_round
from environments.lifecycle.expiry import WARNINGS
from environments.lifecycle.extend import environment_extend_hours
from environments.lifecycle.models import Environment
from environments.lifecycle.plans import plan_store
from environments.operations.kinds import kind_get
from environments.operations.models import AuditEntry, Claim, Operation, Pause
from environments.operations.moves import operation_end
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus
from tests.environments.lifecycle.expiring import DAY, HOUR, MINUTE, begin, expire, told

pytestmark = pytest.mark.django_db
S = OperationStatus


def test_each_warning_is_told_once_however_often_one_looks(environment):
    end = environment.expires_at
    for moment in [end - 3 * DAY, *(end - span for span in WARNINGS)]:
        for _ in range(2):
            expiries_round(moment + timedelta(seconds=1))
    expected = ["expires in 2 days", "expires in 2 hours", "expires in 30 minutes"]
    sentences = told()
    assert len(sentences) == 3 and all(e in s for e, s in zip(expected, sentences, strict=True))
    assert all("Extend it on its page" in s and "torn down, with last copies" in s for s in sentences)
    assert not Operation.objects.exists()


def test_after_a_time_without_workers_only_the_latest_due_warning_is_told(environment):
    expiries_round(environment.expires_at - HOUR)
    assert len(told()) == 1 and "expires in 1 hour" in told()[0]
    environment.refresh_from_db()
    assert environment.expiry_due_at == environment.expires_at - 30 * MINUTE


def test_what_nobody_was_warned_of_gets_half_an_hour_more(environment):
    expire(environment, DAY, warned=False)
    now = clock.now()
    expiries_round(now)
    expiries_round(now + 29 * MINUTE)
    assert not Operation.objects.exists() and "expires in 30 minutes" in told()[0]
    expiries_round(now + 30 * MINUTE)
    assert Operation.objects.get().kind == "teardown"


def test_it_expires_once_with_last_copies_by_a_rule_that_is_named(environment):
    expire(environment)
    now = clock.now()
    assert [expiries_round(now), expiries_round(now)] == [1, 0]
    operation = Operation.objects.get()
    assert (operation.kind, operation.requested_by) == ("teardown", None)
    assert operation.parameters["copies"] == {"database": True, "uploads": True, "logs": True}
    plan_store(operation, document={"stacks": []}, hashed={})
    need = kind_get("teardown").approval(operation)
    assert need.count == 0
    assert need.rule == "Development environments that have expired are torn down with last copies"
    (sentence,) = told("environment.expired")
    assert f"Operation {operation.pk} tears it down" in sentence
    assert AuditEntry.objects.get(action="teardown.requested").actor_name == "switchyard"


def test_outside_dev_a_person_approves_what_an_expiry_asks_for(environment):
    Environment.objects.update(tier="staging")
    environment.refresh_from_db()
    expire(environment)
    expiries_round()
    operation = Operation.objects.get()
    plan_store(operation, document={"stacks": []}, hashed={})
    assert kind_get("teardown").approval(operation).count >= 1


@pytest.mark.parametrize("end", [S.FAILED, S.CANCELLED])
def test_a_teardown_that_came_to_nothing_is_a_persons_and_not_asked_for_again(environment, end):
    expire(environment)
    expiries_round()
    operation = begin(Operation.objects.get())
    if end == S.CANCELLED:
        Operation.objects.update(status=S.CANCELLING)
        operation.refresh_from_db()
    operation_end(operation, end, sentence="No.")
    expiries_round(clock.now() + 5 * DAY)
    assert Operation.objects.count() == 1 and Environment.objects.get().status == "active"


def test_what_is_protected_is_kept_and_told_once(environment):
    environment_protect(environment=environment, is_protected=True, actor=None)
    environment.refresh_from_db()
    expiries_round(environment.expires_at - HOUR)
    assert told() == []
    expire(environment, warned=False)
    for _ in range(2):
        expiries_round()
    assert not Operation.objects.exists()
    assert len(told()) == 1 and "is protected. Extend it; or turn its protection off" in told()[0]
    environment_protect(environment=environment, is_protected=False, actor=None)
    now = clock.now()
    expiries_round(now)
    assert not Operation.objects.exists() and "expires in 30 minutes" in told()[-1]
    expiries_round(now + 31 * MINUTE)
    assert Operation.objects.get().kind == "teardown"


def test_an_expiry_waits_for_what_has_the_environment_and_comes_right_after(environment, lead):
    update = Operation.objects.create(
        kind="update",
        claim_mode="change",
        subject=environment,
        subject_label="orders",
        requested_by=lead,
        status=S.RUNNING,
    )
    expire(environment)
    now = clock.now()
    for seconds in (0, 15, 30):
        expiries_round(now + timedelta(seconds=seconds))
    assert Operation.objects.count() == 1
    assert told() == [
        f"orders (Shop) expired on {environment.expires_at:%d %b %Y %H:%M} UTC. It is torn down as soon as "
        f"operation {update.pk} (update) has ended."
    ]
    Operation.objects.filter(pk=update.pk).update(status=S.SUCCEEDED)
    expiries_round(now + MINUTE)
    assert Operation.objects.filter(kind="teardown").count() == 1


def test_an_extension_meanwhile_leaves_nothing_to_do(environment, lead, people):
    Operation.objects.create(
        kind="update",
        claim_mode="change",
        subject=environment,
        subject_label="orders",
        requested_by=lead,
        status=S.RUNNING,
    )
    expire(environment)
    expiries_round()
    environment_extend_hours(environment=environment, hours=48, actor=people["engineer"])
    Operation.objects.update(status=S.SUCCEEDED)
    expiries_round(clock.now() + HOUR)
    assert Operation.objects.filter(kind="teardown").count() == 0


def test_a_keeper_is_waited_for(environment, lead, asked):
    other = environment_request(**asked | {"name": "cart"})
    Claim.objects.create(operation=other, subject=environment, mode="keep")
    expire(environment)
    expiries_round()
    assert not Operation.objects.filter(kind="teardown").exists()


@pytest.mark.parametrize(
    "covers", [Pause.EVERYTHING, "111122223333/", "111122223333/eu-west-1", "environment/{}"]
)
def test_what_is_paused_does_not_expire(environment, covers):
    Pause.objects.create(covers=covers.format(environment.pk), reason="Storm.")
    expire(environment)
    assert expiries_round() == 0 and not Operation.objects.exists() and told() == []
    Pause.objects.all().delete()
    Pause.objects.create(covers="999999999999/", reason="Elsewhere.")
    Pause.objects.create(covers="111122223333/us-east-1", reason="Elsewhere.")
    Pause.objects.create(covers=f"environment/{environment.pk + 1}", reason="Another one.")
    assert expiries_round() == 1


def test_what_was_never_built_is_told_and_not_built_any_more(asked):
    provision = environment_request(**asked)
    environment = provision.subject
    expire(environment)
    expiries_round()
    assert "was never built" in told()[0] and Operation.objects.count() == 1
    Operation.objects.filter(pk=provision.pk).update(status=S.QUEUED, phase="execute")
    provision.refresh_from_db()
    assert operation_try_start(provision) is False
    provision.refresh_from_db()
    assert provision.status == S.FAILED and "Extend it, then retry" in provision.sentence


def test_the_ticks_question_is_answered_by_an_index(environment):
    with CaptureQueriesContext(connection) as asked_for:
        list(expiries_due(clock.now()).values_list("pk", flat=True)[:100])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {asked_for[-1]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "environment_expiry_due" in plan

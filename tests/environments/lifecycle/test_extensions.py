"""More time for an environment: who gives it, how much, and the teardown that it takes back."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone as clock

from environments.errors import Conflict, Forbidden, Invalid
from environments.lifecycle.environments import environment_protect, environment_request
from environments.lifecycle.expired import expiries_round, expiry_teardown
from environments.lifecycle.extend import (
    environment_extend,
    environment_extend_hours,
    extension_give,
    extension_summary,
)
from environments.lifecycle.models import Environment
from environments.lifecycle.plans import plan_store
from environments.operations.kinds import kind_get
from environments.operations.models import AuditEntry, Operation
from environments.operations.moves import operation_end
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus
from tests.environments.lifecycle.expiring import DAY, HOUR, MINUTE, begin, expire, told

pytestmark = pytest.mark.django_db
S = OperationStatus


def test_its_owner_extends_within_the_maximum_at_once_and_takes_it_back(environment, people):
    before, engineer = environment.expires_at, people["engineer"]
    until = environment.expiry_from + 30 * DAY
    done = environment_extend(environment=environment, until=until, actor=engineer)
    assert (done.operation, done.before, done.environment.expires_at) == (None, before, until)
    environment.refresh_from_db()
    assert (environment.expires_at, environment.expiry_due_at) == (until, until - 2 * DAY)
    environment_extend(environment=environment, until=before, actor=engineer)
    actions = AuditEntry.objects.filter(action__startswith="environment.").order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "environment.extended",
        "environment.expiry-shortened",
    ]
    assert actions[0].before == {"expires_at": before.isoformat()}


@pytest.mark.parametrize(
    ("role", "owns", "may"),
    [
        ("administrator", False, True),
        ("team-lead", False, True),
        ("engineer", True, True),
        ("engineer", False, False),
        ("approver", False, False),
        ("auditor", False, False),
    ],
)
def test_who_extends(environment, people, role, owns, may):
    if not owns:
        Environment.objects.update(owner=people["team-lead"])
        environment.refresh_from_db()
    if may:
        environment_extend_hours(environment=environment, hours=1, actor=people[role])
    else:
        with pytest.raises(Forbidden):
            environment_extend_hours(environment=environment, hours=1, actor=people[role])


def test_an_extension_resets_the_warnings_to_those_that_are_still_to_come(environment, people):
    expiries_round(environment.expires_at - HOUR)
    now = clock.now()
    environment_extend(environment=environment, until=now + 3 * HOUR, actor=people["engineer"])
    environment.refresh_from_db()
    assert (
        environment.expiry_warned_at is None
        and environment.expiry_due_at == environment.expires_at - 2 * HOUR
    )
    expiries_round(environment.expiry_due_at)
    assert len(told("environment.expiring")) == 2


def test_beyond_the_maximum_another_person_approves(environment, people):
    before = environment.expires_at
    until = environment.expiry_from + 40 * DAY
    done = environment_extend(
        environment=environment, until=until, reason="A trade fair.", actor=people["engineer"]
    )
    environment.refresh_from_db()
    operation = done.operation
    assert environment.expires_at == before and (operation.kind, operation.claim_mode) == ("extend", "keep")
    Environment.objects.update(monthly_cost=Decimal("304.20"))
    assert extension_summary(operation) == (
        f"orders would expire on {until:%d %b %Y %H:%M} UTC instead of on {before:%d %b %Y %H:%M} UTC: 26 days more,"
        " about USD 260.00 by estimate."
    )
    plan_store(operation, document={"stacks": []}, hashed={})
    assert kind_get("extend").approval(operation).count == 1
    with pytest.raises(Conflict, match="already does this"):
        environment_extend(environment=environment, until=until + DAY, actor=people["engineer"])
    begin(operation)
    operation_end(operation, S.SUCCEEDED, sentence="Done.")
    environment.refresh_from_db()
    assert environment.expires_at == until
    entry = AuditEntry.objects.get(action="environment.extended")
    assert entry.after["operation"] == operation.pk


def test_an_extension_withdraws_a_teardown_that_has_not_begun(environment, people):
    expire(environment)
    expiries_round()
    teardown = Operation.objects.get()
    environment_extend_hours(environment=environment, hours=24, actor=people["team-lead"])
    teardown.refresh_from_db()
    environment.refresh_from_db()
    assert teardown.status == S.CANCELLED and teardown.sentence.startswith(
        "Withdrawn: team-lead extended orders"
    )
    assert environment.status == "active" and expiry_teardown(environment) is None


def test_an_approved_extension_withdraws_it_too(environment, people):
    until = environment.expiry_from + 40 * DAY
    operation = environment_extend(environment=environment, until=until, actor=people["engineer"]).operation
    expire(environment)
    expiries_round()
    extension_give(operation)
    assert Operation.objects.get(kind="teardown").status == S.CANCELLED
    assert Environment.objects.get().expires_at == until


def test_a_teardown_that_runs_is_not_withdrawn(environment, people):
    expire(environment)
    expiries_round()
    teardown = begin(Operation.objects.get())
    environment.refresh_from_db()
    with pytest.raises(Conflict, match=f"operation {teardown.pk} is tearing it down. Cancel that first"):
        environment_extend_hours(environment=environment, hours=24, actor=people["team-lead"])


def test_a_queued_teardown_whose_reason_is_gone_does_not_begin(environment):
    expire(environment)
    expiries_round()
    teardown = Operation.objects.get()
    Environment.objects.update(expires_at=clock.now() + DAY)
    Operation.objects.update(status=S.QUEUED, phase="execute")
    teardown.refresh_from_db()
    assert operation_try_start(teardown) is False
    assert "was extended meanwhile" in teardown.sentence and Environment.objects.get().status == "active"


def test_protecting_withdraws_it_too(environment):
    expire(environment)
    expiries_round()
    environment_protect(environment=environment, is_protected=True, actor=None)
    assert Operation.objects.get().status == S.CANCELLED


def test_what_is_no_extension_is_refused_in_a_sentence(environment, people):
    engineer = people["engineer"]
    for until, why in ((clock.now() + 30 * MINUTE, "too soon"), (clock.now() + 5000 * DAY, "ten years")):
        with pytest.raises(Invalid, match=why):
            environment_extend(environment=environment, until=until, actor=engineer)
    with pytest.raises(Conflict, match="already"):
        environment_extend(environment=environment, until=environment.expires_at, actor=engineer)
    Environment.objects.update(status="torn-down")
    with pytest.raises(Conflict, match="nothing to extend"):
        environment_extend_hours(environment=environment, hours=1, actor=engineer)


@pytest.mark.django_db(transaction=True)
def test_an_extension_and_the_expiry_in_the_same_second(asked):
    """Whichever is first: what is extended is not torn down."""
    made = environment_request(**asked).subject
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    environment = Environment.objects.get(pk=made.pk)
    actor = asked["actor"]
    for _ in range(8):
        expire(environment)
        Operation.objects.all().delete()
        barrier = threading.Barrier(3)

        def look(barrier=barrier):
            barrier.wait()
            expiries_round()
            connection.close()

        def extend(barrier=barrier):
            barrier.wait()
            environment_extend_hours(environment=environment, hours=24, actor=actor)
            connection.close()

        threads = [threading.Thread(target=act) for act in (look, look, extend)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        environment.refresh_from_db()
        assert environment.expires_at > clock.now() + 20 * HOUR
        assert Operation.objects.filter(kind="teardown").exclude(status=S.CANCELLED).count() == 0
        assert Operation.objects.filter(kind="teardown").count() <= 1

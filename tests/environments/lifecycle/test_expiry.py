"""How long environments live: the rule as a table, what is due when, extensions, and what the portal does by itself."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as clock

from environments.errors import Conflict, Forbidden, Invalid, InvalidFields
from environments.lifecycle.environments import environment_protect, environment_request
from environments.lifecycle.expired import expiries_due, expiries_round, expiry_teardown
from environments.lifecycle.expiry import (
    WARNINGS,
    expiry_next,
    expiry_rule_set,
    expiry_set,
    expiry_wanted,
    expiry_warning,
    is_beyond,
)
from environments.lifecycle.extend import (
    environment_extend,
    environment_extend_hours,
    extension_give,
    extension_summary,
)
from environments.lifecycle.models import Environment, ExpiryRule
from environments.lifecycle.plans import plan_store
from environments.operations.kinds import kind_get
from environments.operations.models import AuditEntry, Claim, Notice, Operation, Pause
from environments.operations.moves import operation_end
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus
from environments.people.models import User

pytestmark = pytest.mark.django_db
S = OperationStatus
NOON = datetime(2026, 12, 10, 12, 0, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
WEST = timezone(timedelta(hours=-11))


@pytest.mark.parametrize(
    ("left", "warning", "following"),
    [
        (3 * DAY, None, 2 * DAY),
        (2 * DAY + timedelta(microseconds=1), None, 2 * DAY),
        (2 * DAY, 2 * DAY, 2 * HOUR),
        (2 * HOUR, 2 * HOUR, 30 * MINUTE),
        (119 * MINUTE, 2 * HOUR, 30 * MINUTE),
        (30 * MINUTE, 30 * MINUTE, timedelta(0)),
        (timedelta(microseconds=1), 30 * MINUTE, timedelta(0)),
        (timedelta(0), timedelta(0), None),
        (-DAY, timedelta(0), None),
    ],
)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=14)), WEST])
def test_of_the_warnings_the_latest_due_one_is_told_whatever_the_zone(left, warning, following, zone):
    expires_at = (NOON + left).astimezone(zone)
    assert expiry_warning(expires_at, NOON) == warning
    assert expiry_next(expires_at, NOON) == (None if following is None else expires_at - following)


@pytest.mark.parametrize(
    ("until", "limit", "beyond"),
    [
        (NOON, NOON, False),
        (NOON + timedelta(microseconds=1), NOON, True),
        (NOON.astimezone(WEST), NOON, False),
        (None, NOON, True),
        (NOON, None, False),
        (None, None, False),
    ],
)
def test_never_is_later_than_any_moment(until, limit, beyond):
    assert is_beyond(until, limit) is beyond


@pytest.mark.parametrize(
    ("tier", "wanted", "gets", "refused"),
    [
        ("dev", "by-rule", NOON + 14 * DAY, ""),
        ("staging", "by-rule", None, ""),
        ("prod", "by-rule", None, ""),
        ("dev", NOON + 30 * DAY, NOON + 30 * DAY, ""),
        ("dev", (NOON + 30 * DAY).astimezone(WEST), NOON + 30 * DAY, ""),
        (
            "dev",
            NOON + 30 * DAY + MINUTE,
            NOON + 30 * DAY + MINUTE,
            "at most 30 days: until 09 Jan 2027 12:00 UTC",
        ),
        ("dev", None, None, "at most 30 days"),
        ("dev", NOON + HOUR, NOON + HOUR, ""),
        ("dev", NOON + 59 * MINUTE, NOON + 59 * MINUTE, "too soon"),
        ("dev", NOON - DAY, NOON - DAY, "too soon"),
        ("staging", NOON + 3000 * DAY, NOON + 3000 * DAY, ""),
        ("staging", NOON + 4000 * DAY, NOON + 4000 * DAY, "ten years"),
        ("staging", None, None, ""),
        ("nonsense", "by-rule", None, ""),
    ],
)
def test_what_a_request_gets(tier, wanted, gets, refused):
    until, problem = expiry_wanted(tier, wanted, NOON)
    assert until == gets
    assert refused in problem and bool(refused) == bool(problem)


def test_a_request_has_its_tiers_default_and_a_refusal_stands_at_the_field(asked):
    row = environment_request(**asked).subject
    assert abs(row.expires_at - clock.now() - 14 * DAY) < MINUTE
    assert row.expiry_due_at == row.expires_at - 2 * DAY
    assert environment_request(**asked | {"name": "cart", "tier": "staging"}).subject.expires_at is None
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"name": "late", "expires_at": None})
    assert set(refusal.value.errors) == {"expires_at"}


@pytest.fixture
def row(asked):
    """An active development environment without an operation, owned by the engineer."""
    engineer = User.objects.get(username="engineer")
    made = environment_request(**asked | {"owner": engineer}).subject
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    Notice.objects.all().delete()
    return Environment.objects.get(pk=made.pk)


def expire(row, ago=MINUTE, *, warned=True):
    """Let it have expired so long ago, and its people be warned in time."""
    now = clock.now()
    expiry_set(row, now - ago, now - 3 * DAY)
    Environment.objects.filter(pk=row.pk).update(
        expiry_due_at=now - ago, expiry_warned_at=now - 2 * DAY if warned else None
    )
    row.refresh_from_db()


def told(topic="environment."):
    return list(
        Notice.objects.filter(topic__startswith=topic).order_by("id").values_list("sentence", flat=True)
    )


def test_each_warning_is_told_once_however_often_one_looks(row):
    end = row.expires_at
    for moment in [end - 3 * DAY, *(end - span for span in WARNINGS)]:
        for _ in range(2):
            expiries_round(moment + timedelta(seconds=1))
    expected = ["expires in 2 days", "expires in 2 hours", "expires in 30 minutes"]
    sentences = told()
    assert len(sentences) == 3 and all(e in s for e, s in zip(expected, sentences, strict=True))
    assert all("Extend it on its page" in s and "torn down, with last copies" in s for s in sentences)
    assert not Operation.objects.exists()


def test_after_a_time_without_workers_only_the_latest_due_warning_is_told(row):
    expiries_round(row.expires_at - HOUR)
    assert len(told()) == 1 and "expires in 1 hour" in told()[0]
    row.refresh_from_db()
    assert row.expiry_due_at == row.expires_at - 30 * MINUTE


def test_what_nobody_was_warned_of_gets_half_an_hour_more(row):
    expire(row, DAY, warned=False)
    now = clock.now()
    expiries_round(now)
    expiries_round(now + 29 * MINUTE)
    assert not Operation.objects.exists() and "expires in 30 minutes" in told()[0]
    expiries_round(now + 30 * MINUTE)
    assert Operation.objects.get().kind == "teardown"


def test_it_expires_once_with_last_copies_by_a_rule_that_is_named(row):
    expire(row)
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


def test_outside_dev_a_person_approves_what_an_expiry_asks_for(row):
    Environment.objects.update(tier="staging")
    row.refresh_from_db()
    expire(row)
    expiries_round()
    operation = Operation.objects.get()
    plan_store(operation, document={"stacks": []}, hashed={})
    assert kind_get("teardown").approval(operation).count >= 1


@pytest.mark.parametrize("end", [S.FAILED, S.CANCELLED])
def test_a_teardown_that_came_to_nothing_is_a_persons_and_not_asked_for_again(row, end):
    expire(row)
    expiries_round()
    operation = begin(Operation.objects.get())
    if end == S.CANCELLED:
        Operation.objects.update(status=S.CANCELLING)
        operation.refresh_from_db()
    operation_end(operation, end, sentence="No.")
    expiries_round(clock.now() + 5 * DAY)
    assert Operation.objects.count() == 1 and Environment.objects.get().status == "active"


def test_what_is_protected_is_kept_and_told_once(row):
    environment_protect(environment=row, is_protected=True, actor=None)
    row.refresh_from_db()
    expiries_round(row.expires_at - HOUR)
    assert told() == []
    expire(row, warned=False)
    for _ in range(2):
        expiries_round()
    assert not Operation.objects.exists()
    assert len(told()) == 1 and "is protected. Extend it; or turn its protection off" in told()[0]
    environment_protect(environment=row, is_protected=False, actor=None)
    now = clock.now()
    expiries_round(now)
    assert not Operation.objects.exists() and "expires in 30 minutes" in told()[-1]
    expiries_round(now + 31 * MINUTE)
    assert Operation.objects.get().kind == "teardown"


def begin(operation):
    Operation.objects.filter(pk=operation.pk).update(status=S.QUEUED, phase="execute")
    operation.refresh_from_db()
    assert operation_try_start(operation), operation.sentence
    return operation


def test_an_expiry_waits_for_what_has_the_environment_and_comes_right_after(row, lead):
    update = Operation.objects.create(
        kind="update",
        claim_mode="change",
        subject=row,
        subject_label="orders",
        requested_by=lead,
        status=S.RUNNING,
    )
    expire(row)
    now = clock.now()
    for seconds in (0, 15, 30):
        expiries_round(now + timedelta(seconds=seconds))
    assert Operation.objects.count() == 1
    assert told() == [
        f"orders (Shop) expired on {row.expires_at:%d %b %Y %H:%M} UTC. It is torn down as soon as "
        f"operation {update.pk} (update) has ended."
    ]
    Operation.objects.filter(pk=update.pk).update(status=S.SUCCEEDED)
    expiries_round(now + MINUTE)
    assert Operation.objects.filter(kind="teardown").count() == 1


def test_an_extension_meanwhile_leaves_nothing_to_do(row, lead, people):
    Operation.objects.create(
        kind="update",
        claim_mode="change",
        subject=row,
        subject_label="orders",
        requested_by=lead,
        status=S.RUNNING,
    )
    expire(row)
    expiries_round()
    environment_extend_hours(environment=row, hours=48, actor=people["engineer"])
    Operation.objects.update(status=S.SUCCEEDED)
    expiries_round(clock.now() + HOUR)
    assert Operation.objects.filter(kind="teardown").count() == 0


def test_a_keeper_is_waited_for(row, lead, asked):
    other = environment_request(**asked | {"name": "cart"})
    Claim.objects.create(operation=other, subject=row, mode="keep")
    expire(row)
    expiries_round()
    assert not Operation.objects.filter(kind="teardown").exists()


@pytest.mark.parametrize(
    "covers", [Pause.EVERYTHING, "111122223333/", "111122223333/eu-west-1", "environment/{}"]
)
def test_what_is_paused_does_not_expire(row, covers):
    Pause.objects.create(covers=covers.format(row.pk), reason="Storm.")
    expire(row)
    assert expiries_round() == 0 and not Operation.objects.exists() and told() == []
    Pause.objects.all().delete()
    Pause.objects.create(covers="999999999999/", reason="Elsewhere.")
    Pause.objects.create(covers="111122223333/us-east-1", reason="Elsewhere.")
    Pause.objects.create(covers=f"environment/{row.pk + 1}", reason="Another one.")
    assert expiries_round() == 1


def test_what_was_never_built_is_told_and_not_built_any_more(asked):
    provision = environment_request(**asked)
    row = provision.subject
    expire(row)
    expiries_round()
    assert "was never built" in told()[0] and Operation.objects.count() == 1
    Operation.objects.filter(pk=provision.pk).update(status=S.QUEUED, phase="execute")
    provision.refresh_from_db()
    assert operation_try_start(provision) is False
    provision.refresh_from_db()
    assert provision.status == S.FAILED and "Extend it, then retry" in provision.sentence


def test_its_owner_extends_within_the_maximum_at_once_and_takes_it_back(row, people):
    before, engineer = row.expires_at, people["engineer"]
    until = row.expiry_from + 30 * DAY
    done = environment_extend(environment=row, until=until, actor=engineer)
    assert (done.operation, done.before, done.environment.expires_at) == (None, before, until)
    row.refresh_from_db()
    assert (row.expires_at, row.expiry_due_at) == (until, until - 2 * DAY)
    environment_extend(environment=row, until=before, actor=engineer)
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
def test_who_extends(row, people, role, owns, may):
    if not owns:
        Environment.objects.update(owner=people["team-lead"])
        row.refresh_from_db()
    if may:
        environment_extend_hours(environment=row, hours=1, actor=people[role])
    else:
        with pytest.raises(Forbidden):
            environment_extend_hours(environment=row, hours=1, actor=people[role])


def test_an_extension_resets_the_warnings_to_those_that_are_still_to_come(row, people):
    expiries_round(row.expires_at - HOUR)
    now = clock.now()
    environment_extend(environment=row, until=now + 3 * HOUR, actor=people["engineer"])
    row.refresh_from_db()
    assert row.expiry_warned_at is None and row.expiry_due_at == row.expires_at - 2 * HOUR
    expiries_round(row.expiry_due_at)
    assert len(told("environment.expiring")) == 2


def test_beyond_the_maximum_another_person_approves(row, people):
    before = row.expires_at
    until = row.expiry_from + 40 * DAY
    done = environment_extend(environment=row, until=until, reason="A trade fair.", actor=people["engineer"])
    row.refresh_from_db()
    operation = done.operation
    assert row.expires_at == before and (operation.kind, operation.claim_mode) == ("extend", "keep")
    Environment.objects.update(monthly_cost=Decimal("304.20"))
    assert extension_summary(operation) == (
        f"orders would expire on {until:%d %b %Y %H:%M} UTC instead of on {before:%d %b %Y %H:%M} UTC: 26 days more,"
        " about USD 260.00 by estimate."
    )
    plan_store(operation, document={"stacks": []}, hashed={})
    assert kind_get("extend").approval(operation).count == 1
    with pytest.raises(Conflict, match="already does this"):
        environment_extend(environment=row, until=until + DAY, actor=people["engineer"])
    begin(operation)
    operation_end(operation, S.SUCCEEDED, sentence="Done.")
    row.refresh_from_db()
    assert row.expires_at == until
    entry = AuditEntry.objects.get(action="environment.extended")
    assert entry.after["operation"] == operation.pk


def test_an_extension_withdraws_a_teardown_that_has_not_begun(row, people):
    expire(row)
    expiries_round()
    teardown = Operation.objects.get()
    environment_extend_hours(environment=row, hours=24, actor=people["team-lead"])
    teardown.refresh_from_db()
    row.refresh_from_db()
    assert teardown.status == S.CANCELLED and teardown.sentence.startswith(
        "Withdrawn: team-lead extended orders"
    )
    assert row.status == "active" and expiry_teardown(row) is None


def test_an_approved_extension_withdraws_it_too(row, people):
    until = row.expiry_from + 40 * DAY
    operation = environment_extend(environment=row, until=until, actor=people["engineer"]).operation
    expire(row)
    expiries_round()
    extension_give(operation)
    assert Operation.objects.get(kind="teardown").status == S.CANCELLED
    assert Environment.objects.get().expires_at == until


def test_a_teardown_that_runs_is_not_withdrawn(row, people):
    expire(row)
    expiries_round()
    teardown = begin(Operation.objects.get())
    row.refresh_from_db()
    with pytest.raises(Conflict, match=f"operation {teardown.pk} is tearing it down. Cancel that first"):
        environment_extend_hours(environment=row, hours=24, actor=people["team-lead"])


def test_a_queued_teardown_whose_reason_is_gone_does_not_begin(row):
    expire(row)
    expiries_round()
    teardown = Operation.objects.get()
    Environment.objects.update(expires_at=clock.now() + DAY)
    Operation.objects.update(status=S.QUEUED, phase="execute")
    teardown.refresh_from_db()
    assert operation_try_start(teardown) is False
    assert "was extended meanwhile" in teardown.sentence and Environment.objects.get().status == "active"


def test_protecting_withdraws_it_too(row):
    expire(row)
    expiries_round()
    environment_protect(environment=row, is_protected=True, actor=None)
    assert Operation.objects.get().status == S.CANCELLED


def test_what_is_no_extension_is_refused_in_a_sentence(row, people):
    engineer = people["engineer"]
    for until, why in ((clock.now() + 30 * MINUTE, "too soon"), (clock.now() + 5000 * DAY, "ten years")):
        with pytest.raises(Invalid, match=why):
            environment_extend(environment=row, until=until, actor=engineer)
    with pytest.raises(Conflict, match="already"):
        environment_extend(environment=row, until=row.expires_at, actor=engineer)
    Environment.objects.update(status="torn-down")
    with pytest.raises(Conflict, match="nothing to extend"):
        environment_extend_hours(environment=row, hours=1, actor=engineer)


def test_a_rule_that_now_wants_an_expiry_gives_one_to_those_without(row, asked, people):
    staging = environment_request(**asked | {"name": "cart", "tier": "staging"}).subject
    admin = people["administrator"]
    fields = {"tier": "staging", "approves_teardown": False, "actor": admin}
    expiry_rule_set(default_days=10, maximum_days=20, **fields)
    staging.refresh_from_db()
    assert abs(staging.expires_at - clock.now() - 10 * DAY) < MINUTE
    assert AuditEntry.objects.get(action="expiry-rule.set").after["environments_given_an_expiry"] == 1
    for default, maximum, field in (
        (30, 20, "default_days"),
        (None, 20, "default_days"),
        (0, None, "default_days"),
    ):
        with pytest.raises(InvalidFields) as refusal:
            expiry_rule_set(default_days=default, maximum_days=maximum, **fields)
        assert set(refusal.value.errors) == {field}
    with pytest.raises(Forbidden):
        expiry_rule_set(default_days=1, maximum_days=2, **fields | {"actor": people["team-lead"]})
    assert ExpiryRule.objects.get(tier="staging").maximum_days == 20


def test_the_ticks_question_is_answered_by_an_index(row):
    with CaptureQueriesContext(connection) as asked_for:
        list(expiries_due(clock.now()).values_list("pk", flat=True)[:100])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {asked_for[-1]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "environment_expiry_due" in plan


@pytest.mark.django_db(transaction=True)
def test_an_extension_and_the_expiry_in_the_same_second(asked):
    """Whichever is first: what is extended is not torn down."""
    made = environment_request(**asked).subject
    Environment.objects.update(status="active")
    Operation.objects.all().delete()
    row = Environment.objects.get(pk=made.pk)
    actor = asked["actor"]
    for _ in range(8):
        expire(row)
        Operation.objects.all().delete()
        barrier = threading.Barrier(3)

        def look(barrier=barrier):
            barrier.wait()
            expiries_round()
            connection.close()

        def extend(barrier=barrier):
            barrier.wait()
            environment_extend_hours(environment=row, hours=24, actor=actor)
            connection.close()

        threads = [threading.Thread(target=act) for act in (look, look, extend)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        row.refresh_from_db()
        assert row.expires_at > clock.now() + 20 * HOUR
        assert Operation.objects.filter(kind="teardown").exclude(status=S.CANCELLED).count() == 0
        assert Operation.objects.filter(kind="teardown").count() <= 1

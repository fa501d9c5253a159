"""What the watchdog calls stuck, per cause; what it leaves alone; marks that go by themselves; told once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.operations.figures import standstill
from environments.operations.leases import lease_take
from environments.operations.models import Notice, Operation, Pause, Pulse
from environments.operations.moves import operation_end
from environments.operations.scheduling import TICK, pulse_record
from environments.operations.selectors import operations_stuck
from environments.operations.states import OperationStatus
from environments.operations.watchdog import stuck_find, watchdog_look

pytestmark = pytest.mark.django_db
S = OperationStatus


def ago(**span):
    return timezone.now() - timedelta(**span)


@pytest.fixture
def under_way(make_operation):
    """A running operation with one step, begun so long ago."""

    def make(began, *, status=S.RUNNING, **step):
        operation = make_operation(status=status, phase="execute", scope="1/eu")
        fields = {"status": "waiting", "waits_for": "aws", "time_limit_s": 10 * 3600, **step}
        operation.steps.create(
            key="data", title="Database", phase="execute", position=0, started_at=began, **fields
        )
        return operation

    return make


@pytest.fixture
def history(make_operation):
    """Earlier runs of the same step, which took so many minutes each."""

    def make(*minutes):
        for took in minutes:
            make_operation(status=S.SUCCEEDED).steps.create(
                key="data",
                title="Database",
                phase="execute",
                position=0,
                status="succeeded",
                started_at=ago(days=1),
                ended_at=ago(days=1) + timedelta(minutes=took),
            )

    return make


# A cause, and what makes it: fields of the operation, and of its step.
CAUSES = {
    "lease": ({"lease_losses": 3, "lease_worker": "w1:7"}, {}),
    "untaken": ({"due_since": ago(minutes=3)}, {}),
    "cancelling": ({"status": S.CANCELLING, "cancel_requested_at": ago(hours=2)}, {}),
    "queued": ({"status": S.QUEUED, "queued_at": ago(hours=3)}, {"status": "pending", "started_at": None}),
    "one-look": ({"lease_worker": "w1:7"}, {"status": "running", "time_limit_s": 60}),
    "person": ({}, {"waits_for": "person", "started_at": ago(days=2), "sentence": "Deploy the role."}),
    "unreachable": ({}, {"waits_for": "fault", "sentence": "AWS could not be reached."}),
    "slow": ({}, {}),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_found_told_and_cleared(under_way, history, cause):
    history(4, 5, 6)
    operation = under_way(ago(minutes=20))
    fields, step = CAUSES[cause]
    Operation.objects.filter(pk=operation.pk).update(**fields)
    operation.steps.update(**step)
    (found,) = watchdog_look()
    assert (found.operation.pk, found.cause) == (operation.pk, cause)
    watchdog_look()
    (marked,) = operations_stuck()
    assert marked.stuck == {"cause": cause, "why": found.why, "remedy": found.remedy}
    assert found.why.endswith(".") and found.remedy.endswith(".")
    notice = Notice.objects.get()
    assert (notice.topic, notice.operation_id) == ("operation.stuck", operation.pk)
    assert operation.events.filter(kind="operation.stuck").count() == 1
    Operation.objects.filter(pk=operation.pk).update(
        lease_losses=0, due_since=None, status=S.RUNNING, queued_at=None
    )
    operation.steps.update(status="waiting", waits_for="aws", started_at=timezone.now())
    assert watchdog_look() == []
    assert not operations_stuck().exists()
    assert operation.events.filter(kind="operation.unstuck").count() == 1


def test_the_slow_step_is_measured_by_earlier_runs(under_way, history):
    history(30, 31, 32)
    under_way(ago(minutes=80))
    assert stuck_find(timezone.now()) == []
    slow = under_way(ago(minutes=100))
    (found,) = stuck_find(timezone.now())
    assert found.operation == slow and "of 3 earlier runs 19 of 20 took at most 32 min" in found.why


def test_too_few_earlier_runs_say_nothing(under_way, history):
    history(1, 1)
    under_way(ago(hours=5))
    assert stuck_find(timezone.now()) == []


def test_what_waits_for_a_date_or_a_person_for_a_while_is_in_order(under_way, history):
    history(1, 1, 1)
    under_way(ago(hours=20), waits_for="person")
    under_way(ago(hours=20), waits_for="notice")
    assert stuck_find(timezone.now()) == []


def test_what_is_paused_stands_still_on_purpose(under_way, history, team):
    history(1, 1, 1)
    under_way(ago(hours=5))
    assert len(stuck_find(timezone.now())) == 1
    Pause.objects.create(covers=f"team/{team.pk}", reason="audit")
    assert stuck_find(timezone.now()) == []


def test_a_notice_does_not_count_as_queueing(make_operation):
    make_operation(status=S.QUEUED, queued_at=ago(days=6), not_before=ago(minutes=5))
    assert stuck_find(timezone.now()) == []


def test_who_blocks_for_long_is_named(make_operation):
    holder = make_operation(status=S.RUNNING)
    make_operation(status=S.QUEUED, queued_at=ago(hours=3), blocked_by=holder)
    (found,) = stuck_find(timezone.now())
    assert f"operation {holder.pk} (test-change of Shop, running) blocks it" in found.why
    assert f"Look at operation {holder.pk}" in found.remedy


def test_many_operations_cost_as_many_queries_as_one(under_way, history, django_assert_max_num_queries):
    history(1, 1, 1)
    under_way(ago(hours=5))
    with django_assert_max_num_queries(7):
        stuck_find(timezone.now())
    for _ in range(8):
        under_way(ago(hours=5))
    with django_assert_max_num_queries(7):
        assert len(stuck_find(timezone.now())) == 9


def test_a_worker_that_does_not_come_back_is_counted_and_one_that_does_forgiven(make_operation):
    operation = make_operation(status=S.RUNNING, due_since=ago(minutes=5))
    for losses in (0, 1, 2):
        assert lease_take(operation.pk, worker="w1") is not None
        operation.refresh_from_db()
        assert (operation.lease_losses, operation.due_since) == (losses, None)
        Operation.objects.update(lease_until=ago(seconds=1))
    lease = lease_take(operation.pk, worker="w2")
    lease.release(wake_at=None)
    operation.refresh_from_db()
    assert operation.lease_losses == 0


def test_an_end_takes_the_mark_off(under_way):
    operation = under_way(ago(minutes=1))
    Operation.objects.filter(pk=operation.pk).update(lease_losses=5)
    watchdog_look()
    operation.refresh_from_db()
    operation_end(operation, S.FAILED, sentence="No.")
    assert (operation.stuck_since, operation.stuck) == (None, {}) and watchdog_look() == []


def test_another_cause_is_told_anew_and_the_same_one_is_not(under_way):
    operation = under_way(ago(minutes=1))
    for fields in (
        {"lease_losses": 3},
        {"lease_losses": 0, "due_since": ago(minutes=9)},
        {"lease_losses": 3},
    ):
        Operation.objects.filter(pk=operation.pk).update(**fields)
        watchdog_look()
    assert sorted(Notice.objects.values_list("key", flat=True)) == [
        f"stuck/{operation.pk}/lease",
        f"stuck/{operation.pk}/untaken",
    ]


def test_that_no_worker_answers_is_told_by_the_pulse():
    assert standstill() is None
    pulse_record(TICK)
    assert standstill() is None
    Pulse.objects.update(at=ago(minutes=2))
    assert standstill() == Pulse.objects.get().at

"""The queue: positions, blockers, priorities inside a scope that has a limit, and nobody starved."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.operations import places
from environments.operations.claims import claim_take
from environments.operations.models import AuditEntry, Operation, OperationLimit, Pause
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus
from environments.people.models import Team

pytestmark = pytest.mark.django_db
S = OperationStatus


@pytest.fixture
def make(make_operation):
    """An operation in scope 1/eu on a subject of its own, or on the one that is given."""

    def one(status=S.QUEUED, **fields):
        subject = fields.pop("subject", None) or Team.objects.create(
            name=f"t{Team.objects.count()}", slug=f"t{Team.objects.count()}"
        )
        return make_operation(status=status, subject=subject, **{"scope": "1/eu", **fields})

    return one


@pytest.fixture
def limit():
    """One place per scope."""
    OperationLimit.objects.all().delete()
    return OperationLimit.objects.create(scope="*", max_running=1)


def end(operation):
    Operation.objects.filter(pk=operation.pk).update(status=S.SUCCEEDED)


def test_positions_count_within_the_scope_by_priority_then_age(make, django_assert_num_queries):
    running = make(S.RUNNING, started_at=timezone.now())
    first, second, urgent = make(), make(), make(priority=1)
    noticed = make(not_before=timezone.now() + timedelta(days=1))
    elsewhere = make(scope="1/us")
    rows = [running, first, second, urgent, noticed, elsewhere]
    with django_assert_num_queries(3):
        found = places.places_of(rows)
    assert {row.pk: found[row.pk].position for row in rows if row.pk in found} == {
        urgent.pk: 1,
        first.pk: 2,
        second.pk: 3,
        elsewhere.pk: 1,
    }
    assert found[second.pk].told == "3rd of 3 in 1/eu, where 1 of 25 run"
    with django_assert_num_queries(0):
        assert places.places_of([running]) == {}


def test_the_sentence_names_place_and_blocker(make):
    holder = make(S.RUNNING, started_at=timezone.now())
    claim_take(holder)
    waiting = make(subject=holder.subject)
    assert not operation_try_start(waiting)
    told = places.queue_told(waiting, places.places_of([waiting])[waiting.pk])
    assert told.startswith(
        f"1st of 1 in 1/eu, where 1 of 25 run; blocked by operation {holder.pk}, test-change of"
    )
    assert "running since" in told
    noticed = make(not_before=timezone.now() + timedelta(days=1))
    assert places.queue_told(noticed, None).startswith("Its notice runs until")
    assert places.queue_told(holder, None) == ""


def test_one_that_was_started_since_it_was_read_is_told_no_place(make):
    waiting = make()
    assert operation_try_start(Operation.objects.get(pk=waiting.pk))
    assert places.queue_told(waiting, places.places_of([waiting]).get(waiting.pk)) == ""


def test_a_lower_priority_does_not_overtake_when_a_place_gets_free(make, limit):
    running = make(S.RUNNING)
    low, high = make(), make(priority=5)
    for row in (low, high):
        assert not operation_try_start(row)
        assert "which is its limit" in row.sentence
    end(running)
    assert not operation_try_start(low)
    assert low.sentence.startswith(f"Queued: operation {high.pk} (test-change of {high.subject}) goes first")
    assert operation_try_start(high)
    end(high)
    assert operation_try_start(low)


def test_two_free_places_are_for_the_first_two(make, limit):
    OperationLimit.objects.update(max_running=2)
    third, first, second = make(), make(priority=9), make(priority=8)
    assert not operation_try_start(third)
    assert operation_try_start(second) and operation_try_start(first)


@pytest.mark.parametrize("why", ["blocked", "paused", "noticed"])
def test_what_cannot_start_itself_keeps_no_place_free(make, limit, why):
    """One stuck operation of high priority starves nobody."""
    OperationLimit.objects.update(max_running=2)
    holder = make(S.RUNNING)
    claim_take(holder)
    high = make(priority=50, subject=holder.subject if why == "blocked" else None)
    if why == "blocked":
        assert not operation_try_start(high)
        assert high.blocked_by_id == holder.pk
    elif why == "paused":
        Pause.objects.create(covers=f"team/{high.subject_id}", reason="audit")
    else:
        Operation.objects.filter(pk=high.pk).update(not_before=timezone.now() + timedelta(days=1))
    assert operation_try_start(make())


def test_who_finds_itself_blocked_sends_for_the_next_one(make, limit, django_capture_on_commit_callbacks):
    OperationLimit.objects.update(max_running=2)
    holder = make(S.RUNNING)
    claim_take(holder)
    high, low = make(priority=5, subject=holder.subject), make()
    assert places.next_after(high) == low.pk and places.next_after(low) is None
    with django_capture_on_commit_callbacks() as first:
        operation_try_start(high)
    with django_capture_on_commit_callbacks() as again:
        operation_try_start(high)
    assert (len(first), len(again)) == (1, 0)


def test_an_administrator_gives_a_priority_with_a_reason(make, ada):
    operation = make()

    def prioritise(**fields):
        said = {"priority": 7, "reason": "The demo is at nine.", **fields}
        return places.operation_prioritise(operation_id=operation.pk, actor=ada, **said)

    assert prioritise().priority == 7
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after["priority"]) == (
        "test-change.prioritised",
        {"priority": 0},
        7,
    )
    for refused, field in (({"reason": " "}, "reason"), ({"priority": 101}, "priority")):
        with pytest.raises(Invalid) as error:
            prioritise(**refused)
        assert error.value.field == field
    for status in (S.RUNNING, S.SUCCEEDED):
        Operation.objects.filter(pk=operation.pk).update(status=status)
        with pytest.raises(Conflict, match="waits for no place"):
            prioritise()


def test_queues_are_told_per_scope_in_the_order_in_which_they_go(make, django_assert_num_queries):
    running, low, high = make(S.RUNNING), make(), make(priority=2)
    make(S.RUNNING, scope="1/us")
    with django_assert_num_queries(2):
        full, other = places.queues()
    assert (full.scope, full.running, full.waiting) == ("1/eu", [running], [high, low])
    assert (full.limit, full.percent, full.first, full.last) == (25, 4, 3, -1)
    assert (other.scope, other.waiting) == ("1/us", [])


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (112, "112th")],
)
def test_ordinals(number, word):
    assert places.ordinal(number) == word

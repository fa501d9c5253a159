"""The tables of moves, walked pair by pair."""

import pytest

from environments.operations.models import Operation, Step
from environments.operations.moves import WrongMove, operation_move, step_move
from environments.operations.states import (
    DRIVEN,
    ENDED,
    HOLDING,
    OPEN,
    OPERATION_MOVES,
    STEP_MOVES,
    OperationStatus,
    StepStatus,
)

OPERATION_PAIRS = [(a, b) for a in OperationStatus.values for b in OperationStatus.values if a != b]
STEP_PAIRS = [(a, b) for a in StepStatus.values for b in StepStatus.values if a != b]


def test_every_status_has_a_row():
    assert set(OPERATION_MOVES) == set(OperationStatus.values)
    assert set(STEP_MOVES) == set(StepStatus.values)


def test_groups_fit_together():
    assert set(OperationStatus.values) == ENDED | OPEN and not ENDED & OPEN
    assert HOLDING <= DRIVEN <= OPEN


@pytest.mark.parametrize("status", sorted(ENDED - {"failed", "errored"}))
def test_a_good_or_wanted_end_is_final(status):
    assert OPERATION_MOVES[status] == frozenset()


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), OPERATION_PAIRS)
def test_operation_moves_as_the_table_says(make_operation, before, after):
    operation = make_operation(status=before)
    if after in OPERATION_MOVES[before]:
        operation_move(operation, after, sentence="moved")
        assert Operation.objects.get(pk=operation.pk).status == after
    else:
        with pytest.raises(WrongMove, match=f"from {before} to {after}"):
            operation_move(operation, after, sentence="moved")
        assert Operation.objects.get(pk=operation.pk).status == before


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), STEP_PAIRS)
def test_step_moves_as_the_table_says(make_operation, before, after):
    step = Step.objects.create(
        operation=make_operation(), key="one", title="One", phase="plan", position=0, status=before
    )
    if after in STEP_MOVES[before]:
        step_move(step, after)
        assert Step.objects.get(pk=step.pk).status == after
    else:
        with pytest.raises(WrongMove):
            step_move(step, after)
        assert Step.objects.get(pk=step.pk).status == before

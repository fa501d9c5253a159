"""What a pause covers, and what it does to the time that steps have."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.errors import Conflict, Invalid
from environments.operations import pauses
from environments.operations.models import Operation, Pause
from environments.operations.moves import operation_hold, operation_let_on
from environments.operations.states import OperationStatus

pytestmark = pytest.mark.django_db
S = OperationStatus


def test_pause_covers_everything_an_account_or_a_region(ada):
    pauses.pause_set(covers="1/eu", reason="audit", actor=ada)
    pauses.pause_set(covers="2/", reason="audit", actor=ada)
    assert pauses.pause_covering("1/eu") and pauses.pause_covering("2/us")
    assert pauses.pause_covering("1/us") is None
    pauses.pause_set(reason="fire", actor=ada)
    assert pauses.pause_covering("1/us").covers == Pause.EVERYTHING
    pauses.pause_lift(actor=ada)
    with pytest.raises(Conflict, match="not paused"):
        pauses.pause_lift(actor=ada)
    with pytest.raises(Invalid):
        pauses.pause_set(reason="", actor=ada)


# What a pause is set on, and whether it covers an operation in account 1, region eu, on team 7.
COVERS = {
    "everything": True,
    "1/": True,
    "1/eu": True,
    "1/us": False,
    "2/": False,
    "team/{team}": True,
    "team/0": False,
}


@pytest.mark.parametrize("covers", COVERS)
def test_a_pause_covers_what_it_names_and_no_more(make_operation, team, django_assert_num_queries, covers):
    operation = make_operation(status=S.RUNNING, scope="1/eu")
    pauses.pause_set(covers=covers.format(team=team.pk), reason="audit", actor=None)
    operation = Operation.objects.select_related("subject_type").get(pk=operation.pk)
    with django_assert_num_queries(1):
        found = pauses.operation_pause(operation)
    with django_assert_num_queries(1):
        among = pauses.paused_among([operation])
    assert (found is not None, set(among) == {operation.pk}) == (COVERS[covers], COVERS[covers])
    assert (pauses.pause_covering("1/eu", subject=team) is not None) == COVERS[covers]


def test_the_widest_pause_is_told(make_operation, team):
    for covers in (f"team/{team.pk}", "1/eu", Pause.EVERYTHING):
        pauses.pause_set(covers=covers, reason="audit", actor=None)
    assert pauses.operation_pause(make_operation(scope="1/eu")).covers == Pause.EVERYTHING


def test_a_cancel_passes_each_pause_but_that_of_everything(make_operation, team):
    operation = make_operation(status=S.RUNNING)
    pauses.pause_set(covers=f"team/{team.pk}", reason="audit", actor=None)
    assert pauses.stands_still(operation)
    operation.status = S.CANCELLING
    assert not pauses.stands_still(operation)
    pauses.pause_set(reason="restored", actor=None)
    assert pauses.stands_still(operation)


def test_time_under_a_pause_is_no_steps(make_operation):
    operation = make_operation(status=S.RUNNING)
    step = operation.steps.create(key="data", title="Data", phase="execute", position=0, status="waiting")
    operation_hold(operation)
    Operation.objects.filter(pk=operation.pk).update(held_since=timezone.now() - timedelta(hours=5))
    operation.refresh_from_db()
    operation_hold(operation)
    operation_let_on(operation)
    operation_let_on(operation)
    step.refresh_from_db()
    assert (step.time_limit_s, operation.held_since) == (pytest.approx(3600 + 5 * 3600, abs=2), None)

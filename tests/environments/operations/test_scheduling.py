"""Two beats do a due moment once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from environments.operations.models import Occurrence
from environments.operations.scheduling import KEPT, occurrence_take, occurrences_forget

DUE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_of_many_beats_at_once_one_takes_a_due_moment():
    taken = []
    start = threading.Barrier(8)

    def beat():
        start.wait()
        taken.append(occurrence_take("drill", DUE))
        connection.close()

    beats = [threading.Thread(target=beat) for _ in range(8)]
    for thread in beats:
        thread.start()
    for thread in beats:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    assert occurrence_take("drill", DUE + timedelta(days=1)) and occurrence_take("other", DUE)


@pytest.mark.django_db
def test_long_past_occurrences_are_forgotten():
    occurrence_take("drill", DUE)
    occurrence_take("drill", DUE + KEPT)
    assert occurrences_forget(DUE + KEPT + timedelta(seconds=1)) == 1
    assert Occurrence.objects.get().due_at == DUE + KEPT

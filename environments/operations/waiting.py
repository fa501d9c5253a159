"""Holding an answer until an operation has something new to tell."""

import time
from collections.abc import Callable
from threading import BoundedSemaphore

from environments.operations.models import Operation
from environments.operations.states import ENDED

LONGEST_S = 30
LOOK_EVERY_S = 0.3
# Each waiter holds one of its web process's threads (8): half of them stay free. Beyond this many, an answer comes
# at once.
WAITERS = 4
RETRY_AFTER_S = 3

_places = BoundedSemaphore(WAITERS)


def operation_wait(operation_id: int, seconds: float) -> bool:
    """Return when the operation has ended, has changed since the call, or `seconds` have passed.

    Returns at once when there is no such operation. Answers False, at once, when too many wait in this process
    already: who asked should not ask again before RETRY_AFTER_S have passed.
    """
    seen = _look(operation_id)
    return wait_until(lambda: seen is None or seen[0] in ENDED or _look(operation_id) != seen, seconds)


def wait_until(is_over: Callable[[], bool], seconds: float) -> bool:
    """Return once `is_over` says so, or `seconds` have passed; answers as operation_wait does."""
    if not _places.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + min(seconds, LONGEST_S)
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK_EVERY_S, left))
    finally:
        _places.release()
    return True


def _look(operation_id: int) -> tuple[str, str, int] | None:
    return Operation.objects.filter(pk=operation_id).values_list("status", "sentence", "event_count").first()

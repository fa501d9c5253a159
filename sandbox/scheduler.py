"""Time of the sandbox: what is due later, without polling."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Callable

log = logging.getLogger("sandbox")


class Scheduler:
    """Calls functions when their time has come; one timer of the event loop for all of them."""

    def __init__(self, after_tick: Callable[[], None]) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._after_tick = after_tick
        self.offset = 0.0
        """Seconds that the sandbox's clock is ahead of the machine's."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Put the clock forward; what becomes due by that is called at once, in its order, with the new time."""
        self.offset += seconds
        self._tick()

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call `call` at epoch second `when` (soon, if that has passed)."""
        heapq.heappush(self._heap, (when, next(self._order), call))
        if self._heap[0][0] >= when:
            self._arm()

    def clear(self) -> None:
        self._heap.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            delay = max(0.0, self._heap[0][0] - self.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.now()
        while self._heap and self._heap[0][0] <= now:
            _, _, call = heapq.heappop(self._heap)
            try:
                call()
            except Exception:
                log.exception("A timed change failed")
        self._after_tick()
        self._arm()

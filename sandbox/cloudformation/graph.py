"""Running things that depend on each other side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any


class Stopped(Exception):
    """Somebody asked to stop (cancel of an update, deletion of a stack that is being made)."""


async def run_graph(
    names: Iterable[str],
    needs: Mapping[str, Iterable[str]],
    work: Callable[[str], Awaitable[None]],
    stop: asyncio.Event | None = None,
) -> tuple[dict[str, Exception], list[str]]:
    """Run work(name) for each name as soon as all it needs is through.

    The first failure lets nothing new begin and cancels what runs. Returns the failures by name, and the names that
    were cancelled. If `stop` is set, what runs is cancelled too and no failure is reported.
    """
    chosen = list(names)
    left = {name: (set(needs.get(name, ())) & set(chosen)) - {name} for name in chosen}
    running: dict[asyncio.Future[None], str] = {}
    failed: dict[str, Exception] = {}
    stopper = asyncio.ensure_future(stop.wait()) if stop else None
    try:
        while (left or running) and not failed and not (stop and stop.is_set()):
            for name in [n for n, open_needs in left.items() if not open_needs]:
                del left[name]
                running[asyncio.ensure_future(work(name))] = name
            if not running:
                break
            waiting: list[asyncio.Future[Any]] = [*running, *([stopper] if stopper else [])]
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in [t for t in running if t in done]:
                name = running.pop(task)
                problem = task.exception()
                if isinstance(problem, Exception):
                    failed[name] = problem
                for open_needs in left.values():
                    open_needs.discard(name)
    finally:
        if stopper:
            stopper.cancel()
        cancelled = list(running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return failed, cancelled


def reverse(needs: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """What has to go before each name when things are taken down."""
    turned: dict[str, set[str]] = {name: set() for name in needs}
    for name, others in needs.items():
        for other in others:
            turned.setdefault(other, set()).add(name)
    return turned

"""Processes are few: idle ones end, and the one idle longest makes room. In this process, with real children."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.application import hosting, processes
from sandbox.application.processes import IDLE_S, MOST, Program
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT
from sandbox.store import Record
from sandbox.world import World

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()


async def started(world: World, folder: Path, name: str, used_at: float) -> Program:
    """A program of an environment that was asked last at some time."""
    env = Record("1", "eu-west-1", ENVIRONMENT, name, properties={}, data={"id": name})
    world.store.put(env)
    program = Program("mark", "one")
    program.child = await hosting.of(world).children.start(name, SLEEPS, folder, {}, folder / f"{name}.log")
    program.used_at = used_at
    hosting.of(world).programs[env.key] = program
    return program


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state", speed=0)


def test_idle_program_ends_and_a_busy_one_stays(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        now = world.scheduler.now()
        idle = await started(world, tmp_path, "idle", now - IDLE_S - 1)
        gone = await started(world, tmp_path, "gone", now)
        record = world.store.get("1", "eu-west-1", ENVIRONMENT, "gone")
        assert record is not None
        world.store.remove(record)
        await processes.look(world)
        assert not idle.running
        assert not gone.running
        assert hosting.of(world).programs == {}
        busy = await started(world, tmp_path, "busy", now)
        busy.starting = asyncio.Lock()
        async with busy.starting:  # as if a request were starting it: it is not asked for its health
            await processes.look(world)
        assert busy.running
        await hosting.of(world).close()
        assert not busy.running

    run(go)


def test_program_that_was_idle_longest_makes_room(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        now = world.scheduler.now()
        made = [await started(world, tmp_path, f"n{n}", now - n) for n in range(MOST)]
        await processes.make_room(world)
        assert [p.running for p in made] == [True] * (MOST - 1) + [False]
        await hosting.of(world).close()

    run(go)


def test_processes_that_a_killed_sandbox_left_are_ended(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        left = await started(world, tmp_path, "left", 0)
        # A second sandbox on the same data knows them by the file alone.
        other = hosting.Hosting(world)
        assert other.children.end_those_left_behind() == 1
        assert left.child is not None
        assert await left.child.wait() != 0
        assert other.children.end_those_left_behind() == 0

    run(go)


def test_last_words_are_those_of_this_start_and_printable(world: World, tmp_path: Path) -> None:
    async def go() -> None:
        children = hosting.of(world).children
        said = tmp_path / "said.log"
        for words in ("first", "second\\x00\\x1b[0m"):
            program = f"print('{words}')"
            child = await children.start("says", [sys.executable, "-c", program], tmp_path, {}, said)
            assert await child.wait() == 0
        assert child.last_words() == "second[0m"

    run(go)

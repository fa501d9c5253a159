"""`make bench`: start a house of its own, measure, write docs/benchmarks.md, stop everything."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from devtools import processes
from devtools.bench import (
    drift,
    fleet,
    pages,
    plans,
    provision,
    realistic,
    report,
    sandbox,
    synthesis,
    waiting,
)
from devtools.demo import seed
from devtools.demo.house import House, Ports
from devtools.demo.keep import secrets_of_demo
from devtools.demo.story import Story
from devtools.places import STATE, shown
from devtools.slots import take_folder
from devtools.trouble import Trouble

FOLDER = STATE / "bench"
# Provisioning first: it wants the database as empty as it was.
PARTS: dict[str, Callable[[House, seed.People], report.Section]] = {
    "provision": provision.measure,
    "plans": plans.measure,
    "realistic": realistic.measure,
    "fleet": fleet.measure,
    "waiting": waiting.measure,
    "drift": drift.measure,
    "pages": pages.measure,
}
# These need no house.
ALONE: dict[str, Callable[[Path], report.Section]] = {
    "sandbox": sandbox.measure,
    "synthesis": synthesis.measure,
}


def main() -> int:
    """Exit code 0 when every chosen part was measured."""
    chosen = [name for name in os.environ.get("ONLY", "").split(",") if name] or [*ALONE, *PARTS]
    unknown = [name for name in chosen if name not in ALONE and name not in PARTS]
    if unknown:
        print(
            f"No such part: {', '.join(unknown)}. There are {', '.join([*ALONE, *PARTS])}.", file=sys.stderr
        )
        return 1
    slot = take_folder(FOLDER)
    if slot is None:
        print("A benchmark is running already.", file=sys.stderr)
        return 1
    try:
        for name in chosen:
            if name in ALONE:
                report.write(ALONE[name](FOLDER))
        return _in_the_house([name for name in chosen if name in PARTS])
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        slot.release()


def _in_the_house(chosen: list[str]) -> int:
    if not chosen:
        return 0
    house = _house()
    story = Story()
    try:
        house.check()
        house.start_servers()
        house.migrate()
        house.start_portal()
        people = seed.people(house)
        house.wait_for_page()
        story.done("The house stands")
        seed.account(house, people, story)
        seed.environment(house, people, story)
        for name in chosen:
            report.write(PARTS[name](house, people))
            story.done(f"Measured: {name}")
        story.done(f"Written: {shown(report.PAGE)}")
    finally:
        house.stop()
    return 0


def _house() -> House:
    """A house from nothing: figures of a run must not depend on the one before."""
    ports = Ports(web=processes.free_port(), sandbox=processes.free_port())
    house = House(ports, 0.0, secrets_of_demo(), folder=FOLDER, logs=FOLDER / "logs")
    for old in (FOLDER / "sandbox", FOLDER / "artifacts", FOLDER / "cli", house.servers.postgres.data):
        shutil.rmtree(old, ignore_errors=True)
    (FOLDER / seed.PEOPLE).unlink(missing_ok=True)
    return house


if __name__ == "__main__":
    sys.exit(main())

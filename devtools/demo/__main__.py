"""`make demo`, in order."""

import math
import os
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from devtools import places
from devtools.demo import seed
from devtools.demo.house import House, Ports
from devtools.demo.keep import FOLDER, TOLD, secrets_of_demo
from devtools.demo.story import Story
from devtools.slots import Slot, take_folder
from devtools.trouble import Trouble

# Real AWS takes a quarter of an hour for an Aurora cluster and a Beanstalk environment; a demo should not.
SPEED = 0.01
SLOWEST = 10


def main() -> int:
    """Exit code: 0 after Ctrl-C, 1 with one sentence when something stands in the way."""
    # SIGINT too: who starts us in the background of a script has it ignored, and may still send it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # a laptop's real keys and profiles end here
    try:
        if sys.argv[1:]:
            raise Trouble(
                "The demo takes no arguments, only variables: PORT, SANDBOX_PORT, SPEED (as in PORT=8001)."
            )
        ports, speed = _ports(), _speed()
        slot = _take_slot()
        house = House(ports=ports, speed=speed, secrets=secrets_of_demo())
        house.check()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or places.shown(FOLDER)
        print(f"The demo keeps its state in {where}, and cannot: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    try:
        return _run(house, Story())
    finally:
        slot.release()


def _run(house: House, story: Story) -> int:
    code = 0
    try:
        _begin(house, story)
        house.watch()
    except Trouble as trouble:
        story.say()
        print(trouble, file=sys.stderr, flush=True)
        code = 1
    except Exception:  # the sentence is for people, the traceback for who reads the log
        log = house.logs / "demo.log"
        log.write_text(traceback.format_exc())
        last = traceback.format_exc().strip().splitlines()[-1]
        print(
            f"The demo met something unexpected: {last} The whole is in {places.shown(log)}.", file=sys.stderr
        )
        code = 1
    except KeyboardInterrupt:
        story.say("\nStopping. The state stays for the next start; `make clean` drops it.")
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        house.stop()
    return code


def _begin(house: House, story: Story) -> None:
    story.say("Switchyard: the demo. Everything runs on this machine; AWS is a local stand-in.")
    house.start_servers()
    story.done("PostgreSQL 18, Valkey 9 and the local AWS are up")
    house.migrate()
    story.done("The tables are migrated, by their owner")
    house.start_portal()
    with ThreadPoolExecutor(1) as aside:
        coming = aside.submit(seed.people, house)
        house.wait_for_page()
        story.done(f"The first page is at {house.url}")
        people = coming.result()
    seed.tell(house, people)
    story.done("The blueprint's release, teams and people are there")
    seed.announce(house, people, story)
    try:
        seed.account(house, people, story)
        seed.environment(house, people, story)
        seed.short_lived(house, people, story)
        seed.two_regions(house, people, story)
    except seed.Failed as failed:
        # The pages say more than a terminal can, so they stay up.
        story.say(f"\n{failed}\nThat did not go as planned: look at {house.url}. Ctrl-C stops everything.")
        return
    story.say("\nAll set. Ctrl-C stops everything.")


def _take_slot() -> Slot:
    slot = take_folder(FOLDER)
    if slot is None:
        where = f" It tells where in {places.shown(TOLD)}." if TOLD.exists() else ""
        holder = (FOLDER / "lock").read_text().strip()
        raise Trouble(f"The demo is running already, as process {holder}: stop that one first.{where}")
    return slot


def _ports() -> Ports:
    ports = Ports(web=_port("PORT", 8000), sandbox=_port("SANDBOX_PORT", 4566))
    if ports.web == ports.sandbox:
        raise Trouble(f"PORT and SANDBOX_PORT are both {ports.web}: choose two different ones.")
    return ports


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6) or not 0 < int(text) < 65536:
        raise Trouble(f"{name}={text} is no port: choose a number from 1024 to 65535.")
    return int(text)


def _speed() -> float:
    text = os.environ.get("SPEED", "") or str(SPEED)
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 <= speed <= SLOWEST:
        raise Trouble(
            f"SPEED={text} is no factor on AWS's durations: choose a number from 0 (at once) to {SLOWEST}; 1 is as AWS."
        )
    return speed


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

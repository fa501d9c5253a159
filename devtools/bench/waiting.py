"""Calls of the portal while environments wait for AWS: of few and of many, over the same accounts and region."""

import time

from devtools.bench import fleet
from devtools.bench.report import Section
from devtools.demo import seed
from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.seed import ENDED, People
from devtools.demo.story import Story
from devtools.postgres import DATABASE
from devtools.trouble import Trouble

FEW, MANY = 5, 50
REGION = fleet.REGIONS[0]
WAIT_S = 240
"""So long each first resource takes: longer than all that is measured here."""
BEGUN_WITHIN_S, SETTLE_S, WINDOW_S = 120, 20, 30
GROWTH = 1.2
"""Looks are by the clock, and a window holds one more or less of each account: so much is no growth."""
HELD = {kind: {"create": WAIT_S} for kind in ("AWS::EC2::VPC", "AWS::KMS::Key")}
"""What the first stacks of an environment, network and keys, begin with."""
FIRST_STACKS = 2


def measure(house: House, people: People) -> Section:
    """Calls with few waiting, then with many, each after the same silence."""
    house.sandbox.settings(speed=0)
    for account in fleet.ACCOUNTS:
        seed.account(house, people, Story(), account)
    house.sandbox.settings(speed=1, durations=HELD)
    api = Api(house.url, people["team-lead"].api_token)
    waiting: list[int] = []
    calls: dict[int, dict[str, int]] = {}
    for count in (FEW, MANY):
        while len(waiting) < count:
            waiting.append(_ask(api, len(waiting)))
        _until_all_wait(house, waiting)
        time.sleep(SETTLE_S)
        before = house.sandbox.control("GET", "requests/counts")["last"]
        time.sleep(WINDOW_S)
        counted = house.sandbox.control("GET", "requests/counts", after=before)
        calls[count] = dict(counted["by_operation"])
    house.sandbox.settings(speed=0)
    _until_ended(api, waiting)
    return _section(calls)


def _section(calls: dict[int, dict[str, int]]) -> Section:
    few, many = (sum(calls[count].values()) * 60 / WINDOW_S for count in (FEW, MANY))
    section = Section(
        title=f"{MANY} environments that wait",
        how=f"`make bench ONLY=waiting`. AWS calls of {WINDOW_S} s, told for a minute, while {FEW}, and then {MANY}, "
        f"environments wait for CloudFormation, over the same {len(fleet.ACCOUNTS)} accounts in {REGION}, "
        f"{SETTLE_S} s after the last began.",
        columns=("what", "calls a minute", "aim"),
    )
    ratio = many / few
    judged = "met" if ratio <= GROWTH else "**missed**"
    section.rows += [
        (f"{FEW} wait", f"{few:.0f}", ""),
        (f"{MANY} wait", f"{many:.0f}", ""),
        ("ratio", f"{ratio:.2f}", f"does not grow (at most {GROWTH}): {judged}"),
    ]
    for count in (FEW, MANY):
        most = sorted(calls[count].items(), key=lambda item: -item[1])
        section.notes.append(
            f"- In {WINDOW_S} s with {count}: {', '.join(f'{name} {number}' for name, number in most)}."
        )
    return section


def _ask(api: Api, number: int) -> int:
    body = {
        "name": f"wait-{number}",
        "team": "storefront",
        "tier": "dev",
        "size": "small",
        "account": fleet.ACCOUNTS[number % len(fleet.ACCOUNTS)].name,
        "home_region": REGION,
    }
    return int(api.post("environments/", body)["id"])


def _until_all_wait(house: House, operations: list[int]) -> None:
    deadline = time.monotonic() + BEGUN_WITHIN_S
    with house.servers.postgres.superuser(DATABASE) as connection:
        while True:
            row = connection.execute(
                "SELECT count(*) FROM operations_stack WHERE operation_id = ANY(%s) AND status = 'CREATE_IN_PROGRESS'",
                [operations],
            ).fetchone()
            if row is not None and row[0] >= FIRST_STACKS * len(operations):
                return
            if time.monotonic() > deadline:
                raise Trouble(f"{row} of {FIRST_STACKS * len(operations)} stacks have begun.")
            time.sleep(0.5)


def _until_ended(api: Api, operations: list[int]) -> None:
    """What waited goes on, so that other parts find a quiet house."""
    deadline = time.monotonic() + WAIT_S + 300
    for number in operations:
        while (operation := api.get(f"operations/{number}/", wait=10))["status"] not in ENDED:
            if time.monotonic() > deadline:
                raise Trouble(f"Operation {number} is still {operation['status']}.")

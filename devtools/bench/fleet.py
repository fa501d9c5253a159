"""Many environments at once: the portal's one worker of two processes, and eight runs of the CDK CLI side by side."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil

from devtools.bench import provision
from devtools.bench.report import Section
from devtools.demo import seed
from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.seed import ENDED, AccountToAdd, People
from devtools.demo.story import Story
from devtools.trouble import Trouble

FLEET, SIDE_BY_SIDE = 50, 8
REGIONS = ("eu-west-1", "eu-central-1")
ACCOUNTS = [
    AccountToAdd(f"fleet-{number}", f"30000000000{number}", f"fleet{number}.switchyard.example", REGIONS)
    for number in range(5)
]
WITHIN_S = 900
MIB = 2**20


@dataclass
class Memory:
    """The most that workers and the synthesis process took (PSS: shared pages are counted once), in MiB."""

    house: House
    worker: float = 0
    synthesis: float = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until `stop`."""
        while not self._over.wait(0.5):
            self.look()

    def stop(self) -> None:
        """End `watch`."""
        self._over.set()

    def look(self) -> None:
        """Take the figures of this moment."""
        worker = next(process for process in self.house.running if process.name == "worker")
        main = psutil.Process(worker.popen.pid)
        # A worker starts the synthesis process for all; Python, jsii and its node below it count as one.
        children = main.children(recursive=True)
        serving = [child for child in children if "blueprint_cdk" in _command(child)]
        synthesis = {below for top in serving for below in (top, *top.children(recursive=True))}
        workers = {main, *children} - synthesis
        self.worker = max(self.worker, sum(map(_pss, workers)))
        self.synthesis = max(self.synthesis, sum(map(_pss, synthesis)))


def _command(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
    return words


def _pss(process: psutil.Process) -> float:
    try:
        size: float = process.memory_full_info().pss / MIB
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0.0
    return size


def measure(house: House, people: People) -> Section:
    """Environments per minute by each, and the workers' memory."""
    house.sandbox.settings(speed=0)
    for account in ACCOUNTS:
        seed.account(house, people, Story(), account)
    memory = Memory(house)
    watcher = threading.Thread(target=memory.watch)
    watcher.start()
    try:
        seconds = _fleet(house, people)
    finally:
        memory.stop()
        watcher.join()
    theirs = _side_by_side(house, people)
    ours_per_minute, theirs_per_minute = FLEET * 60 / seconds, SIDE_BY_SIDE * 60 / theirs
    ratio = ours_per_minute / theirs_per_minute
    section = Section(
        title=f"{FLEET} environments at once",
        how=f"`make bench ONLY=fleet`. At durations 0: {FLEET} small development environments over {len(ACCOUNTS)} "
        f"accounts and {len(REGIONS)} regions, asked for through the API one after the other, deployed by one "
        f"`celery worker` of 2 processes; and {SIDE_BY_SIDE} runs of `cdk deploy --all --concurrency 4` side by side.",
        columns=("what", "figure", "aim"),
    )
    section.rows += [
        ("all active after, s", f"{seconds:.0f}", ""),
        ("environments per minute, portal", f"{ours_per_minute:.0f}", ""),
        (f"environments per minute, {SIDE_BY_SIDE} CLI runs", f"{theirs_per_minute:.1f}", ""),
        ("ratio", f"{ratio:.1f}", f"at least 4: {_met(ratio >= 4)}"),
        ("workers, MiB PSS at most", f"{memory.worker:.0f}", f"at most 400: {_met(memory.worker <= 400)}"),
        (
            "synthesis, MiB PSS at most",
            f"{memory.synthesis:.0f}",
            f"at most 700: {_met(memory.synthesis <= 700)}",
        ),
    ]
    section.notes = [
        "AWS's own limits allow less: CloudFormation throttles calls per account and region (which retries absorb), "
        "and an account has 5 VPCs and 5 elastic IPs a region until more are granted, so this fleet needs raised "
        "quotas. The portal's own limit per account and region is data (25 until an administrator changes it)."
    ]
    return section


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _fleet(house: House, people: People) -> float:
    api = Api(house.url, people["team-lead"].api_token)
    begun = time.perf_counter()
    waiting = {}
    for number in range(FLEET):
        body = {
            "name": f"fleet-{number}",
            "team": "storefront",
            "tier": "dev",
            "size": "small",
            "account": ACCOUNTS[number % len(ACCOUNTS)].name,
            "home_region": REGIONS[number // len(ACCOUNTS) % len(REGIONS)],
        }
        waiting[body["name"]] = api.post("environments/", body)["id"]
    while waiting:
        if time.perf_counter() - begun > WITHIN_S:
            raise Trouble(f"{len(waiting)} of {FLEET} environments are not active after {WITHIN_S} s.")
        for name, number in list(waiting.items()):
            operation = api.get(f"operations/{number}/", wait=2)
            if operation["status"] in ENDED:
                if operation["status"] != "succeeded":
                    raise Trouble(f"{name}: {operation['status']}. {operation['sentence']}")
                del waiting[name]
    return time.perf_counter() - begun


def _side_by_side(house: House, people: People) -> float:
    for number in range(SIDE_BY_SIDE):
        provision.by_portal(house, people, f"side-{number}")
    begun = time.perf_counter()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        runs = [pool.submit(provision.by_cli, house, f"side-{number}") for number in range(SIDE_BY_SIDE)]
        for run in runs:
            run.result()
    return time.perf_counter() - begun

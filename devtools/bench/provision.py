"""One environment by the portal and by `cdk deploy --all --concurrency 4`: wall time and AWS calls."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools import places, processes
from devtools.bench.report import Section
from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.seed import DEMO_ACCOUNT, ENDED, REGION, People
from devtools.node import with_our_tools
from devtools.postgres import DATABASE
from devtools.sandbox import clean_environment
from devtools.trouble import Trouble

AIM_TIME, AIM_CALLS = 0.5, 1 / 3
ROUNDS = 3
UNWATCHED_WITHIN_S = 60


@dataclass
class Run:
    """What one environment took."""

    seconds: float
    by_operation: dict[str, int]

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(self.by_operation.values())

    @property
    def control_calls(self) -> int:
        """Those to APIs that describe and change resources; SQS, which brings the news, is not throttled like them."""
        return sum(count for name, count in self.by_operation.items() if not name.startswith("sqs."))


def measure(house: House, people: People) -> Section:
    """`ROUNDS` environments by each, in turns, after one that is not counted; the best of each is compared."""
    house.sandbox.settings(speed=0)
    by_portal(house, people, "bench-warm")
    ours, theirs = [], []
    for number in range(ROUNDS):
        ours.append(by_portal(house, people, f"bench-{number}"))
        theirs.append(by_cli(house, f"bench-{number}"))
    section = Section(
        title="One environment at durations 0",
        how=f"`make bench ONLY=provision`. A small development environment of the same spec, best of {ROUNDS} taken "
        "in turns: by the portal from the request's row to the end of its operation (plan, rule's approval and all), "
        "and by `cdk deploy --all --concurrency 4`, synthesis included in both.",
        columns=("what", "portal", "CDK CLI", "ratio", "aim"),
    )
    pairs = (
        ("wall time, s", min(run.seconds for run in ours), min(run.seconds for run in theirs), AIM_TIME),
        ("AWS calls", min(run.calls for run in ours), min(run.calls for run in theirs), AIM_CALLS),
        (
            "AWS calls but for SQS",
            min(run.control_calls for run in ours),
            min(run.control_calls for run in theirs),
            AIM_CALLS,
        ),
    )
    for title, mine, other, aim in pairs:
        ratio = mine / other
        judged = "met" if ratio <= aim else "**missed**"
        section.rows.append(
            (title, f"{mine:.4g}", f"{other:.4g}", f"{ratio:.2f}", f"at most {aim:.2f}: {judged}")
        )
    fewest = min(ours, key=lambda run: run.calls), min(theirs, key=lambda run: run.calls)
    section.notes = [
        "- The portal's calls are counted until nobody watches the region any more: with every look at the queue "
        "after the end. SQS brings the events, at most ten a call; those calls are not throttled like the control "
        "plane, and grow with accounts and regions when many environments share a queue.",
    ]
    section.notes += [
        f"- Calls of the portal: {listed(fewest[0])}.",
        f"- Calls of the CLI: {listed(fewest[1])}.",
    ]
    return section


def by_portal(house: House, people: People, name: str) -> Run:
    """One environment, asked for through the API. Its calls are counted until nobody watches its region any more."""
    api = Api(house.url, people["team-lead"].api_token)
    _unwatched(house)
    before = house.sandbox.control("GET", "requests/counts")["last"]
    body = {"name": name, "team": "storefront", "tier": "dev", "size": "small", "account": DEMO_ACCOUNT.name}
    operation = api.post("environments/", body | {"home_region": REGION})
    while operation["status"] not in ENDED:
        operation = api.get(f"operations/{operation['id']}/", wait=10)
    if operation["status"] != "succeeded":
        raise Trouble(f"{name}: {operation['status']}. {operation.get('sentence', '')}")
    with house.servers.postgres.superuser(DATABASE) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM ended_at - requested_at) FROM operations_operation WHERE id = %s",
            [operation["id"]],
        ).fetchone()
    assert row is not None
    _unwatched(house)
    return Run(float(row[0]), _calls(house, before))


def _unwatched(house: House) -> None:
    """Wait until the observers have drained what is left of earlier events, and ended."""
    deadline = time.monotonic() + UNWATCHED_WITHIN_S
    with house.servers.postgres.superuser(DATABASE) as connection:
        while connection.execute("SELECT 1 FROM workers_watch WHERE until > now()").fetchone():
            if time.monotonic() > deadline:
                raise Trouble(f"A region is still watched {UNWATCHED_WITHIN_S} s after the last operation.")
            time.sleep(0.2)


def by_cli(house: House, name: str) -> Run:
    """The same spec as the portal's environment `name`, by `cdk deploy`."""
    request = _request(house, name)
    folder = house.folder / "cli" / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "request.json"
    file.write_text(json.dumps(request))
    keys = house.sandbox.account(DEMO_ACCOUNT.account_id)
    environment = with_our_tools(clean_environment()) | {
        "AWS_ENDPOINT_URL": house.sandbox.url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": REGION,
    }
    command: list[str | Path] = [places.ROOT / "node_modules" / ".bin" / "cdk", "deploy", "--all"]
    command += ["--concurrency", "4", "--require-approval", "never", "--no-notices", "--no-version-reporting"]
    command += ["--app", f"{sys.executable} -m devtools.bench.cdk_app {file}", "--output", folder / "cdk.out"]
    before = house.sandbox.control("GET", "requests/counts")["last"]
    begun = time.perf_counter()
    processes.run(command, env=environment)
    seconds = time.perf_counter() - begun
    # Events of the CLI's stacks reach the portal's queue as well; draining it is no call of the CLI.
    calls = {name: count for name, count in _calls(house, before).items() if not name.startswith("sqs.")}
    return Run(seconds, calls)


def _request(house: House, name: str) -> dict[str, Any]:
    """The portal's own spec and facts, under another suffix, so that both can be there at once."""
    with house.servers.postgres.superuser(DATABASE) as connection:
        spec = connection.execute(
            "SELECT spec FROM lifecycle_environment WHERE name = %s ORDER BY id DESC LIMIT 1", [name]
        ).fetchone()
        facts = connection.execute(
            "SELECT facts FROM lifecycle_regionfacts WHERE region = %s ORDER BY version DESC LIMIT 1",
            [REGION],
        ).fetchone()
    assert spec is not None
    assert facts is not None
    mine = spec[0] | {"suffix": "cli0", "domain": f"{name}-cli.{spec[0]['zone_name']}"}
    return {"app": "environment", "spec": mine, "facts": {REGION: facts[0]}}


def _calls(house: House, before: int) -> dict[str, int]:
    counted: dict[str, int] = house.sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    return counted


def listed(run: Run) -> str:
    """The operations of a run, most frequent first."""
    most = sorted(run.by_operation.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in most)

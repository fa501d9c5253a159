"""A night's look for drift at a thousand environments: how long it takes, what it asks of AWS, the worker's memory."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from devtools.bench import fleet
from devtools.bench.multiply import multiply
from devtools.bench.report import Section
from devtools.demo import seed
from devtools.demo.house import House
from devtools.demo.seed import People
from devtools.demo.story import Story
from devtools.postgres import DATABASE
from devtools.trouble import Trouble

ENVIRONMENTS, STACKS, CHANGED = 1000, ("network", "keys", "data", "storage", "app"), 50
SCOPES = [(account, region) for account in fleet.ACCOUNTS for region in fleet.REGIONS]
EACH = ENVIRONMENTS // len(SCOPES)
AIM_S, AIM_MIB = 300, 300
WITHIN_S = 900
TEMPLATE = json.dumps(
    {
        "Resources": {
            name: {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "as made"}}
            for name in ("First", "Second", "Third")
        }
    }
)
NIGHT = """
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from environments.lifecycle.drift_nights import drift_night_take
now = timezone.now()
settings.DRIFT_NIGHT, settings.DRIFT_SPREAD_S = f"{now:%H:%M}", 0.0
with transaction.atomic():
    print(drift_night_take(now))
"""


def measure(house: House, people: People) -> Section:
    """Seconds from the night's begin to the last look's end, calls, and memory (PSS)."""
    house.sandbox.settings(speed=0)
    for account in fleet.ACCOUNTS:
        seed.account(house, people, Story(), account)
    with house.servers.postgres.superuser(DATABASE) as connection:
        first = _environments(connection)
        _stacks(house, connection, first)
        before = house.sandbox.control("GET", "requests/counts")["last"]
        memory = fleet.Memory(house)
        watcher = threading.Thread(target=memory.watch)
        watcher.start()
        begun = time.perf_counter()
        try:
            house.manage("shell", "--no-imports", "-c", NIGHT)
            seconds = _until_done(connection, first, begun)
        finally:
            memory.stop()
            watcher.join()
        found = _found(connection, first)
    calls = house.sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    return _section(seconds, memory.worker, calls, found)


def _section(seconds: float, mib: float, calls: dict[str, int], found: dict[str, int]) -> Section:
    section = Section(
        title=f"A night's look for drift at {ENVIRONMENTS:,} environments",
        how=f"`make bench ONLY=drift`. At durations 0: {ENVIRONMENTS:,} environments of {len(STACKS)} stacks with 3 "
        f"resources each, over {len(fleet.ACCOUNTS)} accounts and {len(fleet.REGIONS)} regions, of which {CHANGED} "
        "were changed by hand; all due at once; one `celery worker` of 2 processes, with the settings of production "
        "(25 stacks in detection at once per account and region, the first look after 5 s).",
        columns=("what", "figure", "aim"),
    )
    section.rows += [
        ("all looked at after, s", f"{seconds:.0f}", f"at most {AIM_S}: {_met(seconds <= AIM_S)}"),
        ("worker, MiB PSS at most", f"{mib:.0f}", f"at most {AIM_MIB}: {_met(mib <= AIM_MIB)}"),
        ("looks done", f"{found.get('done', 0):,}", f"{ENVIRONMENTS:,}"),
        ("environments found drifted", f"{found['drifted']}", f"{CHANGED}"),
        ("AWS calls", f"{sum(calls.values()):,}", ""),
    ]
    most = sorted(calls.items(), key=lambda item: -item[1])[:5]
    section.notes = [
        f"- Calls: {', '.join(f'{name} {number:,}' for name, number in most)}.",
        '- AWS itself takes longer: a detection takes "up to several minutes" a stack (API reference, '
        "DetectStackDrift), there is no published rate for these calls, and a region holds 2,000 stacks by default "
        "(CloudFormation quotas): 400 environments of five. At a minute a stack and 25 at once they take 80 min, which "
        "is why a night's looks are spread over 4 h; more accounts and regions go side by side.",
    ]
    return section


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _environments(connection: psycopg.Connection) -> int:
    """Copies of the demo's environment, an equal part in each scope; answers the first one's id."""
    row = connection.execute(
        "SELECT id FROM lifecycle_environment WHERE status = 'active' ORDER BY id LIMIT 1"
    ).fetchone()
    assert row is not None
    for number, (account, region) in enumerate(SCOPES):
        multiply(
            connection,
            "lifecycle_environment",
            row[0],
            EACH,
            {
                "name": f"'drift-' || {number * EACH} + n",
                "suffix": "lpad(to_hex(n), 4, '0')",
                "account_id": f"(SELECT id FROM lifecycle_account WHERE name = '{account.name}')",  # noqa: S608
                "home_region": f"'{region}'",
                "active_region": f"'{region}'",
            },
        )
    first = connection.execute(
        "SELECT min(id) FROM lifecycle_environment WHERE name LIKE 'drift-%'"
    ).fetchone()
    assert first is not None
    return int(first[0])


def _stacks(house: House, connection: psycopg.Connection, first: int) -> None:
    """The stacks of all of them, in the sandbox and as rows; some have a parameter that was changed by hand."""
    work = [
        (scope, first + number * EACH + n, key)
        for number, scope in enumerate(SCOPES)
        for n in range(EACH)
        for key in STACKS
    ]
    clients = {
        (account.account_id, region, service): house.sandbox.client(
            service, house.sandbox.account(account.account_id), region
        )
        for account, region in SCOPES
        for service in ("cloudformation", "ssm")
    }

    def create(job: tuple[tuple[Any, str], int, str]) -> tuple[Any, ...]:
        (account, region), environment, key = job
        client = clients[account.account_id, region, "cloudformation"]
        name = f"sy-drift-{environment}-{key}"
        made = client.create_stack(StackName=name, TemplateBody=TEMPLATE)
        return (environment, account.account_id, region, key, name, made["StackId"])

    def change(row: tuple[Any, ...]) -> None:
        _environment, account_id, region, _key, name, _id = row
        client = clients[account_id, region, "cloudformation"]
        client.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        resource = client.describe_stack_resource(StackName=name, LogicalResourceId="First")
        clients[account_id, region, "ssm"].put_parameter(
            Name=resource["StackResourceDetail"]["PhysicalResourceId"], Value="by hand", Overwrite=True
        )

    with ThreadPoolExecutor(6) as pool:
        rows = list(pool.map(create, work))
        every = ENVIRONMENTS // CHANGED
        list(pool.map(change, (row for row in rows if row[3] == "app" and (row[0] - first) % every == 0)))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO operations_stack (subject_type_id, subject_id, account_id, region, key, name, stack_id,"
            " status, status_reason, last_token, template_hash, outputs)"
            " SELECT id, %s, %s, %s, %s, %s, %s, 'CREATE_COMPLETE', '', '', '', '{}'"
            " FROM django_content_type WHERE app_label = 'lifecycle' AND model = 'environment'",
            rows,
        )


def _until_done(connection: psycopg.Connection, first: int, begun: float) -> float:
    while True:
        row = connection.execute(
            "SELECT count(*), count(ended_at) FROM lifecycle_driftcheck WHERE environment_id >= %s", [first]
        ).fetchone()
        assert row is not None
        if row[1] >= ENVIRONMENTS:
            return time.perf_counter() - begun
        if time.perf_counter() - begun > WITHIN_S:
            raise Trouble(f"{row[1]} of {row[0]} looks have ended after {WITHIN_S} s.")
        time.sleep(0.5)


def _found(connection: psycopg.Connection, first: int) -> dict[str, int]:
    rows = connection.execute(
        "SELECT status, count(*) FROM lifecycle_driftcheck WHERE environment_id >= %s GROUP BY status",
        [first],
    ).fetchall()
    drifted = connection.execute(
        "SELECT count(*) FROM lifecycle_environment WHERE id >= %s AND drift_since IS NOT NULL", [first]
    ).fetchone()
    assert drifted is not None
    return {**{str(status): int(count) for status, count in rows}, "drifted": int(drifted[0])}

"""One environment at AWS's durations, made shorter by a factor: how much the portal adds to the critical path."""

from datetime import datetime
from typing import Any

from devtools.bench import provision
from devtools.bench.report import Section
from devtools.demo.house import House
from devtools.demo.seed import DEMO_ACCOUNT, REGION, People
from devtools.postgres import DATABASE

FACTOR = 0.25
AIM_S, AIM_SHARE = 5.0, 0.02
NAME = "bench-real"


def measure(house: House, people: People) -> Section:
    """The portal's time from claim to end against the longest chain of its stacks, and against the CLI."""
    house.sandbox.settings(speed=FACTOR)
    portal = provision.by_portal(house, people, NAME)
    ours, chain = _portal(house)
    cli = provision.by_cli(house, NAME)
    theirs, share = cli.seconds, portal.calls / cli.calls
    house.sandbox.settings(speed=0)
    aim = max(AIM_S, AIM_SHARE * chain)
    over = ours - chain
    section = Section(
        title=f"One environment at AWS's durations times {FACTOR}",
        how="`make bench ONLY=realistic`. From the operation's start to its end, against the longest chain of stacks "
        "(each from its first to its last CloudFormation event) that need each other; and `cdk deploy --all "
        "--concurrency 4` of the same spec.",
        columns=("what", "s or calls", "aim"),
    )
    section.rows += [
        ("critical path", f"{chain:.1f}", ""),
        ("portal", f"{ours:.1f}", f"at most {aim:.1f} s above it: {_met(over <= aim)} ({over:.1f} s)"),
        ("CDK CLI, synthesis included", f"{theirs:.1f}", f"portal not slower: {_met(ours <= theirs)}"),
        (
            "AWS calls, portal",
            f"{portal.calls}",
            f"at most {provision.AIM_CALLS:.2f} of the CLI's: "
            f"{_met(share <= provision.AIM_CALLS)} ({share:.2f})",
        ),
        ("AWS calls, CDK CLI", f"{cli.calls}", ""),
    ]
    section.notes = [
        f"- Calls of the portal: {provision.listed(portal)}.",
        f"- Calls of the CLI: {provision.listed(cli)}.",
    ]
    return section


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _portal(house: House) -> tuple[float, float]:
    """Seconds of the operation, and of the longest chain of its stacks."""
    with house.servers.postgres.superuser(DATABASE) as connection:
        operation = connection.execute(
            "SELECT id, extract(epoch FROM ended_at - started_at) FROM operations_operation WHERE subject_label = %s"
            " AND kind = 'provision'",
            [NAME],
        ).fetchone()
        assert operation is not None
        needs: dict[str, list[str]] = dict(
            connection.execute(
                "SELECT key, needs FROM operations_step WHERE operation_id = %s", [operation[0]]
            ).fetchall()
        )
        stacks: dict[str, str] = dict(
            connection.execute(
                "SELECT key, stack_id FROM operations_stack WHERE operation_id = %s", [operation[0]]
            ).fetchall()
        )
    keys = house.sandbox.account(DEMO_ACCOUNT.account_id)
    cloudformation = house.sandbox.client("cloudformation", keys, REGION)
    seconds = {key: _stack_seconds(cloudformation, stack) for key, stack in stacks.items()}

    def chain(key: str) -> float:
        return seconds.get(key, 0.0) + max((chain(before) for before in needs.get(key, [])), default=0.0)

    return float(operation[1]), max(map(chain, seconds))


def _stack_seconds(cloudformation: Any, stack: str) -> float:
    times: list[datetime] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        times += [event["Timestamp"] for event in page["StackEvents"]]
    return (max(times) - min(times)).total_seconds()

"""The sandbox itself: many stacks side by side, calls meanwhile, memory, start, and what SIGKILL leaves."""

import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from devtools import processes
from devtools.bench.report import Section, percentile_95
from devtools.sandbox import Keys, Sandbox
from devtools.trouble import Trouble

ACCOUNT = "300000000009"
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2")
STACKS, RESOURCES = 50, 50
WITHIN_S, MEANWHILE_MS, PSS_MIB, START_S = 60, 50, 900, 4
SLOW_S = 20
CALLS = 200
MIB = 2**20


def measure(folder: Path) -> Section:
    """Figures of a sandbox of its own, with its state below `folder`."""
    home = folder / "sandbox-alone"
    shutil.rmtree(home, ignore_errors=True)
    sandbox = Sandbox(home=home / "state", port=processes.free_port())
    sandbox.start()
    try:
        keys = sandbox.account(ACCOUNT)
        seconds = quick_stacks(sandbox, keys)
        [meanwhile] = calls_beside_slow_stacks(sandbox, keys)
        memory = pss_mib(sandbox)
        started, before, after = kill_and_start(sandbox)
    finally:
        sandbox.stop()
    return _section(seconds, meanwhile, memory, started, before, after)


def _section(
    seconds: float, meanwhile: list[float], memory: float, started: float, before: int, after: int
) -> Section:
    section = Section(
        title="The sandbox",
        how=f"`make bench ONLY=sandbox`. A sandbox alone at durations 0: {STACKS} stacks of {RESOURCES} resources "
        f"(queues, parameters, roles, log groups, buckets; ten side by side in each stack) over {len(REGIONS)} "
        f"regions, asked for and looked at by boto3; {CALLS} calls of STS, SQS and DynamoDB while {STACKS} more "
        f"stacks are made whose parameters take {SLOW_S} s each; then SIGKILL, and a start on what is there.",
        columns=("what", "figure", "aim"),
    )
    slowest = percentile_95(meanwhile)
    section.rows += [
        ("all stacks made after, s", f"{seconds:.1f}", _aim(seconds, WITHIN_S)),
        ("unrelated calls beside slow stacks, p95, ms", f"{slowest:.0f}", _aim(slowest, MEANWHILE_MS)),
        ("sandbox process, MiB PSS", f"{memory:.0f}", _aim(memory, PSS_MIB)),
        ("start on that state, s", f"{started:.1f}", _aim(started, START_S)),
        ("records before and after SIGKILL", f"{before} and {after}", f"the same: {_met(before == after)}"),
    ]
    return section


def _aim(value: float, most: float) -> str:
    return f"at most {most}: {_met(value <= most)}"


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _template() -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("AWS::SQS::Queue", {}),
        ("AWS::SSM::Parameter", {"Type": "String", "Value": {"Ref": "AWS::StackName"}}),
        ("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust}),
        ("AWS::Logs::LogGroup", {}),
        ("AWS::S3::Bucket", {}),
    ]
    resources: dict[str, Any] = {}
    for number in range(RESOURCES):
        kind, properties = kinds[number % len(kinds)]
        resources[f"R{number}"] = {"Type": kind, "Properties": properties}
        if number >= 10:
            resources[f"R{number}"]["DependsOn"] = f"R{number - 10}"
    return json.dumps({"Resources": resources})


def _begin(sandbox: Sandbox, keys: Keys, prefix: str) -> dict[str, list[str]]:
    """Stack ids by region."""
    clients = {region: sandbox.client("cloudformation", keys, region) for region in REGIONS}
    body = _template()

    def create(number: int) -> tuple[str, str]:
        region = REGIONS[number % len(REGIONS)]
        answer = clients[region].create_stack(
            StackName=f"{prefix}-{number}", TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
        )
        return region, str(answer["StackId"])

    made: dict[str, list[str]] = {region: [] for region in REGIONS}
    with ThreadPoolExecutor(len(REGIONS)) as pool:
        for region, id in pool.map(create, range(STACKS)):
            made[region].append(id)
    return made


def quick_stacks(sandbox: Sandbox, keys: Keys) -> float:
    """Seconds until all are made, each with all its resources."""
    begun = time.perf_counter()
    made = _begin(sandbox, keys, "quick")
    for region, ids in made.items():
        client = sandbox.client("cloudformation", keys, region)
        for id in ids:
            client.get_waiter("stack_create_complete").wait(
                StackName=id, WaiterConfig={"Delay": 0.1, "MaxAttempts": 10 * WITHIN_S * 5}
            )
    seconds = time.perf_counter() - begun
    for region, ids in made.items():
        client = sandbox.client("cloudformation", keys, region)
        for id in ids:
            found = client.describe_stack_resources(StackName=id)["StackResources"]
            if len(found) != RESOURCES:
                raise Trouble(f"{id} has {len(found)} resources.")
    return seconds


def calls_beside_slow_stacks(sandbox: Sandbox, keys: Keys, rounds: int = 1) -> list[list[float]]:
    """Milliseconds of each call, round by round. Raises Trouble when the stacks were made before the last call."""
    sandbox.settings(speed=1, durations={"AWS::SSM::Parameter": {"create": SLOW_S}})
    made = _begin(sandbox, keys, "slow")
    asks = [
        sandbox.client("sts", keys).get_caller_identity,
        sandbox.client("sqs", keys).list_queues,
        sandbox.client("dynamodb", keys).list_tables,
    ]
    took: list[list[float]] = [[] for _ in range(rounds)]
    for times in took:
        for number in range(CALLS):
            begun = time.perf_counter()
            asks[number % len(asks)]()
            times.append((time.perf_counter() - begun) * 1000)
    first = sandbox.client("cloudformation", keys, REGIONS[0])
    status = first.describe_stacks(StackName=made[REGIONS[0]][0])["Stacks"][0]["StackStatus"]
    if status != "CREATE_IN_PROGRESS":
        raise Trouble(f"The slow stacks were {status} before all calls were made.")
    return took


def pss_mib(sandbox: Sandbox) -> float:
    """Memory of the process and its children."""
    assert sandbox.process is not None
    main = psutil.Process(sandbox.process.popen.pid)
    return float(sum(p.memory_full_info().pss for p in (main, *main.children(recursive=True)))) / MIB


def kill_and_start(sandbox: Sandbox) -> tuple[float, int, int]:
    """Seconds of the start after SIGKILL, and the records of finished things before and after it."""

    def count() -> int:
        found = sandbox.control("GET", "resources", account=ACCOUNT)
        return sum(1 for record in found if "quick-" in json.dumps(record["stack"] or ""))

    before = count()
    assert sandbox.process is not None
    os.kill(sandbox.process.popen.pid, signal.SIGKILL)
    sandbox.process.popen.wait()
    sandbox.stop()
    sandbox.speed = 1
    begun = time.perf_counter()
    sandbox.start()
    return time.perf_counter() - begun, before, count()

"""The log of calls: what is in it, whose clock it has, that it outlives the process and stays small."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools import processes
from devtools.sandbox import Keys, Sandbox
from sandbox import request_log
from sandbox.world import World
from tests.sandbox.support import Stacks, parameter, refused, template
from tests.sandbox.test_process import kill_and_restart

ACCOUNT = "210000000072"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(home=tmp_path_factory.mktemp("calls") / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def keys(own: Sandbox) -> Keys:
    return own.account(ACCOUNT)


def last(own: Sandbox) -> int:
    return int(own.control("GET", "requests/counts")["last"])


def test_calls_survive_sigkill(own: Sandbox, keys: Keys) -> None:
    ssm, before = own.client("ssm", keys), last(own)
    ssm.describe_parameters()
    ssm.put_parameter(Name="/told", Value="v", Type="String")
    kill_and_restart(own)
    told = own.control("GET", "requests", after=before)
    # The second was written with its change, the first at the latest with the second.
    assert [(r["operation"], r["status"]) for r in told] == [
        ("DescribeParameters", 200),
        ("PutParameter", 200),
    ]
    assert last(own) == before + 2
    refused(ssm.get_parameter, Name="/none")
    [entry] = own.control("GET", "requests", after=before + 2)
    assert (entry["n"], entry["error"]) == (before + 3, "ParameterNotFound")


def test_calls_of_handlers_by_cloudformation_are_told(own: Sandbox, keys: Keys) -> None:
    stacks, before = Stacks(own.client("cloudformation", keys)), last(own)
    fault = own.fault("failing-type", type="AWS::SQS::Queue", message="no room", count=1)
    stacks.create("told", template(P=parameter("v"), Q={"Type": "AWS::SQS::Queue", "DependsOn": "P"}))
    stacks.create("well", template(P=parameter("v", Name="/well")))
    stacks.update("well", template(P=parameter("w", Name="/well")))
    stacks.delete("well")
    told: list[dict[str, Any]] = own.control("GET", "requests", after=before, via="cloudformation")
    rows = [(r["operation"], r["resource"], r["status"], r["error"], r["fault"]) for r in told]
    assert rows == [
        ("create", "AWS::SSM::Parameter told/P", 200, None, None),
        ("create", "AWS::SQS::Queue told/Q", 500, "GeneralServiceException", fault),
        ("delete", "AWS::SSM::Parameter told/P", 200, None, None),
        ("create", "AWS::SSM::Parameter well/P", 200, None, None),
        ("update", "AWS::SSM::Parameter well/P", 200, None, None),
        ("delete", "AWS::SSM::Parameter well/P", 200, None, None),
    ]
    assert {(r["account"], r["region"], r["principal"]) for r in told} == {
        (ACCOUNT, "eu-west-1", f"arn:aws:iam::{ACCOUNT}:root")
    }
    asked = own.control("GET", "requests/counts", after=before)["by_operation"]
    assert asked["cloudformation.CreateStack"] == 2
    assert not [name for name in asked if name.endswith((".create", ".update", ".delete"))]
    everything = own.control("GET", "requests/counts", after=before, via="all")
    assert everything["total"] == everything["last"] - before == sum(asked.values()) + len(told)


def test_calls_have_the_sandboxs_clock(own: Sandbox, keys: Keys) -> None:
    own.control("POST", "clock", {"advance_s": 30 * 86400})
    before = last(own)
    own.client("sts", keys).get_caller_identity()
    [entry] = own.control("GET", "requests", after=before)
    ahead = datetime.fromisoformat(entry["at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < ahead < timedelta(days=31)


def test_unknown_way_is_refused_with_a_sentence(own: Sandbox) -> None:
    answer = httpx.get(f"{own.url}/_sandbox/requests?via=telephone")
    assert answer.status_code == 400
    assert "via must be one of api, cloudformation, application, database, all" in answer.json()["error"]


def test_reset_drops_the_log_and_the_numbers_go_on(own: Sandbox) -> None:
    own.client("sts", own.account(ACCOUNT)).get_caller_identity()
    before = last(own)
    own.control("POST", "reset")
    assert (own.control("GET", "requests", via="all"), last(own)) == ([], before)


def test_log_keeps_the_newest_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "KEPT", 100)
    monkeypatch.setattr(request_log, "SWEPT_EVERY", 10)
    world = World(tmp_path)
    for n in range(1000):
        world.requests.add("api", service="sts", operation="GetCallerIdentity", status=200)
        if n % 7 == 0:
            world.store.flush()
    found = world.requests.after(0, 10_000)
    assert 100 <= len(found) <= 120
    assert (found[-1]["n"], world.requests.counts(995)["total"]) == (1000, 5)
    world.store.close()


def test_writing_a_call_down_takes_next_to_nothing(tmp_path: Path) -> None:
    world, rounds = World(tmp_path), []
    for _ in range(3):
        took = []
        for _ in range(500):
            began = time.perf_counter()
            world.requests.add("api", service="sts", operation="GetCallerIdentity", status=200)
            world.store.flush()
            took.append(time.perf_counter() - began)
        rounds.append(sorted(took)[475])
    # A commit for each of them is the worst case: the front door writes those of 5 ms at once. The quietest round,
    # for other processes share the machine.
    assert min(rounds) < 0.005
    world.store.close()

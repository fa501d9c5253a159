"""The blueprint's own alarms over an application that really runs: what becomes of them when it is ill."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.processes import free_port
from devtools.sandbox import Sandbox
from tests.blueprint_cdk.support import FACTS, SPEC
from tests.sandbox.application.building import Place, bundle, target_healths, until, zone
from tests.sandbox.types.support import Aws, OneStack, Resources

ACCOUNT, TOP, NAME = "310000000061", "watched.example.com", "watched"
KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
SYMPTOMS = ("errors", "latency", "unhealthy-targets", "health", "healthy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An environment with version `one` and `ill` (503), in a sandbox whose clock may be put forward."""
    process = Sandbox(home=tmp_path_factory.mktemp("alarms") / "state", port=free_port())
    process.start()
    process.settings(speed=0)
    made = Place(process, process.account(ACCOUNT), "eu-west-1", f"{NAME}.{TOP}")
    made.network()
    made.alias(zone(made, TOP))
    made.application(NAME, bundle(body="one"))
    made.version(NAME, "ill", bundle(status=503, body="ill"))
    yield made
    process.stop()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The operations stack as it is synthesised."""
    from blueprint_cdk import runtime

    runtime.prepare()
    from blueprint_cdk.synthesis import synthesise

    out: Path = tmp_path_factory.mktemp("assembly")
    facts = {SPEC["home_region"]: FACTS}
    synthesise({"app": "environment", "spec": SPEC, "facts": facts, "out": str(out)})
    found: dict[str, Any] = json.loads((out / "sy-shop-k3x9-operations.template.json").read_text())
    return found


def of_this_place(template: dict[str, Any], place: Place) -> Resources:
    """The alarms of health, watching this place instead of the spec's."""
    balancer = str(place.made["balancer"]["LoadBalancerArn"]).partition(":loadbalancer/")[2]

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(item) for item in value]
        if isinstance(value, dict):
            if "LoadBalancerFullName" in str(value.get("Fn::ImportValue")):
                return balancer
            return {name: moved(item) for name, item in value.items() if not name.endswith("Actions")}
        return value.replace("sy-shop-k3x9", NAME) if isinstance(value, str) else value

    found = {name: moved(row) for name, row in template["Resources"].items() if row["Type"] in KINDS}
    wanted = {f"{NAME}-{key}" for key in SYMPTOMS}
    return {name: row for name, row in found.items() if row["Properties"]["AlarmName"] in wanted}


def states(place: Place) -> dict[str, str]:
    """States of the alarms, the composite among them, by what their names end with."""
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = place.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-", AlarmTypes=kinds)
    rows = [*answer["MetricAlarms"], *answer["CompositeAlarms"]]
    return {row["AlarmName"].removeprefix(f"{NAME}-"): row["StateValue"] for row in rows}


def minutes(place: Place, count: int) -> None:
    """Let time pass, minute by minute, as metrics come."""
    for _ in range(count):
        place.sandbox.control("POST", "clock", {"advance_s": 60})


def deploy(place: Place, label: str) -> None:
    client = place.client("elasticbeanstalk")
    option = {"Namespace": "aws:elasticbeanstalk:command", "OptionName": "IgnoreHealthCheck", "Value": "true"}
    client.update_environment(EnvironmentName=NAME, VersionLabel=label, OptionSettings=[option])

    def ready() -> bool:
        found = client.describe_environments(EnvironmentNames=[NAME])["Environments"][0]
        return bool(found["Status"] == "Ready" and found["VersionLabel"] == label)

    until(ready)


@pytest.mark.timeout(180)
def test_application_that_falls_ill_turns_the_alarm_that_means_healthy_and_recovers(
    place: Place, template: dict[str, Any]
) -> None:
    resources = of_this_place(template, place)
    assert len(resources) == len(SYMPTOMS)
    OneStack(Aws(place.sandbox, place.keys), "alarms").create(resources)
    assert place.ask("GET", "/").status_code == 200
    minutes(place, 6)
    assert states(place)["healthy"] == "OK"

    deploy(place, "ill")
    assert place.ask("GET", "/").status_code == 503
    # Health checks look every few seconds of our own time, which the minutes put forward below do not have.
    until(lambda: "unhealthy" in {health["State"] for _, health in target_healths(place)})
    for _ in range(6):
        for _ in range(25):
            assert place.ask("GET", "/").status_code == 503
        minutes(place, 1)
    ill = states(place)
    assert {key: ill[key] for key in ("healthy", "health", "errors", "unhealthy-targets")} == {
        "healthy": "ALARM",
        "health": "ALARM",
        "errors": "ALARM",
        "unhealthy-targets": "ALARM",
    }

    deploy(place, "one")
    assert place.ask("GET", "/").status_code == 200
    minutes(place, 8)
    assert set(states(place).values()) == {"OK"}

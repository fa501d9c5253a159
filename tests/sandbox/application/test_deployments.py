"""Beanstalk's deployments, health, rebuilds and platform updates, with applications that really run."""

import time
from typing import Any

import pytest

from tests.sandbox.application.building import PLATFORM, Place, bundle, target_healths, until, zipped
from tests.sandbox.support import refused

COMMAND = "aws:elasticbeanstalk:command"
NAME = "moving"


@pytest.fixture(scope="module")
def place(shop: Place, hosted_zone: str) -> Place:
    """An environment with version `one`, and versions `two` (good), `ill` (503) and `dead` (ends at once)."""
    made = Place(shop.sandbox, shop.keys, shop.region, f"{NAME}.apps.example.com")
    made.made = {n: shop.made[n] for n in ("vpc", "subnets", "balancer")}
    made.alias(hosted_zone)
    made.application(NAME, bundle(body="one"))
    made.version(NAME, "two", bundle(body="two"))
    made.version(NAME, "ill", bundle(status=503, body="ill"))
    made.version(NAME, "dead", zipped({"Dockerfile": 'CMD ["python", "none.py"]'}))
    return made


@pytest.fixture
def beanstalk(place: Place) -> Any:
    client = place.client("elasticbeanstalk")
    deploy(place, "one", "AllAtOnce")
    return client


def deploy(place: Place, label: str, policy: str, wait: bool = True) -> dict[str, Any]:
    client = place.client("elasticbeanstalk")
    option = {"Namespace": COMMAND, "OptionName": "DeploymentPolicy", "Value": policy}
    client.update_environment(EnvironmentName=NAME, VersionLabel=label, OptionSettings=[option])
    return until(lambda: ready(client)) if wait else {}


def ready(client: Any) -> dict[str, Any] | None:
    found: dict[str, Any] = client.describe_environments(EnvironmentNames=[NAME])["Environments"][0]
    return found if found["Status"] == "Ready" else None


def health(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.describe_environment_health(EnvironmentName=NAME, AttributeNames=["All"])
    return found


def messages(client: Any) -> list[str]:
    return [e["Message"] for e in client.describe_events(EnvironmentName=NAME)["Events"]]


def test_new_version_takes_over(place: Place, beanstalk: Any) -> None:
    assert place.ask("GET", "/").text == "one"
    found = deploy(place, "two", "Immutable")
    assert (found["VersionLabel"], found["Health"]) == ("two", "Green")
    assert place.ask("GET", "/").text == "two"


@pytest.mark.parametrize("policy", ["Immutable", "TrafficSplitting"])
@pytest.mark.parametrize("label", ["ill", "dead"])
def test_careful_deployment_of_an_unhealthy_version_is_rolled_back(
    place: Place, beanstalk: Any, policy: str, label: str
) -> None:
    assert place.ask("GET", "/").text == "one"
    found = deploy(place, label, policy)
    assert (found["VersionLabel"], found["Health"]) == ("one", "Green")
    assert place.ask("GET", "/").text == "one"
    assert any(m.startswith(f"Failed to deploy application version {label}") for m in messages(beanstalk))


def test_old_version_serves_until_the_new_one_is_healthy(place: Place, beanstalk: Any) -> None:
    assert place.ask("GET", "/").text == "one"
    deploy(place, "two", "Immutable", wait=False)
    seen = {place.ask("GET", "/").text for _ in range(20)} | {until(lambda: place.ask("GET", "/").text)}
    until(lambda: ready(beanstalk))
    assert seen <= {"one", "two"}
    assert place.ask("GET", "/").text == "two"


def test_rolling_deployment_of_an_unhealthy_version_leaves_it_on_the_instances(
    place: Place, beanstalk: Any
) -> None:
    found = deploy(place, "ill", "Rolling")
    assert (found["VersionLabel"], found["Health"], found["HealthStatus"]) == ("one", "Red", "Severe")
    assert place.ask("GET", "/").text == "ill"
    causes = health(beanstalk)["Causes"]
    assert causes[0].startswith(
        'Incorrect application version found on all instances. Expected version "one" (deployment '
    )
    assert deploy(place, "one", "Rolling")["Health"] == "Green"
    assert place.ask("GET", "/").text == "one"


def test_health_and_targets_follow_the_process(place: Place, beanstalk: Any) -> None:
    option = {"Namespace": COMMAND, "OptionName": "IgnoreHealthCheck", "Value": "true"}
    beanstalk.update_environment(EnvironmentName=NAME, VersionLabel="ill", OptionSettings=[option])
    assert place.ask("GET", "/").status_code == 503
    found = until(lambda: health(beanstalk) if health(beanstalk)["Color"] == "Red" else None)
    assert found["HealthStatus"] == "Severe"
    assert "ELB processes are not healthy on all instances." in found["Causes"]
    assert found["InstancesHealth"]["Severe"] == 1
    assert found["ApplicationMetrics"]["StatusCodes"]["Status5xx"] >= 1
    instance = beanstalk.describe_instances_health(EnvironmentName=NAME, AttributeNames=["All"])
    assert instance["InstanceHealthList"][0]["Deployment"]["VersionLabel"] == "ill"
    target = instance["InstanceHealthList"][0]["InstanceId"]
    assert [health for id, health in target_healths(place) if id == target] == [
        {
            "State": "unhealthy",
            "Reason": "Target.ResponseCodeMismatch",
            "Description": "Health checks failed with these codes: [503]",
        }
    ]
    beanstalk.update_environment(
        EnvironmentName=NAME,
        VersionLabel="one",
        OptionsToRemove=[{"Namespace": COMMAND, "OptionName": "IgnoreHealthCheck"}],
    )
    until(lambda: ready(beanstalk))
    assert health(beanstalk)["Color"] == "Green"


def test_health_shows_what_is_asked_for(beanstalk: Any) -> None:
    found = beanstalk.describe_environment_health(EnvironmentName=NAME, AttributeNames=["Color"])
    assert set(found) - {"ResponseMetadata"} == {"EnvironmentName", "Color"}


def test_health_and_requests_are_metrics(place: Place, beanstalk: Any) -> None:
    assert place.ask("GET", "/").text == "one"
    cloudwatch = place.client("cloudwatch")

    def newest(space: str, name: str, statistic: str, **by: str) -> float | None:
        dimensions = [{"Name": n, "Value": v} for n, v in by.items()]
        points = cloudwatch.get_metric_statistics(
            Namespace=space, MetricName=name, Dimensions=dimensions, Statistics=[statistic], Period=3600,
            StartTime=time.time() - 7200, EndTime=time.time() + 60,
        )["Datapoints"]  # fmt: skip
        return float(points[-1][statistic]) if points else None

    assert newest("AWS/ElasticBeanstalk", "EnvironmentHealth", "Minimum", EnvironmentName=NAME) == 0
    front = place.made["balancer"]["LoadBalancerArn"].partition(":loadbalancer/")[2]
    assert (newest("AWS/ApplicationELB", "RequestCount", "Sum", LoadBalancer=front) or 0) >= 1
    assert (newest("AWS/ApplicationELB", "TargetResponseTime", "Maximum", LoadBalancer=front) or 0) > 0


def test_update_can_be_aborted(place: Place, beanstalk: Any) -> None:
    kind = "AWS::ElasticBeanstalk::Environment"
    assert refused(beanstalk.abort_environment_update, EnvironmentName=NAME)[0] == "InvalidParameterValue"
    place.sandbox.settings(speed=1, durations={kind: {"update": 4.0}})
    try:
        deploy(place, "two", "AllAtOnce", wait=False)
        beanstalk.abort_environment_update(EnvironmentName=NAME)
        found = beanstalk.describe_environments(EnvironmentNames=[NAME])["Environments"][0]
        assert found["Status"] == "Aborting"
        code, text = refused(beanstalk.restart_app_server, EnvironmentName=NAME)
        assert (code, "invalid state" in text) == ("InvalidParameterValue", True)
        assert until(lambda: ready(beanstalk))["VersionLabel"] == "one"
    finally:
        place.sandbox.settings(speed=0, durations={kind: {"update": 300.0}})
    assert place.ask("GET", "/").text == "one"


def test_rebuild_makes_everything_anew_and_keeps_the_name(place: Place, beanstalk: Any) -> None:
    def resources() -> dict[str, Any]:
        found: dict[str, Any] = beanstalk.describe_environment_resources(EnvironmentName=NAME)
        return dict(found["EnvironmentResources"])

    before, cname = resources(), ready(beanstalk)
    beanstalk.rebuild_environment(EnvironmentName=NAME)
    until(lambda: ready(beanstalk))
    after = resources()
    assert before["Instances"] != after["Instances"]
    assert cname is not None
    assert (ready(beanstalk) or {})["CNAME"] == cname["CNAME"]
    assert place.ask("GET", "/").text == "one"


def test_restart_gives_a_new_process(place: Place, beanstalk: Any, shop: Place) -> None:
    def uptime() -> int:
        return int(shop.ask("GET", "/healthz").json()["uptime_s"])

    until(lambda: uptime() >= 1)
    beanstalk.restart_app_server(EnvironmentName="shop")
    assert uptime() == 0


def test_managed_platform_update_is_shown_and_applied(place: Place, beanstalk: Any) -> None:
    head = f"arn:aws:elasticbeanstalk:{place.region}::platform/Docker running on 64bit Amazon Linux 2023/"
    beanstalk.update_environment(
        EnvironmentName=NAME,
        PlatformArn=f"{head}4.5.1",
        OptionSettings=[
            {"Namespace": f"aws:elasticbeanstalk:{space}", "OptionName": name, "Value": value}
            for space, name, value in (
                ("managedactions", "ManagedActionsEnabled", "true"),
                ("managedactions", "PreferredStartTime", "Sun:03:00"),
                ("managedactions:platformupdate", "UpdateLevel", "patch"),
            )
        ],
    )
    action = beanstalk.describe_environment_managed_actions(EnvironmentName=NAME)["ManagedActions"][0]
    assert (action["Status"], action["ActionType"]) == ("Scheduled", "PlatformUpdate")
    assert (action["WindowStartTime"].isoweekday(), action["WindowStartTime"].hour) == (7, 3)
    assert "4.5.2" in action["ActionDescription"]
    wrong = refused(beanstalk.apply_environment_managed_action, EnvironmentName=NAME, ActionId="none")
    assert wrong[0] == "InvalidParameterValue"
    applied = beanstalk.apply_environment_managed_action(EnvironmentName=NAME, ActionId=action["ActionId"])
    assert applied["Status"] == "Running"
    assert until(lambda: ready(beanstalk))["PlatformArn"] == f"{head}4.5.2"
    assert beanstalk.describe_environment_managed_actions(EnvironmentName=NAME)["ManagedActions"] == []
    history = beanstalk.describe_environment_managed_action_history(EnvironmentName=NAME)
    assert [h["Status"] for h in history["ManagedActionHistoryItems"]] == ["Completed"]


def test_swapped_cnames_lead_to_the_other_environment(place: Place, beanstalk: Any) -> None:
    """Two environments with load balancers of their own."""
    made = {}
    for name, label in (("blue-side", "one"), ("green-side", "two")):
        settings = [o for o in place.options({}) if "elbv2" not in o["Namespace"]]
        settings = [o for o in settings if o["OptionName"] != "LoadBalancerIsShared"]
        found = beanstalk.create_environment(
            ApplicationName=NAME,
            EnvironmentName=name,
            CNAMEPrefix=f"{name}-310",
            VersionLabel=label,
            PlatformArn=f"arn:aws:elasticbeanstalk:{place.region}::platform/{PLATFORM}",
            OptionSettings=settings,
        )
        made[name] = found["CNAME"]
    assert [place.ask("GET", "/", host=made[n]).text for n in ("blue-side", "green-side")] == ["one", "two"]
    beanstalk.swap_environment_cnames(
        SourceEnvironmentName="blue-side", DestinationEnvironmentName="green-side"
    )
    assert [place.ask("GET", "/", host=made[n]).text for n in ("blue-side", "green-side")] == ["two", "one"]
    for name in made:
        beanstalk.terminate_environment(EnvironmentName=name)

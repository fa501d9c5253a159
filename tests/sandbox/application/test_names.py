"""Route 53 answers as its records say: policies, health checks, failover between regions."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.application.building import Place, bundle, until
from tests.sandbox.support import refused

ACCOUNT = "310000000003"
ZONE = "names.example.com"


@pytest.fixture(scope="module")
def place(sandbox: Sandbox) -> Place:
    return Place(sandbox, sandbox.account(ACCOUNT), "eu-west-1", f"app.{ZONE}")


@pytest.fixture(scope="module")
def route53(place: Place) -> Any:
    return place.client("route53")


@pytest.fixture(scope="module")
def zone(route53: Any) -> str:
    made = route53.create_hosted_zone(Name=ZONE, CallerReference="names")
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def put(route53: Any, zone: str, name: str, *values: str, kind: str = "A", **more: Any) -> None:
    given = {"TTL": 30, "ResourceRecords": [{"Value": v} for v in values]}
    record = {"Name": f"{name}.{ZONE}", "Type": kind, **given, **more}
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )


def ask(place: Place, name: str, kind: str = "A", **more: str) -> tuple[str, list[str]]:
    found = place.sandbox.control("GET", "resolve", name=f"{name}.{ZONE}", type=kind, **more)
    return found["rcode"], [row["value"] for row in found["answers"]]


def check(route53: Any, reference: str, **config: Any) -> str:
    made = route53.create_health_check(CallerReference=reference, HealthCheckConfig=config)
    return str(made["HealthCheck"]["Id"])


def drive(place: Place, id: str, status: str | None) -> None:
    place.sandbox.control("POST", "health-checks", {"id": id, "status": status})


def state(place: Place, id: str) -> bool:
    return bool(next(c["healthy"] for c in place.sandbox.control("GET", "health-checks") if c["id"] == id))


def test_simple_wildcard_and_following_records(place: Place, route53: Any, zone: str) -> None:
    put(route53, zone, "plain", "192.0.2.1", "192.0.2.2")
    put(route53, zone, "*.wild", "192.0.2.3")
    put(route53, zone, "named", f"plain.{ZONE}", kind="CNAME")
    put(route53, zone, "text", '"hello"', kind="TXT")
    assert ask(place, "plain") == ("NOERROR", ["192.0.2.1", "192.0.2.2"])
    assert ask(place, "x.wild") == ("NOERROR", ["192.0.2.3"])
    assert ask(place, "named") == ("NOERROR", [f"plain.{ZONE}", "192.0.2.1", "192.0.2.2"])
    assert ask(place, "text", "TXT") == ("NOERROR", ['"hello"'])
    assert ask(place, "plain", "MX") == ("NOERROR", [])
    assert ask(place, "nothing") == ("NXDOMAIN", [])
    assert ask(place, "wild") == ("NOERROR", [])
    assert place.sandbox.control("GET", "resolve", name="example.org")["rcode"] == "REFUSED"


def test_weighted_records_share_and_leave_out_the_unhealthy(place: Place, route53: Any, zone: str) -> None:
    ill = check(route53, "weighted", Type="TCP", IPAddress="192.0.2.9", Port=80)
    put(route53, zone, "share", "192.0.2.1", SetIdentifier="a", Weight=3)
    put(route53, zone, "share", "192.0.2.2", SetIdentifier="b", Weight=1, HealthCheckId=ill)
    put(route53, zone, "share", "192.0.2.3", SetIdentifier="c", Weight=0)
    drive(place, ill, "healthy")
    seen = Counter(ask(place, "share")[1][0] for _ in range(200))
    assert set(seen) == {"192.0.2.1", "192.0.2.2"}
    assert seen["192.0.2.1"] > seen["192.0.2.2"]
    drive(place, ill, "unhealthy")
    assert {ask(place, "share")[1][0] for _ in range(30)} == {"192.0.2.1"}


def test_latency_records_answer_the_askers_region(place: Place, route53: Any, zone: str) -> None:
    for region, value in (("eu-west-1", "192.0.2.1"), ("us-east-1", "192.0.2.2")):
        put(route53, zone, "near", value, SetIdentifier=region, Region=region)
    assert ask(place, "near", region="us-east-1")[1] == ["192.0.2.2"]
    assert ask(place, "near", region="eu-west-1")[1] == ["192.0.2.1"]


def test_failover_follows_health_and_falls_back_to_the_primary(place: Place, route53: Any, zone: str) -> None:
    first = check(route53, "first", Type="TCP", IPAddress="192.0.2.9", Port=80)
    second = check(route53, "second", Type="TCP", IPAddress="192.0.2.9", Port=80)
    put(route53, zone, "over", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=first)
    put(route53, zone, "over", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY", HealthCheckId=second)
    for states, answer in (
        (("healthy", "healthy"), "192.0.2.1"),
        (("unhealthy", "healthy"), "192.0.2.2"),
        (("healthy", "unhealthy"), "192.0.2.1"),
        (("unhealthy", "unhealthy"), "192.0.2.1"),
    ):
        drive(place, first, states[0])
        drive(place, second, states[1])
        assert ask(place, "over")[1] == [answer]


def test_check_by_alarm_follows_the_alarm_and_can_be_inverted(place: Place, route53: Any) -> None:
    cloudwatch = place.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="switch", Namespace="Switchyard", MetricName="Closed", Statistic="Maximum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    alarm = {"Region": "eu-west-1", "Name": "switch"}
    plain = check(
        route53,
        "alarm",
        Type="CLOUDWATCH_METRIC",
        AlarmIdentifier=alarm,
        InsufficientDataHealthStatus="Unhealthy",
    )
    inverted = check(
        route53, "inverted", Type="CLOUDWATCH_METRIC", AlarmIdentifier=alarm, Inverted=True,
        InsufficientDataHealthStatus="LastKnownStatus",
    )  # fmt: skip
    assert (state(place, plain), state(place, inverted)) == (False, False)
    cloudwatch.set_alarm_state(AlarmName="switch", StateValue="ALARM", StateReason="test")
    assert (state(place, plain), state(place, inverted)) == (False, True)
    cloudwatch.set_alarm_state(AlarmName="switch", StateValue="OK", StateReason="test")
    assert (state(place, plain), state(place, inverted)) == (True, False)
    route53.update_health_check(HealthCheckId=plain, Disabled=True)
    cloudwatch.set_alarm_state(AlarmName="switch", StateValue="ALARM", StateReason="test")
    assert state(place, plain)


def test_calculated_check_counts_its_children(place: Place, route53: Any) -> None:
    children = [check(route53, f"child-{n}", Type="TCP", IPAddress="192.0.2.9", Port=80) for n in range(3)]
    whole = check(route53, "whole", Type="CALCULATED", ChildHealthChecks=children, HealthThreshold=2)
    for child in children:
        drive(place, child, "healthy")
    assert state(place, whole)
    drive(place, children[0], "unhealthy")
    assert state(place, whole)
    drive(place, children[1], "unhealthy")
    assert not state(place, whole)
    assert refused(route53.get_health_check_status, HealthCheckId=whole)[0] == "InvalidInput"


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({"Type": "HTTP"}, "FullyQualifiedDomainName"),
        ({"Type": "HTTPS_STR_MATCH", "FullyQualifiedDomainName": "x"}, "SearchString"),
        ({"Type": "CALCULATED"}, "ChildHealthChecks"),
        ({"Type": "CLOUDWATCH_METRIC"}, "AlarmIdentifier"),
        ({"Type": "RECOVERY_CONTROL"}, "RoutingControlArn"),
    ],
)
def test_check_that_lacks_what_its_type_needs_is_refused(
    route53: Any, config: dict[str, Any], part: str
) -> None:
    code, text = refused(
        route53.create_health_check, CallerReference=json.dumps(config), HealthCheckConfig=config
    )
    assert code == "InvalidInput"
    assert part in text


@pytest.fixture(scope="module")
def both(place: Place, zone: str) -> Iterator[tuple[Place, Place]]:
    """The same name in two regions: failover alias records that evaluate their target's health."""
    other = Place(place.sandbox, place.keys, "eu-central-1", place.domain)
    for side, role in ((place, "PRIMARY"), (other, "SECONDARY")):
        side.network()
        side.alias(zone, SetIdentifier=role.lower(), Failover=role)
        side.application("names", bundle(body=side.region))
    yield place, other


def test_dark_region_is_left_by_the_probe_of_its_health_check(
    place: Place, route53: Any, zone: str, both: tuple[Place, Place]
) -> None:
    """The primary's check asks its load balancer; the region goes dark; the name leads to the other region."""
    balancer = place.made["balancer"]["DNSName"]
    put(route53, zone, "probe", balancer, kind="CNAME")
    rule = place.client("elbv2")
    listeners = rule.describe_listeners(LoadBalancerArn=place.made["balancer"]["LoadBalancerArn"])[
        "Listeners"
    ]
    group = rule.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    rule.create_rule(
        ListenerArn=next(x["ListenerArn"] for x in listeners if x["Port"] == 443),
        Priority=50,
        Conditions=[{"Field": "host-header", "Values": [f"probe.{ZONE}"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    asked = check(
        route53, "probe", Type="HTTPS", FullyQualifiedDomainName=f"probe.{ZONE}", ResourcePath="/",
        FailureThreshold=1, RequestInterval=10,
    )  # fmt: skip
    place.alias(zone, SetIdentifier="primary", Failover="PRIMARY", HealthCheckId=asked)
    assert place.ask("GET", "/").text == "eu-west-1"
    place.sandbox.fault("dark", region="eu-west-1", account=ACCOUNT)
    until(lambda: not state(place, asked))
    assert place.ask("GET", "/").text == "eu-central-1"
    said = route53.get_health_check_status(HealthCheckId=asked)["HealthCheckObservations"]
    assert said[0]["StatusReport"]["Status"].startswith("Failure")
    place.sandbox.lift_faults()
    until(lambda: state(place, asked))
    assert place.ask("GET", "/").text == "eu-west-1"
    said = route53.get_health_check_status(HealthCheckId=asked)["HealthCheckObservations"]
    assert said[0]["StatusReport"]["Status"] == "Success: HTTP Status Code 200, OK"


def test_alias_that_evaluates_its_target_leaves_a_load_balancer_without_targets(
    place: Place, both: tuple[Place, Place]
) -> None:
    beanstalk = place.client("elasticbeanstalk")

    def size(least: str) -> None:
        beanstalk.update_environment(
            EnvironmentName="names",
            OptionSettings=[
                {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": least},
                {"Namespace": "aws:autoscaling:asg", "OptionName": "MaxSize", "Value": least},
            ],
        )

    assert place.ask("GET", "/").text == "eu-west-1"
    place.sandbox.fault("dark", region="eu-west-1", account=ACCOUNT)
    assert place.ask("GET", "/").text == "eu-central-1"
    place.sandbox.lift_faults()
    assert place.ask("GET", "/").text == "eu-west-1"
    size("0")
    assert place.ask("GET", "/").text == "eu-central-1"
    size("1")
    assert place.ask("GET", "/").text == "eu-west-1"

"""Load balancers, listeners, rules and target groups by their API."""

from typing import Any

import pytest

from tests.sandbox.services.edge.support import NOT_FOUND, a_balancer
from tests.sandbox.support import refused

ACCOUNT = "210000000003"


def test_balancer_holds_its_subnets_and_its_group(aws: Any, place: dict[str, Any]) -> None:
    balancer = a_balancer(aws, place, "holds")
    assert balancer["State"]["Code"] == "active"
    assert balancer["DNSName"].startswith("holds-")
    assert balancer["CanonicalHostedZoneId"] == "Z32O12XQLNTSW2"
    assert refused(aws("ec2").delete_subnet, SubnetId=place["subnets"][0])[0] == "DependencyViolation"
    assert refused(aws("ec2").delete_security_group, GroupId=place["group"])[0] == "DependencyViolation"
    interfaces = aws("ec2").describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["ELB app/holds/*"]}]
    )["NetworkInterfaces"]
    assert {i["SubnetId"] for i in interfaces} == set(place["subnets"])
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    assert refused(aws("elbv2").describe_load_balancers, Names=["holds"])[0] == "LoadBalancerNotFound"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Subnets": ["subnet-0"]}, "SubnetNotFound"),
        ({"Name": "internal-x"}, "ValidationError"),
        ({"Name": "a" * 33}, "ValidationError"),
        ({"Name": "under_score"}, "ValidationError"),
        ({"SecurityGroups": ["sg-0"]}, "InvalidSecurityGroup"),
    ],
)
def test_balancer_is_refused(aws: Any, place: dict[str, Any], changed: dict[str, Any], code: str) -> None:
    arguments = {"Name": "refused", "Subnets": place["subnets"], **changed}
    assert refused(aws("elbv2").create_load_balancer, **arguments)[0] == code


def test_balancer_needs_two_zones(aws: Any, place: dict[str, Any]) -> None:
    code, message = refused(aws("elbv2").create_load_balancer, Name="one", Subnets=place["subnets"][:1])
    assert (code, message) == (
        "ValidationError",
        "At least two subnets in two different Availability Zones must be specified",
    )


def test_protected_balancer_is_not_deleted(aws: Any, place: dict[str, Any]) -> None:
    arn = a_balancer(aws, place, "protected")["LoadBalancerArn"]
    elb = aws("elbv2")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn)[0] == "OperationNotPermitted"
    values = {
        a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    }
    assert (values["deletion_protection.enabled"], values["idle_timeout.timeout_seconds"]) == ("true", "60")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_access_log_needs_its_bucket(aws: Any, place: dict[str, Any]) -> None:
    arn = a_balancer(aws, place, "logged")["LoadBalancerArn"]
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": "no-such-bucket-of-edge"},
    ]
    code, message = refused(
        aws("elbv2").modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=attributes
    )
    assert (code, "no-such-bucket-of-edge" in message) == ("InvalidConfigurationRequest", True)
    aws("elbv2").delete_load_balancer(LoadBalancerArn=arn)


def test_listeners_and_rules(aws: Any, place: dict[str, Any]) -> None:
    elb = aws("elbv2")
    arn = a_balancer(aws, place, "rules")["LoadBalancerArn"]
    listener = elb.create_listener(LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=NOT_FOUND)[
        "Listeners"
    ][0]["ListenerArn"]
    assert refused(
        elb.create_listener, LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=NOT_FOUND
    )[0] == ("DuplicateListener")
    targets = elb.create_target_group(Name="rules", VpcId=place["vpc"], Port=80, Protocol="HTTP")[
        "TargetGroups"
    ][0]
    rule = {
        "ListenerArn": listener,
        "Priority": 5,
        "Conditions": [{"Field": "host-header", "Values": ["a.example.com"]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}],
    }
    elb.create_rule(**rule)
    assert refused(elb.create_rule, **rule)[0] == "PriorityInUse"
    shown = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(r["Priority"], r["IsDefault"]) for r in shown] == [("5", False), ("default", True)]
    assert shown[0]["Conditions"][0]["HostHeaderConfig"]["Values"] == ["a.example.com"]
    # Rules exchange their places in one call; a place that a rule keeps which is not named is in use.
    second = elb.create_rule(**{**rule, "Priority": 6})["Rules"][0]["RuleArn"]
    places = {shown[0]["RuleArn"]: 6, second: 5}
    exchanged = [{"RuleArn": rule, "Priority": place} for rule, place in places.items()]
    elb.set_rule_priorities(RulePriorities=exchanged)
    rules = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(r["RuleArn"], r["Priority"]) for r in rules[:2]] == [(second, "5"), (shown[0]["RuleArn"], "6")]
    taken = [{"RuleArn": second, "Priority": 6}]
    assert refused(elb.set_rule_priorities, RulePriorities=taken)[0] == "PriorityInUse"
    (group,) = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert group["LoadBalancerArns"] == [arn]
    assert refused(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"])[0] == "ResourceInUse"
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert refused(elb.describe_rules, RuleArns=[shown[0]["RuleArn"]])[0] == "RuleNotFound"
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_target_that_no_listener_uses_is_unused(aws: Any, place: dict[str, Any]) -> None:
    elb = aws("elbv2")
    arn = elb.create_target_group(
        Name="unused", VpcId=place["vpc"], Port=80, Protocol="HTTP", TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.50.0.9"}])
    (health,) = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert health["TargetHealth"]["Reason"] == "Target.NotInUse"
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.50.0.9"}])
    assert elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] == []
    elb.delete_target_group(TargetGroupArn=arn)

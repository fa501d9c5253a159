"""The network: subnets, ways out, security groups, flow logs."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from tests.blueprint_cdk.support import Assembly, Synthesise


def test_subnets_lie_in_three_zones_inside_the_vpc_with_room_left(synthesise: Synthesise) -> None:
    for cidr in ("10.20.0.0/16", "10.20.0.0/18", "192.168.0.0/20"):
        assembly = synthesise(cidr=cidr)
        assert assembly.one("AWS::EC2::VPC")["CidrBlock"] == cidr
        subnets = [subnet["Properties"] for subnet in assembly.all("AWS::EC2::Subnet")]
        assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == sorted(
            ["eu-west-1a", "eu-west-1b", "eu-west-1c"] * 3
        )
        blocks = [ipaddress.IPv4Network(subnet["CidrBlock"]) for subnet in subnets]
        assert (
            sum(block.num_addresses for block in blocks)
            == ipaddress.IPv4Network(cidr).num_addresses * 18 // 32
        )
        assert not [1 for a in blocks for b in blocks if a is not b and a.overlaps(b)]
        # A load balancer needs /27 and eight free addresses in each public subnet.
        assert min(block.num_addresses for block in blocks) >= 128
        assert {subnet["MapPublicIpOnLaunch"] for subnet in subnets} == {False}


@pytest.mark.parametrize(("size", "gateways"), [("small", 1), ("medium", 2), ("large", 3)])
def test_private_subnets_have_a_way_out_and_isolated_ones_none(
    synthesise: Synthesise, size: str, gateways: int
) -> None:
    network = synthesise(size=size).template("network")["Resources"]
    routes = [row["Properties"] for row in network.values() if row["Type"] == "AWS::EC2::Route"]
    assert len([row for row in network.values() if row["Type"] == "AWS::EC2::NatGateway"]) == gateways
    assert len([row for row in routes if "NatGatewayId" in row]) == 3
    assert len([row for row in routes if "GatewayId" in row]) == 3
    isolated = [name for name in network if "isolated" in name and "RouteTable" in name]
    assert isolated
    assert not [row for row in routes if row["RouteTableId"]["Ref"] in isolated]


def test_traffic_is_logged_into_an_encrypted_group(small: Assembly) -> None:
    flow = small.one("AWS::EC2::FlowLog")
    assert (flow["ResourceType"], flow["TrafficType"]) == ("VPC", "ALL")
    for group in small.all("AWS::Logs::LogGroup"):
        assert group["Properties"]["KmsKeyId"]
        assert group["Properties"]["RetentionInDays"] == 30
        assert group["DeletionPolicy"] == "Delete"


def test_descriptions_of_security_groups_have_letters_that_ec2_takes(whole: Assembly) -> None:
    """No apostrophe: EC2 refuses the rule, and with it the stack that everything waits for."""
    allowed = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}")
    inline = ("SecurityGroupIngress", "SecurityGroupEgress")
    kinds = ("AWS::EC2::SecurityGroup", *(f"AWS::EC2::{name}" for name in inline))
    found = [row["Properties"] for kind in kinds for row in whole.all(kind)]
    rules = [rule for group in found for name in inline for rule in group.get(name, [])]
    words = [row.get("GroupDescription") or row["Description"] for row in (*found, *rules)]
    assert len(words) > 15
    assert [text for text in words if not allowed.fullmatch(text)] == []


def test_security_groups_form_one_chain_and_only_the_load_balancer_is_public(small: Assembly) -> None:
    network = small.template("network")["Resources"]
    groups = {
        row["Properties"]["GroupDescription"]: row["Properties"]
        for row in network.values()
        if row["Type"] == "AWS::EC2::SecurityGroup"
    }
    public = {
        name
        for name, group in groups.items()
        for rule in group.get("SecurityGroupIngress", [])
        if rule.get("CidrIp") == "0.0.0.0/0"
    }
    assert public == {"Load balancer"}
    ingress = [
        row["Properties"] for row in network.values() if row["Type"] == "AWS::EC2::SecurityGroupIngress"
    ]
    assert sorted((rule["FromPort"], rule["Description"]) for rule in ingress) == [
        (80, "From the load balancer"),
        (3306, "From the database proxy"),
        (3306, "From the instances"),
        (3306, "From the runner"),
        (3306, "From the runner"),
    ]
    # Each from the group that its words name, and from no addresses.
    named = {"From the load balancer": "LoadBalancer", "From the database proxy": "Proxy"}
    named |= {"From the instances": "Instances", "From the runner": "Runner"}
    for rule in ingress:
        assert "CidrIp" not in rule and rule["FromPort"] == rule["ToPort"]
        [source, _] = rule["SourceSecurityGroupId"]["Fn::GetAtt"]
        assert source.startswith(f"Firewall{named[rule['Description']]}"), rule["Description"]


def test_nothing_is_attached_to_the_default_security_group(small: Assembly) -> None:
    used = json.dumps([template["Resources"] for template in small.templates().values()])
    assert "DefaultSecurityGroup" not in used

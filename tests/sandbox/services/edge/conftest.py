"""What the tests of the edge share: an account each, a VPC with two subnets, a hosted zone."""

from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.services.edge.support import ZONE


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox, request: pytest.FixtureRequest) -> Keys:
    """The account of the module that asks: its ACCOUNT."""
    return sandbox.account(request.module.ACCOUNT)


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox, keys: Keys) -> Callable[[str], Any]:
    clients: dict[str, Any] = {}
    return lambda service: clients.setdefault(service, sandbox.client(service, keys))


@pytest.fixture(scope="module")
def place(aws: Callable[[str], Any]) -> dict[str, Any]:
    """A VPC with an internet gateway, two subnets and a group."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.50.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("ab")
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="edge", Description="edge")["GroupId"]
    return {"vpc": vpc, "subnets": subnets, "group": group}


@pytest.fixture(scope="module")
def zone(aws: Callable[[str], Any]) -> str:
    return str(aws("route53").create_hosted_zone(Name=ZONE, CallerReference="edge")["HostedZone"]["Id"])

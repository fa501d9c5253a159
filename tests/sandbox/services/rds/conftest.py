"""What Aurora's tests share: an account each, and subnets."""

from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.services.rds.support import Client


@pytest.fixture(scope="module")
def client(sandbox: Sandbox, request: pytest.FixtureRequest) -> Client:
    """Clients in the account of the module that asks: its ACCOUNT."""
    keys = sandbox.account(request.module.ACCOUNT)
    return lambda service, region="eu-west-1": sandbox.client(service, keys, region)


@pytest.fixture(scope="module")
def rds(client: Client) -> Any:
    return client("rds")


@pytest.fixture(scope="module")
def subnets(client: Client) -> list[str]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("abc")
    ]


@pytest.fixture(scope="module")
def subnet_group(rds: Any, subnets: list[str]) -> str:
    name = "main"
    rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=subnets)
    return name

"""Service Quotas: AWS's defaults, refused by each service in its own words, and raised when somebody asks."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, once, refused, template

# Accounts with AWS's own quotas, and one whose quotas are small enough to be reached here.
DEFAULT, SMALL = "210000000072", "210000000073"
SMALL_QUOTAS = {
    "vpc/L-407747CB": 2,
    "vpc/L-589F43AA": 2,
    "vpc/L-E79EC296": 3,
    "vpc/L-FE5A380F": 1,
    "vpc/L-29B6F2EB": 1,
    "elasticloadbalancing/L-53DA6B97": 1,
    "elasticloadbalancing/L-B22855CB": 1,
    "elasticloadbalancing/L-B6DF7632": 1,
    "rds/L-952B80B8": 1,
    "rds/L-7B6409FD": 1,
    "rds/L-D94C7EA3": 0,
    "rds/L-9B510759": 0,
    "s3/L-DC2B2D3D": 1,
    "elasticbeanstalk/L-8EFC1C51": 0,
    "elasticbeanstalk/L-1CEABD17": 1,
    "elasticbeanstalk/L-D64F1F14": 0,
    "cloudformation/L-0485CB21": 1,
    "kms/L-C2F1777E": 0,
    "secretsmanager/L-2F66C23C": 0,
    "ecr/L-CFEB8E8D": 1,
}
HOME, OTHER = "eu-west-1", "eu-central-1"
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def default(sandbox: Sandbox) -> Client:
    keys = sandbox.account(DEFAULT, quotas={})
    return lambda service, region=HOME: once(sandbox, keys, service, region)


@pytest.fixture(scope="module")
def small(sandbox: Sandbox) -> Client:
    keys: Keys = sandbox.account(SMALL, quotas=SMALL_QUOTAS)
    return lambda service, region=HOME: once(sandbox, keys, service, region)


@pytest.fixture(scope="module")
def network(small: Client) -> Iterator[dict[str, Any]]:
    """A VPC of the small account with all the subnets that it may have."""
    ec2 = small("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [f"{HOME}a", f"{HOME}b"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for n, zone in enumerate(zones)
    ]
    yield {"vpc": vpc, "subnets": subnets}


def test_account_has_five_vpcs_a_region(default: Client) -> None:
    ec2 = default("ec2")
    made = [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(5)]
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16") == (
        "VpcLimitExceeded",
        "The maximum number of VPCs has been reached.",
    )
    assert default("ec2", OTHER).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    ec2.delete_vpc(VpcId=made[0])
    assert ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]


def test_account_has_five_addresses_and_five_gateways_a_region(default: Client) -> None:
    ec2 = default("ec2")
    for _ in range(5):
        ec2.allocate_address(Domain="vpc")
        ec2.create_internet_gateway()
    assert refused(ec2.allocate_address, Domain="vpc") == (
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
    )
    assert refused(ec2.create_internet_gateway) == (
        "InternetGatewayLimitExceeded",
        "The maximum number of internet gateways has been reached.",
    )


def test_stack_fails_with_the_services_sentence(default: Client) -> None:
    stacks = Stacks(default("cloudformation", "eu-west-3"))
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    stack = stacks.create("many", template(**{f"V{n}": vpc for n in range(6)}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [reason] = [r for _, s, r in stacks.events("many") if s == "CREATE_FAILED" and "maximum" in r]
    assert '"The maximum number of VPCs has been reached."' in reason
    assert "HandlerErrorCode: ServiceLimitExceeded" in reason


def test_security_group_has_sixty_rules_each_way(small: Client, network: dict[str, Any]) -> None:
    ec2 = small("ec2")
    group = ec2.create_security_group(GroupName="full", Description="d", VpcId=network["vpc"])["GroupId"]

    def rule(port: int) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}

    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(p) for p in range(60)])
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[rule(60)]) == (
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    )
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule(60)])


def test_parts_of_a_vpc_are_counted_by_their_vpc_or_zone(small: Client, network: dict[str, Any]) -> None:
    ec2, vpc = small("ec2"), network["vpc"]
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.9.0/24")[0] == "SubnetLimitExceeded"
    ec2.create_route_table(VpcId=vpc)
    assert refused(ec2.create_route_table, VpcId=vpc)[0] == "RouteTableLimitExceeded"
    for subnet in network["subnets"]:
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    assert refused(ec2.create_nat_gateway, SubnetId=network["subnets"][0], ConnectivityType="private") == (
        "NatGatewayLimitExceeded",
        "Performing this operation would exceed the limit of 1 NAT gateways",
    )
    endpoint = {"VpcId": vpc, "VpcEndpointType": "Interface"}
    ec2.create_vpc_endpoint(ServiceName=f"com.amazonaws.{HOME}.logs", **endpoint)
    code, _ = refused(ec2.create_vpc_endpoint, ServiceName=f"com.amazonaws.{HOME}.sqs", **endpoint)
    assert code == "VpcEndpointLimitExceeded"
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{HOME}.s3", VpcEndpointType="Gateway")
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    assert ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]
    # The default groups of the two VPCs and the one of the test before.
    full = {"GroupName": "one-more", "Description": "d", "VpcId": vpc}
    if len(ec2.describe_security_groups()["SecurityGroups"]) < 3:
        ec2.create_security_group(GroupName="third", Description="d", VpcId=vpc)
    assert refused(ec2.create_security_group, **full)[0] == "SecurityGroupLimitExceeded"


def test_load_balancers_listeners_and_target_groups(small: Client, network: dict[str, Any]) -> None:
    elb = small("elbv2")
    made = elb.create_load_balancer(Name="one", Subnets=network["subnets"], Scheme="internal")[
        "LoadBalancers"
    ]
    again = {"Subnets": network["subnets"], "Scheme": "internal"}
    assert refused(elb.create_load_balancer, Name="two", **again)[0] == "TooManyLoadBalancers"
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = {"LoadBalancerArn": made[0]["LoadBalancerArn"], "Protocol": "HTTP", "DefaultActions": [answer]}
    elb.create_listener(Port=80, **listener)
    assert refused(elb.create_listener, Port=81, **listener)[0] == "TooManyListeners"
    group = {"Protocol": "HTTP", "Port": 80, "VpcId": network["vpc"]}
    elb.create_target_group(Name="one", **group)
    assert refused(elb.create_target_group, Name="two", **group)[0] == "TooManyTargetGroups"


def test_databases(small: Client, network: dict[str, Any]) -> None:
    rds = small("rds")
    proxy = {
        "DBProxyName": "one",
        "EngineFamily": "MYSQL",
        "RoleArn": f"arn:aws:iam::{SMALL}:role/proxy",
        "Auth": [{"SecretArn": f"arn:aws:secretsmanager:{HOME}:{SMALL}:secret:login-abcdef"}],
        "VpcSubnetIds": network["subnets"],
    }
    assert refused(rds.create_db_proxy, **proxy)[0] == "DBProxyQuotaExceededFault"
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    rds.create_db_cluster(DBClusterIdentifier="one", Engine="aurora-mysql", **login)
    code, _ = refused(rds.create_db_cluster, DBClusterIdentifier="two", Engine="aurora-mysql", **login)
    assert code == "DBClusterQuotaExceededFault"
    instance = {"DBClusterIdentifier": "one", "Engine": "aurora-mysql", "DBInstanceClass": "db.r7g.large"}
    rds.create_db_instance(DBInstanceIdentifier="one-1", **instance)
    assert refused(rds.create_db_instance, DBInstanceIdentifier="one-2", **instance) == (
        "InstanceQuotaExceeded",
        "DB Instance quota exceeded",
    )
    snapshot = {"DBClusterSnapshotIdentifier": "s", "DBClusterIdentifier": "one"}
    assert refused(rds.create_db_cluster_snapshot, **snapshot)[0] == "SnapshotQuotaExceeded"


def test_buckets_of_all_regions_count_together(small: Client) -> None:
    place = {"CreateBucketConfiguration": {"LocationConstraint": OTHER}}
    small("s3", OTHER).create_bucket(Bucket="quota-first", **place)
    where = {"CreateBucketConfiguration": {"LocationConstraint": HOME}}
    assert refused(small("s3").create_bucket, Bucket="quota-second", **where) == (
        "TooManyBuckets",
        "You have attempted to create more buckets than allowed",
    )


def test_keys_secrets_repositories_and_stacks(small: Client) -> None:
    assert refused(small("kms").create_key)[0] == "LimitExceededException"
    code, _ = refused(small("secretsmanager").create_secret, Name="n", SecretString="s")
    assert code == "LimitExceededException"
    small("ecr").create_repository(repositoryName="one")
    assert refused(small("ecr").create_repository, repositoryName="two")[0] == "LimitExceededException"
    stacks = Stacks(small("cloudformation"))
    body = template(P={"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}})
    stacks.create("one", body)
    assert refused(stacks.client.create_stack, StackName="two", TemplateBody=body) == (
        "LimitExceededException",
        "Limit for stack has been exceeded",
    )
    stacks.delete("one")
    assert stacks.create("two", body)["StackStatus"] == "CREATE_COMPLETE"


def test_beanstalk(small: Client) -> None:
    beanstalk = small("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="shop")
    assert refused(beanstalk.create_application, ApplicationName="more")[0] == "TooManyApplicationsException"
    platform = f"arn:aws:elasticbeanstalk:{HOME}::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
    made = {"ApplicationName": "shop", "EnvironmentName": "shop-1", "PlatformArn": platform}
    assert refused(beanstalk.create_environment, **made)[0] == "TooManyEnvironmentsException"
    assert refused(beanstalk.create_application_version, ApplicationName="shop", VersionLabel="v1") == (
        "TooManyApplicationVersionsException",
        "You cannot have more than 0 Application Versions",
    )


def test_increase_is_pending_then_approved(sandbox: Sandbox, default: Client) -> None:
    quotas = default("service-quotas", "eu-north-1")
    asked = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    sandbox.settings(speed=1, durations={"Sandbox::ServiceQuotas::Increase": {"create": 1}})
    made = quotas.request_service_quota_increase(DesiredValue=7, **asked)["RequestedQuota"]
    assert (made["Status"], made["DesiredValue"], made["QuotaName"]) == ("PENDING", 7.0, "VPCs per Region")
    assert json.loads(made["Requester"])["accountId"] == DEFAULT
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 5.0
    code, _ = refused(quotas.request_service_quota_increase, DesiredValue=8, **asked)
    assert code == "ResourceAlreadyExistsException"
    deadline = time.monotonic() + 10
    while quotas.get_service_quota(**asked)["Quota"]["Value"] != 7.0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found = quotas.get_requested_service_quota_change(RequestId=made["Id"])["RequestedQuota"]
    assert found["Status"] == "APPROVED"
    listed = quotas.list_requested_service_quota_change_history_by_quota(**asked)["RequestedQuotas"]
    assert [r["Id"] for r in listed] == [made["Id"]]
    assert quotas.list_requested_service_quota_change_history(Status="PENDING")["RequestedQuotas"] == []
    assert quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 5.0
    assert default("service-quotas", OTHER).get_service_quota(**asked)["Quota"]["Value"] == 5.0
    ec2 = default("ec2", "eu-north-1")
    for _ in range(7):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16")[0] == "VpcLimitExceeded"
    sandbox.settings(speed=0, durations={})


def test_increase_that_is_none_is_refused(default: Client) -> None:
    ask = default("service-quotas").request_service_quota_increase
    code, _ = refused(ask, ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=5)
    assert code == "IllegalArgumentException"
    code, _ = refused(ask, ServiceCode="vpc", QuotaCode="L-NONE", DesiredValue=5)
    assert code == "NoSuchResourceException"


def test_account_is_made_with_raised_quotas(sandbox: Sandbox, small: Client) -> None:
    rows = small("service-quotas").list_service_quotas(ServiceCode="s3")["Quotas"]
    assert [(q["Value"], q["GlobalQuota"]) for q in rows] == [(1.0, True)]
    bad = {"account_id": SMALL, "quotas": {"vpc/L-NONE": 1}}
    answer = httpx.post(f"{sandbox.url}/_sandbox/accounts", json=bad)
    assert (answer.status_code, "there is no quota vpc/L-NONE" in answer.text) == (400, True)

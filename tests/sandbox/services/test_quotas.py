"""Service Quotas: AWS's defaults, refused by each service in its own words, and raised when somebody asks."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from devtools.sandbox import Keys, Sandbox
from sandbox.quotas import standard_vcpus
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
    "vpc/L-93826ACB": 1,
    "dynamodb/L-F98FE922": 1,
    "cognito-idp/L-66E6DF30": 1,
    "cognito-idp/L-5EAB0605": 1,
    "cognito-idp/L-1B44D826": 0,
    "cognito-idp/L-7CDAF993": 1,
    "route53/L-4EA4796A": 1,
    "route53/L-E209CC9F": 1,
    "route53/L-ACB674F3": 0,
    "wafv2/L-2EC3DE7B": 0,
    "codebuild/L-ACCF6C0D": 1,
    "sns/L-61103206": 0,
    "backup/L-7705D2CB": 0,
    "events/L-244521F2": 1,
    "acm/L-F141DD1D": 1,
    "acm/L-DA1D8B98": 2,
    "autoscaling/L-CDE20ADC": 0,
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


def test_running_vcpus_are_counted_by_type(sandbox: Sandbox, default: Client) -> None:
    ec2 = default("ec2", "us-west-2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]

    def run(type_name: str) -> str:
        made = ec2.run_instances(
            ImageId="ami-12345678", InstanceType=type_name, MinCount=1, MaxCount=1, SubnetId=subnet
        )
        return str(made["Instances"][0]["InstanceId"])

    first = run("m7g.xlarge")
    code, text = refused(run, type_name="t4g.nano")
    assert code == "VcpuLimitExceeded"
    assert text.startswith(
        "You have requested more vCPU capacity than your current vCPU limit of 5 allows for the instance bucket"
    )
    run("c7g.medium")
    # GPU instances have a quota of their own, which the sandbox does not count.
    run("g5.xlarge")
    ec2.terminate_instances(InstanceIds=[first])
    run("t3.large")
    run("t3.micro")
    assert refused(run, type_name="t3.micro")[0] == "VcpuLimitExceeded"


@pytest.mark.parametrize(
    ("type_name", "count"),
    [
        ("t2.micro", 1), ("t3.micro", 2), ("t3.medium", 2), ("m7g.medium", 1), ("r7g.large", 2), ("m5.xlarge", 4),
        ("m7g.4xlarge", 16), ("c7i.metal-24xl", 96), ("im4gn.large", 2), ("p4d.24xlarge", 0), ("inf2.xlarge", 0),
        ("x2gd.large", 0), ("trn1.2xlarge", 0), ("mac2.metal", 0), ("hpc7g.4xlarge", 0),
    ],
)  # fmt: skip
def test_vcpus_of_a_type(type_name: str, count: int) -> None:
    assert standard_vcpus({"InstanceType": type_name}) == count


def test_environment_beyond_the_vcpus_fails(default: Client) -> None:
    ec2, beanstalk = default("ec2", "us-west-1"), default("elasticbeanstalk", "us-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
    beanstalk.create_application(ApplicationName="large")
    options = [
        ("aws:ec2:vpc", "VPCId", vpc),
        ("aws:ec2:vpc", "Subnets", subnet),
        ("aws:ec2:instances", "InstanceTypes", "m7g.2xlarge"),
        ("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
    ]
    beanstalk.create_environment(
        ApplicationName="large",
        EnvironmentName="large-1",
        PlatformArn="arn:aws:elasticbeanstalk:us-west-1::platform/Docker running on 64bit Amazon Linux 2023/4.6.0",
        OptionSettings=[{"Namespace": n, "OptionName": o, "Value": v} for n, o, v in options],
    )
    said = [e["Message"] for e in beanstalk.describe_events(EnvironmentName="large-1")["Events"]]
    assert any("You have requested more vCPU capacity" in text for text in said)
    assert ec2.describe_instances()["Reservations"] == []


def test_routes_of_a_table_and_groups_of_an_interface(default: Client, small: Client) -> None:
    ec2 = small("ec2", OTHER)
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    route = {"RouteTableId": table["RouteTableId"], "GatewayId": gateway}
    ec2.create_route(DestinationCidrBlock="0.0.0.0/0", **route)
    assert refused(ec2.create_route, DestinationCidrBlock="192.0.2.0/24", **route)[0] == "RouteLimitExceeded"
    ec2 = default("ec2", "us-east-2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
    groups = [
        ec2.create_security_group(GroupName=f"g{n}", Description="d", VpcId=vpc)["GroupId"] for n in range(6)
    ]
    ec2.create_network_interface(SubnetId=subnet, Groups=groups[:5])
    code, _ = refused(ec2.create_network_interface, SubnetId=subnet, Groups=groups)
    assert code == "SecurityGroupsPerInterfaceLimitExceeded"


def test_network_interfaces_of_a_region(sandbox: Sandbox) -> None:
    keys = sandbox.account("160000000024", quotas={"vpc/L-DF5E4CA3": 1})
    ec2 = sandbox.client("ec2", keys)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet)
    assert refused(once(sandbox, keys, "ec2", HOME).create_network_interface, SubnetId=subnet)[0] == (
        "NetworkInterfaceLimitExceeded"
    )


def test_tables_pools_and_their_parts(small: Client) -> None:
    dynamodb = small("dynamodb")
    table: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb.create_table(TableName="one", **table)
    assert refused(dynamodb.create_table, TableName="two", **table) == (
        "LimitExceededException",
        "Subscriber limit exceeded: There is a limit of 1 tables per subscriber",
    )
    cognito = small("cognito-idp")
    pool = cognito.create_user_pool(PoolName="one")["UserPool"]["Id"]
    assert refused(cognito.create_user_pool, PoolName="two")[0] == "LimitExceededException"
    cognito.create_user_pool_client(UserPoolId=pool, ClientName="one")
    code, _ = refused(cognito.create_user_pool_client, UserPoolId=pool, ClientName="two")
    assert code == "LimitExceededException"
    server = {"UserPoolId": pool, "Name": "n"}
    cognito.create_resource_server(Identifier="one", **server)
    assert refused(cognito.create_resource_server, Identifier="two", **server)[0] == "LimitExceededException"
    provider = {
        "ProviderType": "Google",
        "ProviderDetails": {"client_id": "c", "client_secret": "s", "authorize_scopes": "email"},
    }
    code, _ = refused(cognito.create_identity_provider, UserPoolId=pool, ProviderName="Google", **provider)
    assert code == "LimitExceededException"


def test_zones_records_and_health_checks_of_all_regions(small: Client) -> None:
    route53 = small("route53")
    zone = route53.create_hosted_zone(Name="one.example", CallerReference="1")["HostedZone"]["Id"]
    assert refused(small("route53", OTHER).create_hosted_zone, Name="two.example", CallerReference="2") == (
        "TooManyHostedZones",
        "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones.",
    )

    def record(name: str) -> Any:
        entry = {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        change = {"Action": "CREATE", "ResourceRecordSet": entry}
        return route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})

    record("a.one.example")
    assert refused(record, name="b.one.example") == (
        "InvalidChangeBatch",
        "Number of records limit of 1 exceeded.",
    )
    check = {"Type": "HTTP", "FullyQualifiedDomainName": "a.one.example"}
    code, _ = refused(route53.create_health_check, CallerReference="1", HealthCheckConfig=check)
    assert code == "TooManyHealthChecks"


def test_firewalls_rules_topics_and_vaults(small: Client) -> None:
    visible = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    acl = {"Name": "one", "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": visible}
    assert refused(small("wafv2").create_web_acl, **acl)[0] == "WAFLimitsExceededException"
    events = small("events")
    pattern = '{"source": ["aws.rds"]}'
    events.put_rule(Name="one", EventPattern=pattern)
    events.put_rule(Name="one", EventPattern=pattern, State="DISABLED")
    assert refused(events.put_rule, Name="two", EventPattern=pattern)[0] == "LimitExceededException"
    stacks = Stacks(small("cloudformation", "eu-west-3"))
    stack = stacks.create("topic", template(T={"Type": "AWS::SNS::Topic", "Properties": {}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("maximum allowed number of topics" in reason for _, _, reason in stacks.events("topic"))
    vault = {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": "one"}}
    stacks = Stacks(small("cloudformation", "eu-west-2"))
    assert stacks.create("vault", template(V=vault))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        "A limit in the request has been exceeded" in reason for _, _, reason in stacks.events("vault")
    )


def project(client: Client) -> dict[str, Any]:
    """CreateProject's parameters but for the name, with a role that CodeBuild can take."""
    statement = {
        "Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"
    }  # fmt: skip
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = client("iam").create_role(RoleName="builder", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    buildspec = "version: 0.2\nphases: {build: {commands: [sleep 20]}}"
    size = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    }
    return {
        "source": {"type": "NO_SOURCE", "buildspec": buildspec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": size,
        "serviceRole": role,
    }


def test_projects_and_builds_at_once(default: Client, small: Client) -> None:
    made = project(small)
    small("codebuild").create_project(name="one-of-one", **made)
    code, _ = refused(small("codebuild").create_project, name="two-of-one", **made)
    assert code == "AccountLimitExceededException"
    builds = default("codebuild")
    builds.create_project(name="slow", **project(default))
    first = builds.start_build(projectName="slow")["build"]["id"]
    assert refused(builds.start_build, projectName="slow") == (
        "AccountLimitExceededException",
        "Cannot have more than 1 builds in queue for the account",
    )
    builds.stop_build(id=first)
    second = builds.start_build(projectName="slow")["build"]
    assert second["buildStatus"] == "IN_PROGRESS"
    builds.stop_build(id=second["id"])


def test_certificates_now_and_in_a_year(small: Client) -> None:
    acm = small("acm")
    for name in ("one.example", "two.example"):
        arn = acm.request_certificate(DomainName=name, ValidationMethod="DNS")["CertificateArn"]
        if name == "one.example":
            code, _ = refused(acm.request_certificate, DomainName="more.example", ValidationMethod="DNS")
            assert code == "LimitExceededException"
        acm.delete_certificate(CertificateArn=arn)
    assert refused(acm.request_certificate, DomainName="three.example", ValidationMethod="DNS") == (
        "LimitExceededException",
        "Error: you have reached your limit of 2 certificates in the last year.",
    )


def test_scaling_groups(small: Client, network: dict[str, Any]) -> None:
    group = {"AutoScalingGroupName": "one", "MinSize": 0, "MaxSize": 1}
    subnets = {"VPCZoneIdentifier": network["subnets"][0]}
    template = {"LaunchTemplate": {"LaunchTemplateName": "none"}}
    make = small("autoscaling").create_auto_scaling_group
    assert refused(make, **group, **subnets, **template)[0] == "LimitExceeded"


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

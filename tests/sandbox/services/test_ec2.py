"""EC2's networks by the service's API: what AWS refuses, what comes along, filters, tags, pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Sandbox

ACCOUNT = "210000000001"


@pytest.fixture(scope="module")
def ec2(sandbox: Sandbox) -> Any:
    return sandbox.client("ec2", sandbox.account(ACCOUNT))


@pytest.fixture
def vpc(ec2: Any) -> Iterator[str]:
    """An empty VPC of 10.20.0.0/16; whatever a test leaves in it is taken away."""
    id = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    yield id
    empty(ec2, id)
    ec2.delete_vpc(VpcId=id)


def empty(ec2: Any, vpc: str) -> None:
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    for gateway in ec2.describe_nat_gateways(Filters=inside)["NatGateways"]:
        ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    endpoints = [e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]]
    if endpoints:
        ec2.delete_vpc_endpoints(VpcEndpointIds=endpoints)
    for interface in ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    for table in ec2.describe_route_tables(Filters=inside)["RouteTables"]:
        if not any(a["Main"] for a in table["Associations"]):
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    groups = [
        g
        for g in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        if g["GroupName"] != "default"
    ]
    for group in groups:
        for rule in ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}]
        )["SecurityGroupRules"]:
            revoke = (
                ec2.revoke_security_group_egress if rule["IsEgress"] else ec2.revoke_security_group_ingress
            )
            revoke(GroupId=group["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    for group in groups:
        ec2.delete_security_group(GroupId=group["GroupId"])


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Code and message of the refusal that a call must end in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def public_subnet(ec2: Any, vpc: str, block: str = "10.20.0.0/24", zone: str = "eu-west-1a") -> str:
    return ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]


def test_account_has_no_default_vpc(ec2: Any) -> None:
    assert ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"] == []


def test_vpc_comes_with_main_route_table_default_group_and_acl(ec2: Any, vpc: str) -> None:
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = ec2.describe_route_tables(Filters=inside)["RouteTables"]
    assert table["Associations"][0]["Main"] is True
    assert (
        table["Routes"][0] | {"GatewayId": "local", "DestinationCidrBlock": "10.20.0.0/16"}
        == table["Routes"][0]
    )
    (group,) = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert group["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    (acl,) = ec2.describe_network_acls(Filters=inside)["NetworkAcls"]
    assert acl["IsDefault"] is True


def test_default_group_loses_its_rules_and_cannot_be_deleted(ec2: Any, vpc: str) -> None:
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    id = group["GroupId"]
    ec2.revoke_security_group_ingress(GroupId=id, IpPermissions=group["IpPermissions"])
    ec2.revoke_security_group_egress(GroupId=id, IpPermissions=group["IpPermissionsEgress"])
    (group,) = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    assert refusal(ec2.delete_security_group, GroupId=id)[0] == "CannotDelete"


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("10.99.0.0/24", "InvalidSubnet.Range"),
        ("10.20.0.0/29", "InvalidSubnet.Range"),
        ("10.20.0.128/25", "InvalidSubnet.Conflict"),
        ("ten", "InvalidParameterValue"),
    ],
)
def test_subnet_must_fit_into_its_vpc(ec2: Any, vpc: str, block: str, code: str) -> None:
    public_subnet(ec2, vpc)
    assert refusal(ec2.create_subnet, VpcId=vpc, CidrBlock=block)[0] == code


def test_subnet_in_unknown_zone_is_refused(ec2: Any, vpc: str) -> None:
    code, message = refusal(
        ec2.create_subnet, VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone="us-east-1a"
    )
    assert code == "InvalidParameterValue"
    assert "eu-west-1a, eu-west-1b, eu-west-1c" in message


@pytest.mark.parametrize("block", ["10.0.0.0/8", "10.0.0.0/29"])
def test_vpc_block_is_between_16_and_28(ec2: Any, block: str) -> None:
    assert refusal(ec2.create_vpc, CidrBlock=block)[0] == "InvalidVpc.Range"


def test_vpc_with_a_subnet_is_not_deleted(ec2: Any, vpc: str) -> None:
    public_subnet(ec2, vpc)
    assert refusal(ec2.delete_vpc, VpcId=vpc) == (
        "DependencyViolation",
        f"The vpc '{vpc}' has dependencies and cannot be deleted.",
    )


def test_vpc_with_a_group_of_its_own_is_not_deleted(ec2: Any, vpc: str) -> None:
    ec2.create_security_group(VpcId=vpc, GroupName="own", Description="own")
    assert refusal(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"


def test_unknown_ids_are_told_in_ec2s_words(ec2: Any) -> None:
    assert refusal(ec2.describe_vpcs, VpcIds=["vpc-0"]) == (
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-0' does not exist",
    )
    assert refusal(ec2.delete_subnet, SubnetId="subnet-0")[0] == "InvalidSubnetID.NotFound"
    assert refusal(ec2.describe_vpcs, Filters=[{"Name": "no-such", "Values": ["x"]}]) == (
        "InvalidParameterValue",
        "The filter 'no-such' is invalid",
    )


def test_group_referred_to_by_another_is_not_deleted(ec2: Any, vpc: str) -> None:
    one = ec2.create_security_group(VpcId=vpc, GroupName="one", Description="one")["GroupId"]
    two = ec2.create_security_group(VpcId=vpc, GroupName="two", Description="two")["GroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": one}]}]
    ec2.authorize_security_group_ingress(GroupId=two, IpPermissions=rule)
    assert refusal(ec2.delete_security_group, GroupId=one) == (
        "DependencyViolation",
        f"resource {one} has a dependent object",
    )
    assert refusal(ec2.authorize_security_group_ingress, GroupId=two, IpPermissions=rule)[0] == (
        "InvalidPermission.Duplicate"
    )
    ec2.revoke_security_group_ingress(GroupId=two, IpPermissions=rule)
    ec2.delete_security_group(GroupId=one)


@pytest.mark.parametrize("words", ["the application's", "one -> other", "ä", "x" * 256])
def test_descriptions_of_groups_and_rules_are_of_certain_letters(ec2: Any, vpc: str, words: str) -> None:
    code, text = refusal(ec2.create_security_group, GroupName="worded", Description=words, VpcId=vpc)
    assert code == "InvalidParameterValue" and text.startswith("Invalid security group description.")
    allowed = "A-z 0.9 _:/()#,@[]+=&;{}!$*"
    group = ec2.create_security_group(GroupName=f"w{len(words)}", Description=allowed, VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    ranges = [{"CidrIp": "10.0.0.0/8", "Description": words}]
    code, text = refusal(
        ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[{**rule, "IpRanges": ranges}]
    )
    assert code == "InvalidParameterValue" and text.startswith("Invalid rule description.")
    ec2.delete_security_group(GroupId=group)


def test_group_name_is_unique_in_its_vpc(ec2: Any, vpc: str) -> None:
    ec2.create_security_group(VpcId=vpc, GroupName="same", Description="x")
    assert refusal(ec2.create_security_group, VpcId=vpc, GroupName="same", Description="x")[0] == (
        "InvalidGroup.Duplicate"
    )


def test_nat_gateway_holds_its_address_its_subnet_and_the_internet_gateway(ec2: Any, vpc: str) -> None:
    subnet = public_subnet(ec2, vpc)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert nat["State"] == "available"
    assert nat["NatGatewayAddresses"][0]["PublicIp"] == address["PublicIp"]
    (shown,) = ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"]
    assert shown["NetworkInterfaceId"] == nat["NatGatewayAddresses"][0]["NetworkInterfaceId"]
    assert refusal(ec2.release_address, AllocationId=address["AllocationId"])[0] == "InvalidIPAddress.InUse"
    assert refusal(ec2.delete_subnet, SubnetId=subnet)[0] == "DependencyViolation"
    code, message = refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    assert (code, "mapped public address(es)" in message) == ("DependencyViolation", True)
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.delete_subnet(SubnetId=subnet)


def test_no_address_is_one_of_those_that_load_balancers_hold(ec2: Any) -> None:
    """One that a load balancer held already made a gateway's creation fail, once in a few hundred."""
    for _ in range(30):
        address = ec2.allocate_address(Domain="vpc")
        ec2.release_address(AllocationId=address["AllocationId"])
        assert address["PublicIp"].startswith("198.18.")


def test_nat_gateway_is_pending_until_its_time_has_passed(sandbox: Sandbox, ec2: Any, vpc: str) -> None:
    sandbox.settings(speed=1)
    subnet = public_subnet(ec2, vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    assert made["State"] == "pending"
    sandbox.settings(speed=0)
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    ec2.release_address(AllocationId=address)


def test_route_to_a_gateway_that_is_gone_is_a_blackhole(ec2: Any, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    assert refusal(ec2.create_route, **route)[0] == "InvalidParameterValue"
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(**route)
    assert refusal(ec2.create_route, **route)[0] == "RouteAlreadyExists"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    (shown,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [r["State"] for r in shown["Routes"]] == ["active", "blackhole"]


def test_route_table_in_use_is_not_deleted(ec2: Any, vpc: str) -> None:
    subnet = public_subnet(ec2, vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert refusal(ec2.delete_route_table, RouteTableId=table)[0] == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)


def test_interface_endpoint_puts_an_interface_into_each_subnet(ec2: Any, vpc: str) -> None:
    subnets = [public_subnet(ec2, vpc), public_subnet(ec2, vpc, "10.20.1.0/24", "eu-west-1b")]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.sqs", VpcEndpointType="Interface", SubnetIds=subnets
    )["VpcEndpoint"]
    (endpoint,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"]
    assert (endpoint["State"], len(endpoint["NetworkInterfaceIds"])) == ("available", 2)
    assert refusal(ec2.delete_subnet, SubnetId=subnets[0])[0] == "DependencyViolation"
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"] == []
    ec2.delete_subnet(SubnetId=subnets[0])


def test_gateway_endpoint_adds_a_route_to_its_tables(ec2: Any, vpc: str) -> None:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3", RouteTableIds=[table])
    (shown,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [r["GatewayId"] for r in shown["Routes"]] == ["local", made["VpcEndpoint"]["VpcEndpointId"]]
    assert shown["Routes"][1]["DestinationPrefixListId"].startswith("pl-")


def test_flow_log_needs_a_role_and_is_found_by_its_resource(ec2: Any, vpc: str) -> None:
    arguments = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "flow"}
    refused = ec2.create_flow_logs(**arguments)["Unsuccessful"]
    assert refused[0]["Error"]["Code"] == "InvalidParameter"
    arguments["DeliverLogsPermissionArn"] = f"arn:aws:iam::{ACCOUNT}:role/flow"
    (id,) = ec2.create_flow_logs(**arguments)["FlowLogIds"]
    (found,) = ec2.describe_flow_logs(Filter=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert (found["FlowLogId"], found["FlowLogStatus"]) == (id, "ACTIVE")
    assert ec2.create_flow_logs(**arguments)["Unsuccessful"][0]["Error"]["Code"] == "FlowLogAlreadyExists"
    ec2.delete_flow_logs(FlowLogIds=[id])
    assert ec2.describe_flow_logs(Filter=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"] == []


def test_tags_filter_and_come_back(ec2: Any, vpc: str) -> None:
    subnet = public_subnet(ec2, vpc)
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "team", "Value": "blue"}])
    found = ec2.describe_subnets(Filters=[{"Name": "tag:team", "Values": ["bl*"]}])["Subnets"]
    assert [s["SubnetId"] for s in found] == [subnet]
    rows = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]
    assert {(r["ResourceId"], r["ResourceType"]) for r in rows} == {(vpc, "vpc"), (subnet, "subnet")}
    ec2.delete_tags(Resources=[subnet], Tags=[{"Key": "team"}])
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0].get("Tags", []) == []
    assert refusal(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": "y"}])[0] == (
        "InvalidParameterValue"
    )


def test_lists_come_in_pages(ec2: Any, vpc: str) -> None:
    for number in range(7):
        public_subnet(ec2, vpc, f"10.20.{number}.0/24")
    pages = ec2.get_paginator("describe_subnets").paginate(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}], PaginationConfig={"PageSize": 5}
    )
    sizes = [len(p["Subnets"]) for p in pages]
    assert sizes == [5, 2]


def test_subnet_counts_its_free_addresses(ec2: Any, vpc: str) -> None:
    subnet = public_subnet(ec2, vpc)
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 251
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert interface["PrivateIpAddress"] == "10.20.0.4"
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 250


def test_zones_and_regions(ec2: Any) -> None:
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [(z["ZoneName"], z["ZoneId"]) for z in zones] == [
        ("eu-west-1a", "euw1-az1"),
        ("eu-west-1b", "euw1-az2"),
        ("eu-west-1c", "euw1-az3"),
    ]
    names = {r["RegionName"] for r in ec2.describe_regions()["Regions"]}
    assert {"eu-west-1", "us-east-1"} <= names
    assert "af-south-1" not in names
    assert "af-south-1" in {r["RegionName"] for r in ec2.describe_regions(AllRegions=True)["Regions"]}


def test_instances_of_an_account_that_has_none(ec2: Any) -> None:
    assert ec2.describe_instances()["Reservations"] == []
    assert refusal(ec2.describe_instances, InstanceIds=["i-0"])[0] == "InvalidInstanceID.NotFound"


def test_instance_holds_its_subnet_until_it_is_terminated(ec2: Any, vpc: str) -> None:
    subnet = public_subnet(ec2, vpc)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    made = ec2.run_instances(
        ImageId="ami-12345678", SubnetId=subnet, MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    id = made["Instances"][0]["InstanceId"]
    filters = [
        {"Name": "tag:team", "Values": ["blue"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    (found,) = ec2.describe_instances(Filters=filters)["Reservations"]
    assert found["Instances"][0]["InstanceId"] == id
    assert refusal(ec2.delete_subnet, SubnetId=subnet)[0] == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[id])
    assert ec2.describe_instances(Filters=filters)["Reservations"] == []
    ec2.delete_subnet(SubnetId=subnet)


def test_volume_and_launch_template_are_found_by_tag(ec2: Any) -> None:
    tag = {"Key": "team", "Value": "green"}
    volume = ec2.create_volume(
        AvailabilityZone="eu-west-1a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": [tag]}]
    )["VolumeId"]
    template = ec2.create_launch_template(
        LaunchTemplateName="left",
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [tag]}],
    )["LaunchTemplate"]["LaunchTemplateId"]
    filters = [{"Name": "tag:team", "Values": ["green"]}]
    assert [v["VolumeId"] for v in ec2.describe_volumes(Filters=filters)["Volumes"]] == [volume]
    shown = ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"]
    assert [t["LaunchTemplateId"] for t in shown] == [template]
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_launch_template(LaunchTemplateId=template)
    assert refusal(ec2.describe_volumes, VolumeIds=[volume])[0] == "InvalidVolume.NotFound"
    assert ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"] == []

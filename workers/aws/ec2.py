"""EC2: availability zones, and the listers of a teardown."""

from typing import Any

from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "ec2"
OLD_ZONES = frozenset({"use1-az3"})
"""Ids of zones that have none of what environments are made of: N. Virginia's oldest has no t3, m6i or r6g instances
and no RDS Proxy (RDS user guide, "Limitations for RDS Proxy"). Which letter it has differs from account to account.
"""


def zones_available(session: Session) -> list[str]:
    """Names of the zones that environments can be built in, sorted; local and wavelength zones are none."""
    filters = [
        {"Name": "state", "Values": ["available"]},
        {"Name": "zone-type", "Values": ["availability-zone"]},
    ]
    answer = session.client(SERVICE).describe_availability_zones(Filters=filters)
    zones = answer["AvailabilityZones"]
    return sorted(zone["ZoneName"] for zone in zones if zone["ZoneId"] not in OLD_ZONES)


def group_close(session: Session, group_id: str) -> int:
    """Take all rules from a security group; answers how many there were. A closed one is left alone."""
    client = session.client(SERVICE)
    group = client.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    inward, outward = group["IpPermissions"], group["IpPermissionsEgress"]
    if inward:
        client.revoke_security_group_ingress(GroupId=group_id, IpPermissions=inward)
    if outward:
        client.revoke_security_group_egress(GroupId=group_id, IpPermissions=outward)
    return len(inward) + len(outward)


# Describe call, member of its answer, id of an entry: what the blueprint makes in EC2.
LISTERS: tuple[tuple[str, str, str, str], ...] = (
    ("describe_vpcs", "Vpcs", "VpcId", "AWS::EC2::VPC"),
    ("describe_subnets", "Subnets", "SubnetId", "AWS::EC2::Subnet"),
    ("describe_route_tables", "RouteTables", "RouteTableId", "AWS::EC2::RouteTable"),
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId", "AWS::EC2::InternetGateway"),
    ("describe_nat_gateways", "NatGateways", "NatGatewayId", "AWS::EC2::NatGateway"),
    ("describe_addresses", "Addresses", "AllocationId", "AWS::EC2::EIP"),
    ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "AWS::EC2::VPCEndpoint"),
    ("describe_security_groups", "SecurityGroups", "GroupId", "AWS::EC2::SecurityGroup"),
    ("describe_flow_logs", "FlowLogs", "FlowLogId", "AWS::EC2::FlowLog"),
    ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "AWS::EC2::NetworkInterface"),
    ("describe_volumes", "Volumes", "VolumeId", "AWS::EC2::Volume"),
    ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "AWS::EC2::LaunchTemplate"),
)
# A NAT gateway stays in the list for about an hour after it is deleted.
ENDED = frozenset({"deleted", "deleting", "terminated", "shutting-down"})


def tagged(session: Session, lister: tuple[str, str, str, str], key: str, value: str) -> list[str]:
    """Ids of what one lister finds with that tag."""
    call, member, identifier, _ = lister
    name = "Filter" if call in ("describe_nat_gateways", "describe_flow_logs") else "Filters"
    request: dict[str, Any] = {name: [{"Name": f"tag:{key}", "Values": [value]}]}
    found = entries(session.client(SERVICE), call, member, **request)
    return [entry[identifier] for entry in found if entry.get("State", "") not in ENDED]


def instances_tagged(session: Session, key: str, value: str) -> list[str]:
    """Ids of instances with that tag that are not terminated."""
    filters = [
        {"Name": f"tag:{key}", "Values": [value]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    found = entries(session.client(SERVICE), "describe_instances", "Reservations", Filters=filters)
    return [instance["InstanceId"] for reservation in found for instance in reservation["Instances"]]


def disk_encryption(session: Session) -> bool:
    """Whether new volumes in the region are encrypted, whoever makes them."""
    return bool(session.client(SERVICE).get_ebs_encryption_by_default()["EbsEncryptionByDefault"])


def disk_encryption_enable(session: Session) -> None:
    """Encrypt new volumes in the region from now on. What is there stays as it is."""
    session.client(SERVICE).enable_ebs_encryption_by_default()

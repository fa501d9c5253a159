"""VPCs and subnets."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex
from sandbox.services.ec2 import base
from sandbox.services.ec2.places import zone_id, zone_names
from sandbox.store import Record

RESERVED_ADDRESSES = 5
"""Of each subnet, AWS keeps the first four and the last (VPC user guide, subnet sizing)."""


def network(text: str, parameter: str = "cidrBlock") -> IPv4Network:
    """A CIDR block; host bits are cleared as EC2 does it. Raises AwsError."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError as problem:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
            400,
        ) from problem


@resource_type(base.VPC)
class Vpc(ResourceType):
    """A VPC; with it come its main route table, default security group and default network ACL."""

    state_creating = "pending"
    state_updating = "available"
    state_deleting = "available"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if "CidrBlock" not in properties:
            raise AwsError(
                "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.", 400
            )
        if not 16 <= network(properties["CidrBlock"]).prefixlen <= 28:
            raise AwsError("InvalidVpc.Range", f"The CIDR '{properties['CidrBlock']}' is invalid.", 400)

    def created(self, ctx: Context, record: Record) -> None:
        table = ctx.world.create(
            ctx, base.ROUTE_TABLE, {"VpcId": record.id}, data={"main": True}, at_once=True
        )
        group = ctx.world.create(
            ctx,
            base.GROUP,
            {"GroupName": "default", "GroupDescription": "default VPC security group", "VpcId": record.id},
            data={"default": True},
            at_once=True,
        )
        acl = ctx.world.create(ctx, base.ACL, {"VpcId": record.id}, data={"default": True}, at_once=True)
        record.attributes = {
            "VpcId": record.id,
            "DefaultSecurityGroup": group.id,
            "DefaultNetworkAcl": acl.id,
            "CidrBlock": record.properties["CidrBlock"],
            "CidrBlockAssociations": [f"vpc-cidr-assoc-{random_hex(17)}"],
            "Ipv6CidrBlocks": [],
        }
        record.data["main"] = table.id

    def check_delete(self, ctx: Context, record: Record) -> None:
        if any(_dependents(ctx, record.id)):
            raise base.in_use(f"The vpc '{record.id}' has dependencies and cannot be deleted.")

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for type_name in (base.ROUTE_TABLE, base.GROUP, base.ACL):
            for part in base.listed(ctx, type_name):
                if part.properties.get("VpcId") == record.id:
                    ctx.store.remove(part)
        return None


def _dependents(ctx: Context, vpc: str) -> list[Record]:
    """What keeps a VPC from being deleted (VPC user guide, "Delete your VPC")."""
    types = (
        base.SUBNET, base.ROUTE_TABLE, base.GROUP, base.ATTACHMENT, base.ENDPOINT, base.NAT, base.INTERFACE,
        base.ACL,
    )  # fmt: skip
    return [
        part
        for type_name in types
        for part in base.listed(ctx, type_name)
        if part.get("VpcId") == vpc and not part.data.get("main") and not part.data.get("default")
    ]


@resource_type(base.ACL)
class NetworkAcl(ResourceType):
    """A network ACL (the default one of a VPC; entries are not kept)."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.VPC, properties["VpcId"])


@resource_type(base.SUBNET)
class Subnet(ResourceType):
    """A subnet: inside its VPC's block and clear of the other subnets."""

    state_creating = "pending"
    state_updating = "available"
    state_deleting = "available"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        vpc = base.need(ctx, base.VPC, properties["VpcId"])
        block = properties.get("CidrBlock")
        if not block:
            raise AwsError(
                "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.", 400
            )
        wanted = network(block)
        if not wanted.subnet_of(network(vpc.properties["CidrBlock"])) or not 16 <= wanted.prefixlen <= 28:
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.", 400)
        for other in base.listed(ctx, base.SUBNET):
            if other.properties["VpcId"] == vpc.id and wanted.overlaps(
                network(other.properties["CidrBlock"])
            ):
                raise AwsError(
                    "InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet", 400
                )
        zone = properties.get("AvailabilityZone")
        if zone and zone not in zone_names(ctx.region):
            names = ", ".join(zone_names(ctx.region))
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in "
                f"the following availability zones: {names}.",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        by_id = {zone_id(ctx.region, n): n for n in zone_names(ctx.region)}
        given = record.properties.get("AvailabilityZone") or by_id.get(
            record.properties.get("AvailabilityZoneId", "")
        )
        record.attributes = {
            "SubnetId": record.id,
            "AvailabilityZone": given or zone_names(ctx.region)[0],
            "NetworkAclAssociationId": f"aclassoc-{random_hex(17)}",
            "Ipv6CidrBlocks": [],
        }

    def check_delete(self, ctx: Context, record: Record) -> None:
        if any(i.properties.get("SubnetId") == record.id for i in base.listed(ctx, base.INTERFACE)):
            raise base.in_use(f"The subnet '{record.id}' has dependencies and cannot be deleted.")

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for association in base.listed(ctx, base.ASSOCIATION):
            if association.properties["SubnetId"] == record.id:
                ctx.store.remove(association)
        return None


def vpc_shape(ctx: Context, record: Record) -> dict[str, Any]:
    block = str(network(record.properties["CidrBlock"]))
    return {
        "VpcId": record.id,
        "OwnerId": record.account,
        "State": record.state,
        "CidrBlock": block,
        "CidrBlockAssociationSet": [
            {
                "AssociationId": record.attributes["CidrBlockAssociations"][0],
                "CidrBlock": block,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "DhcpOptionsId": f"dopt-{base.stable_hex(record.account + record.region, 17)}",
        "InstanceTenancy": record.properties.get("InstanceTenancy", "default"),
        "IsDefault": False,
        "Tags": base.tags(record),
    }


def subnet_shape(ctx: Context, record: Record) -> dict[str, Any]:
    block = network(record.properties["CidrBlock"])
    taken = sum(i.properties.get("SubnetId") == record.id for i in base.listed(ctx, base.INTERFACE))
    zone = record.attributes["AvailabilityZone"]
    return {
        "SubnetId": record.id,
        "SubnetArn": record.arn,
        "VpcId": record.properties["VpcId"],
        "OwnerId": record.account,
        "State": record.state,
        "CidrBlock": str(block),
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id(record.region, zone),
        "AvailableIpAddressCount": block.num_addresses - RESERVED_ADDRESSES - taken,
        "MapPublicIpOnLaunch": bool(record.properties.get("MapPublicIpOnLaunch", False)),
        "AssignIpv6AddressOnCreation": False,
        "DefaultForAz": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": base.tags(record),
    }


@operation("ec2", "CreateVpc")
def create_vpc(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("CidrBlock", "InstanceTenancy")
    properties = {n: params[n] for n in names if n in params}
    given = base.specified_tags(params, "vpc")
    return {"Vpc": vpc_shape(ctx, ctx.world.create(ctx, base.VPC, properties, tags=given, at_once=True))}


@operation("ec2", "DescribeVpcs")
def describe_vpcs(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "vpc-id": base.record_id,
        "state": base.state,
        "cidr": base.prop("CidrBlock"),
        "cidr-block": base.prop("CidrBlock"),
        "cidr-block-association.cidr-block": base.prop("CidrBlock"),
        "owner-id": lambda r: r.account,
        "is-default": lambda r: "false",
        "isDefault": lambda r: "false",
    }
    return base.describe(ctx, params, base.VPC, ids="VpcIds", key="Vpcs", shape=vpc_shape, fields=fields)


@operation("ec2", "DescribeVpcAttribute")
def describe_vpc_attribute(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    vpc = base.need(ctx, base.VPC, params["VpcId"])
    defaults = {
        "enableDnsSupport": True,
        "enableDnsHostnames": False,
        "enableNetworkAddressUsageMetrics": False,
    }
    name = params["Attribute"]
    if name not in defaults:
        raise AwsError("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.", 400)
    member = name[0].upper() + name[1:]
    value = vpc.properties.get(member, defaults[name])
    return {"VpcId": vpc.id, member: {"Value": bool(value)}}


@operation("ec2", "ModifyVpcAttribute")
def modify_vpc_attribute(ctx: Context, params: dict[str, Any]) -> None:
    vpc = base.need(ctx, base.VPC, params["VpcId"])
    changes = {n: p["Value"] for n, p in params.items() if n.startswith("Enable") and isinstance(p, dict)}
    ctx.world.update(ctx, vpc, {**vpc.properties, **changes}, at_once=True)


@operation("ec2", "DeleteVpc")
def delete_vpc(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.VPC, params["VpcId"]), at_once=True)


@operation("ec2", "CreateSubnet")
def create_subnet(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId")
    properties = {n: params[n] for n in names if n in params}
    given = base.specified_tags(params, "subnet")
    record = ctx.world.create(ctx, base.SUBNET, properties, tags=given, at_once=True)
    return {"Subnet": subnet_shape(ctx, record)}


@operation("ec2", "DescribeSubnets")
def describe_subnets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "subnet-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "state": base.state,
        "cidr-block": base.prop("CidrBlock"),
        "cidr": base.prop("CidrBlock"),
        "availability-zone": lambda r: r.attributes["AvailabilityZone"],
        "availabilityZone": lambda r: r.attributes["AvailabilityZone"],
        "availability-zone-id": lambda r: zone_id(r.region, r.attributes["AvailabilityZone"]),
        "map-public-ip-on-launch": lambda r: bool(r.properties.get("MapPublicIpOnLaunch", False)),
        "owner-id": lambda r: r.account,
        "default-for-az": lambda r: "false",
        "subnet-arn": lambda r: r.arn,
    }
    return base.describe(
        ctx, params, base.SUBNET, ids="SubnetIds", key="Subnets", shape=subnet_shape, fields=fields
    )


@operation("ec2", "ModifySubnetAttribute")
def modify_subnet_attribute(ctx: Context, params: dict[str, Any]) -> None:
    subnet = base.need(ctx, base.SUBNET, params["SubnetId"])
    changes = {n: p["Value"] for n, p in params.items() if isinstance(p, dict) and "Value" in p}
    ctx.world.update(ctx, subnet, {**subnet.properties, **changes}, at_once=True)


@operation("ec2", "DeleteSubnet")
def delete_subnet(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.SUBNET, params["SubnetId"]), at_once=True)


@operation("ec2", "DescribeNetworkAcls")
def describe_network_acls(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def shape(ctx: Context, record: Record) -> dict[str, Any]:
        return {
            "NetworkAclId": record.id,
            "VpcId": record.properties["VpcId"],
            "IsDefault": bool(record.data.get("default")),
            "OwnerId": record.account,
            "Associations": [],
            "Entries": [],
            "Tags": base.tags(record),
        }

    fields = {
        "network-acl-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "default": lambda r: bool(r.data.get("default")),
    }
    return base.describe(
        ctx, params, base.ACL, ids="NetworkAclIds", key="NetworkAcls", shape=shape, fields=fields
    )

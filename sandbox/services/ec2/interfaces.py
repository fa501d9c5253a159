"""Network interfaces: what load balancers, gateways, endpoints, proxies, databases and instances hold in a subnet."""

from __future__ import annotations

from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex
from sandbox.services.ec2 import base
from sandbox.services.ec2.vpc import network
from sandbox.store import Record


@resource_type(base.INTERFACE)
class NetworkInterface(ResourceType):
    """A network interface with one private address of its subnet."""

    state_creating = "available"
    state_updating = "available"
    state_deleting = "available"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.SUBNET, properties["SubnetId"])
        _check_groups(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_groups(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        subnet = base.need(ctx, base.SUBNET, record.properties["SubnetId"])
        address = record.properties.get("PrivateIpAddress") or _free_address(ctx, subnet)
        vpc = base.need(ctx, base.VPC, subnet.properties["VpcId"])
        record.properties.setdefault("GroupSet", [vpc.attributes["DefaultSecurityGroup"]])
        record.attributes = {
            "Id": record.id,
            "VpcId": vpc.id,
            "PrimaryPrivateIpAddress": address,
            "SecondaryPrivateIpAddresses": [],
        }

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.data.get("owner"):
            raise AwsError(
                "InvalidParameterValue", f"Network interface '{record.id}' is currently in use.", 400
            )


def _check_groups(ctx: Context, properties: dict[str, Any]) -> None:
    groups = properties.get("GroupSet") or ()
    for group in groups:
        base.need(ctx, base.GROUP, group)
    if len(groups) > quotas.value(ctx.world, ctx.account, ctx.region, quotas.INTERFACE_GROUPS):
        # EC2's page of error codes.
        text = (
            "You've reached the limit on the number of security groups that you can assign to the interface."
        )
        raise AwsError("SecurityGroupsPerInterfaceLimitExceeded", text, 400)


def _free_address(ctx: Context, subnet: Record) -> str:
    taken = {i.attributes.get("PrimaryPrivateIpAddress") for i in base.listed(ctx, base.INTERFACE)}
    block = network(subnet.properties["CidrBlock"])
    # The first four addresses and the last one are AWS's.
    for number in range(4, block.num_addresses - 1):
        if str(block[number]) not in taken:
            return str(block[number])
    raise AwsError(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet does not have enough free addresses: {subnet.id}.",
        400,
    )


def hold(
    ctx: Context,
    subnet_id: str,
    *,
    owner: str,
    description: str,
    groups: list[str] | None = None,
    kind: str = "interface",
    requester: str = "amazon-aws",
    public_ip: str | None = None,
) -> Record:
    """An interface that a service keeps in a subnet until `release(ctx, owner)`; it blocks the subnet's deletion.

    owner: any text that names the holder (its ARN or id). kind: EC2's InterfaceType.
    """
    properties: dict[str, Any] = {"SubnetId": subnet_id, "Description": description}
    if groups is not None:
        properties["GroupSet"] = groups
    data = {"owner": owner, "kind": kind, "requester": requester, "public_ip": public_ip}
    return ctx.world.create(ctx, base.INTERFACE, properties, data=data, at_once=True)


def release(ctx: Context, owner: str) -> None:
    """Take away what `hold` made for this owner."""
    for interface in held(ctx, owner):
        ctx.store.remove(interface)


def held(ctx: Context, owner: str) -> list[Record]:
    return [i for i in base.listed(ctx, base.INTERFACE) if i.data.get("owner") == owner]


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    subnet = base.look_up(ctx, base.SUBNET, record.properties["SubnetId"])
    address = record.attributes["PrimaryPrivateIpAddress"]
    shape: dict[str, Any] = {
        "NetworkInterfaceId": record.id,
        "SubnetId": record.properties["SubnetId"],
        "VpcId": record.attributes["VpcId"],
        "AvailabilityZone": subnet.attributes["AvailabilityZone"] if subnet else "",
        "Description": record.properties.get("Description", ""),
        "OwnerId": record.account,
        "RequesterManaged": bool(record.data.get("owner")),
        "InterfaceType": record.data.get("kind", "interface"),
        "Status": "in-use" if record.data.get("owner") else "available",
        "MacAddress": "02:" + ":".join(base.stable_hex(record.id, 10)[i : i + 2] for i in range(0, 10, 2)),
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "SourceDestCheck": record.data.get("kind") != "nat_gateway",
        "Groups": [{"GroupId": g, "GroupName": _group_name(ctx, g)} for g in record.properties["GroupSet"]],
        "TagSet": base.tags(record),
    }
    if record.data.get("requester"):
        shape["RequesterId"] = record.data["requester"]
    if record.data.get("owner"):
        shape["Attachment"] = {
            "AttachmentId": f"eni-attach-{base.stable_hex(record.id, 17)}",
            "Status": "attached",
            "InstanceOwnerId": record.data.get("requester") or record.account,
            "DeleteOnTermination": True,
            "DeviceIndex": 0,
        }
    if record.data.get("public_ip"):
        shape["Association"] = {"PublicIp": record.data["public_ip"], "IpOwnerId": record.account}
    return shape


def _group_name(ctx: Context, id: str) -> str:
    group = base.look_up(ctx, base.GROUP, id)
    return str(group.get("GroupName", "")) if group else ""


@operation("ec2", "CreateNetworkInterface")
def create_network_interface(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("SubnetId", "Description", "PrivateIpAddress")
    properties: dict[str, Any] = {n: params[n] for n in names if n in params}
    if params.get("Groups"):
        properties["GroupSet"] = params["Groups"]
    given = base.specified_tags(params, "network-interface")
    record = ctx.world.create(ctx, base.INTERFACE, properties, tags=given, at_once=True)
    return {"NetworkInterface": _shape(ctx, record), "ClientToken": params.get("ClientToken", random_hex(32))}


@operation("ec2", "DescribeNetworkInterfaces")
def describe_network_interfaces(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "network-interface-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "subnet-id": base.prop("SubnetId"),
        "group-id": base.prop("GroupSet"),
        "description": base.prop("Description"),
        "interface-type": lambda r: r.data.get("kind", "interface"),
        "requester-id": lambda r: r.data.get("requester"),
        "requester-managed": lambda r: bool(r.data.get("owner")),
        "status": lambda r: "in-use" if r.data.get("owner") else "available",
        "private-ip-address": base.prop("PrimaryPrivateIpAddress"),
        "attachment.instance-id": lambda r: r.data.get("instance"),
    }
    return base.describe(
        ctx,
        params,
        base.INTERFACE,
        ids="NetworkInterfaceIds",
        key="NetworkInterfaces",
        shape=_shape,
        fields=fields,
    )


@operation("ec2", "DeleteNetworkInterface")
def delete_network_interface(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.INTERFACE, params["NetworkInterfaceId"]), at_once=True)

"""Elastic IP addresses and NAT gateways."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex
from sandbox.services.ec2 import base
from sandbox.services.ec2.interfaces import hold, release
from sandbox.store import Record


@resource_type(base.EIP)
class Address(ResourceType):
    """An Elastic IP address. Its physical id (and Ref) is the address; EC2 calls it by its allocation id."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        while True:
            # 198.18.0.0/15 is for tests of networks (RFC 2544): no real host is ever meant. Its upper half is
            # the load balancers': an address that one of them holds can be no gateway's.
            address = f"198.18.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
            if ctx.store.get(ctx.account, ctx.region, base.EIP, address) is None:
                return address

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""  # by the allocation id, which `created` makes

    def created(self, ctx: Context, record: Record) -> None:
        allocation = f"eipalloc-{random_hex(17)}"
        record.attributes = {"AllocationId": allocation, "PublicIp": record.id}
        record.arn = ctx.arn("ec2", f"elastic-ip/{allocation}")
        ctx.store.put(record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if _holder(ctx, record) is not None:
            raise AwsError("InvalidIPAddress.InUse", f"Address {record.id} is in use.", 400)


def _holder(ctx: Context, address: Record) -> Record | None:
    """The interface that an address is associated with."""
    return next((i for i in base.listed(ctx, base.INTERFACE) if i.data.get("public_ip") == address.id), None)


@resource_type(base.NAT)
class NatGateway(ResourceType):
    """A NAT gateway: an interface in its subnet, and for a public one an address."""

    state_creating = "pending"
    state_updating = "available"
    state_deleting = "deleting"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if properties.get("AvailabilityMode") == "regional":
            raise not_supported("A regional NAT gateway")
        base.need(ctx, base.SUBNET, properties.get("SubnetId", ""))
        if properties.get("ConnectivityType", "public") == "private":
            return
        if not properties.get("AllocationId"):
            raise AwsError("MissingParameter", "The request must contain the parameter AllocationId", 400)
        address = base.need(ctx, base.EIP, properties["AllocationId"])
        if _holder(ctx, address) is not None:
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"Elastic IP address [{properties['AllocationId']}] is already associated",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        subnet = base.need(ctx, base.SUBNET, record.properties["SubnetId"])
        allocation = record.properties.get("AllocationId")
        address = base.need(ctx, base.EIP, allocation).id if allocation else None
        interface = hold(
            ctx,
            subnet.id,
            owner=record.id,
            description=f"Interface for NAT Gateway {record.id}",
            groups=[],
            kind="nat_gateway",
            public_ip=address,
        )
        record.attributes = {"NatGatewayId": record.id, "EniId": interface.id}
        record.data = {
            "VpcId": subnet.properties["VpcId"],
            "address": address,
            "private": interface.attributes["PrimaryPrivateIpAddress"],
        }

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        if action == "create" and record.properties.get("ConnectivityType", "public") == "public":
            attached = ctx.store.get(
                record.account, record.region, base.ATTACHMENT, f"IGW|{record.data['VpcId']}"
            )
            if attached is None:
                raise AwsError(
                    "Gateway.NotAttached",
                    f"Network {record.data['VpcId']} has no Internet gateway attached",
                    400,
                )

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        release(ctx, record.id)
        return None


def _nat_shape(ctx: Context, record: Record) -> dict[str, Any]:
    address = {
        "NetworkInterfaceId": record.attributes["EniId"],
        "PrivateIp": record.data["private"],
        "IsPrimary": True,
        "Status": "succeeded" if record.state == "available" else "associating",
    }
    if record.data["address"]:
        address |= {"PublicIp": record.data["address"], "AllocationId": record.properties["AllocationId"]}
    shape = {
        "NatGatewayId": record.id,
        "SubnetId": record.properties["SubnetId"],
        "VpcId": record.data["VpcId"],
        "State": record.state,
        "ConnectivityType": record.properties.get("ConnectivityType", "public"),
        "CreateTime": record.created_at,
        "NatGatewayAddresses": [address],
        "Tags": base.tags(record),
    }
    if record.state == "failed":
        shape["FailureCode"], shape["FailureMessage"] = "Gateway.NotAttached", record.data.get("failure", "")
    return shape


@operation("ec2", "CreateNatGateway")
def create_nat_gateway(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress")
    given = base.specified_tags(params, "natgateway")
    record = ctx.world.create(ctx, base.NAT, {n: params[n] for n in names if n in params}, tags=given)
    return {"NatGateway": _nat_shape(ctx, record)}


@operation("ec2", "DescribeNatGateways")
def describe_nat_gateways(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "nat-gateway-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "subnet-id": base.prop("SubnetId"),
        "state": base.state,
    }
    return base.describe(
        ctx, params, base.NAT, ids="NatGatewayIds", key="NatGateways", shape=_nat_shape, fields=fields
    )


@operation("ec2", "DeleteNatGateway")
def delete_nat_gateway(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.NAT, params["NatGatewayId"])
    if record.state != "deleting":
        ctx.world.delete(ctx, record)
    return {"NatGatewayId": record.id}


def _address_shape(ctx: Context, record: Record) -> dict[str, Any]:
    shape = {
        "PublicIp": record.id,
        "AllocationId": record.attributes["AllocationId"],
        "Domain": "vpc",
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": record.region,
        "Tags": base.tags(record),
    }
    holder = _holder(ctx, record)
    if holder is not None:
        shape |= {
            "AssociationId": f"eipassoc-{base.stable_hex(holder.id, 17)}",
            "NetworkInterfaceId": holder.id,
            "PrivateIpAddress": holder.attributes["PrimaryPrivateIpAddress"],
            "NetworkInterfaceOwnerId": record.account,
        }
    return shape


@operation("ec2", "AllocateAddress")
def allocate_address(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = base.specified_tags(params, "elastic-ip")
    record = ctx.world.create(ctx, base.EIP, {"Domain": "vpc"}, tags=given, at_once=True)
    members = ("PublicIp", "AllocationId", "Domain", "PublicIpv4Pool", "NetworkBorderGroup")
    return {n: v for n, v in _address_shape(ctx, record).items() if n in members}


@operation("ec2", "DescribeAddresses")
def describe_addresses(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def holder(member: str) -> Any:
        return lambda r: _address_shape(ctx, r).get(member)

    fields = {
        "allocation-id": base.prop("AllocationId"),
        "public-ip": base.record_id,
        "domain": lambda r: "vpc",
        "association-id": holder("AssociationId"),
        "network-interface-id": holder("NetworkInterfaceId"),
    }
    for address in params.get("PublicIps") or ():
        if ctx.store.get(ctx.account, ctx.region, base.EIP, address) is None:
            raise AwsError("InvalidAddress.NotFound", f"Address '{address}' not found.", 400)
    filters = [*(params.get("Filters") or ())]
    if params.get("PublicIps"):
        filters.append({"Name": "public-ip", "Values": params["PublicIps"]})
    return base.describe(
        ctx,
        {**params, "Filters": filters},
        base.EIP,
        ids="AllocationIds",
        key="Addresses",
        shape=_address_shape,
        fields=fields,
    )


@operation("ec2", "ReleaseAddress")
def release_address(ctx: Context, params: dict[str, Any]) -> None:
    if not params.get("AllocationId"):
        raise AwsError("MissingParameter", "The request must contain the parameter AllocationId", 400)
    ctx.world.delete(ctx, base.need(ctx, base.EIP, params["AllocationId"]), at_once=True)

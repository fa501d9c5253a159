"""Route tables, their routes and associations, internet gateways."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.ec2 import base
from sandbox.services.ec2.vpc import network
from sandbox.store import Record

DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
TARGETS = {
    "NatGatewayId": base.NAT,
    "NetworkInterfaceId": base.INTERFACE,
    "InstanceId": base.INSTANCE,
}


@resource_type(base.ROUTE_TABLE)
class RouteTable(ResourceType):
    """A route table; the VPC's main one comes with the VPC."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.VPC, properties["VpcId"])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"RouteTableId": record.id}

    def check_delete(self, ctx: Context, record: Record) -> None:
        used = any(a.properties["RouteTableId"] == record.id for a in base.listed(ctx, base.ASSOCIATION))
        if used or record.data.get("main"):
            raise base.in_use(f"The routeTable '{record.id}' has dependencies and cannot be deleted.")

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for route in routes_of(ctx, record.id):
            ctx.store.remove(route)
        return None


@resource_type(base.ASSOCIATION)
class Association(ResourceType):
    """A subnet's explicit association with a route table."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        table = base.need(ctx, base.ROUTE_TABLE, properties["RouteTableId"])
        subnet = base.need(ctx, base.SUBNET, properties["SubnetId"])
        if table.properties["VpcId"] != subnet.properties["VpcId"]:
            raise AwsError(
                "InvalidParameterValue",
                f"Route table {table.id} and subnet {subnet.id} belong to different networks",
                400,
            )
        if any(a.properties["SubnetId"] == subnet.id for a in base.listed(ctx, base.ASSOCIATION)):
            raise AwsError(
                "Resource.AlreadyAssociated",
                "the specified association for route table "
                f"{table.id} conflicts with an existing association",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id}


@resource_type(base.ROUTE)
class Route(ResourceType):
    """A route; its id is `<route table>|<destination>`."""

    state_ready = "active"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['RouteTableId']}|{_destination(properties)}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        table = base.need(ctx, base.ROUTE_TABLE, properties["RouteTableId"])
        self._check_target(ctx, properties, table.properties["VpcId"])
        block = _destination(properties)
        if ctx.store.get(ctx.account, ctx.region, base.ROUTE, f"{table.id}|{block}"):
            raise AwsError("RouteAlreadyExists", f"The route identified by {block} already exists.", 400)

    def _check_target(self, ctx: Context, properties: dict[str, Any], vpc: str) -> None:
        gateway = str(properties.get("GatewayId", ""))
        if gateway.startswith("igw-"):
            base.need(ctx, base.GATEWAY, gateway)
            if gateway_vpc(ctx, gateway) != vpc:
                raise AwsError(
                    "InvalidParameterValue",
                    f"route table {properties['RouteTableId']} and network gateway {gateway} belong to different "
                    "networks",
                    400,
                )
        for name, type_name in TARGETS.items():
            if properties.get(name):
                base.need(ctx, type_name, properties[name])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"CidrBlock": _destination(record.properties)}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        table = base.need(ctx, base.ROUTE_TABLE, properties["RouteTableId"])
        self._check_target(ctx, properties, table.properties["VpcId"])


def _destination(properties: dict[str, Any]) -> str:
    for name in DESTINATIONS:
        if properties.get(name):
            block = str(properties[name])
            return str(network(block, "destinationCidrBlock")) if name == "DestinationCidrBlock" else block
    raise AwsError("MissingParameter", "The request must contain the parameter destinationCidrBlock", 400)


@resource_type(base.GATEWAY)
class InternetGateway(ResourceType):
    """An internet gateway; its attachment is a resource of its own."""

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"InternetGatewayId": record.id}

    def check_delete(self, ctx: Context, record: Record) -> None:
        if gateway_vpc(ctx, record.id):
            raise base.in_use(f"The internetGateway '{record.id}' has dependencies and cannot be deleted.")


@resource_type(base.ATTACHMENT)
class GatewayAttachment(ResourceType):
    """A gateway's attachment to a VPC; its id is `IGW|<vpc>`."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{'VGW' if properties.get('VpnGatewayId') else 'IGW'}|{properties['VpcId']}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        vpc = base.need(ctx, base.VPC, properties["VpcId"])
        if properties.get("VpnGatewayId"):
            raise AwsError("NotImplemented", "VPN gateways are not supported by the sandbox", 501)
        gateway = base.need(ctx, base.GATEWAY, properties.get("InternetGatewayId", ""))
        if gateway_vpc(ctx, gateway.id):
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"resource {gateway.id} is already attached to network {gateway_vpc(ctx, gateway.id)}",
                400,
            )
        if ctx.store.get(ctx.account, ctx.region, base.ATTACHMENT, f"IGW|{vpc.id}"):
            raise AwsError(
                "InvalidParameterValue",
                f"Network {vpc.id} already has an internet gateway attached",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"AttachmentType": record.id.partition("|")[0]}

    def check_delete(self, ctx: Context, record: Record) -> None:
        vpc = record.properties["VpcId"]
        if any(i.data.get("public_ip") for i in base.listed(ctx, base.INTERFACE) if i.get("VpcId") == vpc):
            raise base.in_use(
                f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway."
            )


def gateway_vpc(ctx: Context, gateway: str) -> str | None:
    """The VPC that an internet gateway is attached to."""
    for attachment in base.listed(ctx, base.ATTACHMENT):
        if attachment.properties.get("InternetGatewayId") == gateway:
            return str(attachment.properties["VpcId"])
    return None


def routes_of(ctx: Context, table: str) -> list[Record]:
    return [r for r in base.listed(ctx, base.ROUTE) if r.properties["RouteTableId"] == table]


def table_shape(ctx: Context, record: Record) -> dict[str, Any]:
    vpc = base.need(ctx, base.VPC, record.properties["VpcId"])
    routes: list[dict[str, Any]] = [
        {
            "DestinationCidrBlock": vpc.properties["CidrBlock"],
            "GatewayId": "local",
            "Origin": "CreateRouteTable",
            "State": "active",
        }
    ]
    for route in routes_of(ctx, record.id):
        members = ("GatewayId", "InstanceId", "NatGatewayId", "NetworkInterfaceId", *DESTINATIONS)
        shape = {n: route.properties[n] for n in members if route.properties.get(n)}
        routes.append({**shape, "Origin": "CreateRoute", "State": _route_state(ctx, route)})
    for endpoint in base.listed(ctx, base.ENDPOINT):
        if record.id in (endpoint.properties.get("RouteTableIds") or ()):
            prefix = f"pl-{base.stable_hex(endpoint.properties['ServiceName'])}"
            routes.append(
                {
                    "DestinationPrefixListId": prefix,
                    "GatewayId": endpoint.id,
                    "Origin": "CreateRoute",
                    "State": "active",
                }
            )
    associations = [
        {
            "RouteTableAssociationId": a.id,
            "RouteTableId": record.id,
            "SubnetId": a.properties["SubnetId"],
            "Main": False,
            "AssociationState": {"State": "associated"},
        }
        for a in base.listed(ctx, base.ASSOCIATION)
        if a.properties["RouteTableId"] == record.id
    ]
    if record.data.get("main"):
        associations.insert(
            0,
            {
                "RouteTableAssociationId": f"rtbassoc-{base.stable_hex(record.id, 17)}",
                "RouteTableId": record.id,
                "Main": True,
                "AssociationState": {"State": "associated"},
            },
        )
    return {
        "RouteTableId": record.id,
        "VpcId": vpc.id,
        "OwnerId": record.account,
        "Routes": routes,
        "Associations": associations,
        "PropagatingVgws": [],
        "Tags": base.tags(record),
    }


def _route_state(ctx: Context, route: Record) -> str:
    """A route whose target is gone stays, as a blackhole."""
    gateway = str(route.properties.get("GatewayId", ""))
    if gateway.startswith("igw-") and base.look_up(ctx, base.GATEWAY, gateway) is None:
        return "blackhole"
    for name, type_name in TARGETS.items():
        if route.properties.get(name) and base.look_up(ctx, type_name, route.properties[name]) is None:
            return "blackhole"
    return "active"

"""The operations of route tables and internet gateways."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.ec2 import base
from sandbox.services.ec2.routing import DESTINATIONS, gateway_vpc, routes_of, table_shape
from sandbox.store import Record

ROUTE_MEMBERS = (
    "RouteTableId",
    *DESTINATIONS,
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
)


@operation("ec2", "CreateRouteTable")
def create_route_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = base.specified_tags(params, "route-table")
    record = ctx.world.create(ctx, base.ROUTE_TABLE, {"VpcId": params["VpcId"]}, tags=given, at_once=True)
    return {"RouteTable": table_shape(ctx, record)}


@operation("ec2", "DescribeRouteTables")
def describe_route_tables(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def associations(member: str) -> Any:
        return lambda r: [
            a.id if member == "id" else a.properties["SubnetId"]
            for a in base.listed(ctx, base.ASSOCIATION)
            if a.properties["RouteTableId"] == r.id
        ]

    fields = {
        "route-table-id": base.record_id,
        "association.route-table-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "owner-id": lambda r: r.account,
        "association.main": lambda r: bool(r.data.get("main")),
        "association.subnet-id": associations("subnet"),
        "association.route-table-association-id": associations("id"),
        "route.gateway-id": lambda r: [x.get("GatewayId") for x in routes_of(ctx, r.id)],
        "route.nat-gateway-id": lambda r: [x.get("NatGatewayId") for x in routes_of(ctx, r.id)],
        "route.destination-cidr-block": lambda r: [
            x.get("DestinationCidrBlock") for x in routes_of(ctx, r.id)
        ],
    }
    return base.describe(
        ctx,
        params,
        base.ROUTE_TABLE,
        ids="RouteTableIds",
        key="RouteTables",
        shape=table_shape,
        fields=fields,
    )


@operation("ec2", "DeleteRouteTable")
def delete_route_table(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.ROUTE_TABLE, params["RouteTableId"]), at_once=True)


@operation("ec2", "CreateRoute")
def create_route(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: params[n] for n in ROUTE_MEMBERS if n in params}
    ctx.world.create(ctx, base.ROUTE, properties, at_once=True)
    return {"Return": True}


def _route(ctx: Context, params: dict[str, Any]) -> Record:
    table = base.need(ctx, base.ROUTE_TABLE, params["RouteTableId"])
    block = next((params[n] for n in DESTINATIONS if params.get(n)), "")
    record = ctx.store.get(ctx.account, ctx.region, base.ROUTE, f"{table.id}|{block}")
    if record is None:
        raise AwsError(
            "InvalidRoute.NotFound",
            f"no route with destination-cidr-block {block} in route table {table.id}",
            400,
        )
    return record


@operation("ec2", "ReplaceRoute")
def replace_route(ctx: Context, params: dict[str, Any]) -> None:
    record = _route(ctx, params)
    ctx.world.update(ctx, record, {n: params[n] for n in ROUTE_MEMBERS if n in params}, at_once=True)


@operation("ec2", "DeleteRoute")
def delete_route(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _route(ctx, params), at_once=True)


@operation("ec2", "AssociateRouteTable")
def associate_route_table(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {n: params[n] for n in ("RouteTableId", "SubnetId") if n in params}
    if "SubnetId" not in properties:
        raise AwsError("MissingParameter", "The request must contain the parameter subnetId", 400)
    record = ctx.world.create(ctx, base.ASSOCIATION, properties, at_once=True)
    return {"AssociationId": record.id, "AssociationState": {"State": "associated"}}


@operation("ec2", "DisassociateRouteTable")
def disassociate_route_table(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.ASSOCIATION, params["AssociationId"]), at_once=True)


# -- internet gateways


def _gateway(ctx: Context, record: Record) -> dict[str, Any]:
    vpc = gateway_vpc(ctx, record.id)
    return {
        "InternetGatewayId": record.id,
        "OwnerId": record.account,
        "Attachments": [{"VpcId": vpc, "State": "available"}] if vpc else [],
        "Tags": base.tags(record),
    }


@operation("ec2", "CreateInternetGateway")
def create_internet_gateway(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = base.specified_tags(params, "internet-gateway")
    return {
        "InternetGateway": _gateway(ctx, ctx.world.create(ctx, base.GATEWAY, {}, tags=given, at_once=True))
    }


@operation("ec2", "DescribeInternetGateways")
def describe_internet_gateways(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "internet-gateway-id": base.record_id,
        "owner-id": lambda r: r.account,
        "attachment.vpc-id": lambda r: gateway_vpc(ctx, r.id),
        "attachment.state": lambda r: "available" if gateway_vpc(ctx, r.id) else None,
    }
    return base.describe(
        ctx,
        params,
        base.GATEWAY,
        ids="InternetGatewayIds",
        key="InternetGateways",
        shape=_gateway,
        fields=fields,
    )


@operation("ec2", "AttachInternetGateway")
def attach_internet_gateway(ctx: Context, params: dict[str, Any]) -> None:
    properties = {"InternetGatewayId": params["InternetGatewayId"], "VpcId": params["VpcId"]}
    ctx.world.create(ctx, base.ATTACHMENT, properties, at_once=True)


@operation("ec2", "DetachInternetGateway")
def detach_internet_gateway(ctx: Context, params: dict[str, Any]) -> None:
    gateway = base.need(ctx, base.GATEWAY, params["InternetGatewayId"])
    record = ctx.store.get(ctx.account, ctx.region, base.ATTACHMENT, f"IGW|{params['VpcId']}")
    if record is None or record.properties["InternetGatewayId"] != gateway.id:
        raise AwsError(
            "Gateway.NotAttached", f"resource {gateway.id} is not attached to network {params['VpcId']}", 400
        )
    ctx.world.delete(ctx, record, at_once=True)


@operation("ec2", "DeleteInternetGateway")
def delete_internet_gateway(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.GATEWAY, params["InternetGatewayId"]), at_once=True)

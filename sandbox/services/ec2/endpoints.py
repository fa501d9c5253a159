"""VPC endpoints and flow logs."""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.ec2 import base
from sandbox.services.ec2.interfaces import held, hold, release
from sandbox.store import Record

GATEWAY_SERVICES = ("s3", "dynamodb")
ALL = {
    "Version": "2008-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


@resource_type(base.ENDPOINT)
class VpcEndpoint(ResourceType):
    """A gateway endpoint (a route in its tables) or an interface endpoint (an interface in each subnet)."""

    state_creating = "pending"
    state_updating = "available"
    state_deleting = "deleting"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.VPC, properties["VpcId"])
        self._check_parts(ctx, properties)
        service = str(properties.get("ServiceName", ""))
        if not service.startswith((f"com.amazonaws.{ctx.region}.", "com.amazonaws.vpce.", "aws.")):
            raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist", 400)
        kind = properties.get("VpcEndpointType", "Gateway")
        if kind == "Gateway" and service.rpartition(".")[2] not in GATEWAY_SERVICES:
            raise AwsError(
                "InvalidParameter",
                "Endpoint type (Gateway) does not match available service types ([Interface]).",
                400,
            )

    @staticmethod
    def _check_parts(ctx: Context, properties: dict[str, Any]) -> None:
        members = {
            "RouteTableIds": base.ROUTE_TABLE,
            "SubnetIds": base.SUBNET,
            "SecurityGroupIds": base.GROUP,
        }
        for name, type_name in members.items():
            for id in properties.get(name) or ():
                base.need(ctx, type_name, id)

    def created(self, ctx: Context, record: Record) -> None:
        self._lay(ctx, record)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check_parts(ctx, properties)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        if any(before.get(n) != record.properties.get(n) for n in ("SubnetIds", "SecurityGroupIds")):
            release(ctx, record.id)
            self._lay(ctx, record)

    def _lay(self, ctx: Context, record: Record) -> None:
        for subnet in record.properties.get("SubnetIds") or ():
            hold(
                ctx,
                subnet,
                owner=record.id,
                description=f"VPC Endpoint Interface {record.id}",
                groups=record.properties.get("SecurityGroupIds") or None,
                kind="vpc_endpoint",
            )
        service = str(record.properties["ServiceName"]).rpartition(".")[2]
        zone = f"Z{base.stable_hex(record.region, 13).upper()}"
        name = f"{record.id}-{base.stable_hex(record.id)}.{service}.{record.region}.vpce.amazonaws.com"
        interface = record.properties.get("VpcEndpointType", "Gateway") == "Interface"
        record.attributes = {
            "Id": record.id,
            "NetworkInterfaceIds": [i.id for i in held(ctx, record.id)],
            "DnsEntries": [f"{zone}:{name}"] if interface else [],
            "CreationTimestamp": str(record.created_at),
        }

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        release(ctx, record.id)
        return None


def _endpoint(ctx: Context, record: Record) -> dict[str, Any]:
    policy = record.properties.get("PolicyDocument") or ALL
    return {
        "VpcEndpointId": record.id,
        "VpcEndpointType": record.properties.get("VpcEndpointType", "Gateway"),
        "VpcId": record.properties["VpcId"],
        "ServiceName": record.properties["ServiceName"],
        "State": record.state,
        "PolicyDocument": policy if isinstance(policy, str) else json.dumps(policy),
        "RouteTableIds": record.properties.get("RouteTableIds") or [],
        "SubnetIds": record.properties.get("SubnetIds") or [],
        "Groups": [{"GroupId": g} for g in record.properties.get("SecurityGroupIds") or ()],
        "PrivateDnsEnabled": bool(record.properties.get("PrivateDnsEnabled", False)),
        "RequesterManaged": False,
        "NetworkInterfaceIds": record.attributes["NetworkInterfaceIds"],
        "DnsEntries": [
            {"HostedZoneId": e.partition(":")[0], "DnsName": e.partition(":")[2]}
            for e in record.attributes["DnsEntries"]
        ],
        "CreationTimestamp": record.created_at,
        "OwnerId": record.account,
        "Tags": base.tags(record),
    }


@operation("ec2", "CreateVpcEndpoint")
def create_vpc_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("VpcId", "ServiceName", "VpcEndpointType", "RouteTableIds", "SubnetIds", "SecurityGroupIds",
             "PolicyDocument", "PrivateDnsEnabled")  # fmt: skip
    given = base.specified_tags(params, "vpc-endpoint")
    record = ctx.world.create(ctx, base.ENDPOINT, {n: params[n] for n in names if n in params}, tags=given)
    return {"VpcEndpoint": _endpoint(ctx, record)}


@operation("ec2", "DescribeVpcEndpoints")
def describe_vpc_endpoints(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "vpc-endpoint-id": base.record_id,
        "vpc-id": base.prop("VpcId"),
        "service-name": base.prop("ServiceName"),
        "vpc-endpoint-state": base.state,
        "vpc-endpoint-type": lambda r: r.properties.get("VpcEndpointType", "Gateway"),
    }
    return base.describe(
        ctx, params, base.ENDPOINT, ids="VpcEndpointIds", key="VpcEndpoints", shape=_endpoint, fields=fields
    )


@operation("ec2", "DeleteVpcEndpoints")
def delete_vpc_endpoints(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    failed = []
    for id in params["VpcEndpointIds"]:
        try:
            ctx.world.delete(ctx, base.need(ctx, base.ENDPOINT, id))
        except AwsError as problem:
            failed.append({"ResourceId": id, "Error": {"Code": problem.code, "Message": problem.message}})
    return {"Unsuccessful": failed}


# -- flow logs

_WATCHED = {"VPC": base.VPC, "Subnet": base.SUBNET, "NetworkInterface": base.INTERFACE}


@resource_type(base.FLOW_LOG)
class FlowLog(ResourceType):
    """A flow log of a VPC, subnet or interface (no traffic flows here, so none is written)."""

    state_creating = "ACTIVE"
    state_updating = "ACTIVE"
    state_deleting = "ACTIVE"
    state_ready = "ACTIVE"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        type_name = _WATCHED.get(properties["ResourceType"])
        if type_name is not None:
            base.need(ctx, type_name, properties["ResourceId"])
        if properties.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
            return
        if not properties.get("DeliverLogsPermissionArn"):
            raise AwsError(
                "InvalidParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs",
                400,
            )  # fmt: skip
        same = ("ResourceId", "LogGroupName", "LogDestination", "TrafficType")
        for other in base.listed(ctx, base.FLOW_LOG):
            if all(other.properties.get(n) == properties.get(n) for n in same):
                raise AwsError(
                    "FlowLogAlreadyExists",
                    "There is an existing Flow Log with the same configuration and log destination.",
                    400,
                )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id}


def _flow_log(ctx: Context, record: Record) -> dict[str, Any]:
    given = record.properties
    shape = {
        "FlowLogId": record.id,
        "ResourceId": given["ResourceId"],
        "FlowLogStatus": "ACTIVE",
        "DeliverLogsStatus": "SUCCESS",
        "TrafficType": given.get("TrafficType", "ALL"),
        "LogDestinationType": given.get("LogDestinationType", "cloud-watch-logs"),
        "MaxAggregationInterval": given.get("MaxAggregationInterval", 600),
        "CreationTime": record.created_at,
        "Tags": base.tags(record),
    }
    for name in ("LogGroupName", "LogDestination", "DeliverLogsPermissionArn", "LogFormat"):
        if given.get(name):
            shape[name] = given[name]
    return shape


@operation("ec2", "CreateFlowLogs")
def create_flow_logs(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("ResourceType", "TrafficType", "LogGroupName", "LogDestination", "LogDestinationType",
             "DeliverLogsPermissionArn", "MaxAggregationInterval", "LogFormat")  # fmt: skip
    common = {n: params[n] for n in names if n in params}
    made, failed = [], []
    for id in params["ResourceIds"]:
        try:
            given = base.specified_tags(params, "vpc-flow-log")
            properties = {**common, "ResourceId": id}
            made.append(ctx.world.create(ctx, base.FLOW_LOG, properties, tags=given, at_once=True).id)
        except AwsError as problem:
            failed.append({"ResourceId": id, "Error": {"Code": problem.code, "Message": problem.message}})
    return {"FlowLogIds": made, "Unsuccessful": failed}


@operation("ec2", "DescribeFlowLogs")
def describe_flow_logs(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "flow-log-id": base.record_id,
        "resource-id": base.prop("ResourceId"),
        "log-group-name": base.prop("LogGroupName"),
        "log-destination-type": lambda r: r.properties.get("LogDestinationType", "cloud-watch-logs"),
        "traffic-type": base.prop("TrafficType"),
        "deliver-log-status": lambda r: "SUCCESS",
    }
    return base.describe(
        ctx, params, base.FLOW_LOG, ids="FlowLogIds", key="FlowLogs", shape=_flow_log, fields=fields, filters="Filter"
    )  # fmt: skip


@operation("ec2", "DeleteFlowLogs")
def delete_flow_logs(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    failed = []
    for id in params["FlowLogIds"]:
        try:
            ctx.world.delete(ctx, base.need(ctx, base.FLOW_LOG, id), at_once=True)
        except AwsError as problem:
            failed.append({"ResourceId": id, "Error": {"Code": problem.code, "Message": problem.message}})
    return {"Unsuccessful": failed}

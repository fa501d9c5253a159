"""Finding, refusing and describing EC2's resources: the part that all of them share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.resource_types import tag_list
from sandbox.services._listing import Field, filtered, page
from sandbox.store import Record

VPC = "AWS::EC2::VPC"
SUBNET = "AWS::EC2::Subnet"
ROUTE_TABLE = "AWS::EC2::RouteTable"
ROUTE = "AWS::EC2::Route"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
GATEWAY = "AWS::EC2::InternetGateway"
ATTACHMENT = "AWS::EC2::VPCGatewayAttachment"
EIP = "AWS::EC2::EIP"
NAT = "AWS::EC2::NatGateway"
GROUP = "AWS::EC2::SecurityGroup"
INGRESS = "AWS::EC2::SecurityGroupIngress"
EGRESS = "AWS::EC2::SecurityGroupEgress"
ENDPOINT = "AWS::EC2::VPCEndpoint"
FLOW_LOG = "AWS::EC2::FlowLog"
INTERFACE = "AWS::EC2::NetworkInterface"
ACL = "AWS::EC2::NetworkAcl"
INSTANCE = "AWS::EC2::Instance"
LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"

# For each type (error code, sentence). Source: EC2 API reference, "Error codes for the Amazon EC2 API".
MISSING: dict[str, tuple[str, str]] = {
    VPC: ("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    SUBNET: ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    ROUTE_TABLE: ("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    ASSOCIATION: ("InvalidAssociationID.NotFound", "The association ID '{}' does not exist"),
    GATEWAY: ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    EIP: ("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    NAT: ("NatGatewayNotFound", "The Nat Gateway {} was not found"),
    GROUP: ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    ENDPOINT: ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"),
    FLOW_LOG: ("InvalidFlowLogId.NotFound", "The flow log ID '{}' does not exist"),
    INTERFACE: ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist"),
    ACL: ("InvalidNetworkAclID.NotFound", "The networkAcl ID '{}' does not exist"),
    INSTANCE: ("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    LAUNCH_TEMPLATE: ("InvalidLaunchTemplateId.NotFound", "The launch template ID '{}' does not exist"),
}

# Prefix of an id: (type, EC2's word for it in tags and tag specifications)
KINDS: dict[str, tuple[str, str]] = {
    "vpc": (VPC, "vpc"),
    "subnet": (SUBNET, "subnet"),
    "rtb": (ROUTE_TABLE, "route-table"),
    "igw": (GATEWAY, "internet-gateway"),
    "eipalloc": (EIP, "elastic-ip"),
    "nat": (NAT, "natgateway"),
    "sg": (GROUP, "security-group"),
    "vpce": (ENDPOINT, "vpc-endpoint"),
    "fl": (FLOW_LOG, "vpc-flow-log"),
    "eni": (INTERFACE, "network-interface"),
    "acl": (ACL, "network-acl"),
    "i": (INSTANCE, "instance"),
    "lt": (LAUNCH_TEMPLATE, "launch-template"),
}


def missing(type_name: str, id: str) -> AwsError:
    code, sentence = MISSING[type_name]
    return AwsError(code, sentence.format(id), 400)


def need(ctx: Context, type_name: str, id: str) -> Record:
    """The record, or AWS's refusal that it does not exist."""
    record = look_up(ctx, type_name, id)
    if record is None:
        raise missing(type_name, id)
    return record


def look_up(ctx: Context, type_name: str, id: str) -> Record | None:
    """By the id that EC2 uses: an address's is its allocation, not the physical id."""
    if type_name == EIP:
        return next((r for r in listed(ctx, EIP) if r.attributes.get("AllocationId") == id), None)
    return ctx.store.get(ctx.account, ctx.region, type_name, id)


def listed(ctx: Context, type_name: str) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, type_name)


def in_use(sentence: str) -> AwsError:
    return AwsError("DependencyViolation", sentence, 400)


def any_kind(ctx: Context, id: str) -> tuple[Record, str]:
    """The record of any EC2 id and EC2's word for its kind. Raises AwsError InvalidID."""
    kind = KINDS.get(id.partition("-")[0])
    if kind is None:
        raise AwsError("InvalidID", f"The ID '{id}' is not valid", 400)
    return need(ctx, kind[0], id), kind[1]


def specified_tags(params: Mapping[str, Any], word: str) -> dict[str, str]:
    """Tags of a TagSpecifications parameter for EC2's word of the thing that is made."""
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in params.get("TagSpecifications") or ()
        if specification.get("ResourceType") == word
        for tag in specification.get("Tags") or ()
    }


def describe(
    ctx: Context,
    params: Mapping[str, Any],
    type_name: str,
    *,
    ids: str,
    key: str,
    shape: Callable[[Context, Record], dict[str, Any]],
    fields: Mapping[str, Field],
    filters: str = "Filters",
) -> dict[str, Any]:
    """The answer of a Describe* operation: by ids, by filters, in pages."""
    wanted = params.get(ids) or ()
    records = [need(ctx, type_name, id) for id in wanted] or listed(ctx, type_name)
    records = filtered(records, params.get(filters) or params.get("Filter"), fields)
    some, token = page(records, params.get("MaxResults"), params.get("NextToken"))
    answer: dict[str, Any] = {key: [shape(ctx, r) for r in some]}
    if token:
        answer["NextToken"] = token
    return answer


def prop(name: str) -> Field:
    """A filter's field: a property, attribute or datum of the record."""
    return lambda record: record.get(name)


def record_id(record: Record) -> str:
    return record.id


def state(record: Record) -> str:
    return record.state


def tags(record: Record) -> list[dict[str, str]]:
    return tag_list(record.tags)


def stable_hex(text: str, length: int = 8) -> str:
    """The same hexadecimal digits for the same text: ids of what AWS makes for everyone (option sets, zones)."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]

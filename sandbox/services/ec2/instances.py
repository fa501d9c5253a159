"""Instances and launch templates: records that Beanstalk (or a test) makes, EC2's view on them."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.ec2 import base
from sandbox.services.ec2.interfaces import held, hold, release
from sandbox.store import Record

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
"""EC2 API reference, InstanceState."""


@resource_type(base.INSTANCE)
class Instance(ResourceType):
    """An instance with one interface in its subnet. Nothing runs in it."""

    state_creating = "pending"
    state_updating = "running"
    state_deleting = "shutting-down"
    state_ready = "running"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.SUBNET, properties.get("SubnetId", ""))

    def created(self, ctx: Context, record: Record) -> None:
        groups = record.properties.get("SecurityGroupIds") or None
        interface = hold(
            ctx, record.properties["SubnetId"], owner=record.id, description="", groups=groups, requester=""
        )
        interface.data["instance"] = record.id
        address = interface.attributes["PrimaryPrivateIpAddress"]
        record.attributes = {
            "InstanceId": record.id,
            "PrivateIp": address,
            "PrivateDnsName": f"ip-{address.replace('.', '-')}.{record.region}.compute.internal",
            "VpcId": interface.attributes["VpcId"],
            "AvailabilityZone": base.need(ctx, base.SUBNET, record.properties["SubnetId"]).attributes[
                "AvailabilityZone"
            ],
        }

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        release(ctx, record.id)
        return None


@resource_type(base.LAUNCH_TEMPLATE)
class LaunchTemplate(ResourceType):
    """A launch template, as data."""

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {
            "LaunchTemplateId": record.id,
            "DefaultVersionNumber": "1",
            "LatestVersionNumber": "1",
        }

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        latest = str(int(record.attributes["LatestVersionNumber"]) + 1)
        record.attributes["LatestVersionNumber"] = latest


def _state(record: Record) -> dict[str, Any]:
    return {"Code": CODES.get(record.state, 16), "Name": record.state}


def instance_shape(ctx: Context, record: Record) -> dict[str, Any]:
    interfaces = held(ctx, record.id)
    profile = record.properties.get("IamInstanceProfile")
    groups = [g for i in interfaces for g in i.properties["GroupSet"]]
    shape = {
        "InstanceId": record.id,
        "ImageId": record.properties.get("ImageId", "ami-0123456789abcdef0"),
        "InstanceType": record.properties.get("InstanceType", "t3.micro"),
        "State": _state(record),
        "LaunchTime": record.created_at,
        "Placement": {
            "AvailabilityZone": record.attributes.get("AvailabilityZone", ""),
            "Tenancy": "default",
        },
        "PrivateIpAddress": record.attributes.get("PrivateIp"),
        "PrivateDnsName": record.attributes.get("PrivateDnsName"),
        "SubnetId": record.properties.get("SubnetId"),
        "VpcId": record.attributes.get("VpcId"),
        "Architecture": "x86_64",
        "SecurityGroups": [{"GroupId": g} for g in groups],
        "NetworkInterfaces": [{"NetworkInterfaceId": i.id, "Status": "in-use"} for i in interfaces],
        "MetadataOptions": {"State": "applied", "HttpTokens": "required", "HttpEndpoint": "enabled"},
        "Tags": base.tags(record),
    }
    if profile:
        shape["IamInstanceProfile"] = {"Arn": profile}
    return shape


_FIELDS = {
    "instance-id": base.record_id,
    "instance-state-name": base.state,
    "instance-state-code": lambda r: CODES.get(r.state, 16),
    "instance-type": base.prop("InstanceType"),
    "image-id": base.prop("ImageId"),
    "vpc-id": base.prop("VpcId"),
    "subnet-id": base.prop("SubnetId"),
    "availability-zone": base.prop("AvailabilityZone"),
    "instance.group-id": base.prop("SecurityGroupIds"),
    "private-ip-address": base.prop("PrivateIp"),
}


@operation("ec2", "DescribeInstances")
def describe_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def reservation(ctx: Context, record: Record) -> dict[str, Any]:
        return {
            "ReservationId": f"r-{base.stable_hex(record.id, 17)}",
            "OwnerId": record.account,
            "Instances": [instance_shape(ctx, record)],
            "Groups": [],
        }

    return base.describe(
        ctx, params, base.INSTANCE, ids="InstanceIds", key="Reservations", shape=reservation, fields=_FIELDS
    )


@operation("ec2", "DescribeInstanceStatus")
def describe_instance_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def status(ctx: Context, record: Record) -> dict[str, Any]:
        word = "ok" if record.state == "running" else "initializing"
        return {
            "InstanceId": record.id,
            "AvailabilityZone": record.attributes.get("AvailabilityZone"),
            "InstanceState": _state(record),
            "InstanceStatus": {"Status": word},
            "SystemStatus": {"Status": word},
        }

    return base.describe(
        ctx, params, base.INSTANCE, ids="InstanceIds", key="InstanceStatuses", shape=status, fields=_FIELDS
    )


@operation("ec2", "TerminateInstances")
def terminate_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    changes = []
    for record in [base.need(ctx, base.INSTANCE, id) for id in params["InstanceIds"]]:
        before = _state(record)
        ctx.world.delete(ctx, record)
        changes.append({"InstanceId": record.id, "PreviousState": before, "CurrentState": _state(record)})
    return {"TerminatingInstances": changes}


def template_shape(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        "LaunchTemplateId": record.id,
        "LaunchTemplateName": record.properties.get("LaunchTemplateName", record.id),
        "CreateTime": record.created_at,
        "CreatedBy": f"arn:aws:iam::{record.account}:root",
        "DefaultVersionNumber": int(record.attributes["DefaultVersionNumber"]),
        "LatestVersionNumber": int(record.attributes["LatestVersionNumber"]),
        "Tags": base.tags(record),
    }


@operation("ec2", "DescribeLaunchTemplates")
def describe_launch_templates(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return base.describe(
        ctx,
        params,
        base.LAUNCH_TEMPLATE,
        ids="LaunchTemplateIds",
        key="LaunchTemplates",
        shape=template_shape,
        fields={"launch-template-name": base.prop("LaunchTemplateName")},
    )

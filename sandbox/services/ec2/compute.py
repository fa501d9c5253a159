"""Making instances, volumes and launch templates by EC2's API: what somebody does beside the portal."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.ec2 import base
from sandbox.services.ec2.encryption import by_default
from sandbox.services.ec2.instances import instance_shape, template_shape
from sandbox.services.ec2.places import zone_names
from sandbox.store import Record

VOLUME = "AWS::EC2::Volume"
base.KINDS["vol"] = (VOLUME, "volume")
base.MISSING[VOLUME] = ("InvalidVolume.NotFound", "The volume '{}' does not exist.")


@resource_type(VOLUME)
class Volume(ResourceType):
    """An EBS volume; it holds no data and is attached to nothing."""

    state_updating = state_deleting = "available"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("ec2", f"volume/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if properties.get("AvailabilityZone") not in zone_names(ctx.region):
            raise AwsError(
                "InvalidZone.NotFound",
                f"The zone '{properties.get('AvailabilityZone')}' does not exist.",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"VolumeId": record.id}
        if by_default(ctx):
            record.properties["Encrypted"] = True


def _volume(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        "VolumeId": record.id,
        "State": record.state,
        "Size": int(record.properties.get("Size", 8)),
        "VolumeType": record.properties.get("VolumeType", "gp2"),
        "AvailabilityZone": record.properties["AvailabilityZone"],
        "Encrypted": bool(record.properties.get("Encrypted", False)),
        "CreateTime": record.created_at,
        "Attachments": [],
        "Tags": base.tags(record),
    }


@operation("ec2", "CreateVolume")
def create_volume(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("AvailabilityZone", "Size", "VolumeType", "Encrypted", "KmsKeyId", "SnapshotId")
    properties = {n: params[n] for n in names if n in params}
    given = base.specified_tags(params, "volume")
    return _volume(ctx, ctx.world.create(ctx, VOLUME, properties, tags=given, at_once=True))


@operation("ec2", "DescribeVolumes")
def describe_volumes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "volume-id": base.record_id,
        "status": base.state,
        "availability-zone": base.prop("AvailabilityZone"),
        "attachment.instance-id": lambda r: None,
    }
    return base.describe(ctx, params, VOLUME, ids="VolumeIds", key="Volumes", shape=_volume, fields=fields)


@operation("ec2", "DeleteVolume")
def delete_volume(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, VOLUME, params["VolumeId"]), at_once=True)


@operation("ec2", "RunInstances")
def run_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if not params.get("SubnetId"):
        raise AwsError("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic "
                       "and default VPC.", 400)  # fmt: skip
    names = ("ImageId", "InstanceType", "SubnetId", "SecurityGroupIds")
    properties: dict[str, Any] = {n: params[n] for n in names if n in params}
    profile = params.get("IamInstanceProfile") or {}
    if profile:
        properties["IamInstanceProfile"] = profile.get("Arn") or profile.get("Name")
    given = base.specified_tags(params, "instance")
    made = [
        ctx.world.create(ctx, base.INSTANCE, properties, tags=given) for _ in range(int(params["MaxCount"]))
    ]
    return {
        "ReservationId": f"r-{base.stable_hex(made[0].id, 17)}",
        "OwnerId": ctx.account,
        "Instances": [instance_shape(ctx, r) for r in made],
    }


@operation("ec2", "CreateLaunchTemplate")
def create_launch_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["LaunchTemplateName"]
    if any(t.properties.get("LaunchTemplateName") == name for t in base.listed(ctx, base.LAUNCH_TEMPLATE)):
        raise AwsError(
            "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.", 400
        )
    names = ("LaunchTemplateName", "LaunchTemplateData")
    properties: dict[str, Any] = {n: params[n] for n in names if n in params}
    given = base.specified_tags(params, "launch-template")
    record = ctx.world.create(ctx, base.LAUNCH_TEMPLATE, properties, tags=given, at_once=True)
    return {"LaunchTemplate": template_shape(ctx, record)}


@operation("ec2", "DeleteLaunchTemplate")
def delete_launch_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    id, name = params.get("LaunchTemplateId"), params.get("LaunchTemplateName")
    for record in base.listed(ctx, base.LAUNCH_TEMPLATE):
        if record.id == id or (name and record.properties.get("LaunchTemplateName") == name):
            ctx.world.delete(ctx, record, at_once=True)
            return {"LaunchTemplate": template_shape(ctx, record)}
    raise base.missing(base.LAUNCH_TEMPLATE, str(id or name))

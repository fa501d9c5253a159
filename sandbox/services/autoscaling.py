"""Auto Scaling groups: what Elastic Beanstalk makes, as their own API shows it. They do not scale by themselves."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.store import Record

TYPE = "AWS::AutoScaling::AutoScalingGroup"
INSTANCE = "AWS::EC2::Instance"


@resource_type(TYPE)
class AutoScalingGroup(ResourceType):
    """A group. data["instances"] are the ids of its instances, kept by whoever made it."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("autoscaling", f"autoScalingGroup:{ctx.request_id}:autoScalingGroupName/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("AutoScalingGroupName")
        if name and ctx.store.get(ctx.account, ctx.region, TYPE, name):
            text = (
                f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
            )
            raise AwsError("AlreadyExists", text, 400)

    def created(self, ctx: Context, record: Record) -> None:
        record.data.setdefault("instances", [])
        record.attributes = {"AutoScalingGroupARN": record.arn}


def _instances(ctx: Context, group: Record) -> list[Record]:
    found = [ctx.store.get(ctx.account, ctx.region, INSTANCE, id) for id in group.data["instances"]]
    return [r for r in found if r is not None]


def _member(group: Record, instance: Record) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.properties.get("InstanceType", ""),
        "AvailabilityZone": instance.get("AvailabilityZone", ""),
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "LaunchTemplate": group.properties.get("LaunchTemplate", {}),
        "ProtectedFromScaleIn": False,
    }


def _tags(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": record.id,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": value,
            "PropagateAtLaunch": True,
        }
        for key, value in record.tags.items()
    ]


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    properties, instances = record.properties, _instances(ctx, record)
    subnets = properties.get("VPCZoneIdentifier") or []
    return {
        "AutoScalingGroupName": record.id,
        "AutoScalingGroupARN": record.arn,
        "LaunchTemplate": properties.get("LaunchTemplate", {}),
        "MinSize": int(properties.get("MinSize", 0)),
        "MaxSize": int(properties.get("MaxSize", 0)),
        "DesiredCapacity": int(properties.get("DesiredCapacity", properties.get("MinSize", 0))),
        "DefaultCooldown": 300,
        "AvailabilityZones": sorted({str(i.get("AvailabilityZone", "")) for i in instances}),
        "TargetGroupARNs": properties.get("TargetGroupARNs", []),
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 0,
        "Instances": [_member(record, i) for i in instances],
        "CreatedTime": record.created_at,
        "VPCZoneIdentifier": ",".join(subnets),
        "Tags": _tags(record),
        "NewInstancesProtectedFromScaleIn": False,
    }


def _fits(record: Record, rule: dict[str, Any]) -> bool:
    name, values = rule["Name"], rule.get("Values") or []
    if name.startswith("tag:"):
        return record.tags.get(name.removeprefix("tag:")) in values
    if name == "tag-key":
        return any(v in record.tags for v in values)
    if name == "tag-value":
        return any(v in values for v in record.tags.values())
    raise AwsError("ValidationError", f"Filter type {name} is not correct.", 400)


@operation("autoscaling", "DescribeAutoScalingGroups")
def describe_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = params.get("AutoScalingGroupNames")
    records = [r for r in ctx.store.list(ctx.account, ctx.region, TYPE) if not names or r.id in names]
    for rule in params.get("Filters") or ():
        records = [r for r in records if _fits(r, rule)]
    token = str(params.get("NextToken") or "0")
    if not token.isdigit():
        raise AwsError("InvalidNextToken", "The token is not valid.", 400)
    end = int(token) + int(params.get("MaxRecords") or 50)
    answer: dict[str, Any] = {"AutoScalingGroups": [_shape(ctx, r) for r in records[int(token) : end]]}
    if end < len(records):
        answer["NextToken"] = str(end)
    return answer


@operation("autoscaling", "DescribeAutoScalingInstances")
def describe_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("InstanceIds")
    found = [
        {**_member(group, i), "AutoScalingGroupName": group.id, "HealthStatus": "HEALTHY"}
        for group in ctx.store.list(ctx.account, ctx.region, TYPE)
        for i in _instances(ctx, group)
        if not wanted or i.id in wanted
    ]
    return {"AutoScalingInstances": found}


@operation("autoscaling", "DeleteAutoScalingGroup")
def delete_group(ctx: Context, params: dict[str, Any]) -> None:
    name = params["AutoScalingGroupName"]
    record = ctx.store.get(ctx.account, ctx.region, TYPE, name)
    if record is None:
        raise AwsError(
            "ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found", 400
        )
    instances = _instances(ctx, record)
    if instances and not params.get("ForceDelete"):
        text = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
        raise AwsError("ResourceInUse", f"{text} still in the group.", 400)
    for instance in instances:
        ctx.world.delete(ctx, instance, at_once=True)
    ctx.world.delete(ctx, record, at_once=True)

"""Auto Scaling: the groups that Beanstalk makes (records of AWS::AutoScaling::AutoScalingGroup), to read and tag.

data["instances"] of a group is the list of its instances' ids (records of AWS::EC2::Instance).
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tags_from
from sandbox.services._listing import matches, page
from sandbox.store import Record

GROUP = "AWS::AutoScaling::AutoScalingGroup"
INSTANCE = "AWS::EC2::Instance"


@resource_type(GROUP)
class AutoScalingGroup(ResourceType):
    """A group. It starts no instances by itself: who makes the group (Beanstalk) makes them and names them here."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("autoscaling", f"autoScalingGroup:{uuid.uuid4()}:autoScalingGroupName/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("AutoScalingGroupName")
        if name and ctx.store.get(ctx.account, ctx.region, GROUP, name):
            raise AwsError(
                "AlreadyExists", f"AutoScalingGroup by this name already exists - {name} already exists", 400
            )
        if int(properties["MinSize"]) > int(properties["MaxSize"]):
            raise AwsError("ValidationError", "Max bound must be greater than or equal to min bound", 400)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"AutoScalingGroupARN": record.arn}
        record.data.setdefault("instances", [])


def _instances(ctx: Context, record: Record) -> list[dict[str, Any]]:
    rows = []
    for id in record.data.get("instances", ()):
        instance = ctx.store.get(record.account, record.region, INSTANCE, id)
        if instance is None:
            continue
        words = {"pending": "Pending", "running": "InService", "shutting-down": "Terminating"}
        rows.append(
            {
                "InstanceId": id,
                "InstanceType": instance.properties.get("InstanceType", "t3.micro"),
                "AvailabilityZone": instance.attributes.get("AvailabilityZone", ""),
                "LifecycleState": words.get(instance.state, "Terminated"),
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
            }
        )
    return rows


def _tags(record: Record) -> list[dict[str, Any]]:
    common = {"ResourceId": record.id, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
    return [{**common, "Key": k, "Value": v} for k, v in record.tags.items()]


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    given = record.properties
    instances = _instances(ctx, record)
    zones = given.get("AvailabilityZones") or sorted({i["AvailabilityZone"] for i in instances})
    subnets = given.get("VPCZoneIdentifier") or []
    smallest = int(given["MinSize"])
    shape = {
        "AutoScalingGroupName": record.id,
        "AutoScalingGroupARN": record.arn,
        "MinSize": smallest,
        "MaxSize": int(given["MaxSize"]),
        "DesiredCapacity": int(given.get("DesiredCapacity") or smallest),
        "DefaultCooldown": int(given.get("Cooldown") or 300),
        "AvailabilityZones": zones,
        "LoadBalancerNames": [],
        "TargetGroupARNs": given.get("TargetGroupARNs") or [],
        "HealthCheckType": given.get("HealthCheckType", "EC2"),
        "HealthCheckGracePeriod": int(given.get("HealthCheckGracePeriod") or 0),
        "Instances": instances,
        "CreatedTime": record.created_at,
        "SuspendedProcesses": [],
        "VPCZoneIdentifier": ",".join(subnets) if isinstance(subnets, list) else subnets,
        "EnabledMetrics": [],
        "Tags": _tags(record),
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": False,
        "ServiceLinkedRoleARN": (
            f"arn:aws:iam::{record.account}:role/aws-service-role/autoscaling.amazonaws.com/"
            "AWSServiceRoleForAutoScaling"
        ),
    }
    if given.get("LaunchTemplate"):
        names = ("LaunchTemplateId", "LaunchTemplateName", "Version")
        shape["LaunchTemplate"] = {
            n: given["LaunchTemplate"][n] for n in names if n in given["LaunchTemplate"]
        }
    if record.pending == "delete":
        shape["Status"] = "Delete in progress"
    return shape


def _groups(ctx: Context) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, GROUP)


def _need(ctx: Context, name: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, GROUP, name)
    if record is None:
        raise AwsError(
            "ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found", 400
        )
    return record


@operation("autoscaling", "DescribeAutoScalingGroups")
def describe_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = _groups(ctx)
    if params.get("AutoScalingGroupNames"):
        records = [r for r in records if r.id in params["AutoScalingGroupNames"]]
    for rule in params.get("Filters") or ():
        name, values = rule["Name"], rule.get("Values") or ()
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            records = [r for r in records if key in r.tags and matches(r.tags[key], values)]
        elif name == "tag-key":
            records = [r for r in records if matches(list(r.tags), values)]
        elif name == "tag-value":
            records = [r for r in records if matches(list(r.tags.values()), values)]
        else:
            raise AwsError("ValidationError", f"Filter type {name} is not correct.", 400)
    some, token = page(records, params.get("MaxRecords"), params.get("NextToken"), most=100)
    return {"AutoScalingGroups": [_shape(ctx, r) for r in some], **({"NextToken": token} if token else {})}


@operation("autoscaling", "DescribeAutoScalingInstances")
def describe_instances(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("InstanceIds")
    rows = [
        {**instance, "AutoScalingGroupName": record.id}
        for record in _groups(ctx)
        for instance in _instances(ctx, record)
        if not wanted or instance["InstanceId"] in wanted
    ]
    some, token = page(rows, params.get("MaxRecords"), params.get("NextToken"), most=50)
    return {"AutoScalingInstances": some, **({"NextToken": token} if token else {})}


@operation("autoscaling", "DescribeTags")
def describe_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    members = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
    rows = [tag for record in _groups(ctx) for tag in _tags(record)]
    for rule in params.get("Filters") or ():
        if rule["Name"] not in members:
            raise AwsError("ValidationError", f"Filter type {rule['Name']} is not correct.", 400)
        rows = [r for r in rows if matches(r[members[rule["Name"]]], rule.get("Values") or ())]
    some, token = page(rows, params.get("MaxRecords"), params.get("NextToken"), most=100)
    return {"Tags": some, **({"NextToken": token} if token else {})}


@operation("autoscaling", "CreateOrUpdateTags")
def create_or_update_tags(ctx: Context, params: dict[str, Any]) -> None:
    for tag in params["Tags"]:
        record = _need(ctx, tag["ResourceId"])
        record.tags[tag["Key"]] = tag.get("Value", "")
        ctx.store.put(record)


@operation("autoscaling", "DeleteTags")
def delete_tags(ctx: Context, params: dict[str, Any]) -> None:
    for tag in params["Tags"]:
        record = _need(ctx, tag["ResourceId"])
        record.tags.pop(tag["Key"], None)
        ctx.store.put(record)


@operation("autoscaling", "CreateAutoScalingGroup")
def create_group(ctx: Context, params: dict[str, Any]) -> None:
    """A group made by hand has no instances: nothing here scales."""
    properties = {n: v for n, v in params.items() if n != "Tags"}
    ctx.world.create(ctx, GROUP, properties, tags=tags_from(params.get("Tags")), at_once=True)


@operation("autoscaling", "UpdateAutoScalingGroup")
def update_group(ctx: Context, params: dict[str, Any]) -> None:
    record = _need(ctx, params["AutoScalingGroupName"])
    changes = {n: v for n, v in params.items() if n != "AutoScalingGroupName"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)


@operation("autoscaling", "DeleteAutoScalingGroup")
def delete_group(ctx: Context, params: dict[str, Any]) -> None:
    record = _need(ctx, params["AutoScalingGroupName"])
    instances = [i for i in record.data.get("instances", ()) if ctx.store.get(*_key(record, i))]
    if instances and not params.get("ForceDelete"):
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still "
            "in the group.",
            400,
        )
    for id in instances:
        instance = ctx.store.get(*_key(record, id))
        if instance is not None:
            ctx.world.delete(ctx, instance)
    ctx.world.delete(ctx, record)


def _key(record: Record, instance: str) -> tuple[str, str, str, str]:
    return (record.account, record.region, INSTANCE, instance)


@operation("autoscaling", "DescribeScalingActivities", "DescribePolicies", "DescribeLaunchConfigurations")
def describe_nothing(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """No group here scales: there are no activities, policies or launch configurations."""
    members = {
        "DescribeScalingActivities": "Activities",
        "DescribePolicies": "ScalingPolicies",
        "DescribeLaunchConfigurations": "LaunchConfigurations",
    }
    return {members[ctx.operation]: []}

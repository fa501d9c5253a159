"""Target groups and the health of their targets."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex, tags_from
from sandbox.services.ec2 import base as ec2
from sandbox.services.elbv2 import base
from sandbox.store import Record

# Source: Application Load Balancer guide, "Target group attributes".
DEFAULTS = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}
HEALTH_CHECK = {
    "HealthCheckEnabled": True,
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckPath": "/",
    "HealthCheckPort": "traffic-port",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 5,
    "UnhealthyThresholdCount": 2,
}


@resource_type(base.TARGET_GROUP)
class TargetGroup(ResourceType):
    """A target group. data["targets"] are the registered ones; data["health"] {target id: state} overrides."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("Name") or self.new_name(hint, "Name")
        return ctx.arn("elasticloadbalancing", f"targetgroup/{name}/{random_hex(16)}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("Name")
        if name:
            base.check_name(name, "Target group")
            if any(g.attributes["TargetGroupName"] == name for g in base.listed(ctx, base.TARGET_GROUP)):
                raise AwsError(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{name}' exists, but with different settings",
                    400,
                )
        if properties.get("TargetType", "instance") == "lambda":
            return
        for needed, word in (("Protocol", "protocol"), ("Port", "port"), ("VpcId", "VPC ID")):
            if not properties.get(needed):
                raise AwsError("ValidationError", f"A {word} must be specified", 400)
        if ec2.look_up(ctx, ec2.VPC, properties["VpcId"]) is None:
            raise AwsError("ValidationError", f"The VPC ID '{properties['VpcId']}' is not found", 400)

    def created(self, ctx: Context, record: Record) -> None:
        full_name = record.id.split(":")[-1]
        record.attributes = {
            "TargetGroupArn": record.id,
            "TargetGroupFullName": full_name,
            "TargetGroupName": full_name.split("/")[1],
        }
        record.data["targets"] = [_target(record, t) for t in record.properties.get("Targets") or ()]

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        if record.properties.get("Targets") != before.get("Targets"):
            record.data["targets"] = [_target(record, t) for t in record.properties.get("Targets") or ()]

    def attribute(self, record: Record, name: str) -> Any:
        if name == "LoadBalancerArns":
            return record.data.get("balancers", [])
        return super().attribute(record, name)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if balancers(ctx, record.id):
            raise AwsError(
                "ResourceInUse",
                f"Target group '{record.id}' is currently in use by a listener or a rule",
                400,
            )


def _target(group: Record, target: dict[str, Any]) -> dict[str, Any]:
    entry = {"Id": target["Id"], "Port": int(target.get("Port") or group.properties.get("Port") or 80)}
    if target.get("AvailabilityZone"):
        entry["AvailabilityZone"] = target["AvailabilityZone"]
    return entry


def balancers(ctx: Context, group: str) -> list[str]:
    """ARNs of the load balancers of which a listener or rule forwards to the group."""
    listeners = {x.id: x for x in base.listed(ctx, base.LISTENER)}
    found = [x for x in listeners.values() if group in base.target_groups_in(x.properties["DefaultActions"])]
    for rule in base.listed(ctx, base.RULE):
        if group in base.target_groups_in(rule.properties["Actions"]):
            found += (
                [listeners[rule.properties["ListenerArn"]]]
                if rule.properties["ListenerArn"] in listeners
                else []
            )
    return list(dict.fromkeys(str(x.properties["LoadBalancerArn"]) for x in found))


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    given = record.properties
    answer = {
        "TargetGroupArn": record.id,
        "TargetGroupName": record.attributes["TargetGroupName"],
        "TargetType": given.get("TargetType", "instance"),
        "Matcher": given.get("Matcher") or {"HttpCode": "200"},
        "LoadBalancerArns": balancers(ctx, record.id),
        "IpAddressType": given.get("IpAddressType", "ipv4"),
        **HEALTH_CHECK,
        **{n: given[n] for n in HEALTH_CHECK if n in given},
    }
    answer |= {n: given[n] for n in ("Protocol", "Port", "VpcId") if n in given}
    if given.get("Protocol") in ("HTTP", "HTTPS"):
        answer["ProtocolVersion"] = given.get("ProtocolVersion", "HTTP1")
    return answer


@operation("elbv2", "CreateTargetGroup")
def create_target_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    tags = tags_from(params.get("Tags"))
    record = ctx.world.create(ctx, base.TARGET_GROUP, properties, tags=tags, at_once=True)
    return {"TargetGroups": [shape(ctx, record)]}


@operation("elbv2", "DescribeTargetGroups")
def describe_target_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = base.listed(ctx, base.TARGET_GROUP)
    if params.get("TargetGroupArns"):
        records = [base.need(ctx, base.TARGET_GROUP, arn) for arn in params["TargetGroupArns"]]
    if params.get("Names"):
        records = [r for r in records if r.attributes["TargetGroupName"] in params["Names"]]
        if not records:
            raise AwsError(*base.MISSING[base.TARGET_GROUP], 400)
    if params.get("LoadBalancerArn"):
        balancer = base.need(ctx, base.BALANCER, params["LoadBalancerArn"])
        records = [r for r in records if balancer.id in balancers(ctx, r.id)]
    return base.paged(ctx, params, records, "TargetGroups", shape)


@operation("elbv2", "ModifyTargetGroup")
def modify_target_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    changes = {n: v for n, v in params.items() if n != "TargetGroupArn"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"TargetGroups": [shape(ctx, record)]}


@operation("elbv2", "DescribeTargetGroupAttributes")
def describe_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    return {"Attributes": base.pairs(base.attributes(record, "TargetGroupAttributes", DEFAULTS))}


@operation("elbv2", "ModifyTargetGroupAttributes")
def modify_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    merged = base.merged_attributes(record, "TargetGroupAttributes", params["Attributes"])
    ctx.world.update(ctx, record, {**record.properties, "TargetGroupAttributes": merged}, at_once=True)
    return describe_attributes(ctx, params)


@operation("elbv2", "DeleteTargetGroup")
def delete_target_group(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"]), at_once=True)


@operation("elbv2", "RegisterTargets")
def register_targets(ctx: Context, params: dict[str, Any]) -> None:
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    for target in params["Targets"]:
        if record.properties.get("TargetType", "instance") == "instance" and not ec2.look_up(
            ctx, ec2.INSTANCE, target["Id"]
        ):
            raise AwsError(
                "InvalidTarget",
                f"The following targets are not in a running state and cannot be registered: '{target['Id']}'",
                400,
            )
        entry = _target(record, target)
        if entry not in record.data["targets"]:
            record.data["targets"].append(entry)
    ctx.store.put(record)


@operation("elbv2", "DeregisterTargets")
def deregister_targets(ctx: Context, params: dict[str, Any]) -> None:
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    for target in params["Targets"]:
        record.data["targets"] = [
            t
            for t in record.data["targets"]
            if t["Id"] != target["Id"] or int(target.get("Port") or t["Port"]) != t["Port"]
        ]
    ctx.store.put(record)

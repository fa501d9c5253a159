"""The health of targets: the instance's state, and what a health check of its application finds.

Source: Application Load Balancer guide, "Health checks for target groups" (states and reason codes).
"""

from __future__ import annotations

from typing import Any

from sandbox.application import processes
from sandbox.context import Context
from sandbox.faults import Fault, at_begin
from sandbox.registry import operation
from sandbox.services.ec2 import base as ec2
from sandbox.services.elbv2 import base
from sandbox.services.elbv2.targets import balancers
from sandbox.store import Record
from sandbox.world import World

UNUSED = "unused"


@operation("elbv2", "DescribeTargetHealth")
def describe_target_health(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Healthy while the instance runs and its application, once it was started, answers its health check.

    data["health"] of the group ({target id: state}) overrides.
    """
    record = base.need(ctx, base.TARGET_GROUP, params["TargetGroupArn"])
    wanted = {t["Id"] for t in params.get("Targets") or ()}
    rows = [
        {
            "Target": target,
            "HealthCheckPort": str(target["Port"]),
            "TargetHealth": health(ctx, record, target),
        }
        for target in record.data["targets"]
        if not wanted or target["Id"] in wanted
    ]
    for id in sorted(wanted - {t["Id"] for t in record.data["targets"]}):
        said = _said(UNUSED, "Target.NotRegistered", "Target is not registered to the target group")
        rows.append({"Target": {"Id": id}, "TargetHealth": said})
    return {"TargetHealthDescriptions": rows}


def _said(state: str, reason: str, description: str) -> dict[str, Any]:
    return {"State": state, "Reason": reason, "Description": description}


def health(ctx: Context, group: Record, target: dict[str, Any]) -> dict[str, Any]:
    """TargetHealth of a registered target."""
    key = f"{group.id} {target['Id']}:{target['Port']}"
    place = (group.account, group.region)
    found: dict[str, Any] = ctx.world.faults.frozen("elbv2", place, key, lambda: _found(ctx, group, target))
    return found


@at_begin("frozen-health")
def _freeze(world: World, fault: Fault) -> None:
    for group in world.store.everywhere(base.TARGET_GROUP):
        for target in group.data["targets"]:
            health(world.context(group.account, group.region), group, target)


def _found(ctx: Context, group: Record, target: dict[str, Any]) -> dict[str, Any]:
    state = group.data.get("health", {}).get(target["Id"])
    if not balancers(ctx, group.id):
        text = "Target group is not configured to receive traffic from the load balancer"
        return _said(UNUSED, "Target.NotInUse", text)
    if state is None and group.properties.get("TargetType", "instance") == "instance":
        instance = ec2.look_up(ctx, ec2.INSTANCE, target["Id"])
        if instance is None or instance.state in ("shutting-down", "terminated", "stopped"):
            return _said(UNUSED, "Target.InvalidState", "Target is in the stopped state")
        state = "healthy" if instance.state == "running" else "initial"
        failed = processes.failure(ctx, target["Id"]) if state == "healthy" else None
        if failed is not None:
            return _said("unhealthy", *failed)
    if state == "initial":
        return _said(state, "Elb.RegistrationInProgress", "Target registration is in progress")
    if state == "unhealthy":
        return _said(state, "Target.FailedHealthChecks", "Health checks failed")
    return {"State": state or "healthy"}


def balancer_healthy(ctx: Context, balancer: Record) -> bool:
    """As Route 53 evaluates a load balancer: one of its groups has targets, and each that has, has a healthy one.

    Source: Route 53 developer guide, "Values specific for simple alias records" (Evaluate target health, ELB).
    """
    groups = [g for g in base.listed(ctx, base.TARGET_GROUP) if balancer.id in balancers(ctx, g.id)]
    filled = [g for g in groups if g.data["targets"]]
    return bool(filled) and all(
        any(health(ctx, group, t)["State"] == "healthy" for t in group.data["targets"]) for group in filled
    )

"""Health as metrics, once a minute: of environments and of the targets behind load balancers.

Source: Beanstalk guide, "Publishing Amazon CloudWatch custom metrics for an environment" (values of EnvironmentHealth);
ALB guide, "CloudWatch metrics" (HealthyHostCount).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.context import Context
from sandbox.registry import on_start
from sandbox.services.cloudwatch import put_metric_data
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT
from sandbox.services.elasticbeanstalk.health import health_of
from sandbox.services.elbv2 import health as target_health
from sandbox.services.elbv2.base import TARGET_GROUP
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

EVERY_S = 60.0
VALUES = {
    "Ok": 0,
    "Info": 1,
    "Unknown": 5,
    "NoData": 10,
    "Warning": 15,
    "Degraded": 20,
    "Severe": 25,
    "Pending": 5,
}


def publish(ctx: Context, env: Record) -> None:
    """One point of an environment's health, and of how many of its targets are healthy."""
    by = [{"Name": "EnvironmentName", "Value": env.id}]
    value = float(VALUES[health_of(ctx, env).status])
    data = [{"MetricName": "EnvironmentHealth", "Dimensions": by, "Value": value}]
    put_metric_data(ctx, {"Namespace": "AWS/ElasticBeanstalk", "MetricData": data})
    made = env.data.get("made") or {}
    group = ctx.store.get(ctx.account, ctx.region, TARGET_GROUP, str(made.get("group", "")))
    if group is None:
        return
    states = [target_health.health(ctx, group, t)["State"] for t in group.data["targets"]]
    by = [
        {"Name": "TargetGroup", "Value": group.id.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": str(made.get("balancer", "")).partition(":loadbalancer/")[2]},
    ]
    counts = {
        "HealthyHostCount": float(states.count("healthy")),
        "UnHealthyHostCount": float(states.count("unhealthy")),
    }
    data = [{"MetricName": n, "Dimensions": by, "Value": v} for n, v in counts.items()]
    put_metric_data(ctx, {"Namespace": "AWS/ApplicationELB", "MetricData": data})


@on_start
def begin(world: World) -> None:
    """Publish now and every minute, as long as there is an environment."""
    environments = list(world.store.everywhere(ENVIRONMENT))
    for env in environments:
        if "made" in env.data:
            publish(world.context(env.account, env.region), env)
    if environments:
        world.memory["beanstalk metrics"] = True
        world.scheduler.at(world.scheduler.now() + EVERY_S, lambda: begin(world))
    else:
        world.memory.pop("beanstalk metrics", None)

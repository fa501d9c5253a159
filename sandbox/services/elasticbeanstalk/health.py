"""Health as Beanstalk tells it: colour, status and causes, from what the load balancer's health check finds.

Source: Elastic Beanstalk developer guide, "Health colors and statuses" and "Enhanced health reporting" (causes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.application import processes
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.faults import Fault, at_begin
from sandbox.registry import operation
from sandbox.services.elasticbeanstalk import common, options
from sandbox.store import Record
from sandbox.world import World

INSTANCE = "AWS::EC2::Instance"
WORDS = {"Green": "Ok", "Grey": "Unknown", "Red": "Severe", "Yellow": "Warning"}
BUSY = {"Launching": "Pending", "Updating": "Info", "Aborting": "Info", "Terminating": "Pending"}
SYSTEM = ("aws:elasticbeanstalk:healthreporting:system", "SystemType")
WINDOW_S = 10
"""Request figures are of the last ten seconds (DescribeEnvironmentHealth)."""


@dataclass(frozen=True)
class Health:
    """colour: Green, Yellow, Red or Grey; status: Ok, Info, Pending, Unknown, Severe …"""

    colour: str
    status: str
    causes: list[str] = field(default_factory=list)


def health_of(ctx: Context, env: Record) -> Health:
    """The environment's health now. An application that was never asked counts as healthy."""
    place = (env.account, env.region)
    return Health(*ctx.world.faults.frozen("elasticbeanstalk", place, env.id, lambda: _look(ctx, env)))


@at_begin("frozen-health")
def _freeze(world: World, fault: Fault) -> None:
    for env in world.store.everywhere(common.ENVIRONMENT):
        health_of(world.context(env.account, env.region), env)


def _look(ctx: Context, env: Record) -> tuple[str, str, list[str]]:
    found = _found(ctx, env)
    return found.colour, found.status, found.causes


def _found(ctx: Context, env: Record) -> Health:
    status = BUSY.get(env.state)
    if env.state not in ("Ready", "failed", "Updating", "Aborting"):
        return Health("Grey", status or "Unknown")
    colour = str(env.data["health"])
    if not (env.data.get("made") or {}).get("instances"):
        return Health(colour, status or WORDS[colour], ["None of the instances are sending data."])
    causes = _causes(ctx, env)
    if causes:
        colour = "Red"
    return Health(colour, status or WORDS[colour], causes)


def _causes(ctx: Context, env: Record) -> list[str]:
    causes = []
    if env.data.get("deployed") and not env.data.get("deploying"):
        number, label = env.data.get("deployment", 1) - 1, env.properties.get("VersionLabel")
        causes.append(
            f'Incorrect application version found on all instances. Expected version "{label}" (deployment {number}).'
        )
    program = processes.existing(ctx.world, env)
    if program is not None and (program.health or program.problem):
        causes.append("ELB processes are not healthy on all instances.")
        causes.append("ELB health is failing or not available for all instances.")
    return causes


def _metrics(ctx: Context, env: Record) -> dict[str, Any]:
    program = processes.existing(ctx.world, env)
    recent = [s for at, s in program.requests if at > ctx.now - WINDOW_S] if program else []
    codes = {f"Status{n}xx": sum(1 for s in recent if s // 100 == n) for n in (2, 3, 4, 5)}
    return {"Duration": WINDOW_S, "RequestCount": len(recent) // WINDOW_S, "StatusCodes": codes}


def _refuse_basic(ctx: Context, env: Record, operation_name: str) -> None:
    if options.effective(ctx, env.properties)[SYSTEM] != "enhanced":
        text = f"{operation_name} is not supported for environments without enhanced health reporting."
        raise AwsError("InvalidRequestException", text, 400)


def _chosen(params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The attributes that were asked for."""
    wanted = params.get("AttributeNames") or ()
    return answer if "All" in wanted else {n: v for n, v in answer.items() if n in wanted}


@operation("elasticbeanstalk", "DescribeEnvironmentHealth")
def describe_environment_health(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Only the attributes that AttributeNames names; the environment's name in any case."""
    env = common.environment(ctx, params)
    _refuse_basic(ctx, env, "DescribeEnvironmentHealth")
    found = health_of(ctx, env)
    count = len((env.data.get("made") or {}).get("instances", []))
    names = ("NoData", "Unknown", "Pending", "Ok", "Info", "Warning", "Degraded", "Severe")
    answer = {
        "HealthStatus": found.status,
        "Status": "Ready" if env.state == "failed" else env.state,
        "Color": found.colour,
        "Causes": found.causes,
        "ApplicationMetrics": _metrics(ctx, env),
        "InstancesHealth": {n: count if n == _instance_status(found) else 0 for n in names},
        "RefreshedAt": ctx.now,
    }
    return {"EnvironmentName": env.id, **_chosen(params, answer)}


def _instance_status(found: Health) -> str:
    return found.status if found.status in ("Pending", "Info") else WORDS[found.colour]


@operation("elasticbeanstalk", "DescribeInstancesHealth")
def describe_instances_health(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    env = common.environment(ctx, params)
    _refuse_basic(ctx, env, "DescribeInstancesHealth")
    found = health_of(ctx, env)
    label = env.data.get("deployed") or env.properties.get("VersionLabel", "")
    rows = []
    for id in (env.data.get("made") or {}).get("instances", []):
        instance = ctx.store.get(ctx.account, ctx.region, INSTANCE, id)
        if instance is None:
            continue
        row = {
            "HealthStatus": _instance_status(found),
            "Color": found.colour,
            "Causes": found.causes,
            "ApplicationMetrics": _metrics(ctx, env),
            "RefreshedAt": ctx.now,
            "LaunchedAt": instance.created_at,
            "Deployment": {
                "VersionLabel": label,
                "DeploymentId": env.data.get("deployment", 1),
                "Status": "Deployed",
                "DeploymentTime": env.updated_at,
            },
            "AvailabilityZone": instance.get("AvailabilityZone", ""),
            "InstanceType": instance.properties["InstanceType"],
        }
        rows.append({"InstanceId": id, **_chosen(params, row)})
    return {"InstanceHealthList": rows, "RefreshedAt": ctx.now}

"""The state of health checks.

Source: Route 53 developer guide, "Types of Amazon Route 53 health checks" and "How Route 53 determines whether a
health check is healthy".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.faults import Fault, at_begin
from sandbox.services.route53.names import HEALTH_CHECK
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

ALARM = "AWS::CloudWatch::Alarm"
DEEPEST = 8
CONTROL_PLANE = "us-east-1"
"""The region by which a fault of Route 53's is found."""


def config_of(record: Record) -> dict[str, Any]:
    config: dict[str, Any] = record.properties["HealthCheckConfig"]
    return config


def flag(config: dict[str, Any], name: str) -> bool:
    """A boolean member, in CloudFormation's spelling or the API's."""
    return str(config.get(name, False)).lower() == "true"


def healthy(world: World, account: str, id: str, depth: int = 0) -> bool:
    """Whether a health check is healthy; one that is not there any more counts as healthy."""
    record = world.store.get(account, GLOBAL, HEALTH_CHECK, id)
    if record is None or depth > DEEPEST:
        return True
    look = partial(_look, world, record, depth)
    return bool(world.faults.frozen("route53", (account, CONTROL_PLANE), id, look))


def frozen(world: World, account: str) -> bool:
    """Whether a fault keeps health checks from changing."""
    facts = {"account": account, "region": CONTROL_PLANE, "service": "route53"}
    return bool(world.faults.active("frozen-health", facts))


@at_begin("frozen-health")
def _freeze(world: World, fault: Fault) -> None:
    for record in world.store.everywhere(HEALTH_CHECK):
        healthy(world, record.account, record.id)


def _look(world: World, record: Record, depth: int) -> bool:
    driven = record.data.get("driven")
    if driven is not None:
        return bool(driven == "healthy")
    config = config_of(record)
    # A disabled check counts as healthy, an inverted disabled one as unhealthy (UpdateHealthCheck, Disabled).
    found = True if flag(config, "Disabled") else _found(world, record, config, depth)
    return found is not flag(config, "Inverted")


def _found(world: World, record: Record, config: dict[str, Any], depth: int) -> bool:
    kind = config["Type"]
    if kind == "CALCULATED":
        children = config.get("ChildHealthChecks") or ()
        good = sum(healthy(world, record.account, child, depth + 1) for child in children)
        return good >= int(config.get("HealthThreshold") or 0)
    if kind == "CLOUDWATCH_METRIC":
        return _by_alarm(world, record, config)
    if kind == "RECOVERY_CONTROL":
        # A routing control is Off until somebody turns it on.
        return False
    return str(record.data.get("observed", "healthy")) == "healthy"


def _by_alarm(world: World, record: Record, config: dict[str, Any]) -> bool:
    wanted = config.get("AlarmIdentifier") or {}
    alarm = world.store.get(record.account, str(wanted.get("Region")), ALARM, str(wanted.get("Name")))
    state = alarm.data["alarm"]["StateValue"] if alarm is not None else "INSUFFICIENT_DATA"
    if state == "INSUFFICIENT_DATA":
        rule = config.get("InsufficientDataHealthStatus", "LastKnownStatus")
        if rule == "LastKnownStatus":
            return str(record.data.get("observed", "healthy")) == "healthy"
        return bool(rule == "Healthy")
    record.data["observed"] = "healthy" if state == "OK" else "unhealthy"
    return bool(state == "OK")

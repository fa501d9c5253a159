"""Probes of health checks on endpoints: real requests through the sandbox's names and load balancers.

Source: Route 53 developer guide, "How Route 53 determines whether a health check is healthy" (thresholds, status codes
2xx and 3xx, search string in the first 5,120 bytes).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.application import web
from sandbox.application.listeners import Request
from sandbox.application.web import Unreachable
from sandbox.registry import on_start
from sandbox.services import cloudwatch
from sandbox.services.route53 import status
from sandbox.services.route53.names import HEALTH_CHECK
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

QUICKEST_S = 0.5
"""However fast the sandbox's clock is, an endpoint is not asked more often."""
SEARCHED = 5120
PATIENCE_S = 10.0
METRICS_REGION = "us-east-1"


@on_start
def begin(world: World) -> None:
    """Probe as long as there is a health check."""
    if not world.memory.get("route53 probes") and _checks(world):
        world.memory["route53 probes"] = True
        world.scheduler.at(world.scheduler.now() + QUICKEST_S, lambda: _start(world))


def _start(world: World) -> None:
    world.spawn(_round(world))


def _checks(world: World) -> list[Record]:
    return list(world.store.everywhere(HEALTH_CHECK))


async def _round(world: World) -> None:
    now = world.scheduler.now()
    due = [r for r in _checks(world) if now >= r.data.get("next", 0)]
    await asyncio.gather(*(_look(world, record) for record in due))
    world.memory["route53 probes"] = False
    begin(world)


async def _look(world: World, record: Record) -> None:
    config = status.config_of(record)
    interval = float(config.get("RequestInterval") or 30) * float(world.settings["speed"])
    record.data["next"] = world.scheduler.now() + max(QUICKEST_S, interval)
    probed = config["Type"].startswith(("HTTP", "TCP")) and not status.flag(config, "Disabled")
    if probed and not status.frozen(world, record.account):
        _count(world, record, config, await probe(world, config))
    good = status.healthy(world, record.account, record.id)
    by = [{"Name": "HealthCheckId", "Value": record.id}]
    data = [{"MetricName": "HealthCheckStatus", "Dimensions": by, "Value": float(good)}]
    ctx = world.context(record.account, METRICS_REGION)
    cloudwatch.put_metric_data(ctx, {"Namespace": "AWS/Route53", "MetricData": data})


def _count(world: World, record: Record, config: dict[str, Any], said: str) -> None:
    """The state changes after as many alike results as FailureThreshold says."""
    good = said.startswith("Success")
    result = "healthy" if good else "unhealthy"
    before = record.data.get("observed", "healthy")
    record.data["said"], record.data["checked"] = said, world.scheduler.now()
    if not good:
        record.data["failed"] = said
    row = record.data.get("row", 0) + 1 if result != before else 0
    if row >= int(config.get("FailureThreshold") or 3):
        record.data["observed"], row = result, 0
        world.store.put(record)
    record.data["row"] = row


async def probe(world: World, config: dict[str, Any]) -> str:
    """`Success: …` or `Failure: …`, of one request."""
    secure = config["Type"].startswith("HTTPS")
    name = str(config.get("FullyQualifiedDomainName") or config.get("IPAddress"))
    port = int(config.get("Port") or (443 if secure else 80))
    path, _, query = str(config.get("ResourcePath") or "/").partition("?")
    request = Request(
        "GET", name.lower(), port, path, query, [("user-agent", "Amazon-Route53-Health-Check-Service")]
    )
    try:
        reply = await asyncio.wait_for(web.ask(world, request), PATIENCE_S)
    except Unreachable as problem:
        return f"Failure: {problem}"
    except TimeoutError:
        return "Failure: The health checker could not get an answer in time."
    if config["Type"] == "TCP":
        return "Success: TCP connection established"
    line = f"HTTP Status Code {reply.status}"
    if not 200 <= reply.status < 400:
        return f"Failure: {line}"
    wanted = str(config.get("SearchString") or "").encode()
    if config["Type"].endswith("STR_MATCH") and wanted not in reply.body[:SEARCHED]:
        return f"Failure: {line}, the search string was not found"
    return f"Success: {line}, OK"

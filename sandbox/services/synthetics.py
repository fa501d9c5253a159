"""CloudWatch Synthetics: canaries that a stack makes, and the metric of their runs. A script is not run: a run asks for
the address in the canary's variable ADDRESS, its /healthz and its start page, as the blueprint's script does.

Source: CloudWatch user guide, "CloudWatch metrics published by canaries" (SuccessPercent), "Required roles and
permissions for CloudWatch canaries".
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.registry import on_start, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services import cloudwatch
from sandbox.services.route53.probes import probe
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

CANARY = "AWS::Synthetics::Canary"
EVERY_S = 20.0
"""Between two runs, whatever the schedule says: a period of an alarm is real time, and has a run in it soon."""
PATHS = ("/healthz", "/")


@resource_type(CANARY)
class Canary(SchemaType):
    """One of a name in a region; its functions and layers are not there."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("synthetics", f"canary:{id}")

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes |= {"Id": str(uuid.uuid4()), "State": "READY"}

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        if record.properties.get("StartCanaryAfterCreation"):
            record.attributes["State"] = "RUNNING"
            ctx.store.put(record)
            _soon(ctx.world, 0.0)


@on_start
def begin(world: World) -> None:
    """Run canaries as long as there is one."""
    _soon(world, EVERY_S)


def _soon(world: World, seconds: float) -> None:
    if not world.memory.get("canaries") and _running(world):
        world.memory["canaries"] = True
        world.scheduler.at(world.scheduler.now() + seconds, lambda: _start(world))


def _start(world: World) -> None:
    world.spawn(_round(world))


def _running(world: World) -> list[Record]:
    return [r for r in world.store.everywhere(CANARY) if r.attributes.get("State") == "RUNNING"]


async def _round(world: World) -> None:
    try:
        await asyncio.gather(*(_run(world, record) for record in _running(world)))
    finally:
        world.memory["canaries"] = False
        begin(world)


async def _run(world: World, record: Record) -> None:
    variables = (record.properties.get("RunConfig") or {}).get("EnvironmentVariables") or {}
    scheme, _, host = str(variables.get("ADDRESS", "")).partition("://")
    asked = {"Type": scheme.upper(), "FullyQualifiedDomainName": host}
    said = [await probe(world, {**asked, "ResourcePath": path}) for path in PATHS]
    good = all(answer.startswith("Success") for answer in said)
    data = [
        {
            "MetricName": "SuccessPercent",
            "Dimensions": [{"Name": "CanaryName", "Value": record.id}],
            "Value": 100.0 if good else 0.0,
        }
    ]
    ctx = world.context(record.account, record.region)
    cloudwatch.put_metric_data(ctx, {"Namespace": "CloudWatchSynthetics", "MetricData": data})

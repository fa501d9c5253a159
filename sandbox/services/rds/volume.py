"""How much a cluster holds, as CloudWatch tells it: AWS/RDS VolumeBytesUsed, a point every five minutes."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.registry import on_start
from sandbox.services.cloudwatch import put_metric_data
from sandbox.services.rds.common import CLUSTER
from sandbox.store import Record
from sandbox.world import World

EVERY_S = 300
_RUNNING = "rds volume metrics"


def publish(ctx: Context, cluster: Record) -> None:
    """Put one point of a cluster's size, in bytes."""
    datum = {
        "MetricName": "VolumeBytesUsed",
        "Dimensions": [{"Name": "DBClusterIdentifier", "Value": cluster.id}],
        "Value": float(cluster.data["VolumeBytesUsed"]),
    }
    put_metric_data(ctx, {"Namespace": "AWS/RDS", "MetricData": [datum]})


@on_start
def keep_publishing(world: World) -> None:
    """Publish for all clusters now and every five minutes, as long as there is one."""
    clusters = list(world.store.everywhere(CLUSTER))
    for cluster in clusters:
        publish(world.context(cluster.account, cluster.region), cluster)
    if clusters:
        world.memory[_RUNNING] = True
        world.scheduler.at(world.scheduler.now() + EVERY_S, lambda: keep_publishing(world))
    else:
        world.memory.pop(_RUNNING, None)


def begin(ctx: Context, cluster: Record) -> None:
    """A cluster is there: its first point, and the timer if none runs."""
    if ctx.world.memory.get(_RUNNING):
        publish(ctx, cluster)
    else:
        keep_publishing(ctx.world)

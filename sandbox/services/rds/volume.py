"""What CloudWatch tells of clusters, a point every five minutes: AWS/RDS VolumeBytesUsed, and of secondary ones
AuroraGlobalDBReplicationLag."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.faults import Fault, at_begin
from sandbox.registry import on_start
from sandbox.services.cloudwatch import put_metric_data
from sandbox.services.rds import lagging
from sandbox.services.rds.common import CLUSTER
from sandbox.store import Record
from sandbox.world import World

EVERY_S = 300
LAG = "Sandbox::RDS::GlobalReplication"
"""The name of the lag among the settings' durations (a figure only: without a planted lag nothing is behind)."""
_RUNNING = "rds volume metrics"


def publish(ctx: Context, cluster: Record) -> None:
    """Put one point of a cluster's size, in bytes, and of its lag, in milliseconds."""
    datum = {
        "MetricName": "VolumeBytesUsed",
        "Dimensions": [{"Name": "DBClusterIdentifier", "Value": cluster.id}],
        "Value": float(cluster.data["VolumeBytesUsed"]),
    }
    data = [datum]
    if cluster.data.get("read_only"):
        # A lag that is over leaves a copy behind, which nobody may ask for again.
        lagging.seen(ctx.world, cluster)
        data.append(
            {**datum, "MetricName": "AuroraGlobalDBReplicationLag", "Value": lag_ms(ctx.world, cluster)}
        )
    put_metric_data(ctx, {"Namespace": "AWS/RDS", "MetricData": data})


def lag_ms(world: World, cluster: Record) -> float:
    """How far a secondary cluster is behind, in milliseconds, as the settings and the faults say."""
    return max(world.duration(LAG, "create"), lagging.lag_s(world, cluster)) * 1000


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


@at_begin("lag")
def _tell_at_once(world: World, fault: Fault) -> None:
    """A lag begins: a point now, not in five minutes."""
    for cluster in world.store.everywhere(CLUSTER):
        if cluster.data.get("read_only") and fault in lagging.planted(world, cluster):
            publish(world.context(cluster.account, cluster.region), cluster)


def begin(ctx: Context, cluster: Record) -> None:
    """A cluster is there: its first point, and the timer if none runs."""
    if ctx.world.memory.get(_RUNNING):
        publish(ctx, cluster)
    else:
        keep_publishing(ctx.world)

"""Changes of a cluster that take their time: stopping, starting, failing over, leaving a global database.

A phase is an update of the cluster's record (so that it survives a restart); its word is in data["phase"] while it
lasts and is the cluster's state.
"""

from __future__ import annotations

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start
from sandbox.services.rds import events, global_clusters
from sandbox.services.rds.common import CLUSTER, members
from sandbox.store import Record
from sandbox.world import World

LONGEST_STOP_S = 7 * 86400
"""Aurora user guide, "Stopping and starting an Amazon Aurora DB cluster": after seven days it starts by itself."""
SECONDS = {
    "stopping": 300.0,  # estimate
    "starting": 420.0,  # estimate
    "failing-over": 30.0,  # API reference, FailoverDBCluster: typically less than 35 seconds
    "promoting": 60.0,  # estimate
}
TOO_LONG = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."


def refuse_unless(record: Record, *states: str) -> None:
    """Refuse a cluster that is in none of the states."""
    if record.state not in states:
        raise AwsError("InvalidDBClusterStateFault", f"DbCluster {record.id} is in {record.state} state")


def refuse_stopped(record: Record) -> None:
    """A stopped cluster has to be started before it is changed or deleted (user guide, stopping and starting)."""
    if record.state in ("stopped", "stopping"):
        raise AwsError("InvalidDBClusterStateFault", f"DbCluster {record.id} is in {record.state} state")


def begin(ctx: Context, cluster: Record, phase: str) -> None:
    """Begin a phase; it ends by itself."""
    cluster.data["phase"] = phase
    if phase in ("stopping", "starting"):
        _instances(ctx, cluster, phase)
    ctx.world.update(ctx, cluster, cluster.properties)
    if cluster.pending:
        cluster.state = phase
        ctx.store.put(cluster)


def _instances(ctx: Context, cluster: Record, state: str) -> None:
    for instance in members(ctx, cluster.id):
        instance.state = state
        ctx.store.put(instance)


def end(ctx: Context, cluster: Record) -> None:
    """The cluster's update is through: carry out what its phase was for."""
    phase = cluster.data.pop("phase", "")
    if phase == "stopping":
        cluster.state = "stopped"
        _instances(ctx, cluster, "stopped")
        cluster.data.update(stopped_at=ctx.now, restart_at=ctx.now + LONGEST_STOP_S)
        events.note(ctx.world, cluster, "notification", "DB cluster stopped.")
        _arm(ctx.world, cluster)
    elif phase == "starting":
        _instances(ctx, cluster, "available")
        for name in ("stopped_at", "restart_at"):
            cluster.data.pop(name, None)
        events.note(ctx.world, cluster, "notification", "DB cluster started.")
    elif phase == "failing-over":
        target = cluster.data.pop("target")
        promote(ctx, cluster.id, target)
        events.note(ctx.world, cluster, "failover", f"Completed failover to DB instance: {target}")
    elif phase == "promoting":
        global_clusters.leave(ctx.world, cluster)
    ctx.store.put(cluster)


def promote(ctx: Context, cluster: str, instance: str) -> None:
    """Make an instance the cluster's writer."""
    for member in members(ctx, cluster):
        member.data["writer"] = member.id == instance
        ctx.store.put(member)


def _arm(world: World, cluster: Record) -> None:
    when = float(cluster.data["restart_at"])

    def start() -> None:
        if world.store.get(*cluster.key) is not cluster or cluster.data.get("restart_at") != when:
            return
        if cluster.state == "stopped":
            events.note(world, cluster, "notification", TOO_LONG)
            begin(world.context(cluster.account, cluster.region), cluster, "starting")

    world.scheduler.at(when, start)


@on_start
def take_up(world: World) -> None:
    """Arm the seven days again after a restart."""
    for cluster in world.store.everywhere(CLUSTER):
        if "restart_at" in cluster.data:
            _arm(world, cluster)

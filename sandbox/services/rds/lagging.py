"""How far a secondary cluster of a global database is behind its primary, and what it holds meanwhile.

Without a planted lag it reads its primary's own volume. While there is one it reads a copy that comes after the
primary, as of `seen`; what it has not seen when it is taken out of the global database is lost to it, as on AWS. A
cluster's data has `seen` (a moment of the sandbox's clock), `behind` (the copy's volume) and, from the beginning of its
removal, `cut`.
"""

from __future__ import annotations

import uuid

from sandbox.application.volumes import volume_copy, volume_drop, volume_of
from sandbox.faults import Fault, at_begin
from sandbox.services.rds.common import CLUSTER, GLOBAL_CLUSTER
from sandbox.store import GLOBAL, Record
from sandbox.world import World


def planted(world: World, cluster: Record) -> list[Fault]:
    """The lags between a secondary cluster and its primary."""
    group = world.store.get(cluster.account, GLOBAL, GLOBAL_CLUSTER, str(cluster.data.get("global")))
    arns = [m["arn"] for m in group.data["members"] if m["writer"]] if group is not None else []
    regions = {cluster.region, *(arn.split(":")[3] for arn in arns)}
    facts = [{"account": cluster.account, "region": region, "service": "rds"} for region in regions]
    found = {fault.id: fault for each in facts for fault in world.faults.active("lag", each)}
    return list(found.values())


def lag_s(world: World, cluster: Record, *, but: Fault | None = None) -> float:
    """Seconds that a secondary cluster is behind by what is planted (all of it, or all but one)."""
    now = world.scheduler.now()
    return max((f.lag_s(now) for f in planted(world, cluster) if f is not but), default=0.0)


def seen(world: World, cluster: Record) -> float | None:
    """The moment as of which a cluster has its primary's data; None: it lags behind nothing.

    It never goes back: what has arrived stays, however the lag grows.
    """
    data = cluster.data
    if not data.get("read_only"):
        return None
    if "cut" in data:
        return float(data["cut"])
    lag = lag_s(world, cluster)
    if not lag:
        caught_up(world, cluster)
        return None
    data["seen"] = max(float(data.get("seen", cluster.created_at)), world.scheduler.now() - lag)
    return float(data["seen"])


def read_from(world: World, cluster: Record) -> tuple[str, float | None]:
    """The volume that a cluster's clients meet, and the moment as of which (None: now)."""
    moment, volume = seen(world, cluster), volume_of(cluster)
    if moment is None:
        return volume, None
    if "behind" not in cluster.data:
        cluster.data["behind"] = f"{cluster.id}-{uuid.uuid4()}"
        volume_copy(world, volume, cluster.data["behind"], moment, follows=True)
        world.store.put(cluster)
    return str(cluster.data["behind"]), moment


def cut(world: World, cluster: Record) -> None:
    """Its removal begins: nothing arrives any more."""
    moment = seen(world, cluster)
    if moment is not None:
        cluster.data["cut"] = moment
        world.store.put(cluster)


def caught_up(world: World, cluster: Record) -> None:
    """It is behind no more, or no secondary any more: its copy is not needed."""
    held = [cluster.data.pop(name, None) for name in ("behind", "seen", "cut")]
    if held[0]:
        volume_drop(world, held[0])
    if any(held):
        world.store.put(cluster)


@at_begin("lag")
def _hold_back(world: World, fault: Fault) -> None:
    """What has arrived when a lag begins stays."""
    for cluster in world.store.everywhere(CLUSTER):
        if cluster.data.get("read_only") and fault in planted(world, cluster):
            before = lag_s(world, cluster, but=fault)
            if not before:
                caught_up(world, cluster)
            cluster.data["seen"] = max(float(cluster.data.get("seen", 0.0)), world.scheduler.now() - before)
            world.store.put(cluster)

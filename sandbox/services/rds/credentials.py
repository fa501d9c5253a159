"""Clusters whose KMS key cannot be used: inaccessible, for seven days recoverably.

Source: repost.aws/knowledge-center/rds-aurora-inaccessible-state. RDS notices after a while: here within five minutes.
"""

from __future__ import annotations

from sandbox.errors import AwsError
from sandbox.registry import on_reset, on_start
from sandbox.services.kms import keys
from sandbox.services.rds.common import CLUSTER, members
from sandbox.store import Record
from sandbox.world import World

EVERY_S = 300
RECOVERABLE = "inaccessible-encryption-credentials-recoverable"
LOST = "inaccessible-encryption-credentials"
RECOVERABLE_S = 7 * 86400


@on_start
@on_reset
def look(world: World) -> None:
    """Look at the keys of all clusters, now and every five minutes."""
    for cluster in list(world.store.everywhere(CLUSTER)):
        if cluster.data.get("KmsKeyArn"):
            _judge(world, cluster)
    world.scheduler.at(world.scheduler.now() + EVERY_S, lambda: look(world))


def _judge(world: World, cluster: Record) -> None:
    now = world.scheduler.now()
    if cluster.state == "available" and not _usable(world, cluster.data["KmsKeyArn"]):
        # As of a stop: what can be restored ends here.
        cluster.data["stopped_at"] = now
        _become(world, cluster, RECOVERABLE)
    elif cluster.state == RECOVERABLE and now - float(cluster.data["stopped_at"]) >= RECOVERABLE_S:
        _become(world, cluster, LOST)


def _usable(world: World, arn: str) -> bool:
    key = world.store.by_arn(arn)
    if key is None:
        return False
    try:
        keys.refuse_unusable(key)
    except AwsError:
        return False
    return True


def _become(world: World, cluster: Record, state: str) -> None:
    for record in (cluster, *members(world.context(cluster.account, cluster.region), cluster.id)):
        record.state = state
        world.store.put(record)

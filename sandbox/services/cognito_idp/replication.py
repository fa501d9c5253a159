"""From the primary region to its replica: what is written there arrives in the other region a while later.

A replica is a record of AWS::Cognito::UserPoolReplica in the primary region; in its own region it is a copy of the
pool and of everything in it, each with data["primary"]. The way is one-way: nothing written at the replica goes back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from sandbox.application.dark import held_back
from sandbox.errors import AwsError
from sandbox.registry import on_start
from sandbox.services.cognito_idp.names import (
    BRANDING,
    CHALLENGE,
    CLIENT,
    GROUP,
    LOG_DELIVERY,
    POOL,
    PROVIDER,
    REPLICA,
    RESOURCE_SERVER,
    RISK,
    SERVICE,
    SESSION,
    USER,
    invalid,
)
from sandbox.services.cognito_idp.secondary import COPY_OF, STATUS
from sandbox.store import Record
from sandbox.world import World

TIMED = "Sandbox::Cognito::Replication"
"""The name of its duration in the settings: seconds of AWS until a change is in the other region."""
AGAIN_S = 1.0
COPIED = (CLIENT, GROUP, RESOURCE_SERVER, RISK, PROVIDER, BRANDING, USER, SESSION)
REGIONAL = ("EmailConfiguration", "SmsConfiguration", "LambdaConfig")
"""What a replica has of its own besides its tags (developer guide, "Things to know about multi-Region replication")."""
OWN_DATA = ("failures", "failed_at", "locked_until")
"""Of a user: each replica counts failed sign-ins for itself (the same page, "Limitations")."""
ENDED = ("revoked", "signed_out_at")
Key = tuple[str, str, str, str]


def refuse_unfit(properties: dict[str, Any]) -> None:
    """Refuse a pool that cannot have a replica (the same page): its plan, its key."""
    if properties.get("UserPoolTier") == "LITE":
        raise AwsError(
            "FeatureUnavailableInTierException",
            "Multi-Region replication is not available in the LITE feature plan.",
        )
    key = properties.get("KeyConfiguration") or {}
    if key.get("KeyType") != "CUSTOMER_MANAGED_KEY" or "key/mrk-" not in str(key.get("KmsKeyArn")):
        raise invalid("Multi-Region replication needs a multi-Region customer managed KMS key.")


def pool_id(record: Record) -> str:
    """The pool that a record is, or belongs to."""
    return str(
        record.id if record.type == POOL else record.properties.get("UserPoolId") or record.data.get("pool")
    )


def replicas(world: World, account: str, pool: str) -> list[Record]:
    """The pool's replicas (records of the primary region)."""
    return [r for r in world.store.list(account, None, REPLICA) if r.properties["UserPoolId"] == pool]


def put(world: World, record: Record) -> Record:
    """Store a changed record of a pool, and let its replica know."""
    world.store.put(record)
    spread(world, record)
    return record


def remove(world: World, record: Record) -> None:
    """Remove a record of a pool, here and, a while later, at its replica."""
    world.store.remove(record)
    spread(world, record)


def spread(world: World, record: Record) -> None:
    """A record of the primary changed (or went): its replica follows after a while."""
    for replica in replicas(world, record.account, pool_id(record)):
        if replica.region == record.region:
            _begin(world, replica, record.key)


def _begin(world: World, replica: Record, key: Key) -> None:
    now = world.scheduler.now()
    wait = world.duration(TIMED, "create") * float(world.settings["speed"])
    if wait <= 0:
        _carry_out(world, replica, key, now)
    else:
        world.scheduler.at(now + wait, lambda: _carry_out(world, replica, key, now))


def _carry_out(world: World, replica: Record, key: Key, since: float) -> None:
    if world.store.get(*replica.key) is not replica or replica.state == "CREATING":
        return  # gone; or it begins with everything once it is made
    region = str(replica.properties["RegionName"])
    if held_back(world, SERVICE, since, (replica.account, region), (replica.account, replica.region)):
        again = world.scheduler.now() + AGAIN_S
        world.scheduler.at(again, lambda: _carry_out(world, replica, key, since))
        return
    _copy(world, region, key)


def _copy(world: World, region: str, key: Key) -> None:
    """Make the region's copy of the primary's record what the record is now."""
    account, home, type_name, id = key
    source = world.store.get(*key)
    target = world.store.get(account, region, type_name, id)
    if source is None:
        if target is not None:
            world.store.remove(target)
        return
    if target is None:
        arn = source.arn.replace(f":{home}:", f":{region}:", 1)
        target = Record(account, region, type_name, id, arn=arn, data={COPY_OF: home})
        own: dict[str, Any] = {}
    else:
        own = {n: target.properties[n] for n in REGIONAL if n in target.properties}
    if type_name == POOL:
        target.properties = {n: v for n, v in copy.deepcopy(source.properties).items() if n not in REGIONAL}
        target.properties.update(own)
    else:
        target.properties = copy.deepcopy(source.properties)
    kept = {n: target.data[n] for n in (COPY_OF, STATUS, *OWN_DATA) if n in target.data}
    fresh = {n: v for n, v in copy.deepcopy(source.data).items() if n not in OWN_DATA}
    for name in ENDED:  # what was ended at the replica stays so
        if name in target.data:
            fresh[name] = max(fresh.get(name, 0), target.data[name])
    target.data = {**fresh, **kept}
    target.attributes = {**copy.deepcopy(source.attributes), **({"Arn": target.arn} if target.arn else {})}
    target.created_at, target.updated_at = source.created_at, source.updated_at
    world.store.put(target)


def _everything(world: World, replica: Record) -> Iterator[Record]:
    """The pool and what a replica gets of it, as the primary region has it."""
    pool = world.store.get(replica.account, replica.region, POOL, replica.properties["UserPoolId"])
    if pool is None:
        return
    yield pool
    for type_name in COPIED:
        for record in world.store.list(replica.account, replica.region, type_name):
            if pool_id(record) == pool.id:
                yield record


def fill(world: World, replica: Record, tags: dict[str, str]) -> Record:
    """Make the replica's region what it begins as: a copy of all, INACTIVE. The pool's copy."""
    region = str(replica.properties["RegionName"])
    for record in list(_everything(world, replica)):
        _copy(world, region, record.key)
    made = world.store.get(replica.account, region, POOL, replica.properties["UserPoolId"])
    assert made is not None  # _everything begins with the pool
    made.data[STATUS] = "INACTIVE"
    made.tags = dict(tags)
    return world.store.put(made)


def empty(world: World, replica: Record) -> None:
    """Take the replica's region away: every copy there."""
    region = str(replica.properties["RegionName"])
    for type_name in (POOL, *COPIED, CHALLENGE, LOG_DELIVERY):
        for record in world.store.list(replica.account, region, type_name):
            if pool_id(record) == replica.properties["UserPoolId"]:
                world.store.remove(record)


@on_start
def take_up(world: World) -> None:
    """Tell the replicas anew: what was on its way when the process ended was lost."""
    for replica in list(world.store.everywhere(REPLICA)):
        region = str(replica.properties["RegionName"])
        gone = [
            (replica.account, replica.region, name, r.id)
            for name in COPIED
            for r in world.store.list(replica.account, region, name)
            if pool_id(r) == replica.properties["UserPoolId"]
            and r.data.get(COPY_OF) == replica.region
            and world.store.get(replica.account, replica.region, name, r.id) is None
        ]
        for key in [*(r.key for r in _everything(world, replica)), *gone]:
            _begin(world, replica, key)

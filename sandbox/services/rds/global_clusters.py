"""Aurora global databases: the record over all regions, its members, and who of them may write.

A cluster's data has `global` (the global cluster's id) while it is a member, and `read_only` while it is a secondary
one. The members stand in the global cluster's data: [{"arn", "writer"}], the primary first when it is made.
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.application.volumes import volume_copy, volume_of
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds import engines, lagging
from sandbox.services.rds.common import (
    CLUSTER,
    GLOBAL_CLUSTER,
    account_hash,
    find,
    members,
    refuse_identifier,
    resource_id,
)
from sandbox.store import GLOBAL, Record
from sandbox.world import World

MOST_SECONDARIES = 10
"""Aurora user guide, "Using Amazon Aurora Global Database" (five until 2025)."""
ENGINES = ("aurora-mysql", "aurora-postgresql")


@resource_type(GLOBAL_CLUSTER)
class GlobalCluster(ResourceType):
    """A global database: one record for all regions. data: Engine, EngineVersion, DatabaseName, StorageEncrypted,
    resource_id, members."""

    def region_of(self, ctx: Context) -> str:
        return GLOBAL

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return super().identify(ctx, properties, hint).lower()

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("rds", f"global-cluster:{id}", region="")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = str(properties.get("GlobalClusterIdentifier", ""))
        if id:
            refuse_identifier("GlobalClusterIdentifier", id)
            if ctx.store.get(ctx.account, GLOBAL, GLOBAL_CLUSTER, id.lower()):
                raise AwsError("GlobalClusterAlreadyExistsFault", f"Global cluster {id} already exists")
        if properties.get("SourceDBClusterIdentifier"):
            refuse_source(ctx, source_of(ctx, properties), properties)
        elif not properties.get("Engine"):
            text = "When creating standalone global cluster, value for engineName should be specified"
            raise AwsError("InvalidParameterValue", text)
        elif properties["Engine"] not in ENGINES:
            text = f"Engine {properties['Engine']} does not support global databases."
            raise AwsError("InvalidParameterValue", text)
        else:
            engines.version_of(properties["Engine"], properties.get("EngineVersion"))

    def created(self, ctx: Context, record: Record) -> None:
        given, data = record.properties, record.data
        data.update(resource_id=resource_id("cluster-"), members=[])
        if given.get("SourceDBClusterIdentifier"):
            source = source_of(ctx, given)
            for name in ("Engine", "EngineVersion", "DatabaseName", "StorageEncrypted"):
                data[name] = source.data.get(name)
            enter(ctx.world, record, source)
        else:
            data.update(
                Engine=given["Engine"],
                EngineVersion=engines.version_of(given["Engine"], given.get("EngineVersion")),
                DatabaseName=given.get("DatabaseName", ""),
                StorageEncrypted=bool(given.get("StorageEncrypted")),
            )
        address = f"{record.id}.global-{account_hash(ctx)}.global.rds.amazonaws.com"
        record.attributes = {"GlobalEndpoint": {"Address": address}}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        if properties.get("EngineVersion"):
            engines.version_of(record.data["Engine"], properties["EngineVersion"])

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        if record.properties.get("EngineVersion"):
            record.data["EngineVersion"] = engines.version_of(
                record.data["Engine"], record.properties["EngineVersion"]
            )

    def check_delete(self, ctx: Context, record: Record) -> None:
        """CloudFormation takes the source out first (its DeleteHandler.java); the API asks for an empty one."""
        if record.properties.get("DeletionProtection"):
            text = "This Global Cluster has deletion protection enabled. Disable it before you delete the cluster."
            raise AwsError("InvalidParameterCombination", text)
        held = record.data["members"]
        if ctx.stack and [m["arn"] for m in held] == [self._source_arn(ctx, record)]:
            return
        if held:
            raise AwsError("InvalidGlobalClusterStateFault", f"Global Cluster {record.arn} is not empty")

    @staticmethod
    def _source_arn(ctx: Context, record: Record) -> str:
        name = str(record.properties.get("SourceDBClusterIdentifier", ""))
        return name if name.startswith("arn:") else ctx.arn("rds", f"cluster:{name.lower()}")

    def deleting(self, ctx: Context, record: Record) -> None:
        for member in list(record.data["members"]):
            cluster = ctx.store.by_arn(member["arn"])
            if cluster is not None:
                leave(ctx.world, cluster)


def source_of(ctx: Context, properties: dict[str, Any]) -> Record:
    """The cluster that is to become the primary one: an ARN of any region, or a name of this region."""
    name = str(properties["SourceDBClusterIdentifier"])
    record = ctx.store.by_arn(name) if name.startswith("arn:") else None
    if record is not None and record.type == CLUSTER and record.account == ctx.account:
        return record
    return find(ctx, CLUSTER, name)


def refuse_source(ctx: Context, source: Record, properties: dict[str, Any]) -> None:
    """Refuse a cluster that cannot become the primary one (Aurora user guide, requirements and limitations)."""
    if properties.get("Engine"):
        raise AwsError(
            "InvalidParameterCombination",
            "When creating global cluster from existing db cluster, value for engineName should not be specified since "
            "it will be inherited from source cluster",
        )
    for name in ("EngineVersion", "DatabaseName", "StorageEncrypted"):
        if properties.get(name) is not None:
            text = f"{name} can't be specified with SourceDBClusterIdentifier."
            raise AwsError("InvalidParameterCombination", text)
    problem = ""
    if source.state != "available":
        problem = f"it is in {source.state} state"
    elif source.data.get("global"):
        problem = f"it is already a member of global cluster {source.data['global']}"
    elif source.data["Engine"] not in ENGINES:
        problem = f"its engine {source.data['Engine']} does not support global databases"
    elif source.data.get("master_secret"):
        problem = "its master user password is managed by RDS in Secrets Manager"
    elif any(small(m) for m in members(ctx.world.context(source.account, source.region), source.id)):
        problem = "it has instances of a class that does not support global databases"
    if problem:
        text = f"Cluster {source.id} cannot be the source of a global cluster: {problem}."
        raise AwsError("InvalidDBClusterStateFault", text)


def small(instance: Record) -> bool:
    """Burstable classes are no part of a global database (Aurora user guide, configuration requirements)."""
    return str(instance.properties.get("DBInstanceClass", "")).startswith("db.t")


# -- membership


def of(ctx: Context | World, cluster: Record) -> Record | None:
    """The global cluster that a cluster is a member of."""
    id = cluster.data.get("global")
    return ctx.store.get(cluster.account, GLOBAL, GLOBAL_CLUSTER, id) if id else None


def member_of(group: Record, arn: str) -> dict[str, Any] | None:
    return next((m for m in group.data["members"] if m["arn"] == arn), None)


def primary(ctx: Context | World, group: Record) -> Record | None:
    """The cluster that writes; None for an empty global cluster."""
    found = next((m for m in group.data["members"] if m["writer"]), None)
    return ctx.store.by_arn(found["arn"]) if found else None


def others(group: Record, arn: str) -> list[dict[str, Any]]:
    return [m for m in group.data["members"] if m["arn"] != arn]


def enter(world: World, group: Record, cluster: Record) -> None:
    """Make a cluster a member: the first one writes, later ones follow it."""
    writer = not group.data["members"]
    group.data["members"].append({"arn": cluster.arn, "writer": writer})
    cluster.data["global"] = group.id
    cluster.data["read_only"] = not writer
    first = primary(world, group)
    if first is not None and not writer:
        # Replication of less than a second is told by metrics; what is read is the primary's own volume, but for a
        # planted lag.
        cluster.data["volume"] = volume_of(first)
    world.store.put(group)
    world.store.put(cluster)


def leave(world: World, cluster: Record) -> None:
    """Take a cluster out: from now on it stands alone and takes writes, with what had arrived."""
    group = of(world, cluster)
    if cluster.data.get("read_only"):
        shared, arrived = volume_of(cluster), lagging.seen(world, cluster)
        cluster.data["volume"] = f"{cluster.id}-{uuid.uuid4()}"
        volume_copy(world, shared, cluster.data["volume"], arrived)
        lagging.caught_up(world, cluster)
    if group is not None:
        group.data["members"] = others(group, cluster.arn)
        world.store.put(group)
    for name in ("global", "read_only"):
        cluster.data.pop(name, None)
    cluster.properties.pop("GlobalClusterIdentifier", None)
    world.store.put(cluster)


def change_password(world: World, cluster: Record, password: str) -> None:
    """A new master password, which the secondary clusters have from their primary."""
    group = of(world, cluster)
    held = group.data["members"] if group is not None else [{"arn": cluster.arn}]
    for member in held:
        record = world.store.by_arn(member["arn"])
        if record is not None:
            record.data["master_password"] = password
            world.store.put(record)


def refuse_last_member(ctx: Context, cluster: Record) -> None:
    """Refuse to take the primary out while there are secondaries."""
    group = of(ctx, cluster)
    member = member_of(group, cluster.arn) if group else None
    if group and member and member["writer"] and others(group, cluster.arn):
        text = (
            "Unable to delete cluster that is a primary member of global cluster while there are other global cluster "
            "members"
        )
        raise AwsError("InvalidGlobalClusterStateFault", text)


def refuse_joining(ctx: Context, properties: dict[str, Any]) -> dict[str, Any]:
    """What a cluster that joins takes over from the primary ({} for the first one). Raises what AWS refuses it with.

    The sentences on user, password, database and key are those of CreateDBCluster as users met them
    (github.com/cloudposse/terraform-aws-rds-cluster/pull/89, pulumi/pulumi/issues/15818).
    """
    group = find(ctx, GLOBAL_CLUSTER, properties["GlobalClusterIdentifier"])
    if properties.get("ManageMasterUserPassword"):
        text = "ManageMasterUserPassword is not supported for a cluster of a global database."
        raise AwsError("InvalidParameterCombination", text)
    if properties.get("Engine") and properties["Engine"] != group.data["Engine"]:
        text = f"The engine {properties['Engine']} does not match the global cluster's engine {group.data['Engine']}."
        raise AwsError("InvalidParameterCombination", text)
    version = properties.get("EngineVersion")
    if version and engines.version_of(group.data["Engine"], version) != group.data["EngineVersion"]:
        text = (
            f"The engine version {version} does not match the global cluster's {group.data['EngineVersion']}."
        )
        raise AwsError("InvalidParameterCombination", text)
    first = primary(ctx, group)
    if first is None:
        return {}
    for member, words in (
        ("MasterUsername", "user name"),
        ("MasterUserPassword", "password"),
        ("DatabaseName", "database name"),
    ):
        if properties.get(member):
            text = f"Cannot specify {words} for cross region replication cluster"
            raise AwsError("InvalidParameterCombination", text)
    if first.data["StorageEncrypted"] and not properties.get("KmsKeyId"):
        text = "For encrypted cross-region replica, kmsKeyId should be explicitly specified"
        raise AwsError("InvalidParameterCombination", text)
    _refuse_place(ctx, group, first, str(properties.get("DBClusterIdentifier", "")).lower())
    names = (
        "Engine",
        "EngineVersion",
        "MasterUsername",
        "DatabaseName",
        "VolumeBytesUsed",
        "master_password",
    )
    return {**{n: first.data.get(n) for n in names}, "primary": first}


def _refuse_place(ctx: Context, group: Record, first: Record, id: str) -> None:
    held = group.data["members"]
    if any(m["arn"].split(":")[3] == ctx.region for m in held):
        text = f"Global cluster {group.id} already has a member in {ctx.region}."
        raise AwsError("InvalidGlobalClusterStateFault", text)
    if any(m["arn"].rpartition(":")[2] == id for m in held):
        text = f"The members of global cluster {group.id} need different identifiers: {id} is taken."
        raise AwsError("InvalidParameterValue", text)
    if len(held) > MOST_SECONDARIES:
        text = f"Global cluster {group.id} has its {MOST_SECONDARIES} secondary clusters."
        raise AwsError("InvalidGlobalClusterStateFault", text)
    if first.state != "available":
        text = f"The primary cluster {first.id} is in {first.state} state."
        raise AwsError("InvalidDBClusterStateFault", text)

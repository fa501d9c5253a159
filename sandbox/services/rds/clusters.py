"""Aurora clusters: new ones, and those that come from a snapshot or another cluster."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.application.volumes import volume_drop, volume_of
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_hex
from sandbox.services.rds import backups, engines, events, global_clusters, origins, phases, volume
from sandbox.services.rds.common import (
    CLUSTER,
    CLUSTER_PARAMETERS,
    GLOBAL_CLUSTER,
    SUBNET_GROUP,
    find,
    host,
    refuse_identifier,
    resource_id,
    usable_key,
)
from sandbox.services.rds.common import members as members
from sandbox.services.secretsmanager.passwords import generate
from sandbox.store import Record

REPLACING = ("MasterUsername", "Engine", "GlobalClusterIdentifier")
EMPTY_VOLUME_BYTES = 41_943_040
"""What an Aurora volume without user data takes: an estimate, some ten megabytes."""


@resource_type(CLUSTER)
class Cluster(ResourceType):
    """A cluster. data: Engine, EngineVersion, MasterUsername, DatabaseName, Port, KmsKeyArn, StorageEncrypted as they
    are in effect (a restored cluster takes them from its source), resource_id, VolumeBytesUsed."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return super().identify(ctx, properties, hint).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = str(properties.get("DBClusterIdentifier", ""))
        if id:
            refuse_identifier("DBClusterIdentifier", id)
            if ctx.store.get(ctx.account, ctx.region, CLUSTER, id.lower()):
                raise AwsError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        _check_settings(properties)
        if properties.get("DBSubnetGroupName"):
            find(ctx, SUBNET_GROUP, properties["DBSubnetGroupName"])
        source = _source(ctx, properties)
        if properties.get("GlobalClusterIdentifier") and source:
            if properties.get("KmsKeyId"):
                usable_key(ctx, properties["KmsKeyId"])
        elif source is None:
            _check_new(ctx, properties)
        else:
            origins.check(ctx, source, properties)
        engine = properties.get("Engine") or (source or {}).get("Engine", "")
        version = properties.get("EngineVersion") or (source or {}).get("EngineVersion")
        _check_parameters(ctx, properties, engine, engines.version_of(engine, version))

    def created(self, ctx: Context, record: Record) -> None:
        properties, data = record.properties, record.data
        source = _source(ctx, properties) or {}
        engine = properties.get("Engine") or source["Engine"]
        data.update(
            resource_id=resource_id("cluster-"),
            Engine=engine,
            EngineVersion=engines.version_of(
                engine, properties.get("EngineVersion") or source.get("EngineVersion")
            ),
            MasterUsername=source.get("MasterUsername") or properties.get("MasterUsername", "admin"),
            DatabaseName=source.get("DatabaseName") or properties.get("DatabaseName", ""),
            VolumeBytesUsed=source.get("VolumeBytesUsed", EMPTY_VOLUME_BYTES),
            clone_group=source.get("clone_group") or str(uuid.uuid4()),
            zones=properties.get("AvailabilityZones") or [f"{ctx.region}{letter}" for letter in "abc"],
        )
        encrypted = (
            properties.get("StorageEncrypted") or source.get("StorageEncrypted") or "KmsKeyId" in properties
        )
        data["StorageEncrypted"] = bool(encrypted)
        if encrypted:
            data["KmsKeyArn"] = usable_key(ctx, properties.get("KmsKeyId") or source.get("KmsKeyArn")).arn
        data["Port"] = int(properties.get("Port") or source.get("Port") or engines.PORTS[engine])
        self._address(ctx, record)
        if properties.get("MasterUserPassword") or source.get("master_password"):
            data["master_password"] = properties.get("MasterUserPassword") or source["master_password"]
        if source.get("volume"):
            origins.fill(ctx, record, source["volume"], origins.moment_of(ctx, source, properties))
        if properties.get("ManageMasterUserPassword"):
            self._managed_secret(ctx, record)
        if properties.get("GlobalClusterIdentifier"):
            group = find(ctx, GLOBAL_CLUSTER, properties["GlobalClusterIdentifier"])
            global_clusters.enter(ctx.world, group, record)

    def _address(self, ctx: Context, record: Record) -> None:
        record.attributes.update(
            DBClusterArn=record.arn,
            DBClusterResourceId=record.data["resource_id"],
            Endpoint={"Address": host(ctx, record.id, "cluster-"), "Port": str(record.data["Port"])},
            ReadEndpoint={"Address": host(ctx, record.id, "cluster-ro-")},
        )

    def _managed_secret(self, ctx: Context, record: Record) -> None:
        password = generate({"ExcludePunctuation": True})
        document = json.dumps({"username": record.data["MasterUsername"], "password": password})
        name = f"rds!cluster-{uuid.uuid4()}"
        properties = {"Name": name, "SecretString": document}
        secret = ctx.world.create(ctx, "AWS::SecretsManager::Secret", properties, at_once=True)
        record.data.update(master_secret=secret.id, master_password=password)
        record.attributes["MasterUserSecret"] = {"SecretArn": secret.id}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_settings(properties)
        engine = record.data["Engine"]
        version = engines.version_of(engine, properties.get("EngineVersion") or record.data["EngineVersion"])
        if engines.VERSIONS[engine].index(version) < engines.VERSIONS[engine].index(
            record.data["EngineVersion"]
        ):
            text = f"Cannot upgrade {engine} from {record.data['EngineVersion']} to {version}"
            raise AwsError("InvalidParameterCombination", text)
        _check_parameters(ctx, properties, engine, version)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        data, wanted = record.data, record.properties
        if before.get("GlobalClusterIdentifier") and not wanted.get("GlobalClusterIdentifier"):
            global_clusters.leave(ctx.world, record)
        if wanted.get("EngineVersion"):
            data["EngineVersion"] = engines.version_of(data["Engine"], wanted["EngineVersion"])
        if wanted.get("Port"):
            data["Port"] = int(wanted["Port"])
        if wanted.get("MasterUserPassword") and wanted["MasterUserPassword"] != before.get(
            "MasterUserPassword"
        ):
            global_clusters.change_password(ctx.world, record, wanted["MasterUserPassword"])
        self._address(ctx, record)

    def replaces(self, record: Record, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        """The create-only ones, and user and engine (user guide: "Update requires: Replacement")."""
        changed = [n for n in super().replaces(record, before, after) if not _same_name(n, before, after)]
        return changed + [n for n in REPLACING if n in after and after[n] != before.get(n)]

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        if action == "create":
            backups.begin(ctx, record)
            volume.begin(ctx, record)
            events.note(ctx.world, record, "creation", "DB cluster created")
        else:
            phases.end(ctx, record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.state == "deleting":
            raise AwsError("InvalidDBClusterStateFault", f"Cluster {record.id} is already being deleted.")
        if record.properties.get("DeletionProtection"):
            text = "Cannot delete protected Cluster, please disable deletion protection and try again."
            raise AwsError("InvalidParameterCombination", text)
        phases.refuse_stopped(record)
        self._check_global(ctx, record)
        if any(m.state != "deleting" for m in members(ctx, record.id)):
            text = "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            raise AwsError("InvalidDBClusterStateFault", text)

    @staticmethod
    def _check_global(ctx: Context, record: Record) -> None:
        """A member stays until it has left; CloudFormation's handler takes it out itself where the template names the
        global cluster (its DeleteHandler.java). Sentences: hashicorp/terraform-provider-aws, #8171 and #26236."""
        global_clusters.refuse_last_member(ctx, record)
        if record.data.get("global") and not (ctx.stack and record.properties.get("GlobalClusterIdentifier")):
            text = "This cluster is a part of a global cluster, please remove it from globalcluster first"
            raise AwsError("InvalidDBClusterStateFault", text)

    def deleting(self, ctx: Context, record: Record) -> None:
        if record.data.get("global"):
            global_clusters.leave(ctx.world, record)

    def duration(self, ctx: Context, record: Record, action: str) -> float:
        seconds = super().duration(ctx, record, action)
        phase = record.data.get("phase")
        return (
            ctx.world.settings["durations"].get(self.name, {}).get("update", phases.SECONDS[phase])
            if phase
            else seconds
        )

    def deleted(self, ctx: Context, record: Record) -> None:
        events.note(ctx.world, record, "deletion", "DB cluster deleted")
        for snapshot in backups.of_cluster(ctx, record):
            ctx.world.delete(ctx, snapshot, at_once=True)
        if record.data.get("retain_backups"):
            backups.retain_backup(ctx, record)
        else:
            volume_drop(ctx.world, volume_of(record))
        if "master_secret" in record.data:
            secret = ctx.store.by_arn(record.data["master_secret"])
            if secret is not None:
                ctx.store.remove(secret)

    def last_copy(self, ctx: Context, record: Record) -> None:
        """DeletionPolicy Snapshot: a manual snapshot that CloudFormation names after stack and resource."""
        self.check_delete(ctx, record)
        stack = (record.stack or "").split("/")[1:2]
        head = "-".join([*stack, "snapshot", record.logical_id or record.id])
        origins.snapshot(ctx, record, f"{head}-{random_hex(12)}".lower(), "manual")


def _source(ctx: Context, properties: dict[str, Any]) -> dict[str, Any] | None:
    """What a new cluster takes over from its snapshot, cluster, backup, or the primary of its global cluster."""
    if properties.get("GlobalClusterIdentifier"):
        return global_clusters.refuse_joining(ctx, properties) or None
    return origins.source_of(ctx, properties)


def _same_name(name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Names of RDS are lower case whatever a template writes."""
    return name.endswith(("Identifier", "GroupName")) and (
        str(before.get(name, "")).lower() == str(after.get(name, "")).lower()
    )


def _check_settings(properties: dict[str, Any]) -> None:
    days = properties.get("BackupRetentionPeriod")
    if days is not None and not 1 <= int(days) <= 35:
        text = f"Invalid backup retention period: {days}. Must be between 1 and 35."
        raise AwsError("InvalidParameterValue", text)
    scaling = properties.get("ServerlessV2ScalingConfiguration")
    if scaling and float(scaling.get("MinCapacity", 0.5)) > float(scaling.get("MaxCapacity", 1)):
        text = "Serverless v2 maximum capacity must be greater than or equal to its minimum capacity."
        raise AwsError("InvalidParameterValue", text)


def _check_new(ctx: Context, properties: dict[str, Any]) -> None:
    if not properties.get("Engine"):
        raise AwsError(
            "InvalidParameterValue", "The parameter Engine must be provided and must not be blank."
        )
    engines.version_of(properties["Engine"], properties.get("EngineVersion"))
    user, password = properties.get("MasterUsername"), properties.get("MasterUserPassword")
    if not user:
        raise AwsError(
            "InvalidParameterValue", "The parameter MasterUsername must be provided and must not be blank."
        )
    if user.lower() in ("rdsadmin", "root", "rdsproxyadmin"):
        text = f"MasterUsername {user} cannot be used as it is a reserved word used by the engine"
        raise AwsError("InvalidParameterValue", text)
    if properties.get("ManageMasterUserPassword"):
        if password:
            text = "You can't specify MasterUserPassword with ManageMasterUserPassword."
            raise AwsError("InvalidParameterCombination", text)
    else:
        refuse_password(password)
    if properties.get("StorageEncrypted") or properties.get("KmsKeyId"):
        usable_key(ctx, properties.get("KmsKeyId"))


def refuse_password(password: str | None) -> None:
    """Refuse what RDS takes for no master password."""
    if not password:
        text = "The parameter MasterUserPassword must be provided and must not be blank."
        raise AwsError("InvalidParameterValue", text)
    if len(password) < 8:
        text = "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters."
        raise AwsError("InvalidParameterValue", text)
    if any(c in '/@" ' or not 32 < ord(c) < 127 for c in password):
        text = (
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used."
        )
        raise AwsError("InvalidParameterValue", text)


def _check_parameters(ctx: Context, properties: dict[str, Any], engine: str, version: str) -> None:
    name = properties.get("DBClusterParameterGroupName")
    if not name or name.startswith("default."):
        return
    family = find(ctx, CLUSTER_PARAMETERS, name).properties["Family"]
    if family != engines.family_of(engine, version):
        text = f"The Parameter Group {name} with DBParameterGroupFamily {family} cannot be used for this instance."
        raise AwsError(
            "InvalidParameterCombination", f"{text} Please use a Parameter Group with {engine} {version}"
        )


def leader(ctx: Context, id: str) -> Record | None:
    """The instance that writes, or would if its cluster were no secondary one: made so last, else the first."""
    found = [m for m in members(ctx, id) if m.state != "deleting"]
    return next((m for m in found if m.data.get("writer")), found[0] if found else None)


def writer(ctx: Context, id: str) -> Record | None:
    """The instance that writes; a secondary cluster of a global database has none."""
    cluster = ctx.store.get(ctx.account, ctx.region, CLUSTER, id)
    return None if cluster is not None and cluster.data.get("read_only") else leader(ctx, id)

"""Instances as records: members of Aurora clusters, and plain ones in outline."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.ec2.interfaces import hold, release
from sandbox.services.rds import engines, events, global_clusters, phases
from sandbox.services.rds.clusters import leader, members, refuse_password
from sandbox.services.rds.common import (
    CLUSTER,
    INSTANCE,
    SUBNET_GROUP,
    find,
    host,
    refuse_identifier,
    resource_id,
    usable_key,
)
from sandbox.store import Record


@resource_type(INSTANCE)
class Instance(ResourceType):
    """An instance. data: resource_id, zone, writer (of its cluster)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return super().identify(ctx, properties, hint).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = properties.get("DBInstanceIdentifier")
        if id:
            refuse_identifier("DBInstanceIdentifier", id)
            if ctx.store.get(ctx.account, ctx.region, INSTANCE, id.lower()):
                raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
        if properties.get("DBInstanceClass") not in engines.CLASSES:
            text = f"Invalid DB Instance class: {properties.get('DBInstanceClass')}"
            raise AwsError("InvalidParameterValue", text)
        if properties.get("DBSubnetGroupName"):
            find(ctx, SUBNET_GROUP, properties["DBSubnetGroupName"])
        cluster = properties.get("DBClusterIdentifier")
        if cluster:
            self._check_member(find(ctx, CLUSTER, cluster), properties)
        else:
            self._check_plain(ctx, properties)

    @staticmethod
    def _check_member(cluster: Record, properties: dict[str, Any]) -> None:
        engine = properties.get("Engine")
        if engine and engine != cluster.data["Engine"]:
            raise AwsError(
                "InvalidParameterCombination",
                f"The engine name requested for your DB instance ({engine}) doesn't match the engine name of your DB "
                f"cluster ({cluster.data['Engine']}).",
            )
        if cluster.state == "deleting":
            raise AwsError("InvalidDBClusterStateFault", f"DB cluster {cluster.id} is being deleted.")
        phases.refuse_stopped(cluster)
        if cluster.data.get("global") and properties["DBInstanceClass"].startswith("db.t"):
            raise AwsError(
                "InvalidParameterCombination",
                "RDS does not support creating a DB instance with the following combination: "
                f"DBInstanceClass={properties['DBInstanceClass']}, Engine={cluster.data['Engine']}, "
                f"EngineVersion={cluster.data['EngineVersion']}, LicenseModel=general-public-license. For supported "
                "combinations of instance class and database engine version, see the documentation.",
            )
        serverless = properties["DBInstanceClass"] == "db.serverless"
        if serverless and not cluster.properties.get("ServerlessV2ScalingConfiguration"):
            raise AwsError(
                "InvalidDBClusterStateFault",
                "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 "
                "DB instance.",
            )

    @staticmethod
    def _check_plain(ctx: Context, properties: dict[str, Any]) -> None:
        engine = str(properties.get("Engine", ""))
        if engine.startswith("aurora"):
            text = "DBClusterIdentifier must be specified for an Aurora DB instance."
            raise AwsError("InvalidParameterCombination", text)
        engines.version_of(engine, properties.get("EngineVersion"))
        if not properties.get("ManageMasterUserPassword"):
            refuse_password(properties.get("MasterUserPassword"))
        if properties.get("KmsKeyId"):
            usable_key(ctx, properties["KmsKeyId"])

    def created(self, ctx: Context, record: Record) -> None:
        cluster = cluster_of(ctx, record)
        count = len(members(ctx, cluster.id)) - 1 if cluster else 0
        zones = cluster.data["zones"] if cluster else [f"{ctx.region}a"]
        record.data.update(
            resource_id=resource_id("db-"),
            zone=record.properties.get("AvailabilityZone") or zones[count % len(zones)],
        )
        if cluster:
            first = leader(ctx, cluster.id)
            record.data["writer"] = first is None or first is record
        port = cluster.data["Port"] if cluster else engines.PORTS[record.properties["Engine"]]
        record.attributes = {
            "DBInstanceArn": record.arn,
            "DbiResourceId": record.data["resource_id"],
            "Endpoint": {
                "Address": host(ctx, record.id),
                "Port": str(record.properties.get("Port") or port),
                "HostedZoneId": "Z29XKXDKYMONMX",
            },
        }

        self._plug(ctx, record, cluster)

    @staticmethod
    def _plug(ctx: Context, record: Record, cluster: Record | None) -> None:
        """Its network interface: the subnet and the security groups cannot be deleted before it."""
        given = record.properties
        group = given.get("DBSubnetGroupName") or (
            cluster.properties.get("DBSubnetGroupName") if cluster else None
        )
        subnets = ctx.store.get(ctx.account, ctx.region, SUBNET_GROUP, str(group).lower())
        if subnets is None:
            return
        groups = given.get("VPCSecurityGroups") or (
            cluster.properties.get("VpcSecurityGroupIds") if cluster else None
        )
        ids = list(subnets.properties["SubnetIds"])
        records = [ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id) for id in ids]
        near = [r.id for r in records if r is not None and r.get("AvailabilityZone") == record.data["zone"]]
        hold(
            ctx,
            (near or ids)[0],
            owner=record.arn,
            description="RDSNetworkInterface",
            groups=groups or None,
            requester="amazon-rds",
        )

    def deleted(self, ctx: Context, record: Record) -> None:
        release(ctx, record.arn)
        events.note(ctx.world, record, "deletion", "DB instance deleted")

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        if properties.get("DBInstanceClass") not in engines.CLASSES:
            text = f"Invalid DB Instance class: {properties.get('DBInstanceClass')}"
            raise AwsError("InvalidParameterValue", text)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.state == "deleting":
            raise AwsError("InvalidDBInstanceState", f"Instance {record.id} is already being deleted.")
        if record.properties.get("DeletionProtection"):
            text = "Cannot delete protected DB Instance, please disable deletion protection and try again."
            raise AwsError("InvalidParameterCombination", text)
        cluster = cluster_of(ctx, record)
        if cluster is not None:
            self._check_leaving(ctx, record, cluster)

    @staticmethod
    def _check_leaving(ctx: Context, record: Record, cluster: Record) -> None:
        phases.refuse_stopped(cluster)
        group = global_clusters.of(ctx, cluster)
        rest = [m for m in members(ctx, cluster.id) if m is not record and m.state != "deleting"]
        if group is None or rest or cluster.data.get("read_only"):
            return
        if global_clusters.others(group, cluster.arn):
            # The sentence: github.com/rebuy-de/aws-nuke/issues/570
            text = (
                "Cannot delete the last instance of the master cluster. Delete the replica cluster before deleting "
                "the last master cluster instance."
            )
            raise AwsError("InvalidDBClusterStateFault", text)

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        if action == "create":
            events.note(ctx.world, record, "creation", "DB instance created")

    def deleting(self, ctx: Context, record: Record) -> None:
        """A reader takes over from a writer that goes, the one of the lowest tier first."""
        cluster = cluster_of(ctx, record)
        if cluster is None or not record.data.get("writer"):
            return
        rest = [m for m in members(ctx, cluster.id) if m is not record and m.state == "available"]
        if rest:
            chosen = min(rest, key=lambda m: int(m.properties.get("PromotionTier", 1)))
            phases.promote(ctx, cluster.id, chosen.id)

    def last_copy(self, ctx: Context, record: Record) -> None:
        if cluster_of(ctx, record) is None:
            raise not_supported("A snapshot of an instance outside a cluster")


def cluster_of(ctx: Context, record: Record) -> Record | None:
    id = str(record.properties.get("DBClusterIdentifier", "")).lower()
    return ctx.store.get(ctx.account, ctx.region, CLUSTER, id) if id else None

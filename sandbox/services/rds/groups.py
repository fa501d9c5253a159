"""Subnet groups, and what they share with parameter groups."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds.common import (
    CLUSTER,
    INSTANCE,
    SUBNET_GROUP,
    filtered,
    find,
    page,
    picked,
    tags_of,
    vpc_of,
)
from sandbox.store import Record


class NamedGroup(ResourceType):
    """A group that clusters or instances use by name; names are lower case."""

    taken = ("AlreadyExists", "{} already exists")
    users: tuple[tuple[str, str], ...] = ()
    in_use = ("InvalidState", "{} is used by {}")

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return super().identify(ctx, properties, hint).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = str(properties.get(self.schema.primary_identifier[0], "")).lower()
        if id and ctx.store.get(ctx.account, ctx.region, self.name, id):
            raise AwsError(self.taken[0], self.taken[1].format(id))

    def check_delete(self, ctx: Context, record: Record) -> None:
        for type_name, member in self.users:
            for user in ctx.store.list(ctx.account, ctx.region, type_name):
                if str(user.properties.get(member, "")).lower() == record.id:
                    raise AwsError(self.in_use[0], self.in_use[1].format(record.id, user.id))


@resource_type(SUBNET_GROUP)
class SubnetGroup(NamedGroup):
    """Subnets of at least two Availability Zones."""

    state_ready = "Complete"
    taken = ("DBSubnetGroupAlreadyExists", "The DB subnet group '{}' already exists.")
    users = ((CLUSTER, "DBSubnetGroupName"), (INSTANCE, "DBSubnetGroupName"))
    in_use = (
        "InvalidDBSubnetGroupStateFault",
        "Cannot delete the subnet group '{}' because at least one database instance: {} is still using it.",
    )

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        super().check_create(ctx, properties)
        self.check_subnets(ctx, properties["SubnetIds"])

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self.check_subnets(ctx, properties["SubnetIds"])

    @staticmethod
    def check_subnets(ctx: Context, ids: list[str]) -> None:
        records = [ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id) for id in ids]
        missing = [id for id, record in zip(ids, records, strict=True) if record is None]
        if missing:
            text = f"Some input subnets in :[{', '.join(missing)}] are invalid."
            raise AwsError("InvalidParameterValue", text)
        zones = {r.get("AvailabilityZone") for r in records if r is not None}
        if len(zones) < 2:
            raise AwsError(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
                f"{', '.join(str(z) for z in zones)}. Add subnets to cover at least 2 AZs.",
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"DBSubnetGroupArn": record.arn}
        record.data["vpc"] = vpc_of(ctx, record.properties["SubnetIds"])


def subnet_group_shape(ctx: Context, record: Record) -> dict[str, Any]:
    """DBSubnetGroup."""
    subnets = []
    for id in record.properties["SubnetIds"]:
        subnet = ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id)
        zone = subnet.get("AvailabilityZone", "") if subnet else ""
        subnets.append(
            {"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetStatus": "Active"}
        )
    return {
        "DBSubnetGroupName": record.id,
        "DBSubnetGroupDescription": record.properties["DBSubnetGroupDescription"],
        "VpcId": record.data.get("vpc", ""),
        "SubnetGroupStatus": "Complete",
        "Subnets": subnets,
        "DBSubnetGroupArn": record.arn,
        "SupportedNetworkTypes": ["IPV4"],
    }


@operation("rds", "CreateDBSubnetGroup")
def create_subnet_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("DBSubnetGroupName", "DBSubnetGroupDescription", "SubnetIds")
    record = ctx.world.create(ctx, SUBNET_GROUP, picked(params, names), tags=tags_of(params), at_once=True)
    return {"DBSubnetGroup": subnet_group_shape(ctx, record)}


@operation("rds", "ModifyDBSubnetGroup")
def modify_subnet_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, SUBNET_GROUP, params["DBSubnetGroupName"])
    changes = picked(params, ("DBSubnetGroupDescription", "SubnetIds"))
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"DBSubnetGroup": subnet_group_shape(ctx, record)}


@operation("rds", "DeleteDBSubnetGroup")
def delete_subnet_group(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, find(ctx, SUBNET_GROUP, params["DBSubnetGroupName"]), at_once=True)


@operation("rds", "DescribeDBSubnetGroups")
def describe_subnet_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("DBSubnetGroupName")
    records = (
        [find(ctx, SUBNET_GROUP, name)] if name else ctx.store.list(ctx.account, ctx.region, SUBNET_GROUP)
    )
    records = filtered(records, params, {})
    return page(records, params, "DBSubnetGroups", lambda r: subnet_group_shape(ctx, r))

"""Subnet groups and parameter groups."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds.common import (
    CLUSTER,
    CLUSTER_PARAMETERS,
    INSTANCE,
    INSTANCE_PARAMETERS,
    SUBNET_GROUP,
    filtered,
    find,
    page,
    picked,
    tags_of,
    vpc_of,
)
from sandbox.services.rds.engines import FAMILIES, family_of
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


# -- parameter groups


class ParameterGroup(NamedGroup):
    """Engine parameters by name."""

    taken = ("DBParameterGroupAlreadyExists", "Parameter group {} already exists")
    in_use = (
        "InvalidDBParameterGroupState",
        "One or more database instances are still members of this parameter group {}, so the group cannot be deleted",
    )

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        super().check_create(ctx, properties)
        if properties["Family"] not in FAMILIES:
            text = f"ParameterGroupFamily {properties['Family']} is not a valid parameter group family"
            raise AwsError("InvalidParameterValue", text)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.id.startswith("default."):
            raise AwsError(
                "InvalidDBParameterGroupState", f"Default parameter group {record.id} cannot be deleted"
            )
        super().check_delete(ctx, record)


@resource_type(CLUSTER_PARAMETERS)
class ClusterParameterGroup(ParameterGroup):
    """Parameters of clusters."""

    users = ((CLUSTER, "DBClusterParameterGroupName"),)


@resource_type(INSTANCE_PARAMETERS)
class InstanceParameterGroup(ParameterGroup):
    """Parameters of instances."""

    users = ((INSTANCE, "DBParameterGroupName"), (CLUSTER, "DBInstanceParameterGroupName"))

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"DBParameterGroupArn": record.arn}


# word in the API's names: type
KINDS = {"DBCluster": CLUSTER_PARAMETERS, "DB": INSTANCE_PARAMETERS}


def _kind(ctx: Context) -> str:
    return "DBCluster" if "DBCluster" in ctx.operation else "DB"


def _named(ctx: Context, params: dict[str, Any]) -> Record:
    kind = _kind(ctx)
    name = params[f"{kind}ParameterGroupName"]
    _ensure_default(ctx, KINDS[kind], name)
    return find(ctx, KINDS[kind], name)


def _ensure_default(ctx: Context, type_name: str, name: str) -> None:
    """A family's default group is there as soon as somebody asks for it."""
    family = name.removeprefix("default.")
    if family == name or family not in FAMILIES or ctx.store.get(ctx.account, ctx.region, type_name, name):
        return
    text = f"Default {'cluster ' if type_name == CLUSTER_PARAMETERS else ''}parameter group for {family}"
    properties = {"Family": family, "Description": text, "Parameters": {}}
    properties[f"{'DBCluster' if type_name == CLUSTER_PARAMETERS else 'DB'}ParameterGroupName"] = name
    ctx.world.create(ctx, type_name, properties, id=name, at_once=True)


def _refuse_default(record: Record) -> None:
    if record.id.startswith("default."):
        text = f"Cannot modify a default parameter group: {record.id}"
        raise AwsError("InvalidDBParameterGroupState", text)


def parameter_group_shape(record: Record) -> dict[str, Any]:
    """DBClusterParameterGroup or DBParameterGroup."""
    kind = "DBCluster" if record.type == CLUSTER_PARAMETERS else "DB"
    return {
        f"{kind}ParameterGroupName": record.id,
        "DBParameterGroupFamily": record.properties["Family"],
        "Description": record.properties["Description"],
        f"{kind}ParameterGroupArn": record.arn,
    }


@operation("rds", "CreateDBClusterParameterGroup", "CreateDBParameterGroup")
def create_parameter_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(ctx)
    properties = {
        f"{kind}ParameterGroupName": params[f"{kind}ParameterGroupName"],
        "Family": params["DBParameterGroupFamily"],
        "Description": params["Description"],
        "Parameters": {},
    }
    record = ctx.world.create(ctx, KINDS[kind], properties, tags=tags_of(params), at_once=True)
    return {f"{kind}ParameterGroup": parameter_group_shape(record)}


@operation("rds", "ModifyDBClusterParameterGroup", "ModifyDBParameterGroup")
def modify_parameter_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _named(ctx, params)
    _refuse_default(record)
    values = {p["ParameterName"]: p.get("ParameterValue", "") for p in params["Parameters"]}
    merged = {**(record.properties.get("Parameters") or {}), **values}
    ctx.world.update(ctx, record, {**record.properties, "Parameters": merged}, at_once=True)
    return {f"{_kind(ctx)}ParameterGroupName": record.id}


@operation("rds", "ResetDBClusterParameterGroup", "ResetDBParameterGroup")
def reset_parameter_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _named(ctx, params)
    values = dict(record.properties.get("Parameters") or {})
    if params.get("ResetAllParameters"):
        values = {}
    for parameter in params.get("Parameters") or ():
        values.pop(parameter["ParameterName"], None)
    ctx.world.update(ctx, record, {**record.properties, "Parameters": values}, at_once=True)
    return {f"{_kind(ctx)}ParameterGroupName": record.id}


@operation("rds", "CopyDBClusterParameterGroup", "CopyDBParameterGroup")
def copy_parameter_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(ctx)
    name = params[f"Source{kind}ParameterGroupIdentifier"].rpartition(":")[2]
    source = _named(ctx, {f"{kind}ParameterGroupName": name})
    properties = {
        **source.properties,
        f"{kind}ParameterGroupName": params[f"Target{kind}ParameterGroupIdentifier"],
        "Description": params[f"Target{kind}ParameterGroupDescription"],
    }
    record = ctx.world.create(ctx, KINDS[kind], properties, tags=tags_of(params), at_once=True)
    return {f"{kind}ParameterGroup": parameter_group_shape(record)}


@operation("rds", "DeleteDBClusterParameterGroup", "DeleteDBParameterGroup")
def delete_parameter_group(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _named(ctx, params), at_once=True)


@operation("rds", "DescribeDBClusterParameterGroups", "DescribeDBParameterGroups")
def describe_parameter_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(ctx)
    if params.get(f"{kind}ParameterGroupName"):
        records = [_named(ctx, params)]
    else:
        for cluster in ctx.store.list(ctx.account, ctx.region, CLUSTER):
            family = family_of(cluster.data["Engine"], cluster.data["EngineVersion"])
            _ensure_default(ctx, KINDS[kind], f"default.{family}")
        records = ctx.store.list(ctx.account, ctx.region, KINDS[kind])
    return page(filtered(records, params, {}), params, f"{kind}ParameterGroups", parameter_group_shape)


@operation("rds", "DescribeDBClusterParameters", "DescribeDBParameters")
def describe_parameters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were set (AWS also lists the engine's defaults: the sandbox has none)."""
    record = _named(ctx, params)
    if params.get("Source") not in (None, "user"):
        return {"Parameters": []}
    values = sorted((record.properties.get("Parameters") or {}).items())
    return page(values, params, "Parameters", _parameter)


def _parameter(item: tuple[str, Any]) -> dict[str, Any]:
    return {
        "ParameterName": item[0],
        "ParameterValue": str(item[1]),
        "Source": "user",
        "IsModifiable": True,
        "ApplyMethod": "pending-reboot",
    }

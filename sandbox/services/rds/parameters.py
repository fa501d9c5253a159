"""Parameter groups of clusters and of instances: the same operations under two names."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.services.rds.common import (
    CLUSTER,
    CLUSTER_PARAMETERS,
    INSTANCE,
    INSTANCE_PARAMETERS,
    filtered,
    find,
    page,
    tags_of,
)
from sandbox.services.rds.engines import FAMILIES, family_of
from sandbox.services.rds.groups import NamedGroup
from sandbox.store import Record


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

"""Systems Manager: parameters."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.store import Record

TYPE = "AWS::SSM::Parameter"


@resource_type(TYPE)
class Parameter(ResourceType):
    """A parameter; its value and version are in properties and data."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("ssm", f"parameter/{id.lstrip('/')}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("Name")
        if name and ctx.store.get(ctx.account, ctx.region, TYPE, name):
            raise AwsError(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request "
                "to true.",
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.data["Version"] = 1
        record.attributes = {"Type": record.properties["Type"], "Value": record.properties["Value"]}

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.data["Version"] += 1
        record.attributes = {"Type": record.properties["Type"], "Value": record.properties["Value"]}


def _find(ctx: Context, name: str) -> Record:
    plain = name.removeprefix(ctx.arn("ssm", "parameter"))
    for candidate in (plain, plain.lstrip("/")):
        record = ctx.store.get(ctx.account, ctx.region, TYPE, candidate.partition(":")[0])
        if record is not None:
            return record
    raise AwsError("ParameterNotFound", f"Parameter {name} not found.")


def _shape(record: Record) -> dict[str, Any]:
    return {
        "Name": record.id,
        "Type": record.properties["Type"],
        "Value": record.properties["Value"],
        "Version": record.data["Version"],
        "LastModifiedDate": record.updated_at,
        "ARN": record.arn,
        "DataType": record.properties.get("DataType", "text"),
    }


@operation("ssm", "PutParameter")
def put_parameter(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("Name", "Value", "Type", "Description", "AllowedPattern", "Tier", "Policies", "DataType")
    properties = {n: params[n] for n in names if n in params}
    record = ctx.store.get(ctx.account, ctx.region, TYPE, params["Name"])
    if record is not None and params.get("Overwrite"):
        ctx.world.update(ctx, record, {**record.properties, **properties}, at_once=True)
    else:
        properties.setdefault("Type", "String")
        tags = tags_from(params.get("Tags"))
        record = ctx.world.create(ctx, TYPE, properties, tags=tags, at_once=True)
    return {"Version": record.data["Version"], "Tier": record.properties.get("Tier", "Standard")}


@operation("ssm", "GetParameter")
def get_parameter(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Parameter": _shape(_find(ctx, params["Name"]))}


@operation("ssm", "GetParameters")
def get_parameters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found, invalid = [], []
    for name in params["Names"]:
        try:
            found.append(_shape(_find(ctx, name)))
        except AwsError:
            invalid.append(name)
    return {"Parameters": found, "InvalidParameters": invalid}


@operation("ssm", "GetParametersByPath")
def get_parameters_by_path(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    path = params["Path"].rstrip("/") + "/"
    found = []
    for record in ctx.store.list(ctx.account, ctx.region, TYPE):
        rest = record.id.removeprefix(path)
        if record.id.startswith(path) and (params.get("Recursive") or "/" not in rest):
            found.append(_shape(record))
    return {"Parameters": sorted(found, key=lambda p: str(p["Name"]))}


@operation("ssm", "DescribeParameters")
def describe_parameters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(ctx.account, ctx.region, TYPE)
    for rule in params.get("ParameterFilters", ()):
        if rule["Key"] == "Name":
            begins = rule.get("Option") == "BeginsWith"
            values = rule.get("Values", [])
            records = [r for r in records if any(r.id.startswith(v) if begins else v in r.id for v in values)]
    return {
        "Parameters": [{k: v for k, v in _shape(r).items() if k != "Value"} for r in records],
    }


@operation("ssm", "DeleteParameter")
def delete_parameter(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _find(ctx, params["Name"]), at_once=True)


@operation("ssm", "DeleteParameters")
def delete_parameters(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    deleted, invalid = [], []
    for name in params["Names"]:
        try:
            ctx.world.delete(ctx, _find(ctx, name), at_once=True)
            deleted.append(name)
        except AwsError:
            invalid.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


@operation("ssm", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"TagList": tag_list(_find(ctx, params["ResourceId"]).tags)}


@operation("ssm", "AddTagsToResource")
def add_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["ResourceId"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("ssm", "RemoveTagsFromResource")
def remove_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["ResourceId"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)

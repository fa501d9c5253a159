"""What else belongs to a pool: groups, resource servers, risk configurations."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services._listing import page
from sandbox.services.cognito_idp import replication
from sandbox.services.cognito_idp.names import (
    GROUP,
    RESOURCE_SERVER,
    RISK,
    USER,
    client_get,
    invalid,
    not_found,
    of_pool,
    part_id,
    pool_get,
)
from sandbox.store import Record


class Part(ResourceType):
    """Something of a pool with a name of its own. Its id is `<pool>|<name>`; Ref answers the name."""

    called = ""
    """The property that names it."""
    operations = ("", "")
    """The operations that create and change it."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get(self.called) or f"{hint}-{random_name(12)}"
        properties[self.called] = name
        return part_id(properties["UserPoolId"], name)

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def ref(self, record: Record) -> str:
        return str(record.properties[self.called])

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool = pool_get(ctx, properties["UserPoolId"], self.operations[0])
        name = properties.get(self.called)
        if name and ctx.store.get(pool.account, pool.region, self.name, part_id(pool.id, name)):
            raise self.taken(name)

    def taken(self, name: str) -> AwsError:
        """The refusal of a name that there is already."""
        return invalid(f"{name} already exists.")

    def created(self, ctx: Context, record: Record) -> None:
        record.properties.setdefault(self.called, record.id.partition("|")[2])
        replication.spread(ctx.world, record)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        pool_get(ctx, record.properties["UserPoolId"], self.operations[1])

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault(self.called, before[self.called])
        replication.spread(ctx.world, record)

    def deleted(self, ctx: Context, record: Record) -> None:
        replication.remove(ctx.world, record)


@resource_type(GROUP)
class Group(Part):
    """A group; its members carry its name in data["groups"]."""

    called = "GroupName"
    operations = ("CreateGroup", "UpdateGroup")

    def taken(self, name: str) -> AwsError:
        return AwsError("GroupExistsException", "A group with the name already exists.")

    def deleted(self, ctx: Context, record: Record) -> None:
        for user in ctx.store.list(record.account, record.region, USER):
            mine = user.data["pool"] == record.properties["UserPoolId"]
            if mine and record.properties[self.called] in user.data["groups"]:
                user.data["groups"].remove(record.properties[self.called])
                replication.put(ctx.world, user)
        super().deleted(ctx, record)


@resource_type(RESOURCE_SERVER)
class ResourceServer(Part):
    """A resource server with its scopes."""

    called = "Identifier"
    operations = ("CreateResourceServer", "UpdateResourceServer")


@resource_type(RISK)
class RiskConfiguration(Part):
    """Threat protection's settings of a client, or (ClientId ALL) of the pool. They are kept, and decide nothing."""

    called = "ClientId"
    operations = ("SetRiskConfiguration", "SetRiskConfiguration")

    def ref(self, record: Record) -> str:
        return f"UserPoolRiskConfigurationAttachment-{record.id.replace('|', '-')}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        super().check_create(ctx, properties)
        pool = pool_get(ctx, properties["UserPoolId"], self.operations[0])
        if properties["ClientId"] != "ALL":
            client_get(ctx, pool, properties["ClientId"])


def _find(ctx: Context, type_name: str, params: dict[str, Any], name: str, told: str) -> Record:
    pool = pool_get(ctx, params["UserPoolId"])
    record = ctx.store.get(pool.account, pool.region, type_name, part_id(pool.id, name))
    if record is None:
        raise not_found(told)
    return record


def _page(records: list[Record], params: dict[str, Any], size: str) -> tuple[list[Record], str | None]:
    token = params.get("NextToken")
    return page(records, params.get(size), token, most=60, code="InvalidParameterException")


def _given(params: dict[str, Any], *names: str) -> dict[str, Any]:
    return {n: params[n] for n in names if params.get(n) is not None}


# -- groups

_GROUP = ("UserPoolId", "GroupName", "Description", "RoleArn", "Precedence")


def group_shape(record: Record) -> dict[str, Any]:
    """GroupType."""
    return {
        **_given(record.properties, *_GROUP),
        "LastModifiedDate": record.updated_at,
        "CreationDate": record.created_at,
    }


def group_get(ctx: Context, params: dict[str, Any]) -> Record:
    """The group that a request names. Raises ResourceNotFoundException."""
    return _find(ctx, GROUP, params, params["GroupName"], "Group not found.")


@operation("cognito-idp", "CreateGroup")
def create_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, GROUP, _given(params, *_GROUP), at_once=True)
    return {"Group": group_shape(record)}


@operation("cognito-idp", "GetGroup")
def get_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Group": group_shape(group_get(ctx, params))}


@operation("cognito-idp", "UpdateGroup")
def update_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = group_get(ctx, params)
    ctx.world.update(ctx, record, {**record.properties, **_given(params, *_GROUP)}, at_once=True)
    return {"Group": group_shape(record)}


@operation("cognito-idp", "DeleteGroup")
def delete_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, group_get(ctx, params), at_once=True)
    return {}


@operation("cognito-idp", "ListGroups")
def list_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records, following = _page(of_pool(ctx, pool_get(ctx, params["UserPoolId"]), GROUP), params, "Limit")
    return {"Groups": [group_shape(r) for r in records], "NextToken": following}


# -- resource servers

_SERVER = ("UserPoolId", "Identifier", "Name", "Scopes")


def _server(ctx: Context, params: dict[str, Any]) -> Record:
    return _find(
        ctx,
        RESOURCE_SERVER,
        params,
        params["Identifier"],
        f"Resource server {params['Identifier']} does not exist.",
    )


@operation("cognito-idp", "CreateResourceServer")
def create_resource_server(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, RESOURCE_SERVER, _given(params, *_SERVER), at_once=True)
    return {"ResourceServer": _given(record.properties, *_SERVER)}


@operation("cognito-idp", "DescribeResourceServer")
def describe_resource_server(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"ResourceServer": _given(_server(ctx, params).properties, *_SERVER)}


@operation("cognito-idp", "UpdateResourceServer")
def update_resource_server(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _server(ctx, params)
    ctx.world.update(ctx, record, _given(params, *_SERVER), at_once=True)
    return {"ResourceServer": _given(record.properties, *_SERVER)}


@operation("cognito-idp", "DeleteResourceServer")
def delete_resource_server(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, _server(ctx, params), at_once=True)
    return {}


@operation("cognito-idp", "ListResourceServers")
def list_resource_servers(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = of_pool(ctx, pool_get(ctx, params["UserPoolId"]), RESOURCE_SERVER)
    records, following = _page(found, params, "MaxResults")
    return {"ResourceServers": [_given(r.properties, *_SERVER) for r in records], "NextToken": following}


# -- risk configurations

_RISK = (
    "CompromisedCredentialsRiskConfiguration",
    "AccountTakeoverRiskConfiguration",
    "RiskExceptionConfiguration",
)


def _risk_shape(pool: str, client: str | None, record: Record | None) -> dict[str, Any]:
    shape = {"UserPoolId": pool, **(_given(record.properties, *_RISK) if record is not None else {})}
    return {**shape, **({"ClientId": client} if client else {})}


@operation("cognito-idp", "SetRiskConfiguration")
def set_risk_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = pool_get(ctx, params["UserPoolId"]), params.get("ClientId")
    properties = {"UserPoolId": pool.id, "ClientId": client or "ALL", **_given(params, *_RISK)}
    record = ctx.store.get(pool.account, pool.region, RISK, part_id(pool.id, client or "ALL"))
    if record is None:
        record = ctx.world.create(ctx, RISK, properties, at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)
    return {"RiskConfiguration": _risk_shape(pool.id, client, record)}


@operation("cognito-idp", "DescribeRiskConfiguration")
def describe_risk_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = pool_get(ctx, params["UserPoolId"]), params.get("ClientId")
    record = ctx.store.get(pool.account, pool.region, RISK, part_id(pool.id, client or "ALL"))
    return {"RiskConfiguration": _risk_shape(pool.id, client, record)}

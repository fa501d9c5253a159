"""The API on proxies."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.rds.common import (
    CLUSTER,
    INSTANCE,
    PROXY,
    PROXY_ENDPOINT,
    filtered,
    find,
    page,
    picked,
    tags_of,
)
from sandbox.services.rds.proxies import refuse_group, targets
from sandbox.store import Record

POOL = {"MaxConnectionsPercent": 100, "MaxIdleConnectionsPercent": 50, "ConnectionBorrowTimeout": 120}
CREATE = (
    "DBProxyName",
    "EngineFamily",
    "Auth",
    "RoleArn",
    "VpcSubnetIds",
    "VpcSecurityGroupIds",
    "RequireTLS",
    "IdleClientTimeout",
    "DebugLogging",
)


def proxy_shape(record: Record) -> dict[str, Any]:
    """DBProxy."""
    properties = record.properties
    return {
        "DBProxyName": record.id,
        "DBProxyArn": record.arn,
        "Status": record.state,
        "EngineFamily": properties["EngineFamily"],
        "VpcId": record.attributes["VpcId"],
        "VpcSecurityGroupIds": properties.get("VpcSecurityGroupIds", []),
        "VpcSubnetIds": properties["VpcSubnetIds"],
        "Auth": properties.get("Auth", []),
        "RoleArn": properties["RoleArn"],
        "Endpoint": record.attributes["Endpoint"],
        "RequireTLS": bool(properties.get("RequireTLS")),
        "IdleClientTimeout": int(properties.get("IdleClientTimeout") or 1800),
        "DebugLogging": bool(properties.get("DebugLogging")),
        "CreatedDate": record.created_at,
        "UpdatedDate": record.updated_at,
    }


def endpoint_shape(record: Record) -> dict[str, Any]:
    """DBProxyEndpoint."""
    properties = record.properties
    return {
        "DBProxyEndpointName": record.id,
        "DBProxyEndpointArn": record.arn,
        "DBProxyName": str(properties["DBProxyName"]).lower(),
        "Status": record.state,
        "VpcId": record.attributes["VpcId"],
        "VpcSecurityGroupIds": properties.get("VpcSecurityGroupIds", []),
        "VpcSubnetIds": properties["VpcSubnetIds"],
        "Endpoint": record.attributes["Endpoint"],
        "CreatedDate": record.created_at,
        "TargetRole": properties.get("TargetRole", "READ_WRITE"),
        "IsDefault": False,
    }


@operation("rds", "CreateDBProxy")
def create_proxy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.world.create(ctx, PROXY, picked(params, CREATE), tags=tags_of(params))
    return {"DBProxy": proxy_shape(record)}


@operation("rds", "DescribeDBProxies")
def describe_proxies(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("DBProxyName")
    records = [find(ctx, PROXY, name)] if name else ctx.store.list(ctx.account, ctx.region, PROXY)
    return page(filtered(records, params, {}), params, "DBProxies", proxy_shape)


@operation("rds", "ModifyDBProxy")
def modify_proxy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, PROXY, params["DBProxyName"])
    changes = picked(params, ("Auth", "RoleArn", "RequireTLS", "IdleClientTimeout", "DebugLogging"))
    if params.get("SecurityGroups") is not None:
        changes["VpcSecurityGroupIds"] = params["SecurityGroups"]
    ctx.world.update(ctx, record, {**record.properties, **changes})
    return {"DBProxy": proxy_shape(record)}


@operation("rds", "DeleteDBProxy")
def delete_proxy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, PROXY, params["DBProxyName"])
    if record.state == "deleting":
        raise AwsError("InvalidDBProxyStateFault", f"DB proxy {record.id} is being deleted.")
    ctx.world.delete(ctx, record)
    return {"DBProxy": proxy_shape(record)}


def _group_shape(record: Record) -> dict[str, Any]:
    return {
        "DBProxyName": record.id,
        "TargetGroupName": "default",
        "TargetGroupArn": record.data["target_group"],
        "IsDefault": True,
        "Status": "available",
        "ConnectionPoolConfig": {**POOL, **record.data["pool"]},
        "CreatedDate": record.created_at,
        "UpdatedDate": record.updated_at,
    }


@operation("rds", "DescribeDBProxyTargetGroups")
def describe_target_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    refuse_group(params.get("TargetGroupName"))
    return page([find(ctx, PROXY, params["DBProxyName"])], params, "TargetGroups", _group_shape)


@operation("rds", "ModifyDBProxyTargetGroup")
def modify_target_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    refuse_group(params["TargetGroupName"])
    record = find(ctx, PROXY, params["DBProxyName"])
    record.data["pool"] = {**record.data["pool"], **(params.get("ConnectionPoolConfig") or {})}
    ctx.store.put(record)
    return {"DBProxyTargetGroup": _group_shape(record)}


@operation("rds", "DescribeDBProxyTargets")
def describe_targets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    refuse_group(params.get("TargetGroupName"))
    proxy = find(ctx, PROXY, params["DBProxyName"])
    return page(targets(ctx, proxy), params, "Targets", lambda t: t)


@operation("rds", "RegisterDBProxyTargets")
def register_targets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    refuse_group(params.get("TargetGroupName"))
    proxy = find(ctx, PROXY, params["DBProxyName"])
    clusters = [find(ctx, CLUSTER, id).id for id in params.get("DBClusterIdentifiers") or ()]
    instances = [find(ctx, INSTANCE, id).id for id in params.get("DBInstanceIdentifiers") or ()]
    if proxy.data["clusters"] or proxy.data["instances"]:
        text = "The proxy is already associated with a DB instance or cluster."
        raise AwsError("DBProxyTargetAlreadyRegisteredFault", text)
    proxy.data.update(clusters=clusters, instances=instances)
    ctx.store.put(proxy)
    return {"DBProxyTargets": targets(ctx, proxy)}


@operation("rds", "DeregisterDBProxyTargets")
def deregister_targets(ctx: Context, params: dict[str, Any]) -> None:
    refuse_group(params.get("TargetGroupName"))
    proxy = find(ctx, PROXY, params["DBProxyName"])
    for kind, member in (("clusters", "DBClusterIdentifiers"), ("instances", "DBInstanceIdentifiers")):
        gone = {id.lower() for id in params.get(member) or ()}
        if gone - set(proxy.data[kind]):
            raise AwsError(
                "DBProxyTargetNotFoundFault", f"Target {', '.join(sorted(gone))} is not registered."
            )
        proxy.data[kind] = [id for id in proxy.data[kind] if id not in gone]
    ctx.store.put(proxy)


@operation("rds", "CreateDBProxyEndpoint")
def create_proxy_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("DBProxyName", "DBProxyEndpointName", "VpcSubnetIds", "VpcSecurityGroupIds", "TargetRole")
    record = ctx.world.create(ctx, PROXY_ENDPOINT, picked(params, names), tags=tags_of(params))
    return {"DBProxyEndpoint": endpoint_shape(record)}


@operation("rds", "DescribeDBProxyEndpoints")
def describe_proxy_endpoints(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("DBProxyEndpointName")
    records = (
        [find(ctx, PROXY_ENDPOINT, name)] if name else ctx.store.list(ctx.account, ctx.region, PROXY_ENDPOINT)
    )
    if params.get("DBProxyName"):
        proxy = find(ctx, PROXY, params["DBProxyName"])
        records = [r for r in records if str(r.properties["DBProxyName"]).lower() == proxy.id]
    return page(filtered(records, params, {}), params, "DBProxyEndpoints", endpoint_shape)


@operation("rds", "ModifyDBProxyEndpoint")
def modify_proxy_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, PROXY_ENDPOINT, params["DBProxyEndpointName"])
    changes = picked(params, ("VpcSecurityGroupIds",))
    ctx.world.update(ctx, record, {**record.properties, **changes})
    return {"DBProxyEndpoint": endpoint_shape(record)}


@operation("rds", "DeleteDBProxyEndpoint")
def delete_proxy_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, PROXY_ENDPOINT, params["DBProxyEndpointName"])
    ctx.world.delete(ctx, record)
    return {"DBProxyEndpoint": endpoint_shape(record)}

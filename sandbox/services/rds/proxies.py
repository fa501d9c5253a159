"""RDS Proxy: proxies, their one target group, its targets by role, and further endpoints."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_hex
from sandbox.services.ec2.interfaces import hold, release
from sandbox.services.rds.clusters import members, writer
from sandbox.services.rds.common import (
    CLUSTER,
    INSTANCE,
    PROXY,
    PROXY_ENDPOINT,
    TARGET_GROUP,
    find,
    host,
    refuse_identifier,
    vpc_of,
)
from sandbox.services.secretsmanager import secrets
from sandbox.store import Record

GONE = ("stopping", "stopped", "starting", "rebooting", "deleting")
ROLES = ("READ_WRITE", "READ_ONLY")


def refuse_subnets(ctx: Context, ids: list[str]) -> None:
    """Refuse subnets that do not exist or lie in one Availability Zone."""
    zones = set()
    for id in ids:
        subnet = ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id)
        if subnet is None:
            raise AwsError("InvalidSubnet", f"The subnet {id} does not exist.")
        zones.add(subnet.get("AvailabilityZone"))
    if len(zones) < 2:
        raise AwsError(
            "InvalidSubnet", "At least two subnets in different Availability Zones must be specified."
        )


@resource_type(PROXY)
class Proxy(ResourceType):
    """A proxy. data: target_group (ARN), clusters and instances that it targets, pool (its settings)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["DBProxyName"]).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["DBProxyName"]
        refuse_identifier("DBProxyName", name)
        if ctx.store.get(ctx.account, ctx.region, PROXY, name.lower()):
            raise AwsError("DBProxyAlreadyExistsFault", f"DB proxy {name} already exists.")
        refuse_subnets(ctx, properties["VpcSubnetIds"])

    def created(self, ctx: Context, record: Record) -> None:
        vpc = vpc_of(ctx, record.properties["VpcSubnetIds"])
        record.attributes = {
            "DBProxyArn": record.arn,
            "Endpoint": host(ctx, record.id, "proxy-"),
            "VpcId": vpc,
        }
        record.data.update(
            target_group=ctx.arn("rds", f"target-group:prx-tg-{random_hex(17)}"),
            clusters=[],
            instances=[],
            pool={},
        )

        for subnet in record.properties["VpcSubnetIds"]:
            hold(
                ctx,
                subnet,
                owner=record.arn,
                description=f"Network interface for DBProxy {record.id}",
                groups=record.properties.get("VpcSecurityGroupIds") or None,
                requester="amazon-rds",
            )

    def deleted(self, ctx: Context, record: Record) -> None:
        """Its endpoints and target group go with it (user guide, RDS Proxy endpoints)."""
        release(ctx, record.arn)
        for kind in (PROXY_ENDPOINT, TARGET_GROUP):
            for other in ctx.store.list(record.account, record.region, kind):
                if str(other.properties.get("DBProxyName", "")).lower() == record.id:
                    ctx.store.remove(other)


@resource_type(TARGET_GROUP)
class TargetGroup(ResourceType):
    """CloudFormation's hold on a proxy's default target group, which the proxy brings: it registers the targets."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(find(ctx, PROXY, properties["DBProxyName"]).data["target_group"])

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        proxy = find(ctx, PROXY, properties["DBProxyName"])
        self._check(ctx, properties)
        if ctx.store.get(ctx.account, ctx.region, TARGET_GROUP, proxy.data["target_group"]):
            raise AwsError(
                "DBProxyTargetAlreadyRegisteredFault", "The proxy is already associated with its targets."
            )

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    @staticmethod
    def _check(ctx: Context, properties: dict[str, Any]) -> None:
        refuse_group(properties["TargetGroupName"])
        for id in properties.get("DBClusterIdentifiers") or ():
            find(ctx, CLUSTER, id)
        for id in properties.get("DBInstanceIdentifiers") or ():
            find(ctx, INSTANCE, id)

    def created(self, ctx: Context, record: Record) -> None:
        wanted = record.properties
        proxy = find(ctx, PROXY, wanted["DBProxyName"])
        proxy.data["clusters"] = [i.lower() for i in wanted.get("DBClusterIdentifiers") or ()]
        proxy.data["instances"] = [i.lower() for i in wanted.get("DBInstanceIdentifiers") or ()]
        proxy.data["pool"] = dict(wanted.get("ConnectionPoolConfigurationInfo") or {})
        ctx.store.put(proxy)
        record.attributes = {"TargetGroupArn": record.id}

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.created(ctx, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        proxy = ctx.store.get(ctx.account, ctx.region, PROXY, str(record.properties["DBProxyName"]).lower())
        if proxy is not None:
            proxy.data.update(clusters=[], instances=[])
            ctx.store.put(proxy)


@resource_type(PROXY_ENDPOINT)
class ProxyEndpoint(ResourceType):
    """A further endpoint of a proxy, for writing or for reading only."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["DBProxyEndpointName"]).lower()

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["DBProxyEndpointName"]
        refuse_identifier("DBProxyEndpointName", name)
        proxy = find(ctx, PROXY, properties["DBProxyName"])
        if proxy.state != "available":
            text = f"DB proxy {proxy.id} is in an invalid state: {proxy.state}."
            raise AwsError("InvalidDBProxyStateFault", text)
        if ctx.store.get(ctx.account, ctx.region, PROXY_ENDPOINT, name.lower()):
            raise AwsError("DBProxyEndpointAlreadyExistsFault", f"DB proxy endpoint {name} already exists.")
        refuse_subnets(ctx, properties["VpcSubnetIds"])

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {
            "DBProxyEndpointArn": record.arn,
            "Endpoint": host(ctx, record.id, "endpoint.proxy-"),
            "VpcId": vpc_of(ctx, record.properties["VpcSubnetIds"]),
            "IsDefault": False,
        }


def refuse_group(name: str | None) -> None:
    """A proxy has one target group, `default`."""
    if name not in (None, "default"):
        raise AwsError("DBProxyTargetGroupNotFoundFault", f"Target group {name} not found.")


def targets(ctx: Context, proxy: Record) -> list[dict[str, Any]]:
    """DBProxyTarget of each cluster that is tracked, and of each instance with its role and health."""
    found: list[dict[str, Any]] = []
    for id in proxy.data["clusters"]:
        cluster = ctx.store.get(ctx.account, ctx.region, CLUSTER, id)
        if cluster is None:
            continue
        endpoint = cluster.attributes["Endpoint"]["Address"]
        port = cluster.data["Port"]
        found.append({"Endpoint": endpoint, "RdsResourceId": id, "Port": port, "Type": "TRACKED_CLUSTER"})
        first = writer(ctx, id)
        for member in members(ctx, id):
            role = ROLES[0] if member is first else ROLES[1]
            found.append({**_instance(ctx, proxy, member, role), "TrackedClusterId": id})
    for id in proxy.data["instances"]:
        instance = ctx.store.get(ctx.account, ctx.region, INSTANCE, id)
        if instance is not None:
            found.append(_instance(ctx, proxy, instance, ROLES[0]))
    return found


def _instance(ctx: Context, proxy: Record, instance: Record, role: str) -> dict[str, Any]:
    endpoint = instance.attributes["Endpoint"]
    return {
        "TargetArn": instance.arn,
        "Endpoint": endpoint["Address"],
        "RdsResourceId": instance.id,
        "Port": int(endpoint["Port"]),
        "Type": "RDS_INSTANCE",
        "Role": role,
        "TargetHealth": _health(ctx, proxy, instance),
    }


def _health(ctx: Context, proxy: Record, instance: Record) -> dict[str, str]:
    for auth in proxy.properties.get("Auth") or ():
        if not auth.get("SecretArn"):
            continue
        try:
            secrets.value_of(ctx, secrets.find(ctx, auth["SecretArn"]))
        except AwsError:
            text = f"Proxy does not have any registered credentials: {auth['SecretArn']} cannot be read."
            return {"State": "UNAVAILABLE", "Reason": "AUTH_FAILURE", "Description": text}
    if instance.state in GONE or instance.state.startswith("inaccessible"):
        text = "DBProxy Target unavailable due to an internal error"
        return {"State": "UNAVAILABLE", "Reason": "UNREACHABLE", "Description": text}
    if instance.state == "creating" or proxy.state != "available":
        text = "DBProxy Target is waiting for proxy to scale to desired capacity"
        return {"State": "REGISTERING", "Reason": "PENDING_PROXY_CAPACITY", "Description": text}
    return {"State": "AVAILABLE"}

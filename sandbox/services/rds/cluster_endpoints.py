"""A cluster's endpoints: writer, reader, and custom ones."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.rds.common import (
    CLUSTER,
    CLUSTER_ENDPOINT,
    INSTANCE,
    find,
    host,
    members,
    page,
    refuse_identifier,
    resource_id,
    tags_of,
)
from sandbox.store import Record

MOST = 5
"""Custom endpoints of a cluster (Aurora user guide, "Amazon Aurora endpoint connections")."""
KINDS = ("READER", "ANY", "WRITER")


@resource_type(CLUSTER_ENDPOINT)
class ClusterEndpoint(ResourceType):
    """A custom endpoint. properties as in the API; data: resource_id."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["DBClusterEndpointIdentifier"]).lower()

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("rds", f"cluster-endpoint:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        id = properties["DBClusterEndpointIdentifier"]
        refuse_identifier("DBClusterEndpointIdentifier", id)
        if ctx.store.get(ctx.account, ctx.region, CLUSTER_ENDPOINT, id.lower()):
            raise AwsError("DBClusterEndpointAlreadyExistsFault", f"DB cluster endpoint {id} already exists.")
        cluster = find(ctx, CLUSTER, properties["DBClusterIdentifier"])
        if len(of_cluster(ctx, cluster)) >= MOST:
            text = f"DB cluster {cluster.id} already has {MOST} custom endpoints."
            raise AwsError("DBClusterEndpointQuotaExceededFault", text)
        self._check_members(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check_members(ctx, properties)

    @staticmethod
    def _check_members(ctx: Context, properties: dict[str, Any]) -> None:
        if properties["EndpointType"] not in KINDS:
            raise AwsError("InvalidParameterValue", f"Invalid endpoint type: {properties['EndpointType']}")
        if properties.get("StaticMembers") and properties.get("ExcludedMembers"):
            text = "You can specify a list of static members or a list of excluded members, but not both."
            raise AwsError("InvalidParameterCombination", text)
        for name in ("StaticMembers", "ExcludedMembers"):
            for id in properties.get(name) or ():
                find(ctx, INSTANCE, id)

    def created(self, ctx: Context, record: Record) -> None:
        record.data["resource_id"] = resource_id("cluster-endpoint-")
        record.attributes["Endpoint"] = host(ctx, record.id, "cluster-custom-")


def of_cluster(ctx: Context, cluster: Record) -> list[Record]:
    records = ctx.store.list(cluster.account, cluster.region, CLUSTER_ENDPOINT)
    return [r for r in records if str(r.properties["DBClusterIdentifier"]).lower() == cluster.id]


def custom(ctx: Context, cluster: Record) -> list[str]:
    """Addresses of the custom endpoints."""
    return [r.attributes["Endpoint"] for r in of_cluster(ctx, cluster)]


def reached(ctx: Context, endpoint: Record) -> list[Record]:
    """The instances that a custom endpoint leads to now: static ones, or all but the excluded ones."""
    given = endpoint.properties
    static = {i.lower() for i in given.get("StaticMembers") or ()}
    excluded = {i.lower() for i in given.get("ExcludedMembers") or ()}
    found = members(ctx, str(given["DBClusterIdentifier"]).lower())
    return [m for m in found if (m.id in static if static else m.id not in excluded)]


def shape(record: Record) -> dict[str, Any]:
    """DBClusterEndpoint of a custom endpoint."""
    given = record.properties
    return {
        "DBClusterEndpointIdentifier": record.id,
        "DBClusterIdentifier": str(given["DBClusterIdentifier"]).lower(),
        "DBClusterEndpointResourceIdentifier": record.data["resource_id"],
        "Endpoint": record.attributes["Endpoint"],
        "Status": record.state,
        "EndpointType": "CUSTOM",
        "CustomEndpointType": given["EndpointType"],
        "StaticMembers": given.get("StaticMembers") or [],
        "ExcludedMembers": given.get("ExcludedMembers") or [],
        "DBClusterEndpointArn": record.arn,
    }


@operation("rds", "CreateDBClusterEndpoint")
def create_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = {k: v for k, v in params.items() if k != "Tags"}
    return shape(ctx.world.create(ctx, CLUSTER_ENDPOINT, given, tags=tags_of(params)))


@operation("rds", "ModifyDBClusterEndpoint")
def modify_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER_ENDPOINT, params["DBClusterEndpointIdentifier"])
    if record.pending:
        text = f"DB cluster endpoint {record.id} is in {record.state} state."
        raise AwsError("InvalidDBClusterEndpointStateFault", text)
    kept = {
        n: params[n]
        for n in ("EndpointType", "StaticMembers", "ExcludedMembers")
        if params.get(n) is not None
    }
    # Either list takes the place of the other (user guide, custom endpoints).
    rest = dict(record.properties)
    if "StaticMembers" in kept or "ExcludedMembers" in kept:
        rest.pop("StaticMembers", None)
        rest.pop("ExcludedMembers", None)
    return shape(ctx.world.update(ctx, record, {**rest, **kept}))


@operation("rds", "DeleteDBClusterEndpoint")
def delete_endpoint(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = find(ctx, CLUSTER_ENDPOINT, params["DBClusterEndpointIdentifier"])
    return shape(ctx.world.delete(ctx, record))


def _own(cluster: Record) -> list[dict[str, Any]]:
    """The two endpoints that every cluster has."""
    inactive = "inactive" if cluster.data.get("read_only") else "available"
    return [
        {"DBClusterIdentifier": cluster.id, "Endpoint": address, "Status": status, "EndpointType": kind}
        for kind, address, status in (
            ("WRITER", cluster.attributes["Endpoint"]["Address"], inactive),
            ("READER", cluster.attributes["ReadEndpoint"]["Address"], "available"),
        )
    ]


@operation("rds", "DescribeDBClusterEndpoints")
def describe_endpoints(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name, cluster = params.get("DBClusterEndpointIdentifier"), params.get("DBClusterIdentifier")
    records = ctx.store.list(ctx.account, ctx.region, CLUSTER_ENDPOINT)
    clusters = ctx.store.list(ctx.account, ctx.region, CLUSTER)
    if cluster:
        clusters = [find(ctx, CLUSTER, cluster)]
        records = of_cluster(ctx, clusters[0])
    if name:
        records = [r for r in records if r.id == name.lower()]
    own = [] if name else [e for c in clusters for e in _own(c)]
    found = own + [shape(r) for r in records]
    for rule in params.get("Filters") or ():
        member = {
            "db-cluster-endpoint-type": "EndpointType",
            "db-cluster-endpoint-custom-type": "CustomEndpointType",
            "db-cluster-endpoint-id": "DBClusterEndpointIdentifier",
            "db-cluster-endpoint-status": "Status",
        }.get(rule["Name"])
        if member is None:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {rule['Name']}")
        wanted = {v.lower() for v in rule["Values"]}
        found = [e for e in found if str(e.get(member, "")).lower() in wanted]
    return page(found, params, "DBClusterEndpoints", lambda e: e)

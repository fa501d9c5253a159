"""Database endpoints by their names, and what a connection to one meets at this moment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.application.dark import darkness
from sandbox.errors import AwsError
from sandbox.services.rds import clusters, lagging, proxies
from sandbox.services.rds.common import CLUSTER, INSTANCE, PROXY, PROXY_ENDPOINT
from sandbox.services.secretsmanager import secrets
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.world import World

KINDS = (PROXY, PROXY_ENDPOINT, CLUSTER, INSTANCE)
SERVING = ("available", "backing-up", "modifying", "upgrading", "renaming", "configuring-enhanced-monitoring")
NO_CONNECTION = (9501, "HY000", "Timed-out waiting to acquire database connection")
NEEDS_TLS = (3159, "HY000", "This RDS Proxy requires TLS connections")
"""Both: RDS Proxy user guide, troubleshooting."""
TRANSPORT = (
    3159,
    "HY000",
    "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
)


@dataclass(frozen=True)
class Route:
    """Where a connection goes. `accounts` are the users it may log in as, with their passwords."""

    volume: str
    read_only: bool
    accounts: dict[str, str]
    tls: tuple[int, str, str] | None
    """What a connection without TLS is refused with, if it is."""
    database: str
    """The database's name as clients know it."""
    seen: float | None = None
    """The moment as of which a secondary cluster that lags has its primary's data."""


@dataclass(frozen=True)
class Refusal:
    """Why there is no connection, and how long AWS would wait before it says so."""

    code: int
    state: str
    text: str
    after_s: float = 0.0


class Dark(Exception):
    """The endpoint's region cannot be reached; `hang`: it does not even refuse."""

    def __init__(self, hang: bool, account: str, region: str) -> None:
        super().__init__("The region cannot be reached.")
        self.hang, self.account, self.region = hang, account, region


def find(world: World, name: str) -> tuple[Record, bool] | None:
    """The proxy, proxy endpoint, cluster or instance of a host name, and whether it is a reading one of a cluster."""
    wanted = name.rstrip(".").lower()
    if not wanted.endswith(".rds.amazonaws.com"):
        return None
    for kind in KINDS:
        for record in world.store.everywhere(kind):
            if _address(record.attributes.get("Endpoint")) == wanted:
                return record, False
            if kind == CLUSTER and _address(record.attributes.get("ReadEndpoint")) == wanted:
                return record, True
    return None


def _address(endpoint: Any) -> str:
    address = endpoint.get("Address", "") if isinstance(endpoint, dict) else endpoint
    return str(address or "").lower()


def port_of(world: World, record: Record) -> int:
    """The port that the endpoint listens on."""
    if record.type == CLUSTER:
        return int(record.data["Port"])
    if record.type == INSTANCE:
        return int(record.attributes["Endpoint"]["Port"])
    for cluster in _clusters_of(world, record):
        return int(cluster.data["Port"])
    return 3306


def route(world: World, name: str) -> Route | Refusal | None:
    """What a connection meets now; None: there is no such endpoint. Raises Dark."""
    found = find(world, name)
    if found is None:
        return None
    record, reading = found
    dark = darkness(world, record.account, record.region, "rds")
    if dark is not None:
        raise Dark(dark == "hang", record.account, record.region)
    ctx = world.context(record.account, record.region)
    if record.type in (PROXY, PROXY_ENDPOINT):
        return _by_proxy(ctx, record)
    return _direct(ctx, record, reading)


def _clusters_of(world: World, record: Record) -> list[Record]:
    proxy = _proxy_of(world.context(record.account, record.region), record)
    ids = proxy.data["clusters"] if proxy else []
    found = [world.store.get(record.account, record.region, CLUSTER, id) for id in ids]
    return [cluster for cluster in found if cluster is not None]


def _proxy_of(ctx: Context, record: Record) -> Record | None:
    if record.type == PROXY:
        return record
    name = str(record.properties["DBProxyName"]).lower()
    return ctx.store.get(ctx.account, ctx.region, PROXY, name)


def _by_proxy(ctx: Context, record: Record) -> Route | Refusal:
    proxy = _proxy_of(ctx, record)
    if proxy is None or record.state != "available" or proxy.state != "available":
        return Refusal(1105, "HY000", "Unknown error")
    role = str(record.properties.get("TargetRole", "READ_WRITE")) if record is not proxy else "READ_WRITE"
    borrow_s = float(proxy.data["pool"].get("ConnectionBorrowTimeout") or 120)
    accounts = _accounts(ctx, proxy)
    for target in proxies.targets(ctx, proxy):
        if target.get("Role") != role or target["TargetHealth"]["State"] != "AVAILABLE":
            continue
        instance = ctx.store.get(ctx.account, ctx.region, INSTANCE, target["RdsResourceId"])
        cluster = _cluster_of(ctx, instance)
        if cluster is None or cluster.state not in SERVING:
            continue
        master = _password(cluster)
        # The proxy itself logs in with the secret: one that the database does not know serves nobody.
        known = {u: p for u, p in accounts.items() if master is None or p == master}
        if accounts and not known:
            continue
        tls = NEEDS_TLS if proxy.properties.get("RequireTLS") else None
        read_only = role != "READ_WRITE" or not writes(cluster)
        volume, seen = lagging.read_from(ctx.world, cluster)
        return Route(volume, read_only, known, tls, str(cluster.data["DatabaseName"]), seen)
    return Refusal(*NO_CONNECTION, after_s=borrow_s)


def _accounts(ctx: Context, proxy: Record) -> dict[str, str]:
    """User names and passwords of the proxy's secrets, those that can be read."""
    accounts = {}
    for auth in proxy.properties.get("Auth") or ():
        try:
            value = secrets.value_of(ctx, secrets.find(ctx, auth["SecretArn"]))
            document = json.loads(value["SecretString"])
            accounts[str(document["username"])] = str(document["password"])
        except (AwsError, KeyError, ValueError):
            continue  # DescribeDBProxyTargets tells AUTH_FAILURE
    return accounts


def _direct(ctx: Context, record: Record, reading: bool) -> Route | Refusal:
    cluster = record if record.type == CLUSTER else _cluster_of(ctx, record)
    if cluster is None or cluster.state not in SERVING:
        return Refusal(2003, "HY000", "Can't connect to MySQL server")
    first = clusters.writer(ctx, cluster.id)
    serving = [m for m in clusters.members(ctx, cluster.id) if m.state in SERVING]
    if record.type == INSTANCE:
        serving, reading = [m for m in serving if m is record], record is not first
    elif reading:
        # The reader endpoint of a cluster without readers leads to the writer (Aurora user guide).
        readers = [m for m in serving if m is not first]
        serving, reading = readers or serving, bool(readers)
    else:
        serving = [m for m in serving if m is first]
    if not serving:
        return Refusal(2003, "HY000", "Can't connect to MySQL server")
    user, password = str(cluster.data["MasterUsername"]), _password(cluster)
    accounts = {user: password} if password is not None else {}
    secure = _parameter(ctx, cluster, "require_secure_transport") in ("ON", "1")
    volume, seen = lagging.read_from(ctx.world, cluster)
    return Route(
        volume,
        reading or not writes(cluster),
        accounts,
        TRANSPORT if secure else None,
        str(cluster.data["DatabaseName"]),
        seen,
    )


def _cluster_of(ctx: Context, instance: Record | None) -> Record | None:
    id = str(instance.properties.get("DBClusterIdentifier", "")).lower() if instance else ""
    return ctx.store.get(ctx.account, ctx.region, CLUSTER, id) if id else None


def _password(cluster: Record) -> str | None:
    """The master password in effect; None where only its secret knows it (a clone has its source's)."""
    value = cluster.data.get("master_password") or cluster.properties.get("MasterUserPassword")
    return str(value) if value else None


def _parameter(ctx: Context, cluster: Record, name: str) -> str:
    id = str(cluster.properties.get("DBClusterParameterGroupName", "")).lower()
    group = ctx.store.get(ctx.account, ctx.region, "AWS::RDS::DBClusterParameterGroup", id)
    return str((group.properties.get("Parameters") or {}).get(name, "")) if group else ""


def writes(cluster: Record) -> bool:
    """Whether the cluster takes writes: a secondary one of a global database does not (`data["read_only"]`)."""
    return not cluster.data.get("read_only")


def volumes_in(world: World, values: Iterable[str]) -> set[str]:
    """The volumes behind the database endpoints among some values (a program's variables)."""
    found = set()
    for value in values:
        if not value.endswith(".rds.amazonaws.com"):
            continue
        try:
            led = route(world, value)
        except Dark:
            continue
        if isinstance(led, Route):
            found.add(led.volume)
    return found

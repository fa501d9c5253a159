"""What the RDS modules share: finding, refusing, filters, paging, names of endpoints and resources."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.kms import keys
from sandbox.store import GLOBAL, Record

CLUSTER = "AWS::RDS::DBCluster"
INSTANCE = "AWS::RDS::DBInstance"
SUBNET_GROUP = "AWS::RDS::DBSubnetGroup"
CLUSTER_PARAMETERS = "AWS::RDS::DBClusterParameterGroup"
INSTANCE_PARAMETERS = "AWS::RDS::DBParameterGroup"
PROXY = "AWS::RDS::DBProxy"
TARGET_GROUP = "AWS::RDS::DBProxyTargetGroup"
PROXY_ENDPOINT = "AWS::RDS::DBProxyEndpoint"
SNAPSHOT = "Sandbox::RDS::DBClusterSnapshot"
BACKUP = "Sandbox::RDS::DBClusterAutomatedBackup"
GLOBAL_CLUSTER = "AWS::RDS::GlobalCluster"
CLUSTER_ENDPOINT = "Sandbox::RDS::DBClusterEndpoint"

_ALPHABET = string.ascii_lowercase + string.digits
_IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")

# resource: (wire code, AWS's sentence)
MISSING = {
    CLUSTER: ("DBClusterNotFoundFault", "DBCluster {} not found."),
    INSTANCE: ("DBInstanceNotFound", "DBInstance {} not found."),
    SUBNET_GROUP: ("DBSubnetGroupNotFoundFault", "DB subnet group '{}' does not exist."),
    CLUSTER_PARAMETERS: ("DBParameterGroupNotFound", "DBClusterParameterGroup not found: {}"),
    INSTANCE_PARAMETERS: ("DBParameterGroupNotFound", "DBParameterGroup not found: {}"),
    PROXY: ("DBProxyNotFoundFault", "DBProxy {} not found."),
    PROXY_ENDPOINT: ("DBProxyEndpointNotFoundFault", "DBProxyEndpoint {} not found."),
    SNAPSHOT: ("DBClusterSnapshotNotFoundFault", "DBClusterSnapshot not found: {}"),
    GLOBAL_CLUSTER: ("GlobalClusterNotFoundFault", "Global cluster {} not found."),
    CLUSTER_ENDPOINT: ("DBClusterEndpointNotFoundFault", "DBClusterEndpoint {} not found."),
}


def find(ctx: Context, type_name: str, id: str) -> Record:
    """The record that an identifier or ARN means. Raises the type's not-found fault."""
    region = GLOBAL if type_name == GLOBAL_CLUSTER else ctx.region
    record = ctx.store.by_arn(id) if id.startswith("arn:") else None
    if record is None:
        record = ctx.store.get(ctx.account, region, type_name, id.lower())
    if record is None or record.type != type_name or record.region != region or record.account != ctx.account:
        code, text = MISSING[type_name]
        raise AwsError(code, text.format(id))
    return record


def refuse_identifier(name: str, value: str, longest: int = 63) -> None:
    """Refuse what is no RDS identifier (rules: RDS user guide, naming constraints)."""
    if len(value) > longest:
        raise AwsError(
            "InvalidParameterValue", f"The parameter {name} must be at most {longest} characters long."
        )
    if not _IDENTIFIER.fullmatch(value):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {name} is not a valid identifier. Identifiers must begin with a letter; must contain only "
            "ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
        )


def usable_key(ctx: Context, name: str | None) -> Record:
    """The KMS key, RDS's own where none is named. Raises KMSKeyNotAccessibleFault."""
    problem: AwsError | None = None
    try:
        record = keys.usable(ctx, name or "alias/aws/rds")
        if keys.admits(record, ctx.account):
            return record
    except AwsError as refused:
        problem = refused
    raise AwsError(
        "KMSKeyNotAccessibleFault",
        f"The specified KMS key [{name}] does not exist, is not enabled or you do not have permissions to access it.",
    ) from problem


def account_hash(ctx: Context) -> str:
    """The part of endpoints that is the same for an account and region (12 of a-z0-9)."""
    number = int.from_bytes(hashlib.sha256(f"{ctx.account}{ctx.region}".encode()).digest()[:10], "big")
    digits = []
    for _ in range(12):
        number, rest = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[rest])
    return "c" + "".join(digits[1:])


def host(ctx: Context, name: str, kind: str = "") -> str:
    """An endpoint: kind is `cluster-`, `cluster-ro-`, `proxy-`, `endpoint.proxy-` or empty (an instance)."""
    head, dot, tail = kind.rpartition(".")
    return f"{name}.{head}{dot}{tail}{account_hash(ctx)}.{ctx.region}.rds.amazonaws.com"


def resource_id(prefix: str) -> str:
    """`cluster-`, `db-` and 26 of A-Z0-9."""
    letters = string.ascii_uppercase + string.digits
    return prefix + "".join(secrets.choice(letters) for _ in range(26))


def tags_of(params: dict[str, Any]) -> dict[str, str]:
    return {t["Key"]: t.get("Value", "") for t in params.get("Tags") or ()}


def filtered(
    records: list[Record],
    params: dict[str, Any],
    known: dict[str, Callable[[Record], list[str]]],
) -> list[Record]:
    """The records that all of the request's Filters accept. Raises for a filter that is not known."""
    for rule in params.get("Filters") or ():
        values = known.get(rule["Name"])
        if values is None:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {rule['Name']}")
        wanted = set(rule["Values"])
        records = [r for r in records if wanted & set(values(r))]
    return records


def page(
    items: list[Any], params: dict[str, Any], name: str, shape: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """One page (MaxRecords 20 to 100, default 100); the marker is a position."""
    size = int(params.get("MaxRecords") or 100)
    if not 20 <= size <= 100:
        raise AwsError(
            "InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be between 20 and 100"
        )
    marker = str(params.get("Marker") or "0")
    if not marker.isdigit():
        raise AwsError("InvalidParameterValue", f"The parameter Marker is not valid: {marker}")
    end = int(marker) + size
    answer: dict[str, Any] = {name: [shape(i) for i in items[int(marker) : end]]}
    if end < len(items):
        answer["Marker"] = str(end)
    return answer


def picked(params: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The named members that were given (same name in the API and in CloudFormation)."""
    return {n: params[n] for n in names if params.get(n) is not None}


def vpc_of(ctx: Context, subnets: list[str]) -> str:
    """The VPC of the first subnet that exists; "" if none does."""
    for id in subnets:
        record = ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id)
        if record is not None:
            return str(record.properties.get("VpcId", ""))
    return ""


def members(ctx: Context, cluster: str) -> list[Record]:
    """A cluster's instances, oldest first."""
    records = ctx.store.list(ctx.account, ctx.region, INSTANCE)
    return [r for r in records if str(r.properties.get("DBClusterIdentifier", "")).lower() == cluster]

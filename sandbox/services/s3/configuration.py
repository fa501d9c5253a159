"""A bucket's configurations: the API's form and CloudFormation's form of the same properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.s3 import forms
from sandbox.services.s3.replication import refuse_suspension
from sandbox.services.s3.state import bucket_get
from sandbox.store import Record

Shape = dict[str, Any]


def _versioning(value: Shape) -> Shape:
    return {"Status": value["Status"]} if value.get("Status") else {}


def _encryption_from(value: Shape) -> Shape:
    rules = [
        {
            "ServerSideEncryptionByDefault": r.get("ServerSideEncryptionByDefault")
            or r.get("ApplyServerSideEncryptionByDefault"),
            **({"BucketKeyEnabled": r["BucketKeyEnabled"]} if "BucketKeyEnabled" in r else {}),
        }
        for r in value.get("Rules", ())
    ]
    return {"ServerSideEncryptionConfiguration": rules}


def _encryption_to(value: Shape) -> Shape:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": r["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": r.get("BucketKeyEnabled", False),
        }
        for r in value["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _same(value: Shape) -> Shape:
    return value


class Configuration:
    """One kind: the property, the API's member, the code where there is none, and the two translations."""

    def __init__(
        self,
        property_name: str,
        member: str,
        missing: tuple[str, str] | None,
        inward: Callable[[Shape], Shape] = _same,
        outward: Callable[[Shape], Shape] = _same,
    ) -> None:
        self.property, self.member, self.missing = property_name, member, missing
        self.inward, self.outward = inward, outward


_KINDS: dict[str, Configuration] = {
    "BucketVersioning": Configuration(
        "VersioningConfiguration", "VersioningConfiguration", None, _versioning
    ),
    "BucketEncryption": Configuration(
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        (
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        ),
        _encryption_from,
        _encryption_to,
    ),
    "PublicAccessBlock": Configuration(
        "PublicAccessBlockConfiguration",
        "PublicAccessBlockConfiguration",
        ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
        outward=lambda v: {"PublicAccessBlockConfiguration": v},
    ),
    "BucketOwnershipControls": Configuration(
        "OwnershipControls",
        "OwnershipControls",
        ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
        outward=lambda v: {"OwnershipControls": v},
    ),
    "BucketLifecycleConfiguration": Configuration(
        "LifecycleConfiguration",
        "LifecycleConfiguration",
        ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        forms.lifecycle_from,
        forms.lifecycle_to,
    ),
    "BucketCors": Configuration(
        "CorsConfiguration",
        "CORSConfiguration",
        ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    "BucketReplication": Configuration(
        "ReplicationConfiguration",
        "ReplicationConfiguration",
        ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
        forms.replication_from,
        forms.replication_to,
    ),
    "BucketLogging": Configuration(
        "LoggingConfiguration",
        "BucketLoggingStatus",
        None,
        lambda v: {
            "DestinationBucketName": (v.get("LoggingEnabled") or {}).get("TargetBucket"),
            "LogFilePrefix": (v.get("LoggingEnabled") or {}).get("TargetPrefix", ""),
        },
        lambda v: (
            {
                "LoggingEnabled": {
                    "TargetBucket": v.get("DestinationBucketName"),
                    "TargetPrefix": v.get("LogFilePrefix", ""),
                }
            }
            if v
            else {}
        ),
    ),
    "BucketNotificationConfiguration": Configuration(
        "NotificationConfiguration", "NotificationConfiguration", None
    ),
}


def _change(ctx: Context, bucket: Record, name: str, value: Any) -> None:
    properties = {k: v for k, v in bucket.properties.items() if k != name}
    if value is not None:
        properties[name] = value
    ctx.world.update(ctx, bucket, properties, at_once=True)


def _enter(name: str, kind: Configuration) -> None:
    @operation("s3", f"Get{name}")
    def get(ctx: Context, params: dict[str, Any]) -> Shape:
        bucket = bucket_get(ctx, params["Bucket"])
        value = bucket.properties.get(kind.property)
        if value is None and name == "BucketEncryption":  # S3 encrypts by default since January 2023
            value = {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            }
        if value is None:
            if kind.missing is None:
                return {}
            raise AwsError(kind.missing[0], kind.missing[1], 404, BucketName=bucket.id)
        return kind.outward(value)

    @operation("s3", f"Put{name}")
    def put(ctx: Context, params: dict[str, Any]) -> None:
        bucket = bucket_get(ctx, params["Bucket"])
        if name == "BucketVersioning":
            refuse_suspension(bucket)
        _change(ctx, bucket, kind.property, kind.inward(params.get(kind.member) or {}))

    if name not in ("BucketVersioning", "BucketLogging", "BucketNotificationConfiguration"):

        @operation("s3", f"Delete{'BucketLifecycle' if name == 'BucketLifecycleConfiguration' else name}")
        def delete(ctx: Context, params: dict[str, Any]) -> None:
            _change(ctx, bucket_get(ctx, params["Bucket"]), kind.property, None)


for _name, _kind in _KINDS.items():
    _enter(_name, _kind)


# -- configurations of which a bucket has several, by id

# word in the API's names: property
_LISTED = {
    "IntelligentTiering": "IntelligentTieringConfigurations",
    "Metrics": "MetricsConfigurations",
}


def _listed(bucket: Record, kind: str) -> dict[str, Shape]:
    return {c["Id"]: c for c in bucket.properties.get(_LISTED[kind]) or ()}


def _outward(value: Shape) -> Shape:
    kept = {k: v for k, v in value.items() if k not in ("Prefix", "TagFilters")}
    return {**kept, "Filter": forms.api_filter(value)} if len(kept) < len(value) else kept


def _enter_listed(kind: str) -> None:
    member = f"{kind}Configuration"

    def held(ctx: Context, params: dict[str, Any]) -> tuple[Record, dict[str, Shape]]:
        bucket = bucket_get(ctx, params["Bucket"])
        found = _listed(bucket, kind)
        if params["Id"] not in found:
            text = "The specified configuration does not exist."
            raise AwsError("NoSuchConfiguration", text, 404, BucketName=bucket.id)
        return bucket, found

    @operation("s3", f"GetBucket{member}")
    def get(ctx: Context, params: dict[str, Any]) -> Shape:
        return {member: _outward(held(ctx, params)[1][params["Id"]])}

    @operation("s3", f"ListBucket{member}s")
    def list_all(ctx: Context, params: dict[str, Any]) -> Shape:
        found = _listed(bucket_get(ctx, params["Bucket"]), kind)
        return {f"{member}List": [_outward(c) for c in found.values()], "IsTruncated": False}

    @operation("s3", f"PutBucket{member}")
    def put(ctx: Context, params: dict[str, Any]) -> None:
        bucket = bucket_get(ctx, params["Bucket"])
        given = params.get(member) or {}
        made = {k: v for k, v in given.items() if k != "Filter"}
        made.update(forms.selected(given), Id=params["Id"])
        found = {**_listed(bucket, kind), params["Id"]: made}
        _change(ctx, bucket, _LISTED[kind], list(found.values()))

    @operation("s3", f"DeleteBucket{member}")
    def delete(ctx: Context, params: dict[str, Any]) -> None:
        bucket, found = held(ctx, params)
        found.pop(params["Id"])
        _change(ctx, bucket, _LISTED[kind], list(found.values()) or None)


for _word in _LISTED:
    _enter_listed(_word)


@operation("s3", "GetBucketAcl")
def get_bucket_acl(ctx: Context, params: dict[str, Any]) -> Shape:
    bucket = bucket_get(ctx, params["Bucket"])
    owner = {"ID": bucket.account}
    return {
        "Owner": owner,
        "Grants": [
            {"Grantee": {"ID": bucket.account, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
        ],
    }


@operation("s3", "GetBucketRequestPayment")
def get_request_payment(ctx: Context, params: dict[str, Any]) -> Shape:
    bucket_get(ctx, params["Bucket"])
    return {"Payer": "BucketOwner"}

"""A bucket's configurations: the API's form and CloudFormation's form of the same properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
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


def _lifecycle_from(value: Shape) -> Shape:
    rules = []
    for rule in value.get("Rules", ()):
        made = {k: v for k, v in rule.items() if k in ("Status", "AbortIncompleteMultipartUpload")}
        if rule.get("ID"):
            made["Id"] = rule["ID"]
        prefix = (rule.get("Filter") or {}).get("Prefix", rule.get("Prefix"))
        if prefix:
            made["Prefix"] = prefix
        expiration = rule.get("Expiration") or {}
        if "Days" in expiration:
            made["ExpirationInDays"] = expiration["Days"]
        if expiration.get("ExpiredObjectDeleteMarker"):
            made["ExpiredObjectDeleteMarker"] = True
        if rule.get("NoncurrentVersionExpiration"):
            made["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
        if rule.get("Transitions"):
            made["Transitions"] = [
                {"StorageClass": t["StorageClass"], "TransitionInDays": t.get("Days", 0)}
                for t in rule["Transitions"]
            ]
        rules.append(made)
    return {"Rules": rules}


def _lifecycle_to(value: Shape) -> Shape:
    rules = []
    for index, rule in enumerate(value.get("Rules", ())):
        made: Shape = {
            "ID": rule.get("Id", f"rule-{index + 1}"),
            "Status": rule["Status"],
            "Filter": {"Prefix": rule.get("Prefix", "")},
        }
        expiration: Shape = {}
        if "ExpirationInDays" in rule:
            expiration["Days"] = rule["ExpirationInDays"]
        if rule.get("ExpiredObjectDeleteMarker"):
            expiration["ExpiredObjectDeleteMarker"] = True
        if expiration:
            made["Expiration"] = expiration
        for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if rule.get(name):
                made[name] = rule[name]
        if "NoncurrentVersionExpirationInDays" in rule:
            made["NoncurrentVersionExpiration"] = {
                "NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]
            }
        if rule.get("Transitions"):
            made["Transitions"] = [
                {"StorageClass": t["StorageClass"], "Days": t.get("TransitionInDays", 0)}
                for t in rule["Transitions"]
            ]
        rules.append(made)
    return {"Rules": rules}


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
        _lifecycle_from,
        _lifecycle_to,
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
        outward=lambda v: {"ReplicationConfiguration": v},
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


def _change(ctx: Context, bucket: Record, name: str, value: Shape | None) -> None:
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
        _change(ctx, bucket, kind.property, kind.inward(params.get(kind.member) or {}))

    if name not in ("BucketVersioning", "BucketLogging", "BucketNotificationConfiguration"):

        @operation("s3", f"Delete{'BucketLifecycle' if name == 'BucketLifecycleConfiguration' else name}")
        def delete(ctx: Context, params: dict[str, Any]) -> None:
            _change(ctx, bucket_get(ctx, params["Bucket"]), kind.property, None)


for _name, _kind in _KINDS.items():
    _enter(_name, _kind)


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

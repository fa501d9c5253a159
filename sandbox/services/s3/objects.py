"""Objects and their versions."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any
from urllib.parse import parse_qsl, unquote

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.kms import keys
from sandbox.services.s3 import object_lock, replication
from sandbox.services.s3.state import bucket_get, current, version_add, version_remove, versioning, versions
from sandbox.store import Record

_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "WebsiteRedirectLocation",
)
_ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId")
_LOCK = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")


def store_object(
    ctx: Context,
    bucket: Record,
    key: str,
    body: bytes,
    more: dict[str, Any],
    etag: str = "",
    tags: dict[str, str] | None = None,
) -> Record:
    """A new version with this body. more: the members of PutObject that stay with the object."""
    lock = object_lock.of_new(ctx, bucket, more)
    blob = f"s3-{uuid.uuid4()}"
    kept = {k: more[k] for k in _KEPT if more.get(k) is not None}
    if "Expires" in kept:
        kept["Expires"] = str(kept["Expires"])
    rules = (bucket.properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or [{}]
    default = rules[0].get("ServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    kept.setdefault("ServerSideEncryption", default["SSEAlgorithm"])
    if kept["ServerSideEncryption"].startswith("aws:kms"):
        named = kept.get("SSEKMSKeyId") or default.get("KMSMasterKeyID")
        kept["SSEKMSKeyId"] = _key(ctx, bucket, named or "alias/aws/s3").arn
    ctx.store.put_blob(blob, body)
    digest = etag or hashlib.md5(body).hexdigest()
    if tags is None:
        tags = dict(parse_qsl(more.get("Tagging") or ""))
    data = {"blob": blob, "size": len(body), "etag": f'"{digest}"', "kept": kept, "lock": lock}
    record = version_add(ctx, bucket, key, data, tags)
    replication.begin(ctx, bucket, record)
    return record


def _key(ctx: Context, bucket: Record, name: str) -> Record:
    """The KMS key of an object, in the bucket's region. Raises what S3 passes on: KMS.DisabledException …"""
    try:
        return keys.usable(ctx.world.context(bucket.account, bucket.region), name)
    except AwsError as problem:
        raise AwsError(f"KMS.{problem.code}", problem.message, 400) from problem


def body_of(ctx: Context, bucket: Record, record: Record) -> bytes:
    """A version's body; under a KMS key only while that key may be used."""
    if record.data["kept"].get("SSEKMSKeyId"):
        _key(ctx, bucket, record.data["kept"]["SSEKMSKeyId"])
    return ctx.store.blob(record.data["blob"])


def _version_id(bucket: Record, record: Record) -> str | None:
    return record.data["version"] if versioning(bucket) else None


@operation("s3", "PutObject")
def put_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    key = params["Key"]
    if params.get("IfNoneMatch") == "*":
        found = versions(ctx.world, bucket).get(key)
        if found and not found[-1].data["marker"]:
            raise AwsError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
    if params.get("ContentEncoding"):
        left = [e for e in params["ContentEncoding"].split(",") if e.strip() != "aws-chunked"]
        params = {**params, "ContentEncoding": ",".join(left) or None}
    record = store_object(ctx, bucket, key, _bytes(params.get("Body")), params)
    kept = record.data["kept"]
    return {
        "ETag": record.data["etag"],
        "VersionId": _version_id(bucket, record),
        "ServerSideEncryption": kept["ServerSideEncryption"],
        "SSEKMSKeyId": kept.get("SSEKMSKeyId"),
    }


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"")


@operation("s3", "CopyObject")
def copy_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    source, _, query = unquote(params["CopySource"]).lstrip("/").partition("?versionId=")
    from_bucket, _, from_key = source.partition("/")
    source_bucket = bucket_get(ctx, from_bucket)
    original = current(source_bucket, ctx, from_key, query or None)
    bucket = bucket_get(ctx, params["Bucket"])
    more = {k: v for k, v in original.data["kept"].items() if k not in _ENCRYPTION}
    more.update({k: params[k] for k in _ENCRYPTION if params.get(k)})
    if params.get("MetadataDirective") == "REPLACE":
        more = {k: params.get(k) for k in _KEPT}
    more["Tagging"] = params.get("Tagging")
    more.update({k: params[k] for k in _LOCK if params.get(k)})
    tags = None if params.get("Tagging") else dict(original.tags)
    body = body_of(ctx, source_bucket, original)
    record = store_object(ctx, bucket, params["Key"], body, more, tags=tags)
    return {
        "CopyObjectResult": {"ETag": record.data["etag"], "LastModified": record.created_at},
        "VersionId": _version_id(bucket, record),
    }


def _head(bucket: Record, record: Record) -> dict[str, Any]:
    kept = {"ContentType": "binary/octet-stream", **record.data["kept"]}
    return {
        **kept,
        "AcceptRanges": "bytes",
        "ContentLength": record.data["size"],
        "ETag": record.data["etag"],
        "LastModified": record.created_at,
        "VersionId": _version_id(bucket, record),
        "TagCount": len(record.tags) or None,
        "ReplicationStatus": replication.status(record),
        **object_lock.shown(record),
    }


@operation("s3", "HeadObject")
def head_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    return _head(bucket, current(bucket, ctx, params["Key"], params.get("VersionId")))


@operation("s3", "GetObject")
def get_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    record = current(bucket, ctx, params["Key"], params.get("VersionId"))
    answer = _head(bucket, record)
    if params.get("IfNoneMatch") in (record.data["etag"], record.data["etag"].strip('"')):
        raise AwsError("NotModified", "Not Modified", 304)
    body = body_of(ctx, bucket, record)
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", params.get("Range") or "")
    if wanted and body:
        start, end = _range(wanted[1], wanted[2], len(body))
        answer["ContentRange"] = f"bytes {start}-{end}/{len(body)}"
        answer["__status__"] = 206
        body = body[start : end + 1]
        answer["ContentLength"] = len(body)
    answer["Body"] = body
    return answer


def _range(first: str, last: str, size: int) -> tuple[int, int]:
    start = int(first) if first else max(0, size - int(last or 0))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def remove(
    ctx: Context, bucket: Record, key: str, version: str | None, bypass: bool = False
) -> dict[str, Any]:
    """Delete a version for good (AccessDenied: it is locked), or put a delete marker; answers DeleteObject's output."""
    if version:
        for record in versions(ctx.world, bucket).get(key, ()):
            if record.data["version"] == version:
                object_lock.refuse_locked(ctx, record, bypass)
        gone = version_remove(ctx, bucket, key, version)
        return {
            "VersionId": version,
            "DeleteMarker": True if gone is not None and gone.data["marker"] else None,
        }
    if not versioning(bucket):
        version_remove(ctx, bucket, key, "null")
        return {}
    marker = version_add(ctx, bucket, key, {"marker": True, "size": 0, "etag": ""}, {})
    replication.begin(ctx, bucket, marker)
    return {"DeleteMarker": True, "VersionId": marker.data["version"]}


@operation("s3", "DeleteObject")
def delete_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket, bypass = bucket_get(ctx, params["Bucket"]), bool(params.get("BypassGovernanceRetention"))
    return remove(ctx, bucket, params["Key"], params.get("VersionId"), bypass)


@operation("s3", "DeleteObjects")
def delete_objects(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    wanted = params["Delete"]["Objects"]
    if len(wanted) > 1000:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed", 400)
    deleted, errors = [], []
    bypass = bool(params.get("BypassGovernanceRetention"))
    for item in wanted:
        try:
            answer = remove(ctx, bucket, item["Key"], item.get("VersionId"), bypass)
        except AwsError as problem:
            errors.append({**item, "Code": problem.code, "Message": problem.message})
            continue
        entry = {
            "Key": item["Key"],
            "VersionId": item.get("VersionId"),
            "DeleteMarker": answer.get("DeleteMarker"),
        }
        if answer.get("DeleteMarker"):
            entry["DeleteMarkerVersionId"] = answer["VersionId"]
        deleted.append(entry)
    return {"Deleted": [] if params["Delete"].get("Quiet") else deleted, "Errors": errors}


@operation("s3", "GetObjectTagging")
def get_object_tagging(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = current(bucket_get(ctx, params["Bucket"]), ctx, params["Key"], params.get("VersionId"))
    return {"TagSet": tag_list(record.tags)}


@operation("s3", "PutObjectTagging")
def put_object_tagging(ctx: Context, params: dict[str, Any]) -> None:
    record = current(bucket_get(ctx, params["Bucket"]), ctx, params["Key"], params.get("VersionId"))
    record.tags = tags_from(params["Tagging"]["TagSet"])
    ctx.store.put(record)

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


def store_object(
    ctx: Context, bucket: Record, key: str, body: bytes, more: dict[str, Any], etag: str = ""
) -> Record:
    """A new version with this body. more: the members of PutObject that stay with the object."""
    blob = f"s3-{uuid.uuid4()}"
    ctx.store.put_blob(blob, body)
    kept = {k: more[k] for k in _KEPT if more.get(k) is not None}
    if "Expires" in kept:
        kept["Expires"] = str(kept["Expires"])
    rules = (bucket.properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or [{}]
    default = rules[0].get("ServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    kept.setdefault("ServerSideEncryption", default["SSEAlgorithm"])
    if default.get("KMSMasterKeyID"):
        kept.setdefault("SSEKMSKeyId", default["KMSMasterKeyID"])
    digest = etag or hashlib.md5(body).hexdigest()
    tags = dict(parse_qsl(more.get("Tagging") or ""))
    data = {"blob": blob, "size": len(body), "etag": f'"{digest}"', "kept": kept}
    return version_add(ctx, bucket, key, data, tags)


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
    original = current(bucket_get(ctx, from_bucket), ctx, from_key, query or None)
    bucket = bucket_get(ctx, params["Bucket"])
    more = dict(original.data["kept"])
    if params.get("MetadataDirective") == "REPLACE":
        more = {k: params.get(k) for k in _KEPT}
    record = store_object(ctx, bucket, params["Key"], ctx.store.blob(original.data["blob"]), more)
    record.tags = tags_from(original.tags) if not params.get("Tagging") else record.tags
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
    body = ctx.store.blob(record.data["blob"])
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


def remove(ctx: Context, bucket: Record, key: str, version: str | None) -> dict[str, Any]:
    """Delete a version for good, or put a delete marker; answers DeleteObject's output."""
    if version:
        gone = version_remove(ctx, bucket, key, version)
        return {
            "VersionId": version,
            "DeleteMarker": True if gone is not None and gone.data["marker"] else None,
        }
    if not versioning(bucket):
        version_remove(ctx, bucket, key, "null")
        return {}
    marker = version_add(ctx, bucket, key, {"marker": True, "size": 0, "etag": ""}, {})
    return {"DeleteMarker": True, "VersionId": marker.data["version"]}


@operation("s3", "DeleteObject")
def delete_object(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return remove(ctx, bucket_get(ctx, params["Bucket"]), params["Key"], params.get("VersionId"))


@operation("s3", "DeleteObjects")
def delete_objects(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    wanted = params["Delete"]["Objects"]
    if len(wanted) > 1000:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed", 400)
    deleted = []
    for item in wanted:
        answer = remove(ctx, bucket, item["Key"], item.get("VersionId"))
        entry = {
            "Key": item["Key"],
            "VersionId": item.get("VersionId"),
            "DeleteMarker": answer.get("DeleteMarker"),
        }
        if answer.get("DeleteMarker"):
            entry["DeleteMarkerVersionId"] = answer["VersionId"]
        deleted.append(entry)
    return {"Deleted": [] if params["Delete"].get("Quiet") else deleted}


@operation("s3", "GetObjectTagging")
def get_object_tagging(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = current(bucket_get(ctx, params["Bucket"]), ctx, params["Key"], params.get("VersionId"))
    return {"TagSet": tag_list(record.tags)}


@operation("s3", "PutObjectTagging")
def put_object_tagging(ctx: Context, params: dict[str, Any]) -> None:
    record = current(bucket_get(ctx, params["Bucket"]), ctx, params["Key"], params.get("VersionId"))
    record.tags = tags_from(params["Tagging"]["TagSet"])
    ctx.store.put(record)

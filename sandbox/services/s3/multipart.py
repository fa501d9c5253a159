"""Multipart uploads."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any
from urllib.parse import unquote

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.s3.objects import store_object
from sandbox.services.s3.state import UPLOAD, bucket_get, current, versioning
from sandbox.store import Record


def _upload(ctx: Context, params: dict[str, Any]) -> tuple[Record, Record]:
    bucket = bucket_get(ctx, params["Bucket"])
    record = ctx.store.get(bucket.account, bucket.region, UPLOAD, params["UploadId"])
    if record is None or record.data["key"] != params["Key"]:
        raise AwsError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed.",
            404,
        )
    return bucket, record


@operation("s3", "CreateMultipartUpload")
def create_multipart_upload(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    id = secrets.token_urlsafe(32)
    more = {k: v for k, v in params.items() if isinstance(v, (str, dict)) and k not in ("Bucket", "Key")}
    data = {"bucket": bucket.id, "key": params["Key"], "more": more, "parts": {}}
    ctx.store.put(Record(bucket.account, bucket.region, UPLOAD, id, created_at=ctx.now, data=data))
    return {"Bucket": bucket.id, "Key": params["Key"], "UploadId": id}


def _part_put(ctx: Context, upload: Record, number: int, body: bytes) -> str:
    if not 1 <= number <= 10_000:
        raise AwsError(
            "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400
        )
    blob = f"s3-part-{uuid.uuid4()}"
    ctx.store.put_blob(blob, body)
    old = upload.data["parts"].get(str(number))
    if old:
        ctx.store.drop_blob(old["blob"])
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    upload.data["parts"][str(number)] = {"blob": blob, "etag": etag, "size": len(body), "at": ctx.now}
    ctx.store.put(upload)
    return etag


@operation("s3", "UploadPart")
def upload_part(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, upload = _upload(ctx, params)
    body = params.get("Body") or b""
    return {
        "ETag": _part_put(
            ctx, upload, int(params["PartNumber"]), body.encode() if isinstance(body, str) else body
        )
    }


@operation("s3", "UploadPartCopy")
def upload_part_copy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, upload = _upload(ctx, params)
    from_bucket, _, from_key = unquote(params["CopySource"]).lstrip("/").partition("/")
    original = current(bucket_get(ctx, from_bucket), ctx, from_key)
    body = ctx.store.blob(original.data["blob"])
    if params.get("CopySourceRange"):
        first, _, last = params["CopySourceRange"].removeprefix("bytes=").partition("-")
        body = body[int(first) : int(last) + 1]
    etag = _part_put(ctx, upload, int(params["PartNumber"]), body)
    return {"CopyPartResult": {"ETag": etag, "LastModified": ctx.now}}


@operation("s3", "CompleteMultipartUpload")
def complete_multipart_upload(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket, upload = _upload(ctx, params)
    body, digests = b"", b""
    parts = (params.get("MultipartUpload") or {}).get("Parts") or []
    for part in parts:
        held = upload.data["parts"].get(str(part["PartNumber"]))
        if held is None or held["etag"].strip('"') != part["ETag"].strip('"'):
            raise AwsError("InvalidPart", "One or more of the specified parts could not be found.", 400)
        body += ctx.store.blob(held["blob"])
        digests += bytes.fromhex(held["etag"].strip('"'))
    etag = f"{hashlib.md5(digests).hexdigest()}-{len(parts)}"
    record = store_object(ctx, bucket, upload.data["key"], body, upload.data["more"], etag)
    drop_upload(ctx, upload)
    return {
        "Bucket": bucket.id,
        "Key": params["Key"],
        "ETag": record.data["etag"],
        "Location": f"{ctx.base_url}/{bucket.id}/{params['Key']}",
        "VersionId": record.data["version"] if versioning(bucket) else None,
    }


def drop_upload(ctx: Context, upload: Record) -> None:
    """Forget an upload and its parts."""
    for part in upload.data["parts"].values():
        ctx.store.drop_blob(part["blob"])
    ctx.store.remove(upload)


@operation("s3", "AbortMultipartUpload")
def abort_multipart_upload(ctx: Context, params: dict[str, Any]) -> None:
    _, upload = _upload(ctx, params)
    drop_upload(ctx, upload)


@operation("s3", "ListMultipartUploads")
def list_multipart_uploads(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    uploads = [
        u for u in ctx.store.list(bucket.account, bucket.region, UPLOAD) if u.data["bucket"] == bucket.id
    ]
    return {
        "Bucket": bucket.id,
        "IsTruncated": False,
        "Uploads": [{"UploadId": u.id, "Key": u.data["key"], "Initiated": u.created_at} for u in uploads],
    }


@operation("s3", "ListParts")
def list_parts(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket, upload = _upload(ctx, params)
    parts = sorted(upload.data["parts"].items(), key=lambda p: int(p[0]))
    return {
        "Bucket": bucket.id,
        "Key": params["Key"],
        "UploadId": upload.id,
        "IsTruncated": False,
        "Parts": [
            {"PartNumber": int(n), "ETag": p["etag"], "Size": p["size"], "LastModified": p["at"]}
            for n, p in parts
        ],
    }

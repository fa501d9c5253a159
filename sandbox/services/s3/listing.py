"""Listing keys and versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services.s3.state import bucket_get, versions
from sandbox.store import Record


def _encode(text: str | None, params: dict[str, Any]) -> str | None:
    return quote(text, safe="/") if text and params.get("EncodingType") == "url" else text


def _entry(record: Record, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "Key": _encode(record.data["key"], params),
        "LastModified": record.created_at,
        "ETag": record.data["etag"],
        "Size": record.data["size"],
        "StorageClass": record.data.get("kept", {}).get("StorageClass", "STANDARD"),
    }


def _walk(keys: list[str], params: dict[str, Any], after: str) -> tuple[list[str], list[str], str | None]:
    """Keys, common prefixes and (truncated) the last name of a page that begins after `after`."""
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    most = min(int(params["MaxKeys"]) if params.get("MaxKeys") is not None else 1000, 1000)
    found: list[str] = []
    prefixes: list[str] = []
    last = after
    for key in keys:
        if not key.startswith(prefix) or key <= after or (prefixes and key.startswith(prefixes[-1])):
            continue
        name, group = key, None
        if delimiter and delimiter in key[len(prefix) :]:
            group = prefix + key[len(prefix) :].split(delimiter)[0] + delimiter
            if after.startswith(group):
                continue
            name = group
        if len(found) + len(prefixes) >= most:
            return found, prefixes, last
        (prefixes if group else found).append(name)
        last = name
    return found, prefixes, None


@operation("s3", "ListObjectsV2")
def list_objects_v2(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    index = versions(ctx.world, bucket_get(ctx, params["Bucket"]))
    live = sorted(k for k, v in index.items() if not v[-1].data["marker"])
    after = params.get("ContinuationToken") or params.get("StartAfter") or ""
    keys, prefixes, more = _walk(live, params, after)
    return {
        "Name": params["Bucket"],
        "Prefix": _encode(params.get("Prefix") or "", params),
        "Delimiter": _encode(params.get("Delimiter"), params),
        "MaxKeys": params.get("MaxKeys") or 1000,
        "EncodingType": params.get("EncodingType"),
        "KeyCount": len(keys) + len(prefixes),
        "IsTruncated": more is not None,
        "ContinuationToken": params.get("ContinuationToken"),
        "NextContinuationToken": more,
        "StartAfter": params.get("StartAfter"),
        "Contents": [_entry(index[k][-1], params) for k in keys],
        "CommonPrefixes": [{"Prefix": _encode(p, params)} for p in prefixes],
    }


@operation("s3", "ListObjects")
def list_objects(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = list_objects_v2(ctx, {**params, "ContinuationToken": params.get("Marker")})
    answer["NextMarker"] = answer.pop("NextContinuationToken")
    answer["Marker"] = params.get("Marker") or ""
    return answer


@operation("s3", "ListObjectVersions")
def list_object_versions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    index = versions(ctx.world, bucket_get(ctx, params["Bucket"]))
    prefix, most = params.get("Prefix") or "", min(int(params.get("MaxKeys") or 1000), 1000)
    marker, version_marker = params.get("KeyMarker") or "", params.get("VersionIdMarker")
    found: list[Record] = []
    for key in sorted(k for k in index if k.startswith(prefix) and k >= marker):
        entries = index[key][::-1]
        if key == marker:
            ids = [r.data["version"] for r in entries]
            entries = entries[ids.index(version_marker) + 1 :] if version_marker in ids else []
        found.extend(entries)
        if len(found) > most:
            break
    page, truncated = found[:most], len(found) > most
    shapes = [
        (r, {**_entry(r, params), "VersionId": r.data["version"], "IsLatest": r is index[r.data["key"]][-1]})
        for r in page
    ]
    return {
        "Name": params["Bucket"],
        "Prefix": _encode(prefix, params),
        "KeyMarker": _encode(marker, params),
        "VersionIdMarker": version_marker,
        "MaxKeys": most,
        "EncodingType": params.get("EncodingType"),
        "IsTruncated": truncated,
        "NextKeyMarker": _encode(page[-1].data["key"], params) if truncated else None,
        "NextVersionIdMarker": page[-1].data["version"] if truncated else None,
        "Versions": [s for r, s in shapes if not r.data["marker"]],
        "DeleteMarkers": [s for r, s in shapes if r.data["marker"]],
    }

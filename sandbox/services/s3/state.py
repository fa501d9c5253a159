"""Buckets by name and the versions in them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

BUCKET = "AWS::S3::Bucket"
POLICY = "AWS::S3::BucketPolicy"
OBJECT = "Sandbox::S3::Object"
UPLOAD = "Sandbox::S3::Upload"

Versions = dict[str, list[Record]]
"""Key to its versions, oldest first; a delete marker is one."""


def buckets(world: World) -> dict[str, Record]:
    """All buckets of all accounts by name: the name space is one."""
    index: dict[str, Record] | None = world.memory.get("s3 buckets")
    if index is None:
        index = {r.id: r for r in world.store.everywhere(BUCKET)}
        world.memory["s3 buckets"] = index
    return index


def bucket_find(world: World, name: str) -> Record | None:
    record = buckets(world).get(name)
    if record is not None and world.store.get(*record.key) is not record:
        del buckets(world)[name]
        return None
    return record


def bucket_get(ctx: Context, name: str) -> Record:
    """The bucket. Raises NoSuchBucket, or AccessDenied for one of another account that grants nothing."""
    record = bucket_find(ctx.world, name)
    if record is None or record.pending == "delete":
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    if record.account != ctx.account and policy_of(ctx.world, record) is None:
        raise AwsError("AccessDenied", "Access Denied", 403)
    return record


def policy_of(world: World, bucket: Record) -> dict[str, Any] | None:
    """The bucket policy's document, if there is one."""
    record = world.store.get(bucket.account, bucket.region, POLICY, bucket.id)
    return record.properties["PolicyDocument"] if record is not None else None


def versions(world: World, bucket: Record) -> Versions:
    """The bucket's versions, indexed once per process."""
    index: dict[str, Versions] | None = world.memory.get("s3 versions")
    if index is None:
        index = world.memory["s3 versions"] = {}
        for record in sorted(world.store.everywhere(OBJECT), key=lambda r: int(r.data["n"])):
            index.setdefault(record.data["bucket"], {}).setdefault(record.data["key"], []).append(record)
    return index.setdefault(bucket.id, {})


def versioning(bucket: Record) -> str:
    """ "", Enabled or Suspended."""
    return str((bucket.properties.get("VersioningConfiguration") or {}).get("Status", ""))


def current(bucket: Record, ctx: Context, key: str, version: str | None = None) -> Record:
    """The newest or the named version. Raises NoSuchKey, NoSuchVersion or MethodNotAllowed (a delete marker)."""
    found = versions(ctx.world, bucket).get(key, [])
    if version:
        for record in found:
            if record.data["version"] == version:
                if record.data["marker"]:
                    raise AwsError(
                        "MethodNotAllowed", "The specified method is not allowed against this resource.", 405
                    )
                return record
        raise AwsError("NoSuchVersion", "The specified version does not exist.", 404, Key=key)
    if not found or found[-1].data["marker"]:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
    return found[-1]


def version_add(ctx: Context, bucket: Record, key: str, data: dict[str, Any], tags: dict[str, str]) -> Record:
    """A new current version (or delete marker); without versioning it takes the place of `null`."""
    status = versioning(bucket)
    version = secrets.token_urlsafe(24) if status == "Enabled" else "null"
    if version == "null":
        version_remove(ctx, bucket, key, "null")
    n = time.time_ns()
    data = {"bucket": bucket.id, "key": key, "version": version, "n": n, "marker": False, **data}
    record = Record(
        bucket.account,
        bucket.region,
        OBJECT,
        f"{bucket.id}\n{key}\n{version}",
        created_at=ctx.now,
        tags=tags,
        data=data,
    )
    entries = versions(ctx.world, bucket).setdefault(key, [])
    entries.append(record)
    # A replica may be older than what is there.
    entries.sort(key=lambda entry: int(entry.data["n"]))
    return ctx.store.put(record)


def version_remove(ctx: Context, bucket: Record, key: str, version: str) -> Record | None:
    """Take one version away for good; answers it."""
    index = versions(ctx.world, bucket)
    for record in index.get(key, []):
        if record.data["version"] == version:
            index[key].remove(record)
            if not index[key]:
                del index[key]
            if record.data.get("blob"):
                ctx.store.drop_blob(record.data["blob"])
            ctx.store.remove(record)
            return record
    return None

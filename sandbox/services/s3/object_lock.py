"""Object Lock: retention periods and legal holds of versions (S3 user guide, "Locking objects with Object Lock")."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.s3.state import bucket_get, current, versioning
from sandbox.store import Record

DAY_S = 86400


def enabled(bucket: Record) -> bool:
    return bool(bucket.properties.get("ObjectLockEnabled"))


def locked(ctx: Context, record: Record, bypass: bool = False) -> bool:
    """Whether a version may not be deleted now; `bypass`: the caller bypasses governance mode."""
    held = record.data.get("lock") or {}
    if held.get("hold") == "ON":
        return True
    until = float(held.get("until") or 0)
    return until > ctx.now and not (bypass and held.get("mode") == "GOVERNANCE")


def refuse_locked(ctx: Context, record: Record, bypass: bool) -> None:
    if locked(ctx, record, bypass):
        raise AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)


def _epoch(value: Any) -> float:
    made = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()


def of_new(ctx: Context, bucket: Record, params: dict[str, Any]) -> dict[str, Any]:
    """The lock of a new version: what the request says, else the bucket's default retention."""
    if params.get("ObjectLockMode") or params.get("ObjectLockLegalHoldStatus"):
        _refuse_without(bucket)
    lock: dict[str, Any] = {}
    if params.get("ObjectLockLegalHoldStatus"):
        lock["hold"] = params["ObjectLockLegalHoldStatus"]
    if params.get("ObjectLockMode"):
        lock.update(mode=params["ObjectLockMode"], until=_epoch(params["ObjectLockRetainUntilDate"]))
        return lock
    rule = (bucket.properties.get("ObjectLockConfiguration") or {}).get("Rule") or {}
    default = rule.get("DefaultRetention") or {}
    if default.get("Mode"):
        days = int(default.get("Days") or 0) + 365 * int(default.get("Years") or 0)
        lock.update(mode=default["Mode"], until=ctx.now + days * DAY_S)
    return lock


def shown(record: Record) -> dict[str, Any]:
    """Members of HeadObject and GetObject."""
    held = record.data.get("lock") or {}
    return {
        "ObjectLockMode": held.get("mode"),
        "ObjectLockRetainUntilDate": held.get("until"),
        "ObjectLockLegalHoldStatus": held.get("hold"),
    }


def _refuse_without(bucket: Record) -> None:
    if not enabled(bucket):
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)


@operation("s3", "GetObjectLockConfiguration")
def get_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    if not enabled(bucket):
        text = "Object Lock configuration does not exist for this bucket"
        raise AwsError("ObjectLockConfigurationNotFoundError", text, 404, BucketName=bucket.id)
    rule = (bucket.properties.get("ObjectLockConfiguration") or {}).get("Rule")
    held = {"ObjectLockEnabled": "Enabled", **({"Rule": rule} if rule else {})}
    return {"ObjectLockConfiguration": held}


@operation("s3", "PutObjectLockConfiguration")
def put_configuration(ctx: Context, params: dict[str, Any]) -> None:
    bucket = bucket_get(ctx, params["Bucket"])
    if versioning(bucket) != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise AwsError("InvalidBucketState", text, 409)
    value = params.get("ObjectLockConfiguration") or {"ObjectLockEnabled": "Enabled"}
    properties = {**bucket.properties, "ObjectLockEnabled": True, "ObjectLockConfiguration": value}
    ctx.world.update(ctx, bucket, properties, at_once=True)


def _version(ctx: Context, params: dict[str, Any]) -> Record:
    bucket = bucket_get(ctx, params["Bucket"])
    _refuse_without(bucket)
    return current(bucket, ctx, params["Key"], params.get("VersionId"))


@operation("s3", "PutObjectRetention")
def put_retention(ctx: Context, params: dict[str, Any]) -> None:
    record = _version(ctx, params)
    given = params.get("Retention") or {}
    until = _epoch(given["RetainUntilDate"]) if given.get("RetainUntilDate") else 0.0
    held = record.data.get("lock") or {}
    shorter = until < float(held.get("until") or 0) or (
        held.get("mode") == "COMPLIANCE" and given.get("Mode") != "COMPLIANCE"
    )
    if shorter and float(held.get("until") or 0) > ctx.now:
        bypass = bool(params.get("BypassGovernanceRetention")) and held.get("mode") == "GOVERNANCE"
        if not bypass:
            raise AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)
    record.data["lock"] = {**held, "mode": given.get("Mode"), "until": until}
    ctx.store.put(record)


@operation("s3", "GetObjectRetention")
def get_retention(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    held = _version(ctx, params).data.get("lock") or {}
    if not held.get("mode"):
        _none()
    return {"Retention": {"Mode": held["mode"], "RetainUntilDate": held["until"]}}


@operation("s3", "PutObjectLegalHold")
def put_legal_hold(ctx: Context, params: dict[str, Any]) -> None:
    record = _version(ctx, params)
    hold = (params.get("LegalHold") or {}).get("Status", "OFF")
    record.data["lock"] = {**(record.data.get("lock") or {}), "hold": hold}
    ctx.store.put(record)


@operation("s3", "GetObjectLegalHold")
def get_legal_hold(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    held = _version(ctx, params).data.get("lock") or {}
    if not held.get("hold"):
        _none()
    return {"LegalHold": {"Status": held["hold"]}}


def _none() -> None:
    text = "The specified object does not have a ObjectLock configuration"
    raise AwsError("NoSuchObjectLockConfiguration", text, 404)

"""CloudTrail's trails, as far as a stack makes them: the bucket and its policy are looked at, no event is recorded.

Source: CloudTrail API reference, CreateTrail (errors); CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail",
"Quotas in AWS CloudTrail" (five trails a region; a trail of all regions counts in each).
"""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.documents import parsed
from sandbox.iam.policy import listed
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services.s3.state import bucket_find, policy_of
from sandbox.store import Record

TRAIL = "AWS::CloudTrail::Trail"
MOST = 5
SERVICE = "cloudtrail.amazonaws.com"


@resource_type(TRAIL)
class Trail(SchemaType):
    """A trail: one of a name in a region, into a bucket that lets CloudTrail write."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("TrailName")
        if name and ctx.store.get(ctx.account, ctx.region, TRAIL, name):
            said = f"Trail {name} already exists for customer: {ctx.account}"
            raise AwsError("TrailAlreadyExistsException", said, 400)
        if len(seen_in(ctx)) >= MOST:
            said = f"User: {ctx.account} already has {MOST} trails in {ctx.region}."
            raise AwsError("MaximumNumberOfTrailsExceededException", said, 403)
        _check_bucket(ctx, properties["S3BucketName"])

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        record.attributes["Arn"] = record.arn

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_bucket(ctx, properties["S3BucketName"])


def seen_in(ctx: Context) -> list[Record]:
    """The trails of the region: its own, and those of all regions."""
    found = ctx.store.list(ctx.account, None, TRAIL)
    return [row for row in found if row.region == ctx.region or row.properties.get("IsMultiRegionTrail")]


def _check_bucket(ctx: Context, name: str) -> None:
    bucket = bucket_find(ctx.world, name)
    if bucket is None:
        raise AwsError("S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!", 404)
    document = policy_of(ctx.world, bucket)
    allowed = {
        action
        for row in listed(parsed(document).get("Statement") if document else None)
        if row.get("Effect") == "Allow" and SERVICE in listed((row.get("Principal") or {}).get("Service"))
        for action in listed(row.get("Action"))
    }
    if not {"s3:GetBucketAcl", "s3:PutObject"} <= allowed and "s3:*" not in allowed:
        said = f"Incorrect S3 bucket policy is detected for bucket: {name}"
        raise AwsError("InsufficientS3BucketPolicyException", said, 403)


@operation("cloudtrail", "DescribeTrails")
def describe_trails(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = params.get("trailNameList") or ()
    rows = [row for row in seen_in(ctx) if not names or row.id in names or row.arn in names]
    return {
        "trailList": [
            {
                "Name": row.id,
                "TrailARN": row.arn,
                "S3BucketName": row.properties["S3BucketName"],
                "HomeRegion": row.region,
                "IsMultiRegionTrail": bool(row.properties.get("IsMultiRegionTrail")),
                "IncludeGlobalServiceEvents": bool(row.properties.get("IncludeGlobalServiceEvents")),
                "LogFileValidationEnabled": bool(row.properties.get("EnableLogFileValidation")),
            }
            for row in rows
        ]
    }


def _trail(ctx: Context, name: str) -> Record:
    for row in seen_in(ctx):
        if name in (row.id, row.arn):
            return row
    said = f"Unknown trail: {ctx.arn('cloudtrail', f'trail/{name}')} for the user: {ctx.account}"
    raise AwsError("TrailNotFoundException", said, 404)


@operation("cloudtrail", "GetTrailStatus")
def get_trail_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"IsLogging": bool(_trail(ctx, params["Name"]).properties.get("IsLogging"))}


@operation("cloudtrail", "StopLogging")
def stop_logging(ctx: Context, params: dict[str, Any]) -> None:
    _log(ctx, params["Name"], on=False)


@operation("cloudtrail", "StartLogging")
def start_logging(ctx: Context, params: dict[str, Any]) -> None:
    _log(ctx, params["Name"], on=True)


def _log(ctx: Context, name: str, *, on: bool) -> None:
    record = _trail(ctx, name)
    ctx.world.update(ctx, record, {**record.properties, "IsLogging": on}, at_once=True)


@operation("cloudtrail", "DeleteTrail")
def delete_trail(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _trail(ctx, params["Name"]), at_once=True)

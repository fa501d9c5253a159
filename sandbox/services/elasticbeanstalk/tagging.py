"""Tags of Beanstalk's resources, and the bucket that Beanstalk makes for itself."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.s3.state import BUCKET, bucket_find
from sandbox.store import Record


def _by_arn(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.account != ctx.account or ":elasticbeanstalk:" not in arn:
        raise AwsError("ResourceNotFoundException", f"Resource {arn} not found.", 400)
    return record


@operation("elasticbeanstalk", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _by_arn(ctx, params["ResourceArn"])
    return {"ResourceArn": record.arn, "ResourceTags": tag_list(record.tags)}


@operation("elasticbeanstalk", "UpdateTagsForResource")
def update_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["ResourceArn"])
    record.tags.update(tags_from(params.get("TagsToAdd")))
    for name in params.get("TagsToRemove") or ():
        record.tags.pop(name, None)
    ctx.store.put(record)


@operation("elasticbeanstalk", "CreateStorageLocation")
def create_storage_location(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = f"elasticbeanstalk-{ctx.region}-{ctx.account}"
    if bucket_find(ctx.world, name) is None:
        ctx.world.create(ctx, BUCKET, {"BucketName": name}, at_once=True)
    return {"S3Bucket": name}

"""Tags of everything in RDS, by ARN."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.rds.common import (
    CLUSTER,
    CLUSTER_ENDPOINT,
    CLUSTER_PARAMETERS,
    GLOBAL_CLUSTER,
    INSTANCE,
    INSTANCE_PARAMETERS,
    MISSING,
    PROXY,
    PROXY_ENDPOINT,
    SNAPSHOT,
    SUBNET_GROUP,
)
from sandbox.store import Record

KINDS = {
    "cluster": CLUSTER,
    "db": INSTANCE,
    "subgrp": SUBNET_GROUP,
    "cluster-pg": CLUSTER_PARAMETERS,
    "pg": INSTANCE_PARAMETERS,
    "db-proxy": PROXY,
    "db-proxy-endpoint": PROXY_ENDPOINT,
    "cluster-snapshot": SNAPSHOT,
    "cluster-endpoint": CLUSTER_ENDPOINT,
    "global-cluster": GLOBAL_CLUSTER,
}


def _find(ctx: Context, arn: str) -> Record:
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "rds":
        raise AwsError("InvalidParameterValue", f"Invalid resource name: {arn}")
    record = ctx.store.by_arn(arn)
    if record is None or record.account != ctx.account:
        code, text = MISSING[KINDS.get(parts[5], INSTANCE)]
        raise AwsError(code, text.format(":".join(parts[6:])))
    return record


@operation("rds", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"TagList": tag_list(_find(ctx, params["ResourceName"]).tags)}


@operation("rds", "AddTagsToResource")
def add_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["ResourceName"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("rds", "RemoveTagsFromResource")
def remove_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["ResourceName"])
    for name in params["TagKeys"]:
        record.tags.pop(name, None)
    ctx.store.put(record)

"""Early validation: what a change set would run into, found before anything is changed.

Names, modes and sentences as people report them: github.com/aws-cloudformation/rain pull 744 (names and sentences of
conflicts and full buckets), CloudFormation user guide, "Validate stack deployments" (modes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.intrinsics import LATER
from sandbox.errors import AwsError

if TYPE_CHECKING:
    from sandbox.cloudformation.changes import Preview
    from sandbox.context import Context

_PROPERTY = "AWS::EarlyValidation::PropertyValidation"
_EXISTENCE = "AWS::EarlyValidation::ResourceExistenceCheck"


@dataclass(frozen=True)
class Finding:
    """One VALIDATION_ERROR event. mode: FAIL (the change set fails) or WARN."""

    hook: str
    name: str
    mode: str
    logical_id: str
    type_name: str
    reason: str
    path: str


def early_validation(ctx: Context, found: Preview) -> list[Finding]:
    """Wrong properties, names that are taken, buckets that are to go and are not empty."""
    by_id = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in found.changes}
    findings = []
    for logical_id, type_name, message in found.refusals:
        path, _, reason = message.partition(": ")
        where = f"/Resources/{logical_id}/Properties{path.removeprefix('#')}"
        findings.append(
            Finding(_PROPERTY, "PROPERTY_VALIDATION", "FAIL", logical_id, type_name, reason, where)
        )
    for logical_id, change in by_id.items():
        if change["Action"] == "Add":
            findings += _taken(ctx, logical_id, change)
        elif change["Action"] == "Remove" and change["PolicyAction"] == "Delete":
            findings += _full(ctx, logical_id, change)
    return findings


def _taken(ctx: Context, logical_id: str, change: dict[str, Any]) -> list[Finding]:
    type_name = change["ResourceType"]
    handler = ctx.world.type(type_name)
    properties = json.loads(change["AfterContext"])["Properties"]
    parts = [properties.get(name) for name in handler.schema.primary_identifier]
    if not parts or not all(isinstance(p, str) and LATER not in p and "{{resolve:" not in p for p in parts):
        return []
    id = "|".join(parts)
    if ctx.store.get(ctx.account, handler.region_of(ctx), type_name, id) is None:
        return []
    reason = f"Resource of type '{type_name}' with identifier '{id}' already exists."
    where = f"/Resources/{logical_id}"
    return [Finding(_EXISTENCE, "NAME_CONFLICT_VALIDATION", "FAIL", logical_id, type_name, reason, where)]


def _full(ctx: Context, logical_id: str, change: dict[str, Any]) -> list[Finding]:
    if change["ResourceType"] != "AWS::S3::Bucket":
        return []
    bucket = change["PhysicalResourceId"]
    record = ctx.store.get(ctx.account, ctx.region, "AWS::S3::Bucket", bucket)
    if record is None:
        return []
    try:
        ctx.world.type(record.type).check_delete(ctx, record)
    except AwsError as problem:
        if problem.code != "BucketNotEmpty":
            raise
    else:
        return []
    reason = (
        f"The bucket '{bucket}' is not empty. You must either delete all objects and versions or use the deletion "
        "policy to retain it, otherwise the delete operation will fail."
    )
    where = f"/Resources/{logical_id}"
    return [
        Finding(_EXISTENCE, "BUCKET_EMPTINESS_VALIDATION", "WARN", logical_id, record.type, reason, where)
    ]

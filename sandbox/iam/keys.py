"""Condition keys of a request: of the principal, of what is asked, of the resource.

Source: IAM user guide, "AWS global condition context keys"; Service Authorization Reference.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.iam.policy import Keys
from sandbox.resource_types import tags_from
from sandbox.services.route53.names import normalized
from sandbox.services.s3.state import bucket_find

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.store import Record

BUCKET_ARN = "arn:aws:s3:::"


def stamp(epoch: float) -> str:
    """A moment as the keys of kind date show it."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request_keys(ctx: Context, params: dict[str, Any]) -> Keys:
    """Condition keys of a request: global ones, the principal's, the request's tags."""
    who = ctx.principal
    keys: Keys = {
        "aws:CurrentTime": stamp(ctx.now),
        "aws:EpochTime": str(int(ctx.now)),
        "aws:PrincipalAccount": who.account,
        "aws:PrincipalArn": who.entity.arn if who.entity else who.arn,
        "aws:PrincipalType": {"role": "AssumedRole", "user": "User"}.get(who.kind, "Account"),
        "aws:RequestedRegion": ctx.region,
        "aws:SecureTransport": "true",  # the sandbox speaks HTTP on one machine; policies mean AWS's HTTPS
        "aws:SourceIp": "127.0.0.1",
        "aws:userid": who.user_id,
        "aws:ViaAWSService": "false",
        **{f"aws:PrincipalTag/{k}": v for k, v in who.tags.items()},
        **session_keys(ctx),
    }
    if who.kind == "user" and who.entity is not None:
        keys["aws:username"] = who.entity.id
    tags = _request_tags(params)
    keys.update({f"aws:RequestTag/{k}": v for k, v in tags.items()})
    if tags or params.get("TagKeys"):
        keys["aws:TagKeys"] = sorted({*tags, *(params.get("TagKeys") or ())})
    for key, name in (
        ("iam:AWSServiceName", "AWSServiceName"),
        ("iam:PermissionsBoundary", "PermissionsBoundary"),
        ("iam:PolicyARN", "PolicyArn"),
        ("cloudformation:RoleArn", "RoleARN"),
        ("cloudformation:TemplateUrl", "TemplateURL"),
        ("cloudformation:ChangeSetName", "ChangeSetName"),
        ("s3:prefix", "Prefix"),
    ):
        if isinstance(params.get(name), str):
            keys[key] = params[name]
    return {**keys, **_record_keys(params)}


def session_keys(ctx: Context) -> dict[str, str]:
    """What a session brings along: aws:TokenIssueTime, aws:MultiFactorAuthAge and what it was begun with.

    Long-term keys have none of these: that is how a policy tells them apart.
    """
    who = ctx.principal
    keys = dict(who.keys)
    if who.issued_at:
        keys["aws:TokenIssueTime"] = stamp(who.issued_at)
    if who.mfa_at:
        keys["aws:MultiFactorAuthAge"] = str(int(ctx.now - who.mfa_at))
    return keys


def _record_keys(params: dict[str, Any]) -> Keys:
    """What a change of DNS records changes, each value once (Route 53 developer guide, "Using IAM policy
    conditions for fine-grained access control")."""
    changes = (params.get("ChangeBatch") or {}).get("Changes") or ()
    if not changes:
        return {}
    records = [change["ResourceRecordSet"] for change in changes]
    prefix = "route53:ChangeResourceRecordSets"
    return {
        f"{prefix}Actions": sorted({change["Action"] for change in changes}),
        f"{prefix}RecordTypes": sorted({record["Type"] for record in records}),
        f"{prefix}NormalizedRecordNames": sorted({normalized(record["Name"]) for record in records}),
    }


def _request_tags(params: dict[str, Any]) -> dict[str, str]:
    value = params.get("Tags") or params.get("tags") or params.get("TagList")
    for specification in params.get("TagSpecifications") or ():
        value = specification.get("Tags") or value
    if not value:
        return {}
    if isinstance(value, list):
        # KMS and ECR have words of their own for the two.
        named = [{name.lower().removeprefix("tag"): text for name, text in tag.items()} for tag in value]
        return {str(tag["key"]): str(tag.get("value", "")) for tag in named if "key" in tag}
    return tags_from(value)


def record_of(ctx: Context, resource: str) -> Record | None:
    """The record that an ARN is about: of an object its bucket."""
    if resource.startswith(BUCKET_ARN):
        return bucket_find(ctx.world, resource.removeprefix(BUCKET_ARN).partition("/")[0])
    record = ctx.store.by_arn(resource)
    if record is None and resource.startswith("arn:aws:logs:"):
        record = ctx.store.by_arn(resource.removesuffix(":*") + ":*")
    return record


def with_resource(resource: str, record: Record | None, keys: Keys) -> Keys:
    """The request's keys with the tags and the account of the resource."""
    if record is None:
        return keys
    keys = {**keys, "aws:ResourceAccount": record.account}
    if record.type in ("AWS::IAM::Role", "AWS::IAM::User") and record.properties.get("PermissionsBoundary"):
        keys = {"iam:PermissionsBoundary": record.properties["PermissionsBoundary"], **keys}
    if record.arn != resource and resource.startswith(BUCKET_ARN):
        # An object has tags of its own, which s3:ExistingObjectTag tells.
        return keys
    service = resource.split(":")[2]
    for prefix in ("aws", service):
        keys |= {f"{prefix}:ResourceTag/{k}": v for k, v in record.tags.items()}
    return keys

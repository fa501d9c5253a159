"""What the kinds of IAM entities share: inline and attached policies, names, errors."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.documents import AWS_MANAGED, aws_managed
from sandbox.iam.grammar import check_policy
from sandbox.resource_types import tag_list
from sandbox.services.iam import limits
from sandbox.store import GLOBAL, Record

ROLE, USER, GROUP = "AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"
MANAGED, INLINE, PROFILE = "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::InstanceProfile"
WORDS = {ROLE: "role", USER: "user", GROUP: "group"}


def entity_get(ctx: Context, type_name: str, name: str) -> Record:
    """A role, user or group. Raises NoSuchEntity in IAM's words."""
    record = ctx.store.get(ctx.account, GLOBAL, type_name, name)
    if record is None:
        word = WORDS[type_name]
        said = (
            f"The role with name {name} cannot be found."
            if word == "role"
            else f"The {word} with name {name} cannot be found."
        )
        raise AwsError("NoSuchEntity", said, 404)
    return record


def policy_get(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.type != MANAGED:
        raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    return record


def check_attachable(ctx: Context, arn: str) -> None:
    if arn.startswith(AWS_MANAGED):
        if arn not in aws_managed():
            raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
        return
    policy_get(ctx, arn)


def encoded(document: Any) -> str:
    """A policy document as IAM answers it: JSON, URL-encoded."""
    return quote(document if isinstance(document, str) else json.dumps(document), safe="")


def put_inline(ctx: Context, entity: Record, name: str, document: Any) -> None:
    policy = check_policy(document)
    limits.check_name("policyName", name)
    inline = {**entity.data["inline"], name: policy}
    limits.check_inline_size(WORDS[entity.type], entity.id, list(inline.values()))
    entity.data["inline"] = inline
    ctx.store.put(entity)


def attach(ctx: Context, entity: Record, arn: str) -> None:
    check_attachable(ctx, arn)
    if arn not in entity.data["attached"]:
        limits.refuse_attached(ctx, WORDS[entity.type], len(entity.data["attached"]))
        entity.data["attached"].append(arn)
    ctx.store.put(entity)


def detach(ctx: Context, entity: Record, arn: str) -> None:
    if arn in entity.data["attached"]:
        entity.data["attached"].remove(arn)
    ctx.store.put(entity)


def attachments(ctx: Context, arn: str) -> list[Record]:
    """Who has the managed policy attached."""
    return [
        r
        for kind in (ROLE, USER, GROUP)
        for r in ctx.store.list(ctx.account, GLOBAL, kind)
        if arn in r.data["attached"]
    ]


def policy_name(arn: str) -> str:
    return arn.rpartition("/")[2]


def page(items: list[Any], params: dict[str, Any], member: str) -> dict[str, Any]:
    """A page by MaxItems and Marker."""
    start = int(params.get("Marker") or 0)
    end = start + int(params.get("MaxItems") or 100)
    more = end < len(items)
    return {member: items[start:end], "IsTruncated": more, "Marker": str(end) if more else None}


def shape(record: Record, kind: str) -> dict[str, Any]:
    """The members that roles, users, groups, policies and profiles have in common."""
    return {
        "Path": record.properties.get("Path", "/"),
        f"{kind}Name": record.id if record.type != MANAGED else policy_name(record.arn),
        f"{kind}Id": record.data["id"],
        "Arn": record.arn,
        "CreateDate": record.created_at,
        "Tags": tag_list(record.tags) if record.tags else None,
    }

"""What the operations share: templates from a body or a URL, who acts, tokens."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.cloudformation import stacks, template
from sandbox.context import Context, Principal
from sandbox.errors import AwsError, validation_error
from sandbox.iam import sight
from sandbox.iam.principals import principal_dump
from sandbox.services import s3
from sandbox.store import Record

MAX_BODY = 51_200  # CloudFormation quotas: bytes in a request, bytes in S3
MAX_OBJECT = 1_048_576
BUSY = stacks.IN_PROGRESS


def read_template(ctx: Context, params: dict[str, Any], stack: Record | None) -> template.Template:
    """The template that a request gives. Raises ValidationError."""
    if params.get("TemplateBody"):
        body = params["TemplateBody"]
        if len(body.encode()) > MAX_BODY:
            raise validation_error(
                f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must "
                f"have length less than or equal to {MAX_BODY}"
            )
    elif params.get("TemplateURL"):
        body = _from_s3(ctx, params["TemplateURL"])
    elif params.get("UsePreviousTemplate") and stack is not None and stack.data["template"]:
        body = stacks.text(ctx.world, stack.data["template"])
    else:
        raise validation_error("Either Template URL or Template Body must be specified.")
    parsed = template.parse(body)
    template.check_types(parsed, ctx.region)
    return parsed


def _from_s3(ctx: Context, url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    path = unquote(parts.path.lstrip("/"))
    hosted = re.match(r"^(.+?)\.(?:s3[.-].*amazonaws\.com|s3\.localhost|localhost)$", host)
    bucket, _, key = (hosted[1], "", path) if hosted else path.partition("/")
    try:
        data = s3.object_body(ctx, bucket, key)
    except AwsError as problem:
        raise validation_error(f"S3 error: {problem.message}") from problem
    if len(data) > MAX_OBJECT:
        raise validation_error("Template may not exceed 1000000 bytes in size.")
    return data.decode()


def read_policy(ctx: Context, params: dict[str, Any], name: str = "StackPolicy") -> str | None:
    """The stack policy that a request gives as <name>Body or <name>URL, or None. Raises ValidationError."""
    body: str | None = params.get(f"{name}Body")
    if not body and params.get(f"{name}URL"):
        body = _from_s3(ctx, params[f"{name}URL"])
    if body:
        try:
            json.loads(body)
        except ValueError as problem:
            raise validation_error(f"Error validating stack policy: {problem}") from problem
    return body or None


def acting(ctx: Context, role_arn: str | None) -> Principal:
    """For whom the handlers act: the role that CloudFormation assumes, else the caller."""
    if not role_arn:
        return ctx.principal
    name = role_arn.rpartition("/")[2]
    role = sight.get(ctx.world, ctx.account, "AWS::IAM::Role", name)
    if role is None or role.arn != role_arn:
        raise validation_error(f"Role {role_arn} is invalid or cannot be assumed")
    arn = f"arn:aws:sts::{ctx.account}:assumed-role/{name}/AWSCloudFormation"
    return Principal(ctx.account, arn, f"{role.data['id']}:AWSCloudFormation", "role", role, (), role.tags)


def operation(
    ctx: Context, stack: Record, kind: str, word: str, token: str | None, **more: Any
) -> dict[str, Any]:
    """An operation's row for the engine; remembers the token."""
    if token:
        stack.data.setdefault("tokens", {})[token] = kind
    principal = acting(ctx, stack.data.get("role_arn"))
    return {
        "id": str(uuid.uuid4()),
        "kind": kind,
        "type": word,
        "token": token,
        "principal": principal_dump(principal),
        **more,
    }


def token_seen(stack: Record, token: str | None, kind: str) -> bool:
    """Whether this very operation was asked for before. Raises TokenAlreadyExistsException for another one."""
    if not token or token not in stack.data.get("tokens", {}):
        return False
    if stack.data["tokens"][token] != kind:
        raise AwsError(
            "TokenAlreadyExistsException",
            f"A client request token already exists for a different operation: {token}",
            400,
        )
    return True


def tags_of(params: dict[str, Any], before: dict[str, str]) -> dict[str, str]:
    """Stack tags of a request; none given keeps those of the stack."""
    if params.get("Tags") is None:
        return dict(before)
    tags = {t["Key"]: t["Value"] for t in params["Tags"]}
    if len(tags) > 50:
        raise validation_error("Number of tags exceeds the maximum of 50")
    for key in tags:
        if key.lower().startswith("aws:"):
            raise validation_error("aws: prefixed tag key names are not allowed for external use.")
    return tags


def page(items: list[Any], token: str | None, size: int) -> tuple[list[Any], str | None]:
    """One page; the token is the offset."""
    start = int(token) if token and token.isdigit() else 0
    end = start + size
    return items[start:end], str(end) if end < len(items) else None

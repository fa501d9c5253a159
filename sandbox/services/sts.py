"""STS: who am I, and sessions of roles."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import policy, sight
from sandbox.iam.authorize import decided
from sandbox.iam.documents import managed_document, parsed
from sandbox.iam.grammar import check_policy
from sandbox.iam.keys import request_keys, with_resource
from sandbox.iam.principals import (
    ACCESS_KEY,
    MFA_PRESENT,
    SESSION,
    key_put,
    key_remove,
    new_id,
    new_secret,
)
from sandbox.registry import on_start, operation
from sandbox.services.iam import mfa
from sandbox.store import GLOBAL, Record
from sandbox.world import World

SESSION_POLICIES = 2048
MOST_POLICIES, MOST_TAGS = 10, 50
OF_ASSUME_ROLE = frozenset({"sts:ExternalId", "sts:RoleSessionName"})
USER_SECONDS, ROOT_SECONDS = 129600, 3600
"""STS API reference, AssumeRole and GetSessionToken."""


@operation("sts", "GetCallerIdentity")
def get_caller_identity(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"UserId": ctx.principal.user_id, "Account": ctx.account, "Arn": ctx.principal.arn}


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for record in (*ctx.store.everywhere(ACCESS_KEY), *ctx.store.everywhere(SESSION)):
        if record.id == params["AccessKeyId"]:
            return {"Account": record.account}
    raise AwsError("ValidationError", f"Access key {params['AccessKeyId']} not found", 400)


def _denied(ctx: Context, action: str, resource: str) -> AwsError:
    said = f"User: {ctx.principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return AwsError("AccessDenied", said, 403)


def _demand(ctx: Context, role: Record, action: str, keys: policy.Keys) -> None:
    """The trust policy has to allow it, and (for a trust in the account) the caller's own policies too."""
    who = ctx.principal
    if not ctx.world.settings["enforce_iam"]:
        # Trust policies are asked all the same.
        who = replace(who, kind="root")
    request = policy.Request(action, role.arn, with_resource(role.arn, role, keys))
    document = parsed(role.properties["AssumeRolePolicyDocument"])
    if not decided(ctx, who, request, document, role.account, delegated=True).allowed:
        raise _denied(ctx, action, role.arn)


@operation("sts", "AssumeRole")
def assume_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if ctx.principal.kind == "root":
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    role = sight.by_arn(ctx.world, params["RoleArn"])
    if role is None or role.type != "AWS::IAM::Role":
        raise _denied(ctx, "sts:AssumeRole", params["RoleArn"])
    name = params["RoleSessionName"]
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise _invalid(
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: [\\w+=,.@-]*"
        )
    tags, transitive = _tags(ctx, params)
    keys = _keys(ctx, params)
    source = params.get("SourceIdentity") or ctx.principal.keys.get("aws:SourceIdentity")
    _demand(ctx, role, "sts:AssumeRole", keys)
    # Session name and external id are AssumeRole's own (Service Authorization Reference, condition keys of STS).
    further = {key: value for key, value in keys.items() if key not in OF_ASSUME_ROLE}
    if params.get("Tags"):
        _demand(ctx, role, "sts:TagSession", further)
    if source:
        _demand(ctx, role, "sts:SetSourceIdentity", further)
        if source != ctx.principal.keys.get("aws:SourceIdentity", source):
            raise _denied(ctx, "sts:SetSourceIdentity", role.arn)
    seconds = _duration(ctx, role, params)
    documents = _session_policies(ctx, params)
    arn = f"arn:aws:sts::{role.account}:assumed-role/{role.id}/{name}"
    data = {
        "role": role.id,
        "role_id": role.data["id"],
        "session_name": name,
        "arn": arn,
        "policies": documents,
        "tags": tags,
        "transitive": transitive,
        "keys": {"aws:SourceIdentity": source} if source else {},
    }
    user = {"AssumedRoleId": f"{role.data['id']}:{name}", "Arn": arn}
    credentials = _session(ctx, role.account, data, seconds)
    return {
        "Credentials": credentials,
        "AssumedRoleUser": user,
        "SourceIdentity": source,
        "PackedPolicySize": _size(documents) * 100 // SESSION_POLICIES if documents else None,
    }


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationError", text, 400)


def _keys(ctx: Context, params: dict[str, Any]) -> policy.Keys:
    """Condition keys of AssumeRole. A code of an MFA device counts for this request only."""
    keys = {**request_keys(ctx, params), "sts:RoleSessionName": params["RoleSessionName"]}
    for key, member in (("sts:ExternalId", "ExternalId"), ("sts:SourceIdentity", "SourceIdentity")):
        if params.get(member):
            keys[key] = params[member]
    if params.get("TransitiveTagKeys"):
        keys["sts:TransitiveTagKeys"] = list(params["TransitiveTagKeys"])
    if mfa.verified(ctx, params):
        keys |= {MFA_PRESENT: "true", "aws:MultiFactorAuthAge": "0"}
    return keys


def _tags(ctx: Context, params: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The session's tags and which of them go on: those given, and those that come on from the caller's session."""
    given = {t["Key"]: t["Value"] for t in params.get("Tags") or ()}
    wanted = list(params.get("TransitiveTagKeys") or ())
    inherited = {
        key: ctx.principal.tags[key] for key in ctx.principal.transitive if key in ctx.principal.tags
    }
    if set(wanted) - set(given):
        raise _invalid("The specified transitive tag key must be included in the requested tags.")
    if set(given) & set(inherited):
        raise _invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    if len(given) > MOST_TAGS:
        raise _invalid(
            f"1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less "
            f"than or equal to {MOST_TAGS}"
        )
    return {**inherited, **given}, sorted({*inherited, *wanted})


def _session_policies(ctx: Context, params: dict[str, Any]) -> list[policy.Document]:
    """What narrows the session. Raises MalformedPolicyDocument, PackedPolicyTooLarge or ValidationError."""
    arns = [p["arn"] for p in params.get("PolicyArns") or ()]
    if len(arns) > MOST_POLICIES:
        raise _invalid(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length "
            f"less than or equal to {MOST_POLICIES}"
        )
    documents = [check_policy(params["Policy"])] if params.get("Policy") else []
    if len(params.get("Policy") or "") > SESSION_POLICIES:
        text = f"Packed size of session token consumes {_size(documents) * 100 // SESSION_POLICIES}% of allotted space."
        raise AwsError("PackedPolicyTooLarge", text, 400)
    return documents + [managed_document(ctx.world, arn) for arn in arns]


def _size(documents: list[policy.Document]) -> int:
    return len(json.dumps(documents, separators=(",", ":")))


def _duration(ctx: Context, role: Record, params: dict[str, Any]) -> int:
    seconds = int(params.get("DurationSeconds") or 3600)
    if seconds < 900:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900",
            400,
        )
    if seconds > int(role.properties.get("MaxSessionDuration", 3600)):
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            400,
        )
    if ctx.principal.kind == "role" and seconds > 3600:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            400,
        )
    return seconds


def begin_role_session(
    ctx: Context, role: Record, name: str, seconds: int, *, keys: dict[str, str], tags: dict[str, str]
) -> dict[str, Any]:
    """Credentials of a role for who has it by a web identity (the caller has asked its trust policy).

    keys: further condition keys of the session.
    """
    data = {
        "role": role.id,
        "role_id": role.data["id"],
        "session_name": name,
        "arn": f"arn:aws:sts::{role.account}:assumed-role/{role.id}/{name}",
        "policies": [],
        "tags": tags,
        "keys": keys,
    }
    return _session(ctx, role.account, data, seconds)


def _session(ctx: Context, account: str, data: dict[str, Any], seconds: int) -> dict[str, Any]:
    expires = ctx.now + seconds
    secret, token = new_secret(), secrets.token_urlsafe(120)
    data = {**data, "secret": secret, "token": token, "expires_at": expires}
    record = Record(account, GLOBAL, SESSION, new_id("ASIA"), created_at=ctx.now, data=data)
    key_put(ctx.world, record)
    ctx.world.scheduler.at(expires + 3600, lambda: _forget(ctx, record))
    return {"AccessKeyId": record.id, "SecretAccessKey": secret, "SessionToken": token, "Expiration": expires}


def _forget(ctx: Context, record: Record) -> None:
    key_remove(ctx.world, record)


@operation("sts", "GetSessionToken")
def get_session_token(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if ctx.principal.issued_at:
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    most = ROOT_SECONDS if ctx.principal.kind == "root" else USER_SECONDS
    seconds = int(params.get("DurationSeconds") or min(most, 43200))
    if not 900 <= seconds <= USER_SECONDS:
        raise _invalid(
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member "
            f"must have value {'greater' if seconds < 900 else 'less'} than or equal to "
            f"{900 if seconds < 900 else USER_SECONDS}"
        )
    with_code = mfa.verified(ctx, params)
    data = {
        "user": ctx.principal.user_id,
        "user_key": ctx.principal.access_key,
        "keys": {MFA_PRESENT: str(with_code).lower()},
        "mfa_at": ctx.now if with_code else 0,
    }
    return {"Credentials": _session(ctx, ctx.account, data, min(seconds, most))}


@on_start
def drop_expired(world: World) -> None:
    """Sessions that ended while no sandbox ran."""
    for record in list(world.store.everywhere(SESSION)):
        if record.data["expires_at"] + 3600 < world.scheduler.now():
            key_remove(world, record)

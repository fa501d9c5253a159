"""STS: who am I, and sessions of roles."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.authorize import managed_document, parsed, refused, request_keys
from sandbox.iam.principals import ACCESS_KEY, SESSION, key_put, key_remove, new_id, new_secret
from sandbox.registry import on_start, operation
from sandbox.store import GLOBAL, Record
from sandbox.world import World


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


def _trusted(ctx: Context, role: Record, action: str, keys: policy.Keys) -> str:
    """What the role's trust policy says to the caller: deny, direct, account or none."""
    who = ctx.principal
    entity_arn = who.entity.arn if who.entity is not None else who.arn
    request = policy.Request(action, role.arn, keys)
    found = "none"
    for statement in policy.listed(parsed(role.properties["AssumeRolePolicyDocument"]).get("Statement")):
        fits = policy.principal_fits(statement, who.arn, who.account, entity_arn)
        if not fits or not policy.applies(statement, request):
            continue
        if statement["Effect"] == "Deny":
            return "deny"
        found = fits if found != "direct" else found
    return found


def _demand(ctx: Context, role: Record, action: str, keys: policy.Keys) -> None:
    """The trust policy has to allow it, and (for a trust in the account) the caller's own policies too."""
    trust = _trusted(ctx, role, action, keys)
    if trust in ("deny", "none"):
        raise _denied(ctx, action, role.arn)
    if ctx.principal.kind == "root" or not ctx.world.settings["enforce_iam"]:
        return
    reason = refused(ctx, ctx.principal, policy.Request(action, role.arn, keys))
    same_account = role.account == ctx.account
    if reason is not None and (trust == "account" or not same_account or "explicit deny" in reason):
        raise _denied(ctx, action, role.arn)


@operation("sts", "AssumeRole")
def assume_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if ctx.principal.kind == "root":
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    role = ctx.store.by_arn(params["RoleArn"])
    if role is None or role.type != "AWS::IAM::Role":
        raise _denied(ctx, "sts:AssumeRole", params["RoleArn"])
    name = params["RoleSessionName"]
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: [\\w+=,.@-]*",
            400,
        )
    tags = {t["Key"]: t["Value"] for t in params.get("Tags") or ()}
    keys = {**request_keys(ctx, params), "sts:RoleSessionName": name}
    if params.get("ExternalId"):
        keys["sts:ExternalId"] = params["ExternalId"]
    source = params.get("SourceIdentity") or ctx.principal.keys.get("aws:SourceIdentity")
    if params.get("SourceIdentity"):
        keys["sts:SourceIdentity"] = params["SourceIdentity"]
    if params.get("TokenCode"):
        keys["aws:MultiFactorAuthPresent"] = "true"
    _demand(ctx, role, "sts:AssumeRole", keys)
    if tags:
        _demand(ctx, role, "sts:TagSession", keys)
    if params.get("SourceIdentity"):
        _demand(ctx, role, "sts:SetSourceIdentity", keys)
    seconds = _duration(ctx, role, params)
    documents = [parsed(params["Policy"])] if params.get("Policy") else []
    documents += [managed_document(ctx, p["arn"]) for p in params.get("PolicyArns") or ()]
    arn = f"arn:aws:sts::{role.account}:assumed-role/{role.id}/{name}"
    session_keys = {"aws:SourceIdentity": source} if source else {}
    if params.get("TokenCode"):
        session_keys["aws:MultiFactorAuthPresent"] = "true"
    data = {
        "role": role.id,
        "role_id": role.data["id"],
        "session_name": name,
        "arn": arn,
        "policies": documents,
        "tags": tags,
        "keys": session_keys,
    }
    user = {"AssumedRoleId": f"{role.data['id']}:{name}", "Arn": arn}
    credentials = _session(ctx, role.account, data, seconds)
    return {
        "Credentials": credentials,
        "AssumedRoleUser": user,
        "SourceIdentity": source,
        "PackedPolicySize": len(json.dumps(documents)) * 100 // 2048 if documents else None,
    }


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
    if ctx.principal.kind == "role":
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    keys = {"aws:MultiFactorAuthPresent": "true"} if params.get("TokenCode") else {}
    data = {"user": ctx.principal.user_id, "user_key": ctx.principal.access_key, "keys": keys}
    return {"Credentials": _session(ctx, ctx.account, data, int(params.get("DurationSeconds") or 43200))}


@on_start
def drop_expired(world: World) -> None:
    """Sessions that ended while no sandbox ran."""
    for record in list(world.store.everywhere(SESSION)):
        if record.data["expires_at"] + 3600 < world.scheduler.now():
            key_remove(world, record)

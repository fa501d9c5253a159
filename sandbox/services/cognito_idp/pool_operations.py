"""The API on user pools: what they are, their MFA, their tags."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services._listing import page
from sandbox.services.cognito_idp import attributes, replication
from sandbox.services.cognito_idp.names import POOL, invalid, not_found, pool_get
from sandbox.services.cognito_idp.pools import FIXED, shape
from sandbox.services.cognito_idp.secondary import is_secondary, refuse
from sandbox.store import Record

SETTINGS = (
    "AccountRecoverySetting",
    "AdminCreateUserConfig",
    "AliasAttributes",
    "AutoVerifiedAttributes",
    "DeletionProtection",
    "DeviceConfiguration",
    "EmailConfiguration",
    "EmailVerificationMessage",
    "EmailVerificationSubject",
    "IssuerConfiguration",
    "KeyConfiguration",
    "LambdaConfig",
    "MfaConfiguration",
    "Policies",
    "Schema",
    "SmsAuthenticationMessage",
    "SmsConfiguration",
    "SmsVerificationMessage",
    "UserAttributeUpdateSettings",
    "UserPoolAddOns",
    "UserPoolTier",
    "UsernameAttributes",
    "UsernameConfiguration",
    "VerificationMessageTemplate",
)
"""Members that are called the same in CloudFormation."""
API_ONLY = ("DcrConfiguration", "AcrConfiguration")
ELSEWHERE = (
    "EnabledMfas",
    "EmailAuthenticationMessage",
    "EmailAuthenticationSubject",
    "WebAuthnRelyingPartyID",
    "WebAuthnUserVerification",
    "WebAuthnFactorConfiguration",
)
"""Set by SetUserPoolMfaConfig, so that UpdateUserPool leaves them."""


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    return {n: params[n] for n in SETTINGS if params.get(n) is not None}


def _api_only(params: dict[str, Any]) -> dict[str, Any]:
    return {n: params[n] for n in API_ONLY if params.get(n) is not None}


@operation("cognito-idp", "CreateUserPool")
def create_user_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {"UserPoolName": params["PoolName"], **_settings(params)}
    if properties.get("MfaConfiguration", "OFF") != "OFF" and not properties.get("SmsConfiguration"):
        raise invalid(
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
        )
    record = ctx.world.create(
        ctx,
        POOL,
        properties,
        tags=params.get("UserPoolTags"),
        data={"api_only": _api_only(params)},
        at_once=True,
    )
    return {"UserPool": shape(ctx, record)}


@operation("cognito-idp", "DescribeUserPool")
def describe_user_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"UserPool": shape(ctx, pool_get(ctx, params["UserPoolId"]))}


@operation("cognito-idp", "ListUserPools")
def list_user_pools(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records, following = page(
        ctx.store.list(ctx.account, ctx.region, POOL),
        params["MaxResults"],
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    pools = [
        {
            "Id": r.id,
            "Name": r.properties["UserPoolName"],
            "LambdaConfig": r.properties.get("LambdaConfig") or {},
            "LastModifiedDate": r.updated_at,
            "CreationDate": r.created_at,
        }
        for r in records
    ]
    return {"UserPools": pools, "NextToken": following}


@operation("cognito-idp", "UpdateUserPool")
def update_user_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """What is not given goes back to its default (API reference), but for what only creation sets."""
    pool = pool_get(ctx, params["UserPoolId"])
    kept = {n: pool.properties[n] for n in (*FIXED, "Schema", *ELSEWHERE) if n in pool.properties}
    name = params.get("PoolName") or pool.properties["UserPoolName"]
    wanted = {**_settings(params), **kept, "UserPoolName": name}
    if is_secondary(pool):
        _refuse_global(pool, wanted)
    ctx.world.update(ctx, pool, wanted, tags=params.get("UserPoolTags"), at_once=True)
    pool.data["api_only"] = _api_only(params)
    replication.put(ctx.world, pool)
    return {}


def _refuse_global(pool: Record, wanted: dict[str, Any]) -> None:
    """At a replica, what is the primary's has to be given as it is (API reference, UpdateUserPool)."""
    for name in {*wanted, *pool.properties} - set(replication.REGIONAL):
        if (wanted.get(name) or None) != (pool.properties.get(name) or None):
            raise invalid(f"{name} does not match the primary user pool's.")


@operation("cognito-idp", "DeleteUserPool")
def delete_user_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, pool_get(ctx, params["UserPoolId"]), at_once=True)
    return {}


@operation("cognito-idp", "AddCustomAttributes")
def add_custom_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    attributes.check_schema(params["CustomAttributes"])
    have = {s["Name"] for s in pool.data["schema"]}
    for entry in params["CustomAttributes"]:
        name = attributes.custom_name(entry)
        if name in have:
            raise invalid(f"{name}: Existing attribute already has name {name}.")
    schema = [*(pool.properties.get("Schema") or []), *params["CustomAttributes"]]
    ctx.world.update(ctx, pool, {**pool.properties, "Schema": schema}, at_once=True)
    return {}


# -- MFA


def mfa_shape(pool: Record) -> dict[str, Any]:
    """GetUserPoolMfaConfig's answer."""
    own = pool.properties
    enabled = own.get("EnabledMfas") or []
    answer: dict[str, Any] = {"MfaConfiguration": own.get("MfaConfiguration", "OFF")}
    if "SOFTWARE_TOKEN_MFA" in enabled:
        answer["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    if "SMS_MFA" in enabled or own.get("SmsConfiguration"):
        answer["SmsMfaConfiguration"] = {
            k: own[n]
            for k, n in (
                ("SmsAuthenticationMessage", "SmsAuthenticationMessage"),
                ("SmsConfiguration", "SmsConfiguration"),
            )
            if own.get(n)
        }
    if "EMAIL_OTP" in enabled:
        answer["EmailMfaConfiguration"] = {
            k: own[n]
            for k, n in (("Message", "EmailAuthenticationMessage"), ("Subject", "EmailAuthenticationSubject"))
            if own.get(n)
        }
    return answer


@operation("cognito-idp", "GetUserPoolMfaConfig")
def get_user_pool_mfa_config(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return mfa_shape(pool_get(ctx, params["UserPoolId"]))


@operation("cognito-idp", "SetUserPoolMfaConfig")
def set_user_pool_mfa_config(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    wanted = dict(pool.properties)
    wanted["MfaConfiguration"] = params.get("MfaConfiguration", "OFF")
    enabled = set()
    if (params.get("SoftwareTokenMfaConfiguration") or {}).get("Enabled"):
        enabled.add("SOFTWARE_TOKEN_MFA")
    sms, email = params.get("SmsMfaConfiguration") or {}, params.get("EmailMfaConfiguration")
    if sms.get("SmsConfiguration"):
        enabled.add("SMS_MFA")
        wanted.update({n: sms[n] for n in ("SmsConfiguration", "SmsAuthenticationMessage") if sms.get(n)})
    if email is not None:
        enabled.add("EMAIL_OTP")
        names = {"Message": "EmailAuthenticationMessage", "Subject": "EmailAuthenticationSubject"}
        wanted.update({n: email[k] for k, n in names.items() if email.get(k)})
    if wanted["MfaConfiguration"] != "OFF" and not enabled:
        raise invalid("Invalid MFA configuration given, can't turn on MFA without configuring an MFA.")
    if wanted["MfaConfiguration"] == "OFF" and enabled:
        raise invalid("Invalid MFA configuration given, can't disable MFA and configure an MFA together.")
    wanted["EnabledMfas"] = sorted(enabled)
    if is_secondary(pool):
        _refuse_global(pool, wanted)
    ctx.world.update(ctx, pool, wanted, at_once=True)
    return mfa_shape(pool)


# -- tags


def _tagged(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.type != POOL or (record.account, record.region) != (ctx.account, ctx.region):
        raise not_found(f"User pool {arn.rpartition('/')[2]} does not exist.")
    refuse(record, ctx.operation)
    return record


@operation("cognito-idp", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _tagged(ctx, params["ResourceArn"])
    record.tags.update(params["Tags"])
    ctx.store.put(record)
    return {}


@operation("cognito-idp", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _tagged(ctx, params["ResourceArn"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
    return {}


@operation("cognito-idp", "ListTagsForResource")
def list_tags_for_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": dict(_tagged(ctx, params["ResourceArn"]).tags)}

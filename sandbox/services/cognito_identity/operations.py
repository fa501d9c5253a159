"""The API on identity pools: signed, and decided by IAM."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.resource_types import tags_from
from sandbox.services._listing import page
from sandbox.services.cognito_identity.pools import (
    IDENTITY,
    POOL,
    ROLES,
    TAGS,
    as_map,
    of_pool,
    pool_get,
)
from sandbox.store import Record

SETTINGS = (
    "IdentityPoolName",
    "AllowUnauthenticatedIdentities",
    "AllowClassicFlow",
    "SupportedLoginProviders",
    "DeveloperProviderName",
    "OpenIdConnectProviderARNs",
    "CognitoIdentityProviders",
    "SamlProviderARNs",
)


def shape(record: Record) -> dict[str, Any]:
    """IdentityPool."""
    own = {n: record.properties[n] for n in SETTINGS if record.properties.get(n) is not None}
    if "SupportedLoginProviders" in own:
        own["SupportedLoginProviders"] = as_map(own["SupportedLoginProviders"])
    return {**own, "IdentityPoolId": record.id, "IdentityPoolTags": dict(record.tags)}


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    return {n: params[n] for n in SETTINGS if params.get(n) is not None}


@operation("cognito-identity", "CreateIdentityPool")
def create_identity_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    tags = tags_from(params.get("IdentityPoolTags") or {})
    return shape(ctx.world.create(ctx, POOL, _settings(params), tags=tags, at_once=True))


@operation("cognito-identity", "DescribeIdentityPool")
def describe_identity_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return shape(pool_get(ctx, params["IdentityPoolId"]))


@operation("cognito-identity", "UpdateIdentityPool")
def update_identity_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = pool_get(ctx, params["IdentityPoolId"])
    given = params.get("IdentityPoolTags")
    tags = tags_from(given) if given is not None else None
    return shape(ctx.world.update(ctx, record, _settings(params), tags=tags, at_once=True))


@operation("cognito-identity", "DeleteIdentityPool")
def delete_identity_pool(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, pool_get(ctx, params["IdentityPoolId"]), at_once=True)
    return {}


@operation("cognito-identity", "ListIdentityPools")
def list_identity_pools(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records, following = page(
        ctx.store.list(ctx.account, ctx.region, POOL),
        params["MaxResults"],
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    shown = [{"IdentityPoolId": r.id, "IdentityPoolName": r.properties["IdentityPoolName"]} for r in records]
    return {"IdentityPools": shown, "NextToken": following}


# -- roles and principal tags


def roles_of(ctx: Context, pool: Record) -> dict[str, Any]:
    """Roles and RoleMappings of the pool, the mappings by provider; {} without any."""
    record = next(iter(of_pool(ctx, pool, ROLES)), None)
    if record is None:
        return {}
    mappings = as_map(record.properties.get("RoleMappings") or {})
    by_provider = {
        m.get("IdentityProvider") or name: {k: v for k, v in m.items() if k != "IdentityProvider"}
        for name, m in mappings.items()
    }
    return {"Roles": as_map(record.properties.get("Roles") or {}), "RoleMappings": by_provider}


@operation("cognito-identity", "SetIdentityPoolRoles")
def set_identity_pool_roles(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["IdentityPoolId"])
    properties = {
        "IdentityPoolId": pool.id,
        "Roles": params["Roles"],
        "RoleMappings": params.get("RoleMappings") or {},
    }
    record = next(iter(of_pool(ctx, pool, ROLES)), None)
    if record is None:
        ctx.world.create(ctx, ROLES, properties, at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)
    return {}


@operation("cognito-identity", "GetIdentityPoolRoles")
def get_identity_pool_roles(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["IdentityPoolId"])
    return {"IdentityPoolId": pool.id, **roles_of(ctx, pool)}


def tags_of(ctx: Context, pool: Record, provider: str) -> Record | None:
    """The principal tags of a provider."""
    found = of_pool(ctx, pool, TAGS)
    return next((r for r in found if r.properties["IdentityProviderName"] == provider), None)


def _tags_shape(pool: Record, provider: str, record: Record | None) -> dict[str, Any]:
    own = record.properties if record is not None else {}
    return {
        "IdentityPoolId": pool.id,
        "IdentityProviderName": provider,
        "UseDefaults": bool(own.get("UseDefaults")),
        "PrincipalTags": own.get("PrincipalTags") or {},
    }


@operation("cognito-identity", "SetPrincipalTagAttributeMap")
def set_principal_tag_attribute_map(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, provider = pool_get(ctx, params["IdentityPoolId"]), params["IdentityProviderName"]
    properties = {"IdentityPoolId": pool.id, "IdentityProviderName": provider}
    for name in ("UseDefaults", "PrincipalTags"):
        if params.get(name) is not None:
            properties[name] = params[name]
    record = tags_of(ctx, pool, provider)
    if record is None:
        record = ctx.world.create(ctx, TAGS, properties, at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)
    return _tags_shape(pool, provider, record)


@operation("cognito-identity", "GetPrincipalTagAttributeMap")
def get_principal_tag_attribute_map(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, provider = pool_get(ctx, params["IdentityPoolId"]), params["IdentityProviderName"]
    return _tags_shape(pool, provider, tags_of(ctx, pool, provider))


# -- identities


def identity_shape(record: Record) -> dict[str, Any]:
    """IdentityDescription."""
    login = record.data["provider"]
    return {
        "IdentityId": record.id,
        "Logins": [login] if login else [],
        "CreationDate": record.created_at,
        "LastModifiedDate": record.updated_at,
    }


@operation("cognito-identity", "ListIdentities")
def list_identities(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["IdentityPoolId"])
    records, following = page(
        of_pool(ctx, pool, IDENTITY),
        params["MaxResults"],
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    shown = [identity_shape(r) for r in records]
    return {"IdentityPoolId": pool.id, "Identities": shown, "NextToken": following}


@operation("cognito-identity", "DescribeIdentity")
def describe_identity(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return identity_shape(identity_get(ctx, params["IdentityId"]))


def identity_get(ctx: Context, id: str) -> Record:
    """An identity of this account and region. Raises ResourceNotFoundException."""
    record = ctx.store.get(ctx.account, ctx.region, IDENTITY, id)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Identity '{id}' not found.")
    return record


@operation("cognito-identity", "DeleteIdentities")
def delete_identities(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for id in params["IdentityIdsToDelete"]:
        record = ctx.store.get(ctx.account, ctx.region, IDENTITY, id)
        if record is not None:
            ctx.store.remove(record)
    return {"UnprocessedIdentityIds": []}


# -- tags


def _tagged(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.type != POOL or (record.account, record.region) != (ctx.account, ctx.region):
        raise AwsError("ResourceNotFoundException", f"IdentityPool '{arn.rpartition('/')[2]}' not found.")
    return record


@operation("cognito-identity", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _tagged(ctx, params["ResourceArn"])
    record.tags.update(params["Tags"])
    ctx.store.put(record)
    return {}


@operation("cognito-identity", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _tagged(ctx, params["ResourceArn"])
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
    return {}


@operation("cognito-identity", "ListTagsForResource")
def list_tags_for_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": dict(_tagged(ctx, params["ResourceArn"]).tags)}

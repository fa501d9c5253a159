"""App clients: who may sign users in, how, and for how long."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services._listing import page
from sandbox.services.cognito_idp import replication
from sandbox.services.cognito_idp.names import (
    CLIENT,
    SESSION,
    client_get,
    invalid,
    not_authorized,
    of_pool,
    pool_get,
)
from sandbox.store import Record

_LETTERS = string.ascii_lowercase + string.digits
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DEFAULT_FLOWS = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
"""API reference, CreateUserPoolClient, ExplicitAuthFlows."""
LIFETIMES: dict[str, tuple[str, int, int, int]] = {
    # token: (its default unit, its default in that unit, least and most seconds)
    "AccessToken": ("hours", 1, 300, 86400),
    "IdToken": ("hours", 1, 300, 86400),
    "RefreshToken": ("days", 30, 3600, 315360000),
}
SETTINGS = (
    "ClientName",
    "RefreshTokenValidity",
    "AccessTokenValidity",
    "IdTokenValidity",
    "TokenValidityUnits",
    "ReadAttributes",
    "WriteAttributes",
    "ExplicitAuthFlows",
    "SupportedIdentityProviders",
    "CallbackURLs",
    "LogoutURLs",
    "DefaultRedirectURI",
    "AllowedOAuthFlows",
    "AllowedOAuthScopes",
    "AllowedOAuthFlowsUserPoolClient",
    "AnalyticsConfiguration",
    "PreventUserExistenceErrors",
    "EnableTokenRevocation",
    "EnablePropagateAdditionalUserContextData",
    "AuthSessionValidity",
    "RefreshTokenRotation",
)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@resource_type(CLIENT)
class UserPoolClient(ResourceType):
    """A client. Its id is the client id; attributes["ClientSecret"] where it has one."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        properties.setdefault("ClientName", f"{hint.rpartition('-')[2]}-{random_name(12)}")
        return _random(26)

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        pool_get(ctx, properties["UserPoolId"], "CreateUserPoolClient")
        _check(properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"ClientId": record.id, "Name": record.properties["ClientName"]}
        if record.properties.get("GenerateSecret"):
            record.attributes["ClientSecret"] = _random(51)
        replication.spread(ctx.world, record)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        pool_get(ctx, properties["UserPoolId"], "UpdateUserPoolClient")
        _check(properties)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault("ClientName", before["ClientName"])
        replication.spread(ctx.world, record)

    def deleted(self, ctx: Context, record: Record) -> None:
        for session in ctx.store.list(record.account, record.region, SESSION):
            if session.data["client"] == record.id:
                replication.remove(ctx.world, session)
        ctx.store.remove(record)
        replication.spread(ctx.world, record)


def _check(properties: dict[str, Any]) -> None:
    flows = properties.get("ExplicitAuthFlows") or []
    old = [f for f in flows if not f.startswith("ALLOW_")]
    if old and len(old) != len(flows):
        raise invalid(
            "Invalid combination of ExplicitAuthFlows: values with and without the prefix ALLOW_ given together."
        )
    for unit in (properties.get("TokenValidityUnits") or {}).values():
        if unit not in SECONDS:
            raise invalid(f"Invalid TokenValidityUnits: {unit} is none of {', '.join(SECONDS)}.")
    for token, (_, _, least, most) in LIFETIMES.items():
        given = lifetime_s(properties, token)
        if not least <= given <= most:
            raise invalid(
                f"Invalid range for token validity: {token} must be between {least} and {most} seconds."
            )
    if properties.get("AllowedOAuthFlowsUserPoolClient") and not properties.get("AllowedOAuthFlows"):
        raise invalid(
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."
        )


def lifetime_s(properties: dict[str, Any], token: str) -> int:
    """Seconds that a client's AccessToken, IdToken or RefreshToken is valid."""
    unit, usual, _, _ = LIFETIMES[token]
    unit = (properties.get("TokenValidityUnits") or {}).get(token) or unit
    given = properties.get(f"{token}Validity")
    if not given:  # 0 means the default (API reference, RefreshTokenValidity)
        return usual * SECONDS[LIFETIMES[token][0]]
    return int(given) * SECONDS[unit]


def allows(client: Record, *flows: str) -> bool:
    """Whether one of the flows is among the client's."""
    have = client.properties.get("ExplicitAuthFlows") or DEFAULT_FLOWS
    return any(flow in have for flow in flows)


def hides_users(client: Record) -> bool:
    """Whether answers must not tell that a user does not exist."""
    return bool(client.properties.get("PreventUserExistenceErrors") == "ENABLED")


def check_secret(client: Record, username: str, given: str | None) -> None:
    """Refuse a request without the right SECRET_HASH, where the client has a secret."""
    secret = client.attributes.get("ClientSecret")
    if secret is None:
        if given:
            raise not_authorized(f"Client {client.id} is not configured for secret but secret was received")
        return
    if not given:
        raise not_authorized(f"Client {client.id} is configured with secret but SECRET_HASH was not received")
    right = hmac.new(secret.encode(), f"{username}{client.id}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(right).decode(), given):
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")


def shape(record: Record) -> dict[str, Any]:
    """UserPoolClientType."""
    own = {n: v for n, v in record.properties.items() if n in SETTINGS}
    answer = {
        "RefreshTokenValidity": 30,
        "TokenValidityUnits": {},
        "EnableTokenRevocation": True,
        "EnablePropagateAdditionalUserContextData": False,
        "AllowedOAuthFlowsUserPoolClient": False,
        "AuthSessionValidity": 3,
        **own,
        "ClientName": record.properties["ClientName"],
        "UserPoolId": record.properties["UserPoolId"],
        "ClientId": record.id,
        "CreationDate": record.created_at,
        "LastModifiedDate": record.updated_at,
    }
    if "ClientSecret" in record.attributes:
        answer["ClientSecret"] = record.attributes["ClientSecret"]
    return answer


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    return {n: params[n] for n in ("UserPoolId", *SETTINGS) if params.get(n) is not None}


@operation("cognito-idp", "CreateUserPoolClient")
def create_user_pool_client(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = _settings(params)
    if params.get("GenerateSecret"):
        properties["GenerateSecret"] = True
    return {"UserPoolClient": shape(ctx.world.create(ctx, CLIENT, properties, at_once=True))}


@operation("cognito-idp", "DescribeUserPoolClient")
def describe_user_pool_client(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    return {"UserPoolClient": shape(client_get(ctx, pool, params["ClientId"]))}


@operation("cognito-idp", "ListUserPoolClients")
def list_user_pool_clients(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    records, following = page(
        of_pool(ctx, pool, CLIENT),
        params.get("MaxResults"),
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    shown = [
        {"ClientId": r.id, "UserPoolId": pool.id, "ClientName": r.properties["ClientName"]} for r in records
    ]
    return {"UserPoolClients": shown, "NextToken": following}


@operation("cognito-idp", "UpdateUserPoolClient")
def update_user_pool_client(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """What is not given goes back to its default (API reference)."""
    record = client_get(ctx, pool_get(ctx, params["UserPoolId"]), params["ClientId"])
    properties = _settings(params)
    properties.setdefault("ClientName", record.properties["ClientName"])
    if record.properties.get("GenerateSecret"):
        properties["GenerateSecret"] = True
    return {"UserPoolClient": shape(ctx.world.update(ctx, record, properties, at_once=True))}


@operation("cognito-idp", "DeleteUserPoolClient")
def delete_user_pool_client(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = client_get(ctx, pool_get(ctx, params["UserPoolId"]), params["ClientId"])
    ctx.world.delete(ctx, record, at_once=True)
    return {}

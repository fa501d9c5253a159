"""Refresh tokens on their own: new tokens for one, and the end of one."""

from __future__ import annotations

import hmac
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.cognito_idp import signing_keys, tokens
from sandbox.services.cognito_idp.names import not_authorized, pool_of_client
from sandbox.store import Record


def _check_secret(client: Record, given: str | None) -> None:
    """The client's secret itself, which these two operations take."""
    secret = client.attributes.get("ClientSecret")
    if secret is not None and not hmac.compare_digest(str(given or ""), secret):
        raise not_authorized("Client secret is missing or wrong.")


@operation("cognito-idp", "GetTokensFromRefreshToken")
async def get_tokens_from_refresh_token(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """With rotation, a new refresh token too; the old one is good for the grace period (API reference)."""
    pool, client = pool_of_client(ctx, params["ClientId"])
    _check_secret(client, params.get("ClientSecret"))
    session, user = tokens.session_of(ctx, pool, client, params["RefreshToken"])
    await signing_keys.ready_keys(ctx.world, pool)
    result = tokens.issue(ctx, pool, client, user, session)
    rotation = client.properties.get("RefreshTokenRotation") or {}
    if rotation.get("Feature") == "ENABLED":
        grace_s = float(rotation.get("RetryGracePeriodSeconds") or 0)
        result["RefreshToken"] = tokens.rotate(ctx, session, grace_s)
    return {"AuthenticationResult": result}


@operation("cognito-idp", "RevokeToken")
def revoke_token(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """A token that there is not, or no longer, is answered as one that was revoked (RFC 7009)."""
    pool, client = pool_of_client(ctx, params["ClientId"])
    _check_secret(client, params.get("ClientSecret"))
    if not client.properties.get("EnableTokenRevocation", True):
        raise AwsError("UnsupportedOperationException", "Token revocation is not enabled for this client.")
    if tokens.unverified(params["Token"]):
        raise AwsError("UnsupportedTokenTypeException", "Unsupported token type")
    try:
        session, _ = tokens.session_of(ctx, pool, client, params["Token"])
    except AwsError:
        return {}
    tokens.revoke(ctx.world, session)
    return {}

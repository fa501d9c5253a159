"""Tokens: RS256 JWTs signed with the pool's keys, refresh tokens, and the sessions behind them.

A session (a sign-in) is a record: data {pool, user, client, refresh (SHA-256 of the token), started, expires_at,
revoked}; its id is the tokens' origin_jti. Claims: Cognito developer guide, "Understanding user pool JSON web tokens".
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any

import jwt

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.cognito_idp import replication
from sandbox.services.cognito_idp.clients import lifetime_s
from sandbox.services.cognito_idp.names import (
    CLIENT,
    GROUP,
    POOL,
    SESSION,
    USER,
    not_authorized,
    of_pool,
    part_id,
    pool_get,
)
from sandbox.services.cognito_idp.signing_keys import ACCESS, ID, issuer, private_key
from sandbox.store import Record
from sandbox.world import World

SCOPE = "aws.cognito.signin.user.admin"
BOOLEAN = ("email_verified", "phone_number_verified")


# -- what is issued


def begin(ctx: Context, pool: Record, client: Record, user: Record) -> dict[str, Any]:
    """Sign the user in: a session and its tokens (AuthenticationResultType)."""
    now = ctx.now
    session = Record(
        pool.account,
        pool.region,
        SESSION,
        str(uuid.uuid4()),
        created_at=now,
        updated_at=now,
        data={
            "pool": pool.id,
            "user": user.id,
            "client": client.id,
            "started": now,
            "expires_at": now + lifetime_s(client.properties, "RefreshToken"),
            "revoked": False,
        },
    )
    token = renew(session)
    _forget_old(ctx, pool)
    replication.put(ctx.world, session)
    return {**issue(ctx, pool, client, user, session), "RefreshToken": token}


def renew(session: Record) -> str:
    """A new refresh token for a session: opaque to whoever holds it."""
    token = f"{session.id}.{secrets.token_urlsafe(96)}"
    session.data["refresh"] = _hash(token)
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _forget_old(ctx: Context, pool: Record) -> None:
    for session in of_pool(ctx, pool, SESSION):
        if session.data["expires_at"] + 86400 < ctx.now:
            replication.remove(ctx.world, session)


def issue(ctx: Context, pool: Record, client: Record, user: Record, session: Record) -> dict[str, Any]:
    """Access and ID token of a session, as AuthenticationResultType."""
    event, iss, now = str(uuid.uuid4()), issuer(pool), int(ctx.now)
    shared: dict[str, Any] = {
        "sub": user.data["sub"],
        "iss": iss,
        "event_id": event,
        "auth_time": int(session.data["started"]),
        "iat": now,
    }
    if client.properties.get("EnableTokenRevocation", True):
        shared["origin_jti"] = session.id
    groups = groups_of(ctx, pool, user)
    if groups:
        shared["cognito:groups"] = [g.properties["GroupName"] for g in groups]
    lasting = lifetime_s(client.properties, "AccessToken")
    access = {
        **shared,
        "client_id": client.id,
        "token_use": "access",
        "scope": SCOPE,
        "exp": now + lasting,
        "jti": str(uuid.uuid4()),
        "username": user.data["username"],
    }
    identity = {
        **shared,
        **_roles(groups),
        **_shown(client, user),
        "cognito:username": user.data["username"],
        "aud": client.id,
        "token_use": "id",
        "exp": now + lifetime_s(client.properties, "IdToken"),
        "jti": str(uuid.uuid4()),
    }
    return {
        "AccessToken": _signed(pool, ACCESS, access),
        "IdToken": _signed(pool, ID, identity),
        "ExpiresIn": lasting,
        "TokenType": "Bearer",
    }


def _signed(pool: Record, which: int, claims: dict[str, Any]) -> str:
    key = pool.data["keys"][which]
    private = private_key(key["pem"])
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": key["kid"], "typ": None})


def groups_of(ctx: Context, pool: Record, user: Record) -> list[Record]:
    """The user's groups, the one that counts most (lowest precedence) first."""
    found = [g for g in of_pool(ctx, pool, GROUP) if g.properties["GroupName"] in user.data["groups"]]
    return sorted(found, key=lambda g: g.properties.get("Precedence", float("inf")))


def _roles(groups: list[Record]) -> dict[str, Any]:
    """cognito:roles, and cognito:preferred_role unless two groups of the lowest precedence have different ones."""
    with_role = [g for g in groups if g.properties.get("RoleArn")]
    if not with_role:
        return {}
    roles = list(dict.fromkeys(g.properties["RoleArn"] for g in with_role))
    least = with_role[0].properties.get("Precedence")
    first = {g.properties["RoleArn"] for g in with_role if g.properties.get("Precedence") == least}
    return {"cognito:roles": roles, **({"cognito:preferred_role": first.pop()} if len(first) == 1 else {})}


def _shown(client: Record, user: Record) -> dict[str, Any]:
    readable = client.properties.get("ReadAttributes")
    return {
        name: value == "true" if name in BOOLEAN else value
        for name, value in user.data["attributes"].items()
        if not name.startswith("dev:") and (readable is None or name in readable)
    }


# -- what is shown again


def session_of(ctx: Context, pool: Record, client: Record, token: str) -> tuple[Record, Record]:
    """Session and user of a refresh token. Raises NotAuthorizedException in Cognito's words."""
    session = ctx.store.get(pool.account, pool.region, SESSION, token.partition(".")[0])
    if session is None or session.data["pool"] != pool.id or session.data["client"] != client.id:
        raise not_authorized("Invalid Refresh Token")
    if session.data["revoked"]:
        raise not_authorized("Refresh Token has been revoked")
    if ctx.now >= session.data["expires_at"]:
        raise not_authorized("Refresh Token has expired")
    graced = _hash(token) == session.data.get("before") and ctx.now < session.data.get("grace_until", 0)
    if _hash(token) != session.data["refresh"] and not graced:
        raise not_authorized("Invalid Refresh Token")
    user = ctx.store.get(pool.account, pool.region, USER, session.data["user"])
    if user is None:
        raise not_authorized("Invalid Refresh Token")
    if not user.data["enabled"]:
        raise not_authorized("User is disabled.")
    return session, user


def rotate(ctx: Context, session: Record, grace_s: float) -> str:
    """Another refresh token for the session; the old one stays good for so many seconds."""
    session.data.update(before=session.data["refresh"], grace_until=ctx.now + grace_s)
    token = renew(session)
    replication.put(ctx.world, session)
    return token


def revoke(world: World, session: Record) -> None:
    session.data["revoked"] = True
    replication.put(world, session)


def sign_out(ctx: Context, pool: Record, user: Record) -> None:
    """End all sessions of the user, in this region (and, from the primary, at its replica)."""
    user.data["signed_out_at"] = ctx.now
    replication.put(ctx.world, user)
    for session in of_pool(ctx, pool, SESSION):
        if session.data["user"] == user.id:
            revoke(ctx.world, session)


def unverified(token: str) -> dict[str, Any]:
    """A token's claims as they stand; empty if it is none."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return claims


def _user_of(ctx: Context, pool: Record, name: str, sub: str) -> Record | None:
    """The user of a token, unless another one has the name by now."""
    user = ctx.store.get(pool.account, pool.region, USER, part_id(pool.id, name))
    return user if user is not None and user.data["sub"] == sub else None


def bearer(ctx: Context, token: str) -> tuple[Record, Record, Record]:
    """Pool, client and user of an access token. Raises NotAuthorizedException in Cognito's words."""
    claims = unverified(token)
    pool_id = str(claims.get("iss", "")).rpartition("/")[2]
    pool = ctx.store.get(ctx.account, ctx.region, POOL, pool_id)
    if pool is None or "keys" not in pool.data:
        raise not_authorized("Invalid Access Token")
    pool = pool_get(ctx, pool.id)
    public = private_key(pool.data["keys"][ACCESS]["pem"]).public_key()
    try:
        # Times are the sandbox's clock's, which the library does not know.
        claims = jwt.decode(
            token, public, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.InvalidTokenError as problem:
        raise not_authorized("Invalid Access Token") from problem
    if claims.get("token_use") != "access":
        raise not_authorized("Invalid Access Token")
    if ctx.now >= claims["exp"]:
        raise not_authorized("Access Token has expired")
    user = _user_of(ctx, pool, claims["username"], claims["sub"])
    client = ctx.store.get(pool.account, pool.region, CLIENT, claims["client_id"])
    if user is None:
        raise AwsError("UserNotFoundException", "User does not exist.")
    if client is None:
        raise not_authorized("Invalid Access Token")
    if not user.data["enabled"]:
        raise not_authorized("User is disabled.")
    session = ctx.store.get(pool.account, pool.region, SESSION, str(claims.get("origin_jti")))
    ended = session is not None and session.data["revoked"]
    if ended or claims["auth_time"] < int(user.data.get("signed_out_at", 0)):
        raise not_authorized("Access Token has been revoked")
    return pool, client, user


def identity_claims(pool: Record, token: str) -> dict[str, Any] | None:
    """The claims of an ID token that this pool signed, however old; None if it is none."""
    public = private_key(pool.data["keys"][ID]["pem"]).public_key()
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            public,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError:
        return None
    return claims if claims.get("token_use") == "id" else None


def is_ended(ctx: Context, pool: Record, claims: dict[str, Any]) -> bool:
    """Whether the session of a token's claims was signed out, or its user is gone or disabled."""
    user = _user_of(ctx, pool, claims["cognito:username"], claims["sub"])
    if user is None or not user.data["enabled"]:
        return True
    session = ctx.store.get(pool.account, pool.region, SESSION, str(claims.get("origin_jti")))
    revoked = session is not None and session.data["revoked"]
    return bool(revoked or claims["auth_time"] < int(user.data.get("signed_out_at", 0)))

"""Signing in: flows, challenges and their answers.

Source: Cognito developer guide, "Authentication flows"; API reference, InitiateAuth and RespondToAuthChallenge.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.services.cognito_idp import (
    attributes,
    challenges,
    mfa,
    passwords,
    signing_keys,
    srp,
    tokens,
    users,
)
from sandbox.services.cognito_idp.clients import allows, check_secret, hides_users
from sandbox.services.cognito_idp.names import (
    client_get,
    invalid,
    not_authorized,
    pool_get,
    pool_of_client,
)
from sandbox.services.cognito_idp.secondary import is_secondary, not_enabled
from sandbox.store import Record

Answer = dict[str, Any]
WRONG = "Incorrect username or password."


def _needed(given: dict[str, str], *names: str) -> list[str]:
    for name in names:
        if not given.get(name):
            raise invalid(f"Missing required parameter {name}")
    return [given[name] for name in names]


# -- the first factor


def _user_to_sign_in(ctx: Context, pool: Record, client: Record, name: str) -> Record | None:
    user = users.find(ctx, pool, name)
    if user is None and not hides_users(client):
        raise AwsError("UserNotFoundException", "User does not exist.")
    if user is not None and not user.data["enabled"]:
        raise not_authorized("User is disabled.")
    return user


def _by_password(ctx: Context, pool: Record, client: Record, given: dict[str, str]) -> Answer:
    name, password = _needed(given, "USERNAME", "PASSWORD")
    check_secret(client, name, given.get("SECRET_HASH"))
    user = _user_to_sign_in(ctx, pool, client, name)
    if user is None:
        raise not_authorized(WRONG)
    passwords.refuse_locked(user, ctx.now)
    return _after_password(ctx, pool, client, user, passwords.fits(pool, user, password))


def _after_password(ctx: Context, pool: Record, client: Record, user: Record, right: bool) -> Answer:
    """What follows on a password that was right, or was not."""
    if user.data["status"] == "RESET_REQUIRED":
        raise AwsError("PasswordResetRequiredException", "Password reset required for the user")
    if not right:
        passwords.failed(user, ctx.now)
        ctx.store.put(user)
        raise not_authorized(WRONG)
    passwords.succeeded(user)
    ctx.store.put(user)
    if user.data["status"] == "UNCONFIRMED":
        raise AwsError("UserNotConfirmedException", "User is not confirmed.")
    if user.data["status"] == "FORCE_CHANGE_PASSWORD":
        if ctx.now >= user.data.get("temporary_until", ctx.now + 1):
            raise not_authorized("Temporary password has expired and must be reset by an administrator.")
        return _ask_new_password(ctx, pool, client, user)
    return mfa.second_factor(ctx, pool, client, user)


def _ask_new_password(ctx: Context, pool: Record, client: Record, user: Record) -> Answer:
    record = challenges.begin(ctx, pool, client, user, "NEW_PASSWORD_REQUIRED")
    own = user.data["attributes"]
    required = [s["Name"] for s in pool.data["schema"] if s["Required"] and not own.get(s["Name"])]
    shown = {k: v for k, v in own.items() if k != "sub"}
    return challenges.answer(
        record,
        USER_ID_FOR_SRP=user.data["username"],
        requiredAttributes=json.dumps([f"userAttributes.{n}" for n in required]),
        userAttributes=json.dumps(shown),
    )


def _by_srp(ctx: Context, pool: Record, client: Record, given: dict[str, str]) -> Answer:
    """The first message of SRP; for nobody, where the client must not be told, one that leads nowhere."""
    name, public = _needed(given, "USERNAME", "SRP_A")
    check_secret(client, name, given.get("SECRET_HASH"))
    try:
        a_public = int(public, 16)
    except ValueError as problem:
        raise invalid("SRP_A is not a hexadecimal number.") from problem
    if a_public % srp.N == 0:
        raise invalid("SRP_A cannot be 0 modulo N.")
    user = _user_to_sign_in(ctx, pool, client, name)
    kept = user.data["password"] if user is not None else None
    salt = kept["salt"] if kept else secrets.token_hex(16)
    verifier = int(kept["verifier"], 16) if kept else secrets.randbits(3000)
    b, b_public = srp.offer(verifier)
    username = user.data["username"] if user is not None else name
    block = base64.b64encode(secrets.token_bytes(512)).decode()
    challenges.begin(
        ctx,
        pool,
        client,
        user,
        "PASSWORD_VERIFIER",
        block=block,
        username=username,
        key=srp.key(a_public, b, b_public, verifier).hex(),
    )
    parameters = {
        "SALT": salt,
        "SECRET_BLOCK": block,
        "SRP_B": f"{b_public:x}",
        "USERNAME": username,
        "USER_ID_FOR_SRP": username,
    }
    return {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters}


def _answer_srp(
    ctx: Context, pool: Record, client: Record, session: str | None, given: dict[str, str]
) -> Answer:
    name, claim, block, timestamp = _needed(
        given, "USERNAME", "PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP"
    )
    check_secret(client, name, given.get("SECRET_HASH"))
    record = challenges.by_block(ctx, pool, client, block)
    ctx.store.remove(record)
    if record.data["user"] is None:
        raise not_authorized(WRONG)
    user = challenges.user_of(ctx, record)
    passwords.refuse_locked(user, ctx.now)
    key, username = bytes.fromhex(record.data["key"]), record.data["username"]
    right = srp.signature(key, pool.id, username, base64.b64decode(block), timestamp)
    try:
        fits = hmac.compare_digest(right, base64.b64decode(claim))
    except binascii.Error as problem:
        raise invalid("PASSWORD_CLAIM_SIGNATURE is not base64.") from problem
    return _after_password(ctx, pool, client, user, fits)


def _by_refresh_token(ctx: Context, pool: Record, client: Record, given: dict[str, str]) -> Answer:
    (token,) = _needed(given, "REFRESH_TOKEN")
    if (client.properties.get("RefreshTokenRotation") or {}).get("Feature") == "ENABLED":
        raise invalid("Refresh token rotation is enabled for this client: use GetTokensFromRefreshToken.")
    session, user = tokens.session_of(ctx, pool, client, token)
    check_secret(client, user.data["username"], given.get("SECRET_HASH"))
    return {
        "ChallengeParameters": {},
        "AuthenticationResult": tokens.issue(ctx, pool, client, user, session),
    }


Flow = Callable[[Context, Record, Record, dict[str, str]], Answer]
_NOT_ENABLED = "Auth flow not enabled for this client"
_REFRESH = (_by_refresh_token, ("ALLOW_REFRESH_TOKEN_AUTH",), _NOT_ENABLED)
_ADMIN = (_by_password, ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"), _NOT_ENABLED)
FLOWS: dict[str, tuple[Flow, tuple[str, ...], str]] = {
    # flow: (what carries it out, what a client allows it by, the refusal)
    "USER_PASSWORD_AUTH": (
        _by_password,
        ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
        "USER_PASSWORD_AUTH flow not enabled for this client",
    ),
    "USER_SRP_AUTH": (_by_srp, ("ALLOW_USER_SRP_AUTH",), "USER_SRP_AUTH is not enabled for the client."),
    "REFRESH_TOKEN_AUTH": _REFRESH,
    "REFRESH_TOKEN": _REFRESH,
}
ADMIN_FLOWS = {**FLOWS, "ADMIN_USER_PASSWORD_AUTH": _ADMIN, "ADMIN_NO_SRP_AUTH": _ADMIN}


async def _initiate(
    ctx: Context,
    pool: Record,
    client: Record,
    params: dict[str, Any],
    flows: dict[str, tuple[Flow, tuple[str, ...], str]],
) -> Answer:
    name = params["AuthFlow"]
    if name not in flows and name in ADMIN_FLOWS:
        raise invalid("Initiate Auth method not supported.")
    if name not in flows:
        raise not_supported(f"The sign-in flow {name}")
    carry_out, allowing, refusal = flows[name]
    if not allows(client, *allowing) and not (
        name.startswith(("REFRESH", "USER_SRP")) and _has_old_flows(client)
    ):
        raise invalid(refusal)
    await signing_keys.ready_keys(ctx.world, pool)
    return carry_out(ctx, pool, client, params.get("AuthParameters") or {})


def _has_old_flows(client: Record) -> bool:
    """Flows without ALLOW_ leave SRP and refreshing on (API reference, ExplicitAuthFlows)."""
    flows = client.properties.get("ExplicitAuthFlows") or []
    return bool(flows) and not any(f.startswith("ALLOW_") for f in flows)


@operation("cognito-idp", "InitiateAuth")
async def initiate_auth(ctx: Context, params: dict[str, Any]) -> Answer:
    pool, client = pool_of_client(ctx, params["ClientId"])
    return await _initiate(ctx, pool, client, params, FLOWS)


@operation("cognito-idp", "AdminInitiateAuth")
async def admin_initiate_auth(ctx: Context, params: dict[str, Any]) -> Answer:
    pool = pool_get(ctx, params["UserPoolId"])
    return await _initiate(ctx, pool, client_get(ctx, pool, params["ClientId"]), params, ADMIN_FLOWS)


# -- challenges


def _answer_new_password(
    ctx: Context, pool: Record, client: Record, session: str | None, given: dict[str, str]
) -> Answer:
    name, password = _needed(given, "USERNAME", "NEW_PASSWORD")
    check_secret(client, name, given.get("SECRET_HASH"))
    record = challenges.get(ctx, pool, client, session, "NEW_PASSWORD_REQUIRED")
    user = challenges.user_of(ctx, record)
    if is_secondary(pool):
        raise not_enabled("Passwords cannot be set in a secondary region.")
    passwords.check(pool, password)
    told = {k.removeprefix("userAttributes."): v for k, v in given.items() if k.startswith("userAttributes.")}
    attributes.check(pool, told, user.data["attributes"], by_admin=False)
    after = {**user.data["attributes"], **told}
    missing = [s["Name"] for s in pool.data["schema"] if s["Required"] and not after.get(s["Name"])]
    if missing:
        raise invalid(f"Invalid attributes given, {missing[0]} is missing")
    passwords.put(pool, user, password)
    user.data["attributes"] = after
    user.data["status"] = "CONFIRMED"
    users.save(ctx, user)
    ctx.store.remove(record)
    return mfa.second_factor(ctx, pool, client, user)


Respond = Callable[[Context, Record, Record, str | None, dict[str, str]], Answer]
CHALLENGES: dict[str, Respond] = {
    "PASSWORD_VERIFIER": _answer_srp,
    "NEW_PASSWORD_REQUIRED": _answer_new_password,
    "SOFTWARE_TOKEN_MFA": mfa.answer_totp,
    "MFA_SETUP": mfa.answer_setup,
}


async def _respond(ctx: Context, pool: Record, client: Record, params: dict[str, Any]) -> Answer:
    respond = CHALLENGES.get(params["ChallengeName"])
    if respond is None:
        raise not_supported(f"The challenge {params['ChallengeName']}")
    await signing_keys.ready_keys(ctx.world, pool)
    return respond(ctx, pool, client, params.get("Session"), params.get("ChallengeResponses") or {})


@operation("cognito-idp", "RespondToAuthChallenge")
async def respond_to_auth_challenge(ctx: Context, params: dict[str, Any]) -> Answer:
    pool, client = pool_of_client(ctx, params["ClientId"])
    return await _respond(ctx, pool, client, params)


@operation("cognito-idp", "AdminRespondToAuthChallenge")
async def admin_respond_to_auth_challenge(ctx: Context, params: dict[str, Any]) -> Answer:
    pool = pool_get(ctx, params["UserPoolId"])
    return await _respond(ctx, pool, client_get(ctx, pool, params["ClientId"]), params)

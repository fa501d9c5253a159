"""The second factor: time-based codes (TOTP), their set-up, and who is asked for one.

Source: Cognito developer guide, "Adding MFA to a user pool" and "TOTP software token MFA"; codes: RFC 6238 (SHA-1, six
digits, 30 s), by the sandbox's clock, one step early or late.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from sandbox.context import Context
from sandbox.errors import AwsError, not_supported
from sandbox.registry import operation
from sandbox.services.cognito_idp import challenges, tokens, users
from sandbox.services.cognito_idp.clients import check_secret
from sandbox.services.cognito_idp.names import CHALLENGE, invalid, not_authorized, pool_get
from sandbox.services.cognito_idp.secondary import is_secondary, not_enabled
from sandbox.store import Record

SOFTWARE = "SOFTWARE_TOKEN_MFA"
STEP_S = 30
Answer = dict[str, Any]


def _right(ctx: Context, secret: str, code: str) -> bool:
    totp = TOTP(base64.b32decode(secret), 6, SHA1(), STEP_S, enforce_key_length=False)  # noqa: S303 (RFC 6238)
    for step in (0, -1, 1):
        try:
            totp.verify(code.encode(), int(ctx.now) + step * STEP_S)
        except InvalidToken:
            continue
        return True
    return False


def _demanded(pool: Record) -> str:
    return str(pool.properties.get("MfaConfiguration", "OFF"))


def second_factor(ctx: Context, pool: Record, client: Record, user: Record) -> Answer:
    """After the password: the next challenge, or the tokens."""
    wanted, mine = _demanded(pool), user.data["mfa"]["enabled"]
    verified = bool(user.data["totp"] and user.data["totp"]["verified"])
    if wanted != "OFF" and verified and (SOFTWARE in mine or wanted == "ON"):
        if is_secondary(pool):
            raise not_enabled("TOTP MFA is not supported in secondary replicas.")
        record = challenges.begin(ctx, pool, client, user, SOFTWARE)
        named = {"FRIENDLY_DEVICE_NAME": user.data["totp"]["device"]} if user.data["totp"]["device"] else {}
        return challenges.answer(record, USER_ID_FOR_SRP=user.data["username"], **named)
    if wanted == "ON":
        if SOFTWARE not in (pool.properties.get("EnabledMfas") or []):
            raise not_supported("A second factor by text or mail")
        if is_secondary(pool):
            raise not_enabled("TOTP MFA is not supported in secondary replicas.")
        record = challenges.begin(ctx, pool, client, user, "MFA_SETUP")
        return challenges.answer(
            record, MFAS_CAN_SETUP=f'["{SOFTWARE}"]', USER_ID_FOR_SRP=user.data["username"]
        )
    return {"ChallengeParameters": {}, "AuthenticationResult": tokens.begin(ctx, pool, client, user)}


def answer_totp(
    ctx: Context, pool: Record, client: Record, session: str | None, given: dict[str, str]
) -> Answer:
    """RespondToAuthChallenge with a code; a wrong one can be put right within the session."""
    code, name = given.get(f"{SOFTWARE}_CODE"), given.get("USERNAME", "")
    if not code:
        raise invalid(f"Missing required parameter {SOFTWARE}_CODE")
    check_secret(client, name, given.get("SECRET_HASH"))
    record = challenges.get(ctx, pool, client, session, SOFTWARE)
    user = challenges.user_of(ctx, record)
    if not _right(ctx, user.data["totp"]["secret"], code):
        raise AwsError("CodeMismatchException", "Invalid code received for user")
    if user.data["totp"].get("used") == [code, int(ctx.now) // STEP_S]:
        raise AwsError("ExpiredCodeException", "Your software token has already been used once.")
    user.data["totp"]["used"] = [code, int(ctx.now) // STEP_S]
    users.save(ctx, user)
    ctx.store.remove(record)
    return {"ChallengeParameters": {}, "AuthenticationResult": tokens.begin(ctx, pool, client, user)}


def answer_setup(
    ctx: Context, pool: Record, client: Record, session: str | None, given: dict[str, str]
) -> Answer:
    """RespondToAuthChallenge after the token was verified within the session."""
    check_secret(client, given.get("USERNAME", ""), given.get("SECRET_HASH"))
    record = challenges.get(ctx, pool, client, session, "MFA_SETUP")
    user = challenges.user_of(ctx, record)
    if not record.data.get("verified"):
        raise invalid("MFA setup is not complete: verify a software token first.")
    ctx.store.remove(record)
    return {"ChallengeParameters": {}, "AuthenticationResult": tokens.begin(ctx, pool, client, user)}


# -- set-up


def _whose(ctx: Context, params: dict[str, Any]) -> tuple[Record, Record, Record | None]:
    """Pool and user of an access token or, during a sign-in, of a session (and its challenge)."""
    if params.get("AccessToken"):
        pool, _, user = tokens.bearer(ctx, params["AccessToken"])
        return pool, user, None
    if not params.get("Session"):
        raise invalid("Either the access token or the session must be given.")
    kept = ctx.store.get(ctx.account, ctx.region, CHALLENGE, params["Session"])
    if kept is None:
        raise not_authorized("Invalid session for the user.")
    pool = pool_get(ctx, kept.data["pool"])
    record = challenges.get(ctx, pool, None, params["Session"], "MFA_SETUP")
    return pool, challenges.user_of(ctx, record), record


@operation("cognito-idp", "AssociateSoftwareToken")
def associate_software_token(ctx: Context, params: dict[str, Any]) -> Answer:
    pool, user, record = _whose(ctx, params)
    if _demanded(pool) == "OFF" or SOFTWARE not in (pool.properties.get("EnabledMfas") or []):
        raise AwsError(
            "SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool"
        )
    secret = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
    padded = secret + "=" * (-len(secret) % 8)
    old = user.data["totp"]
    if old and old["verified"]:
        user.data["totp"] = {**old, "pending": padded}
    else:
        user.data["totp"] = {"secret": "", "verified": False, "device": "", "pending": padded}
    users.save(ctx, user)
    return {"SecretCode": secret, **({"Session": record.id} if record is not None else {})}


@operation("cognito-idp", "VerifySoftwareToken")
def verify_software_token(ctx: Context, params: dict[str, Any]) -> Answer:
    _, user, record = _whose(ctx, params)
    totp = user.data["totp"]
    if not totp or not totp.get("pending"):
        raise AwsError(
            "SoftwareTokenMFANotFoundException",
            "Software token TOTP multi-factor authentication is not set up.",
        )
    if not _right(ctx, totp["pending"], params["UserCode"]):
        raise AwsError("EnableSoftwareTokenMFAException", "Code mismatch")
    user.data["totp"] = {
        "secret": totp["pending"],
        "verified": True,
        "device": params.get("FriendlyDeviceName") or "",
    }
    if record is not None:
        user.data["mfa"] = {"enabled": [SOFTWARE], "preferred": SOFTWARE}
        record.data["verified"] = True
        ctx.store.put(record)
    users.save(ctx, user)
    return {"Status": "SUCCESS", **({"Session": record.id} if record is not None else {})}


def _prefer(ctx: Context, user: Record, params: dict[str, Any]) -> None:
    for name in ("SMSMfaSettings", "EmailMfaSettings"):
        if (params.get(name) or {}).get("Enabled"):
            raise not_supported("A second factor by text or mail")
    wanted = params.get("SoftwareTokenMfaSettings")
    if wanted is None:
        return
    if wanted.get("Enabled") and not (user.data["totp"] and user.data["totp"]["verified"]):
        raise invalid("User has not verified software token mfa")
    enabled = bool(wanted.get("Enabled"))
    user.data["mfa"] = {
        "enabled": [SOFTWARE] if enabled else [],
        "preferred": SOFTWARE if enabled and wanted.get("PreferredMfa") else "",
    }
    users.save(ctx, user)


@operation("cognito-idp", "SetUserMFAPreference")
def set_user_mfa_preference(ctx: Context, params: dict[str, Any]) -> Answer:
    _, _, user = tokens.bearer(ctx, params["AccessToken"])
    _prefer(ctx, user, params)
    return {}


@operation("cognito-idp", "AdminSetUserMFAPreference")
def admin_set_user_mfa_preference(ctx: Context, params: dict[str, Any]) -> Answer:
    pool = pool_get(ctx, params["UserPoolId"])
    _prefer(ctx, users.get(ctx, pool, params["Username"]), params)
    return {}

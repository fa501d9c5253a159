"""Users as records: how they are found, made, shown, and what changes them.

A user's id is `<pool>|<name>`. data: pool, username, sub, attributes, status, enabled, groups, codes (by purpose),
password (an SRP verifier), totp, mfa.
"""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.cognito_idp import attributes, messages, replication
from sandbox.services.cognito_idp.attributes import Attributes
from sandbox.services.cognito_idp.clients import hides_users
from sandbox.services.cognito_idp.names import SESSION, USER, invalid, not_authorized, of_pool, part_id
from sandbox.store import Record

ADDRESSES = ("email", "phone_number")
HOUR_S = 3600
CODE_LASTS_S = {"sign-up": 24 * HOUR_S, "forgot-password": HOUR_S, "verify-attribute": 24 * HOUR_S}
"""Developer guide, "Signing up and confirming user accounts"; ForgotPassword: an hour."""


def folded(pool: Record, name: str) -> str:
    """A user name as it is compared: pools are case insensitive unless they were made otherwise."""
    sensitive = (pool.properties.get("UsernameConfiguration") or {}).get("CaseSensitive")
    return name if sensitive else name.lower()


def find(ctx: Context, pool: Record, name: str) -> Record | None:
    """The user of a name, a sub, or an alias (verified, unless the pool signs in by it)."""
    found = ctx.store.get(pool.account, pool.region, USER, part_id(pool.id, folded(pool, name)))
    if found is not None:
        return found
    by = pool.properties.get("UsernameAttributes") or []
    aliases = pool.properties.get("AliasAttributes") or []
    for user in of_pool(ctx, pool, USER):
        if user.data["sub"] == name:
            return user
        own = user.data["attributes"]
        for attribute in (*by, *aliases):
            verified = attribute in by or attribute == "preferred_username" or is_verified(user, attribute)
            if verified and attribute in own and folded(pool, own[attribute]) == folded(pool, name):
                return user
    return None


def get(ctx: Context, pool: Record, name: str) -> Record:
    """As `find`; raises UserNotFoundException."""
    user = find(ctx, pool, name)
    if user is None:
        raise AwsError("UserNotFoundException", "User does not exist.")
    return user


def get_for(ctx: Context, pool: Record, client: Record, name: str) -> Record | None:
    """As `get` for a client's user; None where the client must not be told that there is none."""
    user = find(ctx, pool, name)
    if user is None and not hides_users(client):
        raise AwsError("UserNotFoundException", "Username/client id combination not found.")
    return user


def is_verified(user: Record, attribute: str) -> bool:
    return bool(user.data["attributes"].get(f"{attribute}_verified") == "true")


def make(
    ctx: Context, pool: Record, name: str, given: Attributes, status: str, *, by_admin: bool, taken: str
) -> Record:
    """A new user, not yet stored. taken: the sentence for a name that there is already.

    Raises UsernameExistsException and InvalidParameterException in Cognito's words.
    """
    by = pool.properties.get("UsernameAttributes") or []
    if by:
        attribute = next((a for a in by if _looks_like(a, name)), None)
        if attribute is None:
            wanted = {"email": "an email", "phone_number": "a phone number"}
            told = (
                f"Username should be {wanted[by[0]]}."
                if len(by) == 1
                else ("Username should be either an email or a phone number.")
            )
            raise invalid(told)
        given = {attribute: name, **given}
    elif "email" in (pool.properties.get("AliasAttributes") or []) and attributes.is_email(name):
        raise invalid("Username cannot be of email format, since user pool is configured for email alias.")
    if find(ctx, pool, name) is not None:
        raise AwsError("UsernameExistsException", taken)
    attributes.check(pool, given, None, by_admin)
    sub = str(uuid.uuid4())
    username = sub if by else folded(pool, name)
    return Record(
        pool.account,
        pool.region,
        USER,
        part_id(pool.id, username),
        created_at=ctx.now,
        updated_at=ctx.now,
        data={
            "pool": pool.id,
            "username": username,
            "sub": sub,
            "attributes": {"sub": sub, **given},
            "status": status,
            "enabled": True,
            "groups": [],
            "codes": {},
            "password": None,
            "totp": None,
            "mfa": {"enabled": [], "preferred": ""},
        },
    )


def _looks_like(attribute: str, value: str) -> bool:
    return attributes.is_email(value) if attribute == "email" else attributes.is_phone(value)


def save(ctx: Context, user: Record) -> None:
    """Store a changed user, and let the pool's replica know."""
    user.updated_at = ctx.now
    replication.put(ctx.world, user)


def change(
    ctx: Context, pool: Record, user: Record, given: Attributes, by_admin: bool
) -> list[dict[str, str]]:
    """Set attributes; a changed address is no longer verified, and gets a code if the pool verifies it.

    The CodeDeliveryDetails of codes that were sent.
    """
    attributes.check(pool, given, user.data["attributes"], by_admin)
    own = user.data["attributes"]
    sent = []
    for name, value in given.items():
        if name in (pool.properties.get("AliasAttributes") or []) and own.get(name) != value:
            refuse_taken_alias(ctx, pool, user, name, value)
        changed = name in ADDRESSES and own.get(name) != value
        own[name] = value
        if changed and f"{name}_verified" not in given:
            own[f"{name}_verified"] = "false"
            if value and name in (pool.properties.get("AutoVerifiedAttributes") or []):
                sent.append(send_code(ctx, pool, user, "verify-attribute", name))
    save(ctx, user)
    return sent


def refuse_taken_alias(ctx: Context, pool: Record, user: Record, name: str, value: str) -> None:
    """Refuse an alias that another user has, verified."""
    for other in of_pool(ctx, pool, USER):
        same = folded(pool, other.data["attributes"].get(name, "")) == folded(pool, value)
        if other.id != user.id and same and (name == "preferred_username" or is_verified(other, name)):
            raise AwsError("AliasExistsException", f"An account with the {name} already exists.")


def drop(ctx: Context, pool: Record, user: Record) -> None:
    """Delete the user and its sessions."""
    for session in of_pool(ctx, pool, SESSION):
        if session.data["user"] == user.id:
            replication.remove(ctx.world, session)
    replication.remove(ctx.world, user)


# -- codes


def send_code(ctx: Context, pool: Record, user: Record, kind: str, attribute: str) -> dict[str, str]:
    """Make a code for a purpose and keep its message; the CodeDeliveryDetails. An older code is no longer good."""
    text = messages.code()
    purpose = f"{kind}:{attribute}" if kind == "verify-attribute" else kind
    user.data["codes"][purpose] = {
        "text": text,
        "attribute": attribute,
        "until": ctx.now + CODE_LASTS_S[kind],
    }
    return messages.deliver(ctx.world, pool, user, kind, attribute, text)


def use_code(ctx: Context, user: Record | None, purpose: str, given: str) -> str:
    """Use a code up; the attribute it was sent to. Raises CodeMismatchException and ExpiredCodeException."""
    kept = user.data["codes"].get(purpose) if user is not None else None
    if user is None or kept is None or ctx.now >= kept["until"]:
        raise AwsError("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if kept["text"] != given:
        raise AwsError("CodeMismatchException", "Invalid verification code provided, please try again.")
    del user.data["codes"][purpose]
    return str(kept["attribute"])


def address_for_recovery(pool: Record, user: Record) -> str:
    """The attribute that a password's reset goes to, as the pool's AccountRecoverySetting says. Raises."""
    setting = (pool.properties.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms")
    if setting is None:
        setting = [
            {"Priority": 1, "Name": "verified_phone_number"},
            {"Priority": 2, "Name": "verified_email"},
        ]
    for option in sorted(setting, key=lambda o: o["Priority"]):
        if option["Name"] == "admin_only":
            raise not_authorized("Contact administrator to reset password.")
        attribute = option["Name"].removeprefix("verified_")
        if user.data["attributes"].get(attribute) and is_verified(user, attribute):
            return str(attribute)
    raise invalid(
        "Cannot reset password for the user as there is no registered/verified email or phone_number"
    )


# -- shapes


def shape(user: Record, called: str = "Attributes") -> dict[str, Any]:
    """UserType; `called` is what its attribute list is called."""
    return {
        "Username": user.data["username"],
        called: attributes.as_list(user.data["attributes"]),
        "UserCreateDate": user.created_at,
        "UserLastModifiedDate": user.updated_at,
        "Enabled": user.data["enabled"],
        "UserStatus": user.data["status"],
    }


def mfa_shape(user: Record) -> dict[str, Any]:
    mfa = user.data["mfa"]
    answer: dict[str, Any] = {}
    if mfa["enabled"]:
        answer["UserMFASettingList"] = mfa["enabled"]
    if mfa["preferred"]:
        answer["PreferredMfaSetting"] = mfa["preferred"]
    return answer

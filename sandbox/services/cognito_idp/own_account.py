"""What users do to their own accounts: sign up, confirm, recover, read and change. No signature is asked for."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services.cognito_idp import attributes, messages, passwords, tokens, users
from sandbox.services.cognito_idp.attributes import Attributes
from sandbox.services.cognito_idp.clients import check_secret
from sandbox.services.cognito_idp.names import invalid, not_authorized, pool_of_client
from sandbox.services.cognito_idp.user_operations import delete_attributes
from sandbox.store import Record


def _entered(ctx: Context, params: dict[str, Any]) -> tuple[Record, Record]:
    """Pool and client of a request with a user name; its SECRET_HASH is checked."""
    pool, client = pool_of_client(ctx, params["ClientId"])
    check_secret(client, params["Username"], params.get("SecretHash"))
    return pool, client


def _refuse_unwritable(client: Record, given: Attributes) -> None:
    writable = client.properties.get("WriteAttributes")
    if writable is not None and set(given) - set(writable):
        raise not_authorized("A client attempted to write unauthorized attribute")


@operation("cognito-idp", "SignUp")
def sign_up(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = _entered(ctx, params)
    if (pool.properties.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    password = str(params.get("Password") or "")
    passwords.check(pool, password)
    given = attributes.as_dict(params.get("UserAttributes"))
    _refuse_unwritable(client, given)
    user = users.make(
        ctx, pool, params["Username"], given, "UNCONFIRMED", by_admin=False, taken="User already exists"
    )
    passwords.put(pool, user, password)
    for name in users.ADDRESSES:
        if name in user.data["attributes"]:
            user.data["attributes"][f"{name}_verified"] = "false"
    answer: dict[str, Any] = {"UserConfirmed": False, "UserSub": user.data["sub"]}
    attribute = _to_verify(pool, user)
    if attribute:
        answer["CodeDeliveryDetails"] = users.send_code(ctx, pool, user, "sign-up", attribute)
    users.save(ctx, user)
    return answer


def _to_verify(pool: Record, user: Record) -> str | None:
    """Where a sign-up's code goes: the phone first, as Cognito does with both."""
    verified = pool.properties.get("AutoVerifiedAttributes") or []
    wanted = (a for a in ("phone_number", "email") if a in verified and user.data["attributes"].get(a))
    return next(wanted, None)


@operation("cognito-idp", "ConfirmSignUp")
def confirm_sign_up(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = _entered(ctx, params)
    user = users.get_for(ctx, pool, client, params["Username"])
    if user is not None and user.data["status"] != "UNCONFIRMED":
        raise not_authorized(f"User cannot be confirmed. Current status is {user.data['status']}")
    attribute = users.use_code(ctx, user, "sign-up", params["ConfirmationCode"])
    assert user is not None  # use_code refuses nobody's code
    if attribute in (pool.properties.get("AliasAttributes") or []) and not params.get("ForceAliasCreation"):
        users.refuse_taken_alias(ctx, pool, user, attribute, user.data["attributes"][attribute])
    user.data["attributes"][f"{attribute}_verified"] = "true"
    user.data["status"] = "CONFIRMED"
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "ResendConfirmationCode")
def resend_confirmation_code(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = _entered(ctx, params)
    user = users.get_for(ctx, pool, client, params["Username"])
    if user is None:
        return {"CodeDeliveryDetails": _pretended(params["Username"])}
    if user.data["status"] != "UNCONFIRMED":
        raise invalid("User is already confirmed.")
    attribute = _to_verify(pool, user)
    if attribute is None:
        raise invalid("Auto verification not turned on.")
    details = users.send_code(ctx, pool, user, "sign-up", attribute)
    users.save(ctx, user)
    return {"CodeDeliveryDetails": details}


def _pretended(name: str) -> dict[str, str]:
    """What a client that must not be told gets for nobody (PreventUserExistenceErrors)."""
    address = name if attributes.is_email(name) else f"{name}@example.com"
    return {"Destination": messages.masked(address), "DeliveryMedium": "EMAIL", "AttributeName": "email"}


@operation("cognito-idp", "ForgotPassword")
def forgot_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = _entered(ctx, params)
    user = users.get_for(ctx, pool, client, params["Username"])
    if user is None:
        return {"CodeDeliveryDetails": _pretended(params["Username"])}
    if not user.data["enabled"]:
        raise not_authorized("User is disabled.")
    if user.data["status"] == "FORCE_CHANGE_PASSWORD":
        raise not_authorized("User password cannot be reset in the current state.")
    attribute = users.address_for_recovery(pool, user)
    details = users.send_code(ctx, pool, user, "forgot-password", attribute)
    users.save(ctx, user)
    return {"CodeDeliveryDetails": details}


@operation("cognito-idp", "ConfirmForgotPassword")
def confirm_forgot_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client = _entered(ctx, params)
    user = users.get_for(ctx, pool, client, params["Username"])
    passwords.check(pool, params["Password"])
    users.use_code(ctx, user, "forgot-password", params["ConfirmationCode"])
    assert user is not None  # use_code refuses nobody's code
    passwords.put(pool, user, params["Password"])
    passwords.succeeded(user)
    user.data["status"] = "CONFIRMED"
    users.save(ctx, user)
    return {}


# -- with an access token


@operation("cognito-idp", "GetUser")
def get_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, client, user = tokens.bearer(ctx, params["AccessToken"])
    readable = client.properties.get("ReadAttributes")
    shown = {
        n: v
        for n, v in user.data["attributes"].items()
        if n == "sub" or (not n.startswith("dev:") and (readable is None or n in readable))
    }
    return {
        "Username": user.data["username"],
        "UserAttributes": attributes.as_list(shown),
        **users.mfa_shape(user),
    }


@operation("cognito-idp", "UpdateUserAttributes")
def update_user_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client, user = tokens.bearer(ctx, params["AccessToken"])
    given = attributes.as_dict(params["UserAttributes"])
    _refuse_unwritable(client, given)
    return {"CodeDeliveryDetailsList": users.change(ctx, pool, user, given, by_admin=False)}


@operation("cognito-idp", "DeleteUserAttributes")
def delete_user_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, client, user = tokens.bearer(ctx, params["AccessToken"])
    names = params["UserAttributeNames"]
    _refuse_unwritable(client, dict.fromkeys(names, ""))
    if set(names) & attributes.READ_ONLY:
        raise not_authorized("A client attempted to write unauthorized attribute")
    delete_attributes(ctx, pool, user, names)
    return {}


@operation("cognito-idp", "GetUserAttributeVerificationCode")
def get_user_attribute_verification_code(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, _, user = tokens.bearer(ctx, params["AccessToken"])
    attribute = params["AttributeName"]
    if attribute not in users.ADDRESSES or not user.data["attributes"].get(attribute):
        raise invalid(f"User has no attribute specified: {attribute}")
    details = users.send_code(ctx, pool, user, "verify-attribute", attribute)
    users.save(ctx, user)
    return {"CodeDeliveryDetails": details}


@operation("cognito-idp", "VerifyUserAttribute")
def verify_user_attribute(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, _, user = tokens.bearer(ctx, params["AccessToken"])
    attribute = users.use_code(ctx, user, f"verify-attribute:{params['AttributeName']}", params["Code"])
    if attribute in (pool.properties.get("AliasAttributes") or []):
        users.refuse_taken_alias(ctx, pool, user, attribute, user.data["attributes"][attribute])
    user.data["attributes"][f"{attribute}_verified"] = "true"
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "ChangePassword")
def change_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, _, user = tokens.bearer(ctx, params["AccessToken"])
    passwords.refuse_locked(user, ctx.now)
    if not passwords.fits(pool, user, str(params.get("PreviousPassword") or "")):
        passwords.failed(user, ctx.now)
        ctx.store.put(user)
        raise not_authorized("Incorrect username or password.")
    passwords.check(pool, params["ProposedPassword"])
    passwords.put(pool, user, params["ProposedPassword"])
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "DeleteUser")
def delete_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, _, user = tokens.bearer(ctx, params["AccessToken"])
    users.drop(ctx, pool, user)
    return {}


@operation("cognito-idp", "GlobalSignOut")
def global_sign_out(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, _, user = tokens.bearer(ctx, params["AccessToken"])
    tokens.sign_out(ctx, pool, user)
    return {}

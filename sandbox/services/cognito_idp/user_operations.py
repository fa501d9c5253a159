"""What administrators do to users: signed, and decided by IAM."""

from __future__ import annotations

import re
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import page
from sandbox.services.cognito_idp import attributes, messages, passwords, tokens, users
from sandbox.services.cognito_idp.names import USER, invalid, not_authorized, of_pool, pool_get
from sandbox.services.cognito_idp.parts import group_get, group_shape
from sandbox.store import Record


def _user(ctx: Context, params: dict[str, Any]) -> tuple[Record, Record]:
    pool = pool_get(ctx, params["UserPoolId"])
    return pool, users.get(ctx, pool, params["Username"])


@operation("cognito-idp", "AdminCreateUser")
def admin_create_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool = pool_get(ctx, params["UserPoolId"])
    password = params.get("TemporaryPassword") or passwords.made()
    if params.get("MessageAction") == "RESEND":
        user = users.get(ctx, pool, params["Username"])
        if user.data["status"] != "FORCE_CHANGE_PASSWORD":
            raise AwsError(
                "UnsupportedUserStateException",
                f"Resend not possible. {params['Username']} status is not FORCE_CHANGE_PASSWORD",
            )
    else:
        given = attributes.as_dict(params.get("UserAttributes"))
        user = users.make(
            ctx,
            pool,
            params["Username"],
            given,
            "FORCE_CHANGE_PASSWORD",
            by_admin=True,
            taken="User account already exists",
        )
        _claim_aliases(ctx, pool, user, bool(params.get("ForceAliasCreation")))
    passwords.check(pool, password)
    passwords.put(pool, user, password, temporary_since=ctx.now)
    users.save(ctx, user)
    if params.get("MessageAction") != "SUPPRESS":
        _invite(ctx, pool, user, params.get("DesiredDeliveryMediums") or ["SMS"], password)
    return {"User": users.shape(user)}


def _claim_aliases(ctx: Context, pool: Record, user: Record, force: bool) -> None:
    """A verified alias is one user's; ForceAliasCreation takes it from who had it."""
    for name in pool.properties.get("AliasAttributes") or []:
        value = user.data["attributes"].get(name)
        if not value or not (name == "preferred_username" or users.is_verified(user, name)):
            continue
        if not force:
            users.refuse_taken_alias(ctx, pool, user, name, value)
        for other in of_pool(ctx, pool, USER):
            if other.data["attributes"].get(name) == value:
                other.data["attributes"][f"{name}_verified"] = "false"
                users.save(ctx, other)


def _invite(ctx: Context, pool: Record, user: Record, media: list[str], password: str) -> None:
    for attribute, medium in messages.MEDIA.items():
        if medium in media and user.data["attributes"].get(attribute):
            messages.deliver(ctx.world, pool, user, "invitation", attribute, password)


@operation("cognito-idp", "AdminGetUser")
def admin_get_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, user = _user(ctx, params)
    return {**users.shape(user, "UserAttributes"), **users.mfa_shape(user)}


@operation("cognito-idp", "AdminDeleteUser")
def admin_delete_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    users.drop(ctx, *_user(ctx, params))
    return {}


@operation("cognito-idp", "AdminUpdateUserAttributes")
def admin_update_user_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, user = _user(ctx, params)
    users.change(ctx, pool, user, attributes.as_dict(params["UserAttributes"]), by_admin=True)
    return {}


@operation("cognito-idp", "AdminDeleteUserAttributes")
def admin_delete_user_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, user = _user(ctx, params)
    delete_attributes(ctx, pool, user, params["UserAttributeNames"])
    return {}


def delete_attributes(ctx: Context, pool: Record, user: Record, names: list[str]) -> None:
    """Take attributes away; required ones stay (InvalidParameterException)."""
    required = {s["Name"] for s in pool.data["schema"] if s["Required"]}
    for name in names:
        if name in required:
            raise invalid(f"Cannot delete attribute that is required: {name}")
        user.data["attributes"].pop(name, None)
        if name in users.ADDRESSES:
            user.data["attributes"].pop(f"{name}_verified", None)
    users.save(ctx, user)


@operation("cognito-idp", "AdminDisableUser")
def admin_disable_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """A disabled user is signed out everywhere (API reference)."""
    pool, user = _user(ctx, params)
    user.data["enabled"] = False
    tokens.sign_out(ctx, pool, user)
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminEnableUser")
def admin_enable_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, user = _user(ctx, params)
    user.data["enabled"] = True
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminConfirmSignUp")
def admin_confirm_sign_up(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, user = _user(ctx, params)
    if user.data["status"] != "UNCONFIRMED":
        raise not_authorized(f"User cannot be confirmed. Current status is {user.data['status']}")
    user.data["status"] = "CONFIRMED"
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminSetUserPassword")
def admin_set_user_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, user = _user(ctx, params)
    passwords.check(pool, params["Password"])
    lasting = bool(params.get("Permanent"))
    passwords.put(pool, user, params["Password"], temporary_since=None if lasting else ctx.now)
    user.data["status"] = "CONFIRMED" if lasting else "FORCE_CHANGE_PASSWORD"
    passwords.succeeded(user)
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminResetUserPassword")
def admin_reset_user_password(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    pool, user = _user(ctx, params)
    if user.data["status"] == "FORCE_CHANGE_PASSWORD":
        raise not_authorized("User password cannot be reset in the current state.")
    attribute = users.address_for_recovery(pool, user)
    user.data["status"] = "RESET_REQUIRED"
    users.send_code(ctx, pool, user, "forgot-password", attribute)
    users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminUserGlobalSignOut")
def admin_user_global_sign_out(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    tokens.sign_out(ctx, *_user(ctx, params))
    return {}


# -- lists

_FILTER = re.compile(r"""^\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*$""")
FILTERS = {"username", "cognito:user_status", "status"} | attributes.STANDARD_NAMES - {"email_verified"}


def _filtered(found: list[Record], text: str | None) -> list[Record]:
    """ListUsers' Filter: one attribute, `=` or `^=` (begins with)."""
    if not text:
        return found
    match = _FILTER.match(text)
    if match is None or match[1] not in FILTERS:
        raise invalid("Error while parsing filter.")
    name, how, value = match[1], match[2], match[3].replace('\\"', '"')

    def value_of(user: Record) -> str:
        if name == "username":
            return str(user.data["username"])
        if name == "cognito:user_status":
            return str(user.data["status"])
        if name == "status":
            return "Enabled" if user.data["enabled"] else "Disabled"
        return str(user.data["attributes"].get(name, ""))

    return [u for u in found if (value_of(u).startswith(value) if how == "^=" else value_of(u) == value)]


@operation("cognito-idp", "ListUsers")
def list_users(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = _filtered(of_pool(ctx, pool_get(ctx, params["UserPoolId"]), USER), params.get("Filter"))
    records, following = page(
        found, params.get("Limit"), params.get("PaginationToken"), most=60, code="InvalidParameterException"
    )
    shapes = [users.shape(u) for u in records]
    wanted = params.get("AttributesToGet")
    if wanted:
        for shape in shapes:
            shape["Attributes"] = [a for a in shape["Attributes"] if a["Name"] in wanted]
    return {"Users": shapes, "PaginationToken": following}


# -- groups


@operation("cognito-idp", "AdminAddUserToGroup")
def admin_add_user_to_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, user = _user(ctx, params)
    group = group_get(ctx, params)
    if group.properties["GroupName"] not in user.data["groups"]:
        user.data["groups"].append(group.properties["GroupName"])
        users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminRemoveUserFromGroup")
def admin_remove_user_from_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _, user = _user(ctx, params)
    group = group_get(ctx, params)
    if group.properties["GroupName"] in user.data["groups"]:
        user.data["groups"].remove(group.properties["GroupName"])
        users.save(ctx, user)
    return {}


@operation("cognito-idp", "AdminListGroupsForUser")
def admin_list_groups_for_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records, following = page(
        tokens.groups_of(ctx, *_user(ctx, params)),
        params.get("Limit"),
        params.get("NextToken"),
        most=60,
        code="InvalidParameterException",
    )
    return {"Groups": [group_shape(g) for g in records], "NextToken": following}


@operation("cognito-idp", "ListUsersInGroup")
def list_users_in_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = group_get(ctx, params)
    pool = pool_get(ctx, params["UserPoolId"])
    found = [u for u in of_pool(ctx, pool, USER) if group.properties["GroupName"] in u.data["groups"]]
    records, following = page(
        found, params.get("Limit"), params.get("NextToken"), most=60, code="InvalidParameterException"
    )
    return {"Users": [users.shape(u) for u in records], "NextToken": following}

"""Operations of users, their keys, and groups."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.principals import ACCESS_KEY, ACCOUNT, key_put, key_remove, new_id, new_secret
from sandbox.registry import operation
from sandbox.resource_types import tags_from
from sandbox.services.iam import common, limits
from sandbox.services.iam.common import GROUP, USER, entity_get
from sandbox.services.iam.entities import group_shape, user_shape
from sandbox.services.iam.password_policy import refuse_weak
from sandbox.store import GLOBAL, Record


@operation("iam", "CreateUser")
def create_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {k: params[k] for k in ("UserName", "Path", "PermissionsBoundary") if params.get(k)}
    tags = tags_from(params.get("Tags"))
    limits.check_tags("User", {}, tags)
    return {"User": user_shape(ctx.world.create(ctx, USER, properties, tags=tags, at_once=True))}


@operation("iam", "GetUser")
def get_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("UserName")
    if not name:
        if ctx.principal.kind != "user" or ctx.principal.entity is None:
            arn = ctx.principal.arn
            return {
                "User": {"UserName": "root", "UserId": ctx.account, "Arn": arn, "Path": "/", "CreateDate": 0}
            }
        return {"User": user_shape(ctx.principal.entity)}
    return {"User": user_shape(entity_get(ctx, USER, name))}


@operation("iam", "ListUsers")
def list_users(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params.get("PathPrefix") or "/"
    found = [
        r
        for r in ctx.store.list(ctx.account, GLOBAL, USER)
        if str(r.properties.get("Path", "/")).startswith(prefix)
    ]
    return common.page([user_shape(r) for r in sorted(found, key=lambda r: r.id)], params, "Users")


@operation("iam", "DeleteUser")
def delete_user(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, entity_get(ctx, USER, params["UserName"]), at_once=True)


# -- access keys and the console password


def user_name(ctx: Context, params: dict[str, Any]) -> str:
    if params.get("UserName"):
        return str(params["UserName"])
    if ctx.principal.kind == "user" and ctx.principal.entity is not None:
        return ctx.principal.entity.id
    raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials", 400)


def _keys(ctx: Context, user: str) -> list[Record]:
    return [k for k in ctx.store.list(ctx.account, GLOBAL, ACCESS_KEY) if k.data.get("user") == user]


@operation("iam", "CreateAccessKey")
def create_access_key(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, user_name(ctx, params))
    limits.refuse("AccessKeysPerUser", len(_keys(ctx, user.id)), limits.ACCESS_KEYS)
    data = {"kind": "user", "user": user.id, "secret": new_secret(), "status": "Active"}
    record = Record(ctx.account, GLOBAL, ACCESS_KEY, new_id("AKIA"), created_at=ctx.now, data=data)
    key_put(ctx.world, record)
    return {"AccessKey": {**_key_shape(record), "SecretAccessKey": data["secret"]}}


def _key_shape(record: Record) -> dict[str, Any]:
    return {
        "UserName": record.data["user"],
        "AccessKeyId": record.id,
        "Status": record.data["status"],
        "CreateDate": record.created_at,
    }


@operation("iam", "ListAccessKeys")
def list_access_keys(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, user_name(ctx, params))
    return common.page([_key_shape(k) for k in _keys(ctx, user.id)], params, "AccessKeyMetadata")


def _key(ctx: Context, params: dict[str, Any]) -> Record:
    record = ctx.store.get(ctx.account, GLOBAL, ACCESS_KEY, params["AccessKeyId"])
    if record is None or record.data.get("kind") != "user":
        raise AwsError(
            "NoSuchEntity", f"The Access Key with id {params['AccessKeyId']} cannot be found.", 404
        )
    return record


@operation("iam", "UpdateAccessKey")
def update_access_key(ctx: Context, params: dict[str, Any]) -> None:
    record = _key(ctx, params)
    record.data["status"] = params["Status"]
    ctx.store.put(record)


@operation("iam", "DeleteAccessKey")
def delete_access_key(ctx: Context, params: dict[str, Any]) -> None:
    key_remove(ctx.world, _key(ctx, params))


@operation("iam", "GetAccessKeyLastUsed")
def get_access_key_last_used(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _key(ctx, params)
    return {"UserName": record.data["user"], "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}


@operation("iam", "CreateLoginProfile")
def create_login_profile(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, params["UserName"])
    if user.data.get("login"):
        raise AwsError("EntityAlreadyExists", f"Login Profile for user {user.id} already exists.", 409)
    if params.get("Password"):
        refuse_weak(ctx, params["Password"])
    user.data["login"] = {"reset": bool(params.get("PasswordResetRequired")), "at": ctx.now}
    ctx.store.put(user)
    return get_login_profile(ctx, params)


@operation("iam", "GetLoginProfile")
def get_login_profile(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, params["UserName"])
    login = user.data.get("login")
    if not login:
        raise AwsError("NoSuchEntity", f"Login Profile for User {user.id} cannot be found.", 404)
    profile = {"UserName": user.id, "CreateDate": login["at"], "PasswordResetRequired": login["reset"]}
    return {"LoginProfile": profile}


@operation("iam", "DeleteLoginProfile")
def delete_login_profile(ctx: Context, params: dict[str, Any]) -> None:
    get_login_profile(ctx, params)
    user = entity_get(ctx, USER, params["UserName"])
    user.data["login"] = None
    ctx.store.put(user)


# -- groups


@operation("iam", "CreateGroup")
def create_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {k: params[k] for k in ("GroupName", "Path") if params.get(k)}
    return {"Group": group_shape(ctx.world.create(ctx, GROUP, properties, at_once=True))}


@operation("iam", "GetGroup")
def get_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = entity_get(ctx, GROUP, params["GroupName"])
    users = [user_shape(u) for u in ctx.store.list(ctx.account, GLOBAL, USER) if group.id in u.data["groups"]]
    return {"Group": group_shape(group), **common.page(users, params, "Users")}


@operation("iam", "ListGroups")
def list_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return common.page([group_shape(g) for g in ctx.store.list(ctx.account, GLOBAL, GROUP)], params, "Groups")


@operation("iam", "ListGroupsForUser")
def list_groups_for_user(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    user = entity_get(ctx, USER, params["UserName"])
    return common.page(
        [group_shape(entity_get(ctx, GROUP, g)) for g in user.data["groups"]], params, "Groups"
    )


@operation("iam", "AddUserToGroup")
def add_user_to_group(ctx: Context, params: dict[str, Any]) -> None:
    group, user = entity_get(ctx, GROUP, params["GroupName"]), entity_get(ctx, USER, params["UserName"])
    if group.id not in user.data["groups"]:
        limits.refuse("GroupsPerUser", len(user.data["groups"]), limits.GROUPS)
        user.data["groups"].append(group.id)
        ctx.store.put(user)


@operation("iam", "RemoveUserFromGroup")
def remove_user_from_group(ctx: Context, params: dict[str, Any]) -> None:
    group, user = entity_get(ctx, GROUP, params["GroupName"]), entity_get(ctx, USER, params["UserName"])
    if group.id in user.data["groups"]:
        user.data["groups"].remove(group.id)
        ctx.store.put(user)


@operation("iam", "DeleteGroup")
def delete_group(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, entity_get(ctx, GROUP, params["GroupName"]), at_once=True)


# -- the account


@operation("iam", "ListAccountAliases")
def list_account_aliases(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, GLOBAL, ACCOUNT, ctx.account)
    alias = record.data["alias"] if record is not None else ""
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@operation("iam", "GetAccountSummary")
def get_account_summary(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    count = {
        name: len(ctx.store.list(ctx.account, GLOBAL, f"AWS::IAM::{name[:-1]}"))
        for name in ("Users", "Groups", "Roles")
    }
    policies = len(ctx.store.list(ctx.account, GLOBAL, common.MANAGED))
    return {"SummaryMap": {**count, "Policies": policies, "UsersQuota": 5000, "RolesQuota": 1000}}

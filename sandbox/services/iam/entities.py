"""Roles, users and groups: their types, and the operations that all three have alike."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.grammar import check_policy, check_trust
from sandbox.iam.principals import ACCESS_KEY, new_id
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services.iam import common, limits
from sandbox.services.iam.common import GROUP, PROFILE, ROLE, USER, entity_get
from sandbox.store import GLOBAL, Record


class Entity(ResourceType):
    """A role, user or group. data: id, inline (name to document), attached (ARNs), groups (of a user)."""

    word = ""
    prefix = ""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return f"arn:aws:iam::{ctx.account}:{self.word.lower()}{properties.get('Path', '/')}{id}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get(f"{self.word}Name")
        if name:
            limits.check_name(f"{self.word.lower()}Name", name)
            if limits.same_name(ctx.store.list(ctx.account, GLOBAL, self.name), name):
                raise AwsError("EntityAlreadyExists", f"{self.word} with name {name} already exists.", 409)
        limits.check_path(properties.get("Path") or "/")
        self._check(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    def _check(self, ctx: Context, properties: dict[str, Any]) -> None:
        managed = properties.get("ManagedPolicyArns") or ()
        for arn in managed:
            common.check_attachable(ctx, arn)
        if managed:
            limits.refuse_attached(ctx, self.word.lower(), len(set(managed)) - 1)
        documents = [check_policy(inline["PolicyDocument"]) for inline in properties.get("Policies") or ()]
        limits.check_inline_size(self.word.lower(), str(properties.get(f"{self.word}Name") or ""), documents)
        if properties.get("PermissionsBoundary"):
            common.check_attachable(ctx, properties["PermissionsBoundary"])

    def created(self, ctx: Context, record: Record) -> None:
        record.data.update(id=new_id(self.prefix), inline={}, attached=[], groups=[])
        record.attributes = {"Arn": record.arn}
        self._take(ctx, record, {}, record.properties)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self._take(ctx, record, before, record.properties)

    def _take(self, ctx: Context, record: Record, before: dict[str, Any], after: dict[str, Any]) -> None:
        for arn in set(before.get("ManagedPolicyArns") or ()) - set(after.get("ManagedPolicyArns") or ()):
            common.detach(ctx, record, arn)
        for arn in after.get("ManagedPolicyArns") or ():
            common.attach(ctx, record, arn)
        for inline in before.get("Policies") or ():
            record.data["inline"].pop(inline["PolicyName"], None)
        for inline in after.get("Policies") or ():
            common.put_inline(ctx, record, inline["PolicyName"], inline["PolicyDocument"])

    def check_delete(self, ctx: Context, record: Record) -> None:
        own = set(record.properties.get("ManagedPolicyArns") or ()) if ctx.stack else set()
        inline = {p["PolicyName"] for p in record.properties.get("Policies") or ()} if ctx.stack else set()
        if set(record.data["attached"]) - own:
            raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
        if set(record.data["inline"]) - inline:
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)


@resource_type(ROLE)
class Role(Entity):
    word, prefix = "Role", "AROA"

    def _check(self, ctx: Context, properties: dict[str, Any]) -> None:
        super()._check(ctx, properties)
        limits.check_trust_size(ctx, check_trust(properties["AssumeRolePolicyDocument"]))
        limits.check_session_seconds(properties.get("MaxSessionDuration", limits.SESSION_SECONDS[0]))

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        record.attributes["RoleId"] = record.data["id"]
        record.properties.setdefault("RoleName", record.id)

    def check_delete(self, ctx: Context, record: Record) -> None:
        for profile in ctx.store.list(ctx.account, GLOBAL, PROFILE):
            if record.id in profile.properties.get("Roles", ()):
                raise AwsError(
                    "DeleteConflict",
                    "Cannot delete entity, must remove roles from instance profile first.",
                    409,
                )
        super().check_delete(ctx, record)


@resource_type(USER)
class User(Entity):
    word, prefix = "User", "AIDA"

    def _take(self, ctx: Context, record: Record, before: dict[str, Any], after: dict[str, Any]) -> None:
        super()._take(ctx, record, before, after)
        record.data["groups"] = [g for g in record.data["groups"] if g not in (before.get("Groups") or ())]
        record.data["groups"] += list(after.get("Groups") or ())
        limits.refuse("GroupsPerUser", len(record.data["groups"]) - 1, limits.GROUPS)

    def check_delete(self, ctx: Context, record: Record) -> None:
        super().check_delete(ctx, record)
        if set(record.data["groups"]) - (set(record.properties.get("Groups") or ()) if ctx.stack else set()):
            raise AwsError("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409)
        keys = [k for k in ctx.store.list(ctx.account, GLOBAL, ACCESS_KEY) if k.data.get("user") == record.id]
        if keys:
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409)
        if record.data.get("login"):
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete login profile first.", 409)
        if record.data.get("mfa"):
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete MFA device first.", 409)


@resource_type(GROUP)
class Group(Entity):
    word, prefix = "Group", "AGPA"

    def check_delete(self, ctx: Context, record: Record) -> None:
        super().check_delete(ctx, record)
        if any(record.id in u.data["groups"] for u in ctx.store.list(ctx.account, GLOBAL, USER)):
            raise AwsError("DeleteConflict", "Cannot delete entity, must remove users in group first.", 409)


def role_shape(record: Record) -> dict[str, Any]:
    boundary = record.properties.get("PermissionsBoundary")
    return {
        **common.shape(record, "Role"),
        "AssumeRolePolicyDocument": common.encoded(record.properties["AssumeRolePolicyDocument"]),
        "Description": record.properties.get("Description"),
        "MaxSessionDuration": record.properties.get("MaxSessionDuration", 3600),
        "PermissionsBoundary": _boundary(boundary),
        "RoleLastUsed": {},
    }


def _boundary(arn: str | None) -> dict[str, str] | None:
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


def user_shape(record: Record) -> dict[str, Any]:
    boundary = record.properties.get("PermissionsBoundary")
    return {**common.shape(record, "User"), "PermissionsBoundary": _boundary(boundary)}


def group_shape(record: Record) -> dict[str, Any]:
    return {k: v for k, v in common.shape(record, "Group").items() if k != "Tags"}


# -- what roles, users and groups have alike


def _enter(kind: str, type_name: str) -> None:
    name = f"{kind}Name"

    @operation("iam", f"Put{kind}Policy")
    def put_policy(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        common.put_inline(ctx, entity, params["PolicyName"], params["PolicyDocument"])

    @operation("iam", f"Get{kind}Policy")
    def get_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        entity = entity_get(ctx, type_name, params[name])
        document = _inline(entity, params["PolicyName"], kind)
        return {
            name: entity.id,
            "PolicyName": params["PolicyName"],
            "PolicyDocument": common.encoded(document),
        }

    @operation("iam", f"List{kind}Policies")
    def list_policies(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        names = sorted(entity_get(ctx, type_name, params[name]).data["inline"])
        return common.page(names, params, "PolicyNames")

    @operation("iam", f"Delete{kind}Policy")
    def delete_policy(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        _inline(entity, params["PolicyName"], kind)
        del entity.data["inline"][params["PolicyName"]]
        ctx.store.put(entity)

    @operation("iam", f"Attach{kind}Policy")
    def attach_policy(ctx: Context, params: dict[str, Any]) -> None:
        common.attach(ctx, entity_get(ctx, type_name, params[name]), params["PolicyArn"])

    @operation("iam", f"Detach{kind}Policy")
    def detach_policy(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        if params["PolicyArn"] not in entity.data["attached"]:
            raise AwsError("NoSuchEntity", f"Policy {params['PolicyArn']} was not found.", 404)
        common.detach(ctx, entity, params["PolicyArn"])

    @operation("iam", f"ListAttached{kind}Policies")
    def list_attached(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        entity = entity_get(ctx, type_name, params[name])
        found = [{"PolicyName": common.policy_name(a), "PolicyArn": a} for a in entity.data["attached"]]
        return common.page(found, params, "AttachedPolicies")

    if kind == "Group":
        return

    @operation("iam", f"Put{kind}PermissionsBoundary")
    def put_boundary(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        common.check_attachable(ctx, params["PermissionsBoundary"])
        entity.properties["PermissionsBoundary"] = params["PermissionsBoundary"]
        ctx.store.put(entity)

    @operation("iam", f"Delete{kind}PermissionsBoundary")
    def delete_boundary(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        entity.properties.pop("PermissionsBoundary", None)
        ctx.store.put(entity)

    @operation("iam", f"Tag{kind}")
    def tag(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        tags = tags_from(params["Tags"])
        limits.check_tags(kind, entity.tags, tags)
        entity.tags.update(tags)
        ctx.store.put(entity)

    @operation("iam", f"Untag{kind}")
    def untag(ctx: Context, params: dict[str, Any]) -> None:
        entity = entity_get(ctx, type_name, params[name])
        for key in params["TagKeys"]:
            entity.tags.pop(key, None)
        ctx.store.put(entity)

    @operation("iam", f"List{kind}Tags")
    def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        return common.page(tag_list(entity_get(ctx, type_name, params[name]).tags), params, "Tags")


def _inline(entity: Record, name: str, kind: str) -> Any:
    if name not in entity.data["inline"]:
        raise AwsError("NoSuchEntity", f"The {kind.lower()} policy with name {name} cannot be found.", 404)
    return entity.data["inline"][name]


for _kind, _type in (("Role", ROLE), ("User", USER), ("Group", GROUP)):
    _enter(_kind, _type)

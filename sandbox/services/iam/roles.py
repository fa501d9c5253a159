"""Operations of roles and instance profiles."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.grammar import check_trust
from sandbox.iam.principals import new_id
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tags_from
from sandbox.services.iam import common, limits
from sandbox.services.iam.common import PROFILE, ROLE, entity_get
from sandbox.services.iam.entities import role_shape
from sandbox.store import GLOBAL, Record


@operation("iam", "CreateRole")
def create_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("RoleName", "Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    properties = {n: params[n] for n in names if params.get(n) is not None}
    properties["AssumeRolePolicyDocument"] = check_trust(params["AssumeRolePolicyDocument"])
    tags = tags_from(params.get("Tags"))
    limits.check_tags("Role", {}, tags)
    return {"Role": role_shape(ctx.world.create(ctx, ROLE, properties, tags=tags, at_once=True))}


@operation("iam", "GetRole")
def get_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Role": role_shape(entity_get(ctx, ROLE, params["RoleName"]))}


@operation("iam", "ListRoles")
def list_roles(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params.get("PathPrefix") or "/"
    found = [
        {k: v for k, v in role_shape(r).items() if k not in ("Tags", "PermissionsBoundary", "RoleLastUsed")}
        for r in ctx.store.list(ctx.account, GLOBAL, ROLE)
        if str(r.properties.get("Path", "/")).startswith(prefix)
    ]
    return common.page(sorted(found, key=lambda r: str(r["RoleName"])), params, "Roles")


@operation("iam", "UpdateRole")
def update_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = entity_get(ctx, ROLE, params["RoleName"])
    if params.get("MaxSessionDuration") is not None:
        limits.check_session_seconds(params["MaxSessionDuration"])
    for name in ("Description", "MaxSessionDuration"):
        if params.get(name) is not None:
            record.properties[name] = params[name]
    ctx.store.put(record)
    return {}


@operation("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(ctx: Context, params: dict[str, Any]) -> None:
    record = entity_get(ctx, ROLE, params["RoleName"])
    document = check_trust(params["PolicyDocument"])
    limits.check_trust_size(ctx, document)
    record.properties["AssumeRolePolicyDocument"] = document
    ctx.store.put(record)


@operation("iam", "DeleteRole")
def delete_role(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, entity_get(ctx, ROLE, params["RoleName"]), at_once=True)


@operation("iam", "CreateServiceLinkedRole")
def create_service_linked_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    service = params["AWSServiceName"]
    name = "AWSServiceRoleFor" + "".join(p.capitalize() for p in service.split(".")[0].split("-"))
    if ctx.store.get(ctx.account, GLOBAL, ROLE, name):
        said = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", said, 400)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    properties = {
        "RoleName": name,
        "Path": f"/aws-service-role/{service}/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    return {"Role": role_shape(ctx.world.create(ctx, ROLE, properties, at_once=True))}


# -- instance profiles


@resource_type(PROFILE)
class InstanceProfile(ResourceType):
    """A holder of one role for EC2 instances."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return f"arn:aws:iam::{ctx.account}:instance-profile{properties.get('Path', '/')}{id}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("InstanceProfileName")
        if name:
            limits.check_name("instanceProfileName", name)
            if limits.same_name(ctx.store.list(ctx.account, GLOBAL, PROFILE), name):
                raise AwsError("EntityAlreadyExists", f"Instance Profile {name} already exists.", 409)
        for role in properties.get("Roles") or ():
            entity_get(ctx, ROLE, role)

    def created(self, ctx: Context, record: Record) -> None:
        record.data["id"] = new_id("AIPA")
        record.properties.setdefault("Roles", [])
        record.attributes = {"Arn": record.arn}

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.properties["Roles"] and not ctx.stack:
            raise AwsError(
                "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409
            )


def _profile(ctx: Context, name: str) -> Record:
    record = ctx.store.get(ctx.account, GLOBAL, PROFILE, name)
    if record is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
    return record


def _profile_shape(ctx: Context, record: Record) -> dict[str, Any]:
    roles = [ctx.store.get(ctx.account, GLOBAL, ROLE, r) for r in record.properties["Roles"]]
    return {
        **common.shape(record, "InstanceProfile"),
        "Roles": [role_shape(r) for r in roles if r is not None],
    }


@operation("iam", "CreateInstanceProfile")
def create_instance_profile(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {k: params[k] for k in ("InstanceProfileName", "Path") if params.get(k)}
    tags = tags_from(params.get("Tags"))
    return {
        "InstanceProfile": _profile_shape(
            ctx, ctx.world.create(ctx, PROFILE, properties, tags=tags, at_once=True)
        )
    }


@operation("iam", "GetInstanceProfile")
def get_instance_profile(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"InstanceProfile": _profile_shape(ctx, _profile(ctx, params["InstanceProfileName"]))}


@operation("iam", "ListInstanceProfiles")
def list_instance_profiles(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [_profile_shape(ctx, r) for r in ctx.store.list(ctx.account, GLOBAL, PROFILE)]
    return common.page(found, params, "InstanceProfiles")


@operation("iam", "ListInstanceProfilesForRole")
def list_instance_profiles_for_role(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    role = entity_get(ctx, ROLE, params["RoleName"])
    found = [r for r in ctx.store.list(ctx.account, GLOBAL, PROFILE) if role.id in r.properties["Roles"]]
    return common.page([_profile_shape(ctx, r) for r in found], params, "InstanceProfiles")


@operation("iam", "AddRoleToInstanceProfile")
def add_role(ctx: Context, params: dict[str, Any]) -> None:
    record = _profile(ctx, params["InstanceProfileName"])
    entity_get(ctx, ROLE, params["RoleName"])
    if record.properties["Roles"]:
        raise AwsError("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409)
    record.properties["Roles"] = [params["RoleName"]]
    ctx.store.put(record)


@operation("iam", "RemoveRoleFromInstanceProfile")
def remove_role(ctx: Context, params: dict[str, Any]) -> None:
    record = _profile(ctx, params["InstanceProfileName"])
    record.properties["Roles"] = [r for r in record.properties["Roles"] if r != params["RoleName"]]
    ctx.store.put(record)


@operation("iam", "DeleteInstanceProfile")
def delete_instance_profile(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _profile(ctx, params["InstanceProfileName"]), at_once=True)

"""Managed and inline policies, and the simulator."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.documents import aws_managed
from sandbox.iam.grammar import check_policy
from sandbox.iam.principals import new_id
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services.iam import common, limits
from sandbox.services.iam.common import GROUP, INLINE, MANAGED, ROLE, USER, entity_get, policy_get
from sandbox.store import GLOBAL, Record

_MEMBERS = (("Roles", ROLE), ("Users", USER), ("Groups", GROUP))


@resource_type(MANAGED)
class ManagedPolicy(ResourceType):
    """A managed policy; its id is its ARN. data: id, versions ({v1: {document, at}}), default, next."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("ManagedPolicyName") or self.new_name(hint, "ManagedPolicyName")
        return f"arn:aws:iam::{ctx.account}:policy{properties.get('Path', '/')}{name}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("ManagedPolicyName")
        if name and any(p.arn.endswith(f"/{name}") for p in ctx.store.list(ctx.account, GLOBAL, MANAGED)):
            raise AwsError(
                "EntityAlreadyExists",
                f"A policy called {name} already exists. Duplicate names are not allowed.",
                409,
            )
        if name:
            limits.check_name("policyName", name)
        limits.check_managed_size(check_policy(properties["PolicyDocument"]))
        for member, kind in _MEMBERS:
            for entity in properties.get(member) or ():
                entity_get(ctx, kind, entity)

    def created(self, ctx: Context, record: Record) -> None:
        version = {"document": check_policy(record.properties["PolicyDocument"]), "at": ctx.now}
        record.data.update(id=new_id("ANPA"), versions={"v1": version}, default="v1", next=2)
        record.attributes = {"PolicyArn": record.arn, "PolicyId": record.data["id"], "DefaultVersionId": "v1"}
        for member, kind in _MEMBERS:
            for entity in record.properties.get(member) or ():
                common.attach(ctx, entity_get(ctx, kind, entity), record.arn)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        limits.check_managed_size(check_policy(properties["PolicyDocument"]))

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        if before["PolicyDocument"] != record.properties["PolicyDocument"]:
            _version_add(ctx, record, record.properties["PolicyDocument"], True, prune=True)
        for member, kind in _MEMBERS:
            old, new = set(before.get(member) or ()), set(record.properties.get(member) or ())
            for entity in old - new:
                _detach_if_there(ctx, kind, entity, record.arn)
            for entity in new - old:
                common.attach(ctx, entity_get(ctx, kind, entity), record.arn)

    def check_delete(self, ctx: Context, record: Record) -> None:
        own = {
            (kind, e) for member, kind in _MEMBERS for e in record.properties.get(member) or () if ctx.stack
        }
        if any((e.type, e.id) not in own for e in common.attachments(ctx, record.arn)):
            raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)

    def deleting(self, ctx: Context, record: Record) -> None:
        for entity in common.attachments(ctx, record.arn):
            common.detach(ctx, entity, record.arn)


def _detach_if_there(ctx: Context, kind: str, name: str, arn: str) -> None:
    entity = ctx.store.get(ctx.account, GLOBAL, kind, name)
    if entity is not None:
        common.detach(ctx, entity, arn)


def _version_add(ctx: Context, record: Record, document: Any, default: bool, prune: bool = False) -> str:
    versions = record.data["versions"]
    policy_document = check_policy(document)
    limits.check_managed_size(policy_document)
    if len(versions) >= limits.VERSIONS:
        if not prune:
            raise AwsError(
                "LimitExceeded",
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
                "existing version.",
                409,
            )
        del versions[next(v for v in versions if v != record.data["default"])]
    name = f"v{record.data['next']}"
    record.data["next"] += 1
    versions[name] = {"document": policy_document, "at": ctx.now}
    if default:
        record.data["default"] = name
        record.attributes["DefaultVersionId"] = name
        record.properties["PolicyDocument"] = versions[name]["document"]
    ctx.store.put(record)
    return name


@resource_type(INLINE)
class InlinePolicy(ResourceType):
    """AWS::IAM::Policy: one inline policy put on roles, users and groups."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def _entities(self, ctx: Context, properties: dict[str, Any]) -> list[Record]:
        return [entity_get(ctx, kind, e) for member, kind in _MEMBERS for e in properties.get(member) or ()]

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        check_policy(properties["PolicyDocument"])
        if not self._entities(ctx, properties):
            raise AwsError("ValidationError", "At least one of [Groups,Roles,Users] must be non-empty.", 400)

    def created(self, ctx: Context, record: Record) -> None:
        for entity in self._entities(ctx, record.properties):
            common.put_inline(
                ctx, entity, record.properties["PolicyName"], record.properties["PolicyDocument"]
            )

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self._take_off(ctx, before)
        self.created(ctx, record)

    def deleting(self, ctx: Context, record: Record) -> None:
        self._take_off(ctx, record.properties)

    def _take_off(self, ctx: Context, properties: dict[str, Any]) -> None:
        for member, kind in _MEMBERS:
            for name in properties.get(member) or ():
                entity = ctx.store.get(ctx.account, GLOBAL, kind, name)
                if (
                    entity is not None
                    and entity.data["inline"].pop(properties["PolicyName"], None) is not None
                ):
                    ctx.store.put(entity)


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        **common.shape(record, "Policy"),
        "DefaultVersionId": record.data["default"],
        "AttachmentCount": len(common.attachments(ctx, record.arn)),
        "IsAttachable": True,
        "Description": record.properties.get("Description"),
        "UpdateDate": record.updated_at,
    }


@operation("iam", "CreatePolicy")
def create_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "ManagedPolicyName": params["PolicyName"],
        "PolicyDocument": check_policy(params["PolicyDocument"]),
        **{k: params[k] for k in ("Path", "Description") if params.get(k)},
    }
    record = ctx.world.create(ctx, MANAGED, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return {"Policy": _shape(ctx, record)}


@operation("iam", "GetPolicy")
def get_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    arn = params["PolicyArn"]
    if arn.startswith("arn:aws:iam::aws:policy/"):
        common.check_attachable(ctx, arn)
        name = common.policy_name(arn)
        shape = {"PolicyName": name, "PolicyId": "ANPA" + name.upper()[:17], "Arn": arn, "Path": "/"}
        return {"Policy": {**shape, "DefaultVersionId": "v1", "IsAttachable": True, "AttachmentCount": 0}}
    return {"Policy": _shape(ctx, policy_get(ctx, arn))}


@operation("iam", "GetPolicyVersion")
def get_policy_version(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    arn, name = params["PolicyArn"], params["VersionId"]
    if arn in aws_managed():
        document = common.encoded(aws_managed()[arn])
        return {
            "PolicyVersion": {
                "Document": document,
                "VersionId": "v1",
                "IsDefaultVersion": True,
                "CreateDate": 0,
            }
        }
    record = policy_get(ctx, arn)
    return {
        "PolicyVersion": {
            **_version(record, name),
            "Document": common.encoded(record.data["versions"][name]["document"]),
        }
    }


def _version(record: Record, name: str) -> dict[str, Any]:
    if name not in record.data["versions"]:
        raise AwsError(
            "NoSuchEntity", f"Policy {record.arn} version {name} does not exist or is not attachable.", 404
        )
    at = record.data["versions"][name]["at"]
    return {"VersionId": name, "IsDefaultVersion": name == record.data["default"], "CreateDate": at}


@operation("iam", "ListPolicies")
def list_policies(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [_shape(ctx, r) for r in ctx.store.list(ctx.account, GLOBAL, MANAGED)]
    if params.get("Scope") in (None, "All", "AWS") and params.get("Scope") != "Local":
        found += [
            {"PolicyName": common.policy_name(a), "Arn": a, "Path": "/", "DefaultVersionId": "v1"}
            for a in aws_managed()
        ]
    if params.get("Scope") == "AWS":
        found = [f for f in found if ":aws:policy/" in f["Arn"]]
    if params.get("OnlyAttached"):
        found = [f for f in found if f.get("AttachmentCount")]
    return common.page(found, params, "Policies")


@operation("iam", "ListPolicyVersions")
def list_policy_versions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = policy_get(ctx, params["PolicyArn"])
    names = sorted(record.data["versions"], key=lambda v: -int(v[1:]))
    return common.page([_version(record, n) for n in names], params, "Versions")


@operation("iam", "CreatePolicyVersion")
def create_policy_version(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = policy_get(ctx, params["PolicyArn"])
    name = _version_add(ctx, record, params["PolicyDocument"], bool(params.get("SetAsDefault")))
    return {"PolicyVersion": _version(record, name)}


@operation("iam", "SetDefaultPolicyVersion")
def set_default_policy_version(ctx: Context, params: dict[str, Any]) -> None:
    record = policy_get(ctx, params["PolicyArn"])
    _version(record, params["VersionId"])
    record.data["default"] = params["VersionId"]
    record.properties["PolicyDocument"] = record.data["versions"][params["VersionId"]]["document"]
    ctx.store.put(record)


@operation("iam", "DeletePolicyVersion")
def delete_policy_version(ctx: Context, params: dict[str, Any]) -> None:
    record = policy_get(ctx, params["PolicyArn"])
    if _version(record, params["VersionId"])["IsDefaultVersion"]:
        raise AwsError("DeleteConflict", "Cannot delete the default version of a policy.", 409)
    del record.data["versions"][params["VersionId"]]
    ctx.store.put(record)


@operation("iam", "DeletePolicy")
def delete_policy(ctx: Context, params: dict[str, Any]) -> None:
    record = policy_get(ctx, params["PolicyArn"])
    if len(record.data["versions"]) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy.",
            409,
        )
    ctx.world.delete(ctx, record, at_once=True)


@operation("iam", "ListEntitiesForPolicy")
def list_entities_for_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = common.attachments(ctx, params["PolicyArn"])
    return {
        "PolicyRoles": [{"RoleName": e.id, "RoleId": e.data["id"]} for e in found if e.type == ROLE],
        "PolicyUsers": [{"UserName": e.id, "UserId": e.data["id"]} for e in found if e.type == USER],
        "PolicyGroups": [{"GroupName": e.id, "GroupId": e.data["id"]} for e in found if e.type == GROUP],
        "IsTruncated": False,
    }


@operation("iam", "TagPolicy")
def tag_policy(ctx: Context, params: dict[str, Any]) -> None:
    record = policy_get(ctx, params["PolicyArn"])
    tags = tags_from(params["Tags"])
    limits.check_tags("Policy", record.tags, tags)
    record.tags.update(tags)
    ctx.store.put(record)


@operation("iam", "ListPolicyTags")
def list_policy_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return common.page(tag_list(policy_get(ctx, params["PolicyArn"]).tags), params, "Tags")

"""The decision on each request: identity policies, boundary, session policies, S3's resource policies."""

from __future__ import annotations

import functools
import importlib.util
import json
import runpy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.actions import action_of, handler_action, resources_of
from sandbox.iam.attachments import attached_to
from sandbox.resource_types import tags_from
from sandbox.services.route53.names import normalized
from sandbox.services.s3.state import bucket_find, policy_of
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.context import Context, Principal
    from sandbox.wire.protocol import Asked

ALWAYS = {
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "GetSessionToken"),
    ("sts", "GetAccessKeyInfo"),
}
"""Not decided here: GetCallerIdentity needs no permission (STS API reference); AssumeRole decides with the trust
policy (services/sts.py)."""


def authorize(ctx: Context, asked: Asked) -> None:
    """Raise AwsError (AccessDenied in AWS's words) unless the principal may do this, or nothing is enforced."""
    if (asked.service, asked.name) in ALWAYS:
        return
    action = action_of(asked.service, asked.name, asked.params)
    keys = request_keys(ctx, asked.params)
    for resource in resources_of(ctx, asked.service, asked.name, asked.params):
        demand(ctx, action, resource, keys, asked.service)
    if asked.service == "s3" and asked.name in ("CopyObject", "UploadPartCopy"):
        source = str(asked.params.get("CopySource", "")).lstrip("/").partition("?")[0]
        demand(ctx, "s3:GetObject", f"arn:aws:s3:::{source}", keys, "s3")
    if asked.service == "cloudformation" and asked.params.get("RoleARN"):
        passed = {**keys, "iam:PassedToService": "cloudformation.amazonaws.com"}
        demand(ctx, "iam:PassRole", asked.params["RoleARN"], passed, "cloudformation")


def demand(ctx: Context, action: str, resource: str, keys: policy.Keys, service: str) -> None:
    """Note the decision, and raise AccessDenied where it is no and enforced.

    Without enforcement decisions are noted all the same: so a program can be watched before it has any permission.
    """
    request = policy.Request(action, resource, _with_resource(ctx, resource, keys))
    reason = refused(ctx, ctx.principal, request)
    ctx.world.decisions.add(ctx.principal, request, allowed=reason is None)
    if reason is None or not ctx.world.settings["enforce_iam"]:
        return
    text = (
        f"User: {ctx.principal.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
    )
    if service == "ec2":
        text = f"You are not authorized to perform this operation. {text}"
    raise AwsError("AccessDenied", text, 403)


def refused(ctx: Context, principal: Principal, request: policy.Request) -> str | None:
    """Why the principal may not (AWS's closing words), or None if it may."""
    if principal.kind == "root" or principal.entity is None:
        return None
    identity = policy.verdict(documents_of(ctx, principal.entity), request)
    boundary_arn = boundary_of(principal.entity)
    boundary = policy.verdict([managed_document(ctx, boundary_arn)], request) if boundary_arn else "allow"
    session = policy.verdict(principal.session_policies, request) if principal.session_policies else "allow"
    resource = _resource_verdict(ctx, principal, request)
    for found, name in (
        (identity, "an identity-based policy"),
        (resource, "a resource-based policy"),
        (boundary, "a permissions boundary"),
        (session, "a session policy"),
    ):
        if found == "deny":
            return f"with an explicit deny in {name}"
    if resource == "allow":
        return None
    for found, name in (
        (identity, "identity-based policy"),
        (boundary, "permissions boundary"),
        (session, "session policy"),
    ):
        if found == "none":
            return f"because no {name} allows the {request.action} action"
    return None


def _resource_verdict(ctx: Context, principal: Principal, request: policy.Request) -> str:
    """What the bucket's policy says to this principal: deny, allow (it is named) or none."""
    if not request.resource.startswith("arn:aws:s3:::"):
        return "none"
    bucket = bucket_find(ctx.world, request.resource.removeprefix("arn:aws:s3:::").partition("/")[0])
    document = policy_of(ctx.world, bucket) if bucket is not None else None
    entity_arn = principal.entity.arn if principal.entity else principal.arn
    found = "none"
    for statement in policy.listed((document or {}).get("Statement")):
        fits = policy.principal_fits(statement, principal.arn, principal.account, entity_arn)
        if not fits or not policy.applies(statement, request):
            continue
        if statement.get("Effect") == "Deny":
            return "deny"
        if fits == "direct" or policy.listed(statement.get("Principal")) == ["*"]:
            found = "allow"
    return found


# -- what a principal has


def documents_of(ctx: Context, entity: Record) -> list[policy.Document]:
    """Identity policies of a role, user (with its groups) or group."""
    documents = [parsed(d) for d in entity.data.get("inline", {}).values()]
    documents += [managed_document(ctx, arn) for arn in entity.data.get("attached", [])]
    for name in entity.data.get("groups", []):
        group = ctx.store.get(entity.account, GLOBAL, "AWS::IAM::Group", name)
        if group is not None:
            documents += documents_of(ctx, group)
    return documents


def boundary_of(entity: Record) -> str | None:
    arn = entity.properties.get("PermissionsBoundary")
    return str(arn) if arn else None


def managed_document(ctx: Context, arn: str) -> policy.Document:
    """The default version of a managed policy; {} if there is none (it allows nothing)."""
    if arn.startswith("arn:aws:iam::aws:policy/"):
        return parsed(aws_managed().get(arn, "{}"))
    record = ctx.store.by_arn(arn)
    if record is None:
        return {}
    return parsed(record.data["versions"][record.data["default"]]["document"])


def parsed(document: Any) -> policy.Document:
    value: policy.Document = json.loads(document) if isinstance(document, str) else document
    return value


@functools.cache
def aws_managed() -> dict[str, str]:
    """AWS's managed policies, ARN to JSON document, from the data that moto ships.

    Only that one data module is read: moto.iam itself takes a second and 50 MB.
    """
    spec = importlib.util.find_spec("moto")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("moto is not installed: the sandbox reads AWS's managed policies from it")
    path = Path(next(iter(spec.submodule_search_locations))) / "iam" / "aws_managed_policies.py"
    data: dict[str, Any] = json.loads(runpy.run_path(str(path))["aws_managed_policies_data"])
    return {
        f"arn:aws:iam::aws:policy{entry.get('Path', '/')}{name}": json.dumps(entry["Document"])
        for name, entry in data.items()
    }


# -- condition keys


def request_keys(ctx: Context, params: dict[str, Any]) -> policy.Keys:
    """Condition keys of a request: global ones, the principal's, the request's tags."""
    who = ctx.principal
    now = datetime.now(UTC)
    keys: policy.Keys = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": who.account,
        "aws:PrincipalArn": who.entity.arn if who.entity else who.arn,
        "aws:PrincipalType": {"role": "AssumedRole", "user": "User"}.get(who.kind, "Account"),
        "aws:RequestedRegion": ctx.region,
        "aws:SecureTransport": "true",  # the sandbox speaks HTTP on one machine; policies mean AWS's HTTPS
        "aws:SourceIp": "127.0.0.1",
        "aws:userid": who.user_id,
        "aws:ViaAWSService": "false",
        **{f"aws:PrincipalTag/{k}": v for k, v in who.tags.items()},
        **who.keys,
    }
    if who.kind == "user" and who.entity is not None:
        keys["aws:username"] = who.entity.id
    tags = _request_tags(params)
    keys.update({f"aws:RequestTag/{k}": v for k, v in tags.items()})
    if tags or params.get("TagKeys"):
        keys["aws:TagKeys"] = sorted({*tags, *(params.get("TagKeys") or ())})
    for key, name in (
        ("iam:PermissionsBoundary", "PermissionsBoundary"),
        ("iam:PolicyARN", "PolicyArn"),
        ("cloudformation:RoleArn", "RoleARN"),
        ("cloudformation:TemplateUrl", "TemplateURL"),
        ("cloudformation:ChangeSetName", "ChangeSetName"),
        ("s3:prefix", "Prefix"),
    ):
        if isinstance(params.get(name), str):
            keys[key] = params[name]
    return {**keys, **_record_keys(params)}


def _record_keys(params: dict[str, Any]) -> policy.Keys:
    """What a change of DNS records changes, each value once (Route 53 developer guide, "Using IAM policy
    conditions for fine-grained access control")."""
    changes = (params.get("ChangeBatch") or {}).get("Changes") or ()
    if not changes:
        return {}
    records = [change["ResourceRecordSet"] for change in changes]
    prefix = "route53:ChangeResourceRecordSets"
    return {
        f"{prefix}Actions": sorted({change["Action"] for change in changes}),
        f"{prefix}RecordTypes": sorted({record["Type"] for record in records}),
        f"{prefix}NormalizedRecordNames": sorted({normalized(record["Name"]) for record in records}),
    }


def _request_tags(params: dict[str, Any]) -> dict[str, str]:
    value = params.get("Tags") or params.get("tags") or params.get("TagList")
    for specification in params.get("TagSpecifications") or ():
        value = specification.get("Tags") or value
    if not value:
        return {}
    if isinstance(value, list) and value and "key" in value[0]:
        value = [{"Key": t["key"], "Value": t.get("value", "")} for t in value]
    return tags_from(value)


def _with_resource(ctx: Context, resource: str, keys: policy.Keys) -> policy.Keys:
    """The request's keys with the tags and the account of the resource."""
    record = ctx.store.by_arn(resource)
    if resource.startswith("arn:aws:s3:::"):
        # An object belongs to its bucket's account; its ARN names no account.
        bucket = bucket_find(ctx.world, resource.removeprefix("arn:aws:s3:::").partition("/")[0])
        if bucket is not None:
            keys = {**keys, "aws:ResourceAccount": bucket.account}
    if record is None and resource.startswith("arn:aws:logs:"):
        record = ctx.store.by_arn(resource.removesuffix(":*") + ":*")
    if record is None:
        return keys
    if record.type in ("AWS::IAM::Role", "AWS::IAM::User") and record.properties.get("PermissionsBoundary"):
        keys = {"iam:PermissionsBoundary": record.properties["PermissionsBoundary"], **keys}
    tags = {f"aws:ResourceTag/{k}": v for k, v in record.tags.items()}
    service = resource.split(":")[2]
    own = {f"{service}:ResourceTag/{k}": v for k, v in record.tags.items()}
    return {**keys, **tags, **own, "aws:ResourceAccount": record.account}


def permit_type(
    ctx: Context,
    type_name: str,
    action: str,
    properties: dict[str, Any],
    resource: str,
    tags: dict[str, str],
) -> None:
    """Raise AwsError unless the principal for which CloudFormation acts may create, update or delete the type."""
    if ctx.principal.kind == "root":
        return
    name = handler_action(type_name, action, ctx.world.type(type_name).schema.permissions(action))
    if name is None:
        return
    keys = request_keys(ctx, {**properties, "Tags": tags, "TagKeys": None})
    keys["aws:CalledVia"] = ["cloudformation.amazonaws.com"]
    keys["aws:ViaAWSService"] = "true"
    for target in attached_to(ctx, type_name, properties) or [resource or "*"]:
        demand(ctx, name, target, keys, name.partition(":")[0])

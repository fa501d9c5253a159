"""The decision on each request at the front door, and on what CloudFormation's handlers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.actions import actions_of
from sandbox.iam.attachments import attached_to
from sandbox.iam.decision import EVERYTHING, Caller, Decision, Layers, decide
from sandbox.iam.documents import boundary_of, documents_of, managed_document
from sandbox.iam.handlers import beside, handler_action
from sandbox.iam.keys import record_of, request_keys, with_resource
from sandbox.iam.passing import passed_by_type, passed_roles
from sandbox.iam.resource_policies import DELEGATED, SHARED_BY_SERVICE, policy_of
from sandbox.iam.resourceless import RESOURCELESS
from sandbox.iam.resources import resources_of

if TYPE_CHECKING:
    from sandbox.context import Context, Principal
    from sandbox.store import Record
    from sandbox.wire.protocol import Asked

ALWAYS = {
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "GetSessionToken"),
}
"""Not decided here: GetCallerIdentity and GetSessionToken need no permission (STS API reference); AssumeRole decides
with the trust policy (services/sts.py)."""

OF_ROOT = {"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"}
"""What no bucket policy keeps from the root user of the bucket's account (S3 API reference, DeleteBucketPolicy)."""


def authorize(ctx: Context, asked: Asked) -> None:
    """Raise AwsError (AccessDenied in AWS's words) unless the principal may do this, or nothing is enforced."""
    if (asked.service, asked.name) in ALWAYS:
        return
    who = ctx.principal
    if asked.service == "iam" and who.kind != "role" and who.issued_at and not who.mfa_at:
        # What GetSessionToken answers is good for IAM only with MFA (STS API reference).
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid", 403)
    keys = request_keys(ctx, asked.params)
    for action, resources in questions(ctx, asked.service, asked.name, asked.params):
        for resource in resources:
            demand(ctx, action, resource, keys, asked.service)
    for role, service in passed_roles(ctx, asked.service, asked.name, asked.params):
        demand(ctx, "iam:PassRole", role, {**keys, "iam:PassedToService": service}, asked.service)


def questions(
    ctx: Context, service: str, operation: str, params: dict[str, Any]
) -> list[tuple[str, list[str]]]:
    """What IAM is asked about an operation: (action, ARNs)."""
    found = [
        (action, resources_of(ctx, service, operation, params, action))
        for action in actions_of(service, operation, params)
    ]
    if service == "s3" and operation in ("CopyObject", "UploadPartCopy"):
        source = str(params.get("CopySource", "")).lstrip("/").partition("?")[0]
        found.append(("s3:GetObject", [f"arn:aws:s3:::{source}"]))
    return found


def demand(ctx: Context, action: str, resource: str, keys: policy.Keys, service: str) -> None:
    """Note the decision, and raise AccessDenied where it is no and enforced.

    Without enforcement decisions are noted all the same: so a program can be watched before it has any permission.
    """
    request = policy.Request(action, resource, keys)
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
    # The new bucket would be the caller's, whoever has one of that name.
    record = None if request.action == "s3:CreateBucket" else record_of(ctx, request.resource)
    keys = with_resource(request.resource, record, request.keys)
    asked = policy.Request(request.action, request.resource, keys)
    owner = _owner(principal, request.resource, record)
    if principal.kind == "root" and owner == principal.account and request.action in OF_ROOT:
        return None
    document = policy_of(ctx.world, record)
    delegated = record is not None and record.type in DELEGATED
    return closing(request.action, decided(ctx, principal, asked, document, owner, delegated=delegated))


def decided(
    ctx: Context,
    principal: Principal,
    request: policy.Request,
    document: policy.Document | None,
    owner: str,
    *,
    delegated: bool = False,
) -> Decision:
    """The decision for a principal, with the policies that it has and the resource's own."""
    entity = principal.entity
    caller = Caller(principal.account, principal.arn, entity.arn if entity else principal.arn)
    layers = Layers(identity=[EVERYTHING], resource=document)
    if principal.kind != "root":
        boundary = boundary_of(entity) if entity else None
        layers = Layers(
            documents_of(ctx.world, entity) if entity else [],
            managed_document(ctx.world, boundary) if boundary else None,
            principal.session_policies or None,
            document,
        )
    return decide(caller, request, layers, owner=owner, delegated=delegated)


def closing(action: str, decision: Decision) -> str | None:
    """AWS's closing words of a refusal (IAM user guide, "Troubleshoot access denied error messages")."""
    if decision.allowed:
        return None
    if decision.verdict == "deny":
        return f"with an explicit deny in {decision.policy}"
    return f"because no {decision.policy} allows the {action} action"


def _owner(principal: Principal, resource: str, record: Record | None) -> str:
    """The account of a resource; the caller's where its ARN tells none."""
    if record is not None:
        return principal.account if record.type in SHARED_BY_SERVICE else record.account
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    return account if account.isdigit() else principal.account


def permit_type(
    ctx: Context,
    type_name: str,
    action: str,
    properties: dict[str, Any],
    resource: str,
    tags: dict[str, str],
    before: dict[str, Any] | None = None,
) -> None:
    """Raise AwsError unless the principal for which CloudFormation acts may create, update or delete the type.

    `before` are the properties that an update finds.
    """
    name = handler_action(type_name, action, ctx.world.type(type_name).schema.permissions(action))
    keys = request_keys(ctx, {**properties, "Tags": tags, "TagKeys": None})
    keys["aws:CalledVia"] = ["cloudformation.amazonaws.com"]
    keys["aws:ViaAWSService"] = "true"
    # What associates two things is named by both, and has no ARN of its own.
    made = "*" if "|" in resource or not resource else resource
    targets = ["*"] if name in RESOURCELESS else attached_to(ctx, type_name, properties) or [made]
    for target in targets:
        if name is not None:
            demand(ctx, name, target, keys, name.partition(":")[0])
    if action == "delete":
        return
    for further in beside(type_name, properties, before):
        # A policy is attached by a call each, which says its ARN.
        attached = properties["ManagedPolicyArns"] if further.startswith("iam:Attach") else [None]
        for arn in attached:
            named = {**keys, "iam:PolicyARN": arn} if arn else keys
            demand(ctx, further, made, named, further.partition(":")[0])
    for role, service in passed_by_type(ctx, type_name, properties):
        demand(ctx, "iam:PassRole", role, {**keys, "iam:PassedToService": service}, "iam")

"""The policy simulator: what a role, user, group or a set of policies may do.

Source: IAM API reference, SimulatePrincipalPolicy and SimulateCustomPolicy.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.context import Context, Principal
from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.decision import Caller, Layers, decide
from sandbox.iam.documents import boundary_of, documents_of, managed_document, parsed
from sandbox.iam.grammar import check_policy
from sandbox.iam.keys import request_keys
from sandbox.registry import operation
from sandbox.services.iam.common import GROUP, ROLE, USER

_WORDS = {"allow": "allowed", "deny": "explicitDeny", "none": "implicitDeny"}
_STRICT = ("allowed", "implicitDeny", "explicitDeny")
_EMPTY: dict[str, Any] = {"MatchedStatements": [], "MissingContextValues": []}
_APART = re.compile(r"^sts:AssumeRole$|^[\w-]+:(?:Un)?[Tt]ag|^s3:PutReplicationConfiguration$")


def _simulate(ctx: Context, params: dict[str, Any], arn: str, layers: Layers) -> dict[str, Any]:
    entries = params.get("ContextEntries") or ()
    given = {e["ContextKeyName"]: e.get("ContextKeyValues", []) for e in entries}
    nobody = Principal(ctx.account, "", "")
    base = request_keys(Context(ctx.world, ctx.account, ctx.region, nobody), {})
    keys = {**base, **{k: v[0] if len(v) == 1 else v for k, v in given.items()}}
    owner = str(params.get("ResourceOwner") or ctx.account).removeprefix("arn:aws:iam::").partition(":")[0]
    resources = params.get("ResourceArns") or ["*"]
    named = resources != ["*"]
    if named:
        _check_alike(params["ActionNames"])
    results = []
    for action in params["ActionNames"]:
        each = []
        for resource in resources:
            request = policy.Request(action, resource, keys)
            found = decide(Caller(ctx.account, arn, arn), request, layers, owner=owner)
            one = {"EvalResourceName": resource, "EvalResourceDecision": _WORDS[found.verdict], **_EMPTY}
            if layers.boundary is not None:
                bounded = policy.verdict([layers.boundary], request) == "allow"
                one["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounded}
            each.append(one)
        # One result an action, the strictest of its resources', which are below it. It names none of them: AWS tells
        # a template of the action's ARNs there (IAM API reference, EvaluationResult).
        strictest = max(each, key=lambda one: _STRICT.index(one["EvalResourceDecision"]))
        whole = {name: value for name, value in strictest.items() if not name.startswith("EvalResource")}
        whole |= {"EvalActionName": action, "EvalResourceName": "*"}
        whole["EvalDecision"] = strictest["EvalResourceDecision"]
        results.append({**whole, "ResourceSpecificResults": each} if named else whole)
    return _page(results, params)


def _check_alike(actions: list[str]) -> None:
    """The simulator refuses actions together that it knows by different kinds of resources, where resources are
    named. Which it takes for alike is not written anywhere; reported are PassRole beside AssumeRole, S3's newer names
    beside older ones, and tagging beside what is tagged: such is refused here.
    """
    apart = [action for action in actions if _APART.search(action)]
    others = [action for action in actions if action not in apart]
    if apart and others:
        raise AwsError(
            "InvalidInput",
            f"Invalid Input Actions: [{','.join(others)}] and [{','.join(apart)}] require different authorization "
            "information.",
        )


def _page(results: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    first, most = int(params.get("Marker") or 0), int(params.get("MaxItems") or 100)
    is_more = first + most < len(results)
    marker = {"Marker": str(first + most)} if is_more else {}
    return {"EvaluationResults": results[first : first + most], "IsTruncated": is_more, **marker}


def _layers(
    params: dict[str, Any], identity: list[policy.Document], boundary: policy.Document | None
) -> Layers:
    given = params.get("PermissionsBoundaryPolicyInputList") or ()
    resource = parsed(params["ResourcePolicy"]) if params.get("ResourcePolicy") else None
    return Layers(identity, check_policy(given[0]) if given else boundary, None, resource)


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    documents = [check_policy(d) for d in params["PolicyInputList"]]
    return _simulate(ctx, params, str(params.get("CallerArn") or ""), _layers(params, documents, None))


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    entity = ctx.store.by_arn(params["PolicySourceArn"])
    if entity is None or entity.type not in (ROLE, USER, GROUP):
        raise AwsError("NoSuchEntity", f"The entity {params['PolicySourceArn']} cannot be found.", 404)
    documents = documents_of(ctx.world, entity)
    documents += [check_policy(d) for d in params.get("PolicyInputList") or ()]
    arn = boundary_of(entity)
    layers = _layers(params, documents, managed_document(ctx.world, arn) if arn else None)
    return _simulate(ctx, params, str(params.get("CallerArn") or entity.arn), layers)

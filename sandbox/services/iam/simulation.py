"""The policy simulator: what a role, user, group or a set of policies may do.

Source: IAM API reference, SimulatePrincipalPolicy and SimulateCustomPolicy.
"""

from __future__ import annotations

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


def _simulate(ctx: Context, params: dict[str, Any], arn: str, layers: Layers) -> dict[str, Any]:
    entries = params.get("ContextEntries") or ()
    given = {e["ContextKeyName"]: e.get("ContextKeyValues", []) for e in entries}
    nobody = Principal(ctx.account, "", "")
    base = request_keys(Context(ctx.world, ctx.account, ctx.region, nobody), {})
    keys = {**base, **{k: v[0] if len(v) == 1 else v for k, v in given.items()}}
    owner = str(params.get("ResourceOwner") or ctx.account).removeprefix("arn:aws:iam::").partition(":")[0]
    results = []
    for action in params["ActionNames"]:
        for resource in params.get("ResourceArns") or ["*"]:
            request = policy.Request(action, resource, keys)
            found = decide(Caller(ctx.account, arn, arn), request, layers, owner=owner)
            result = {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": _WORDS[found.verdict],
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
            if layers.boundary is not None:
                bounded = policy.verdict([layers.boundary], request) == "allow"
                result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounded}
            results.append(result)
    return {"EvaluationResults": results, "IsTruncated": False}


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

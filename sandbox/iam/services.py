"""Whether a resource's policy lets one of AWS's services do something to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.iam import policy

if TYPE_CHECKING:
    from sandbox.world import World


def may(
    world: World, document: dict[str, Any] | None, service: str, action: str, arn: str, keys: dict[str, str]
) -> bool:
    """Whether the policy (a document, or None) lets the service act for `keys` (aws:SourceArn, aws:SourceAccount).

    Anything goes where IAM is not enforced.
    """
    if not world.settings["enforce_iam"]:
        return True
    request = policy.Request(action, arn, {**keys, "aws:SecureTransport": "true"})
    allowed = False
    for statement in policy.listed((document or {}).get("Statement")):
        if not {"*", service} & set(_named(statement.get("Principal"))) or not policy.applies(
            statement, request
        ):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def _named(principal: Any) -> list[Any]:
    if not isinstance(principal, dict):
        return policy.listed(principal)
    return ["*"] if "*" in policy.listed(principal.get("AWS")) else policy.listed(principal.get("Service"))

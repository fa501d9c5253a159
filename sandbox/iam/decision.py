"""One decision: what identity policies, boundary, session policies and the resource's policy say together.

Source: IAM user guide, "Policy evaluation logic" (single account and cross-account), "Permissions boundaries for IAM
entities", "AWS JSON policy elements: Principal". It knows nothing of the store: tests compare it with iam-simulate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.iam import policy
from sandbox.iam.policy import Document, Request, listed

DIRECT, ROLE, ACCOUNT = "direct", "role", "account"
EVERYTHING: Document = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}
"""What the root user of an account has."""


@dataclass(frozen=True)
class Caller:
    """Who asks. arn: the user's or the session's; entity_arn: the user's or the role's."""

    account: str
    arn: str
    entity_arn: str


@dataclass(frozen=True)
class Layers:
    """The policies that have a say. boundary, session, resource: None where there is no such thing."""

    identity: Sequence[Document] = ()
    boundary: Document | None = None
    session: Sequence[Document] | None = None
    resource: Document | None = None


@dataclass(frozen=True)
class Decision:
    """verdict: `allow`, `deny` (by a statement) or `none` (nothing allows it). policy: the kind that decided."""

    verdict: str
    policy: str = ""

    @property
    def allowed(self) -> bool:
        return self.verdict == "allow"


def decide(
    caller: Caller, request: Request, layers: Layers, *, owner: str, delegated: bool = False
) -> Decision:
    """owner: the account of the resource. delegated: whether identity policies count only if the resource's policy
    names the account, as KMS key policies and trust policies have to."""
    identity = policy.verdict(layers.identity, request)
    boundary = "allow" if layers.boundary is None else policy.verdict([layers.boundary], request)
    session = "allow" if layers.session is None else policy.verdict(layers.session, request)
    denied, granted = resource_says(layers.resource, caller, request, layers.boundary is not None)
    for is_denied, kind in (
        (identity == "deny", "an identity-based policy"),
        (denied, "a resource-based policy"),
        (boundary == "deny", "a permissions boundary"),
        (session == "deny", "a session policy"),
    ):
        if is_denied:
            return Decision("deny", kind)
    own = caller.account == owner
    if own and DIRECT in granted:
        # Given to the user or the session itself: boundary and session policy do not narrow it.
        return Decision("allow")
    by_identity = identity == "allow" and (bool(granted) if not own else not delegated or ACCOUNT in granted)
    if not by_identity and not (own and ROLE in granted):
        by_resource = identity == "allow" or (delegated and not granted)
        return Decision("none", "resource-based policy" if by_resource else "identity-based policy")
    if boundary != "allow":
        return Decision("none", "permissions boundary")
    if session != "allow":
        return Decision("none", "session policy")
    return Decision("allow")


def resource_says(
    document: Document | None, caller: Caller, request: Request, bounded: bool = False
) -> tuple[bool, set[str]]:
    """Whether the resource's policy denies it, and to whom it allows it: `direct`, `role`, `account`."""
    granted: set[str] = set()
    denied = False
    if document is None:
        return denied, granted
    seen = policy.in_version(document, request)
    for statement in listed(document.get("Statement")):
        denies = statement.get("Effect") == "Deny"
        # A boundary makes NotPrincipal with Deny meet everybody ("Permissions boundaries for IAM entities").
        fits = (
            DIRECT
            if denies and bounded and "NotPrincipal" in statement
            else principal_fits(statement, caller)
        )
        if fits and policy.applies(statement, seen):
            denied = denied or denies
            granted |= set() if denies else {fits}
    return denied, granted


def principal_fits(statement: Document, caller: Caller) -> str:
    """How a statement's principal fits: `direct` (everybody, the user, the session), `role` (the role of the
    session), `account`, or ``."""
    if "NotPrincipal" in statement:
        return "" if _named(statement["NotPrincipal"], caller) else DIRECT
    return _named(statement.get("Principal"), caller)


def _named(element: object, caller: Caller) -> str:
    names = set(listed(element.get("AWS") if isinstance(element, dict) else element))
    if names & {"*", caller.arn}:
        return DIRECT
    if caller.entity_arn in names:
        return ROLE
    return ACCOUNT if names & {caller.account, f"arn:aws:iam::{caller.account}:root"} else ""

"""Policy documents: does a statement speak of this request, and what do documents together say.

Source: IAM user guide, "IAM JSON policy elements reference".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sandbox.iam import conditions
from sandbox.iam.texts import Keys, Request, like, matches, pieces_of

__all__ = ("Document", "Keys", "Request", "applies", "in_version", "like", "listed", "verdict")

Document = dict[str, Any]
CURRENT = "2012-10-17"
"""The Version in which policies know variables."""


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def applies(statement: Document, request: Request) -> bool:
    """Whether action, resource and conditions of the statement fit (not its principal)."""
    action = request.action.lower()
    if "NotAction" in statement:
        if any(like(action, str(a).lower()) for a in listed(statement["NotAction"])):
            return False
    elif not any(like(action, str(a).lower()) for a in listed(statement.get("Action"))):
        return False
    if "NotResource" in statement:
        if any(_resource(request, r) for r in listed(statement["NotResource"])):
            return False
    elif "Resource" in statement and not any(_resource(request, r) for r in listed(statement["Resource"])):
        return False
    return all(
        conditions.holds(operator, key, listed(wanted), request)
        for operator, tests in (statement.get("Condition") or {}).items()
        for key, wanted in tests.items()
    )


def _resource(request: Request, wanted: str) -> bool:
    if wanted == "*":
        return True
    pieces = pieces_of(wanted, request)
    return pieces is not None and matches(request.resource, pieces)


def in_version(document: Document, request: Request) -> Request:
    """The request as policies of the document's Version see it."""
    return request if document.get("Version") == CURRENT else replace(request, variables=False)


def verdict(documents: Iterable[Document], request: Request) -> str:
    """`deny`, `allow` or `none` of the documents taken together."""
    allowed = False
    for document in documents:
        seen = in_version(document, request)
        for statement in listed(document.get("Statement")):
            if not applies(statement, seen):
                continue
            if statement.get("Effect") == "Deny":
                return "deny"
            allowed = True
    return "allow" if allowed else "none"

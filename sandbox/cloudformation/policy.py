"""Stack policies: which updates of which resources are allowed."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from sandbox.store import Record


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def denied_by_stack_policy(stack: Record, logical_id: str, type_name: str, action: str) -> bool:
    """Whether the stack's policy forbids `Update:Modify`, `Update:Replace` or `Update:Delete` of a resource.

    With a policy, what it does not allow is denied; a deny wins (CloudFormation user guide, stack policies).
    """
    body = stack.data.get("temporary_policy") or stack.data.get("policy")
    if not body:
        return False
    allowed = False
    for statement in json.loads(body).get("Statement", []):
        if not _applies(statement, logical_id, type_name, action):
            continue
        if statement["Effect"] == "Deny":
            return True
        allowed = True
    return not allowed


def _applies(statement: dict[str, Any], logical_id: str, type_name: str, action: str) -> bool:
    if "NotAction" in statement:
        if any(fnmatch.fnmatchcase(action, a) for a in _listed(statement["NotAction"])):
            return False
    elif not any(fnmatch.fnmatchcase(action, a) for a in _listed(statement.get("Action"))):
        return False
    resource = f"LogicalResourceId/{logical_id}"
    if "NotResource" in statement:
        if any(fnmatch.fnmatchcase(resource, r) for r in _listed(statement["NotResource"])):
            return False
    elif not any(r == "*" or fnmatch.fnmatchcase(resource, r) for r in _listed(statement.get("Resource"))):
        return False
    for operator, tests in (statement.get("Condition") or {}).items():
        wanted = _listed(tests.get("ResourceType"))
        if wanted and not any(
            fnmatch.fnmatchcase(type_name, w) if operator == "StringLike" else type_name == w for w in wanted
        ):
            return False
    return True

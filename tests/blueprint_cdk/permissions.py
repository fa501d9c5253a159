"""What the policies of the portal's roles, of CloudFormation's and of the boundary allow, decided as IAM decides."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from blueprint_cdk.access import POLICIES
from blueprint_cdk.access.execution import EXECUTION as EXECUTION_POLICIES

ACCOUNT = "111122223333"
PUT_IN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": ACCOUNT,
    "ZoneName": "dev.example.org",
}
DEPLOYER = ("SwitchyardRead", "SwitchyardDeploy", "SwitchyardTeardown")
EXECUTION = tuple(EXECUTION_POLICIES)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/SwitchyardBoundary"
CFN = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}"
IAM = f"arn:aws:iam::{ACCOUNT}"
BACKUP = f"arn:aws:backup:eu-west-1:{ACCOUNT}"


def resolved(value: Any) -> Any:
    """A template's value with its Fn::Sub put in, as IAM sees it."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            text = str(value["Fn::Sub"])
            for name, put in PUT_IN.items():
                text = text.replace(f"${{{name}}}", put)
            return text
        return {key: resolved(row) for key, row in value.items()}
    return [resolved(row) for row in value] if isinstance(value, list) else value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from resolved(POLICIES[name][1])


def allowed(names: tuple[str, ...], action: str, resource: str, **context: Any) -> bool:
    """Whether identity policies allow it: IAM's order, with the conditions that this template uses."""
    verdict = False
    for row in statements(*names):
        if not any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(row["Action"])):
            continue
        named = "Resource" if "Resource" in row else "NotResource"
        held = any(fnmatch.fnmatchcase(resource, pattern) for pattern in listed(row[named]))
        if held is (named == "NotResource"):
            continue
        if not all(_holds(operator, test, context) for operator, test in row.get("Condition", {}).items()):
            continue
        if row["Effect"] == "Deny":
            return False
        verdict = True
    return verdict


def _holds(operator: str, test: dict[str, Any], context: dict[str, Any]) -> bool:
    for key, wanted in test.items():
        value = context.get(key.rpartition(":")[2].rpartition("/")[2])
        if operator == "Null":
            if (value is None) is (wanted == "false"):
                return False
            continue
        match = value is not None and all(
            any(fnmatch.fnmatchcase(one, row) for row in listed(wanted)) for one in listed(value)
        )
        if match is (operator == "StringNotEquals"):
            return False
    return True

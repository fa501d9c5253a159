"""What the portal's roles may do in an account, and why, as docs/going-live.md tells it.

It is made from the same data as the policies: `python -m blueprint_cdk policies` prints it, `make docs` puts it
into the page, and a test says when that is behind.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from blueprint_cdk.access.bootstrap import BOOTSTRAP
from blueprint_cdk.access.guard import GUARD
from blueprint_cdk.access.needs import needs
from blueprint_cdk.access.portal import DEPLOYER, READER

ROLES: dict[str, tuple[str, dict[str, list[dict[str, Any]]], str]] = {
    "reader": (
        "SwitchyardReader",
        READER,
        "taken by the portal for plans, progress and the search for leftovers",
    ),
    "deployer": ("SwitchyardDeployer", DEPLOYER, "taken by the portal; it has the reader's policy besides"),
    "bootstrap": ("SwitchyardBootstrap", BOOTSTRAP, "taken by CloudFormation for `cdk bootstrap`'s stack"),
    "guard": ("SwitchyardGuard", GUARD, "taken by CloudFormation once, for the stack switchyard-guard"),
}
RECORDED = "the portal's own flows ask for it"


def section() -> str:
    """Each role's statements and, for each action that is allowed, why the role needs it."""
    lines: list[str] = []
    for key, (name, policies, who) in ROLES.items():
        reasons = needs(key)
        lines += [f"### {name}", "", f"{who[0].upper()}{who[1:]}.", ""]
        for policy, statements in policies.items():
            lines += [f"`{policy}`", "", "| action | where | why |", "|---|---|---|"]
            for statement in statements:
                lines += _rows(statement, reasons)
            lines.append("")
    return "\n".join(lines).rstrip()


def _rows(statement: dict[str, Any], reasons: dict[str, str]) -> Iterator[str]:
    where = _where(statement)
    if statement["Effect"] == "Deny":
        actions = ", ".join(f"`{action}`" for action in statement["Action"])
        yield f"| **denied**: {actions} | {where} | {statement['Sid']}: whatever else allows it |"
        return
    why: dict[str, list[str]] = defaultdict(list)
    for action in statement["Action"]:
        why[reasons[action]].append(f"`{action}`")
    for reason, names in why.items():
        yield f"| {', '.join(names)} | {where} | {RECORDED if reason == 'recorded' else reason} |"


def _where(statement: dict[str, Any]) -> str:
    """The statement's resources and condition, as text."""
    named = "Resource" if "Resource" in statement else "NotResource"
    resources = statement[named] if isinstance(statement[named], list) else [statement[named]]
    told = ", ".join("everywhere" if row == "*" else f"`{_short(row)}`" for row in resources)
    condition = f", if `{_short(statement['Condition'])}`" if "Condition" in statement else ""
    return f"{'all but ' if named == 'NotResource' else ''}{told}{condition}"


def _short(value: Any) -> str:
    """A resource or a condition without Fn::Sub, partition and quotes."""
    text = value.get("Fn::Sub") if isinstance(value, dict) and set(value) == {"Fn::Sub"} else None
    plain = text or json.dumps(value, default=str, separators=(",", ":"))
    for long, short in (
        ('{"Fn::Sub":', ""),
        ("${AWS::Partition}", "aws"),
        ("${AWS::AccountId}", "<account>"),
        ("${AWS::Region}", "<region>"),
        ("${ZoneName}", "<zone>"),
    ):
        plain = plain.replace(long, short)
    return plain.replace('"', "").replace("|", "\\|")

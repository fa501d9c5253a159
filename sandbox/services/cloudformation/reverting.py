"""Drift-aware change sets (DeploymentMode REVERT_DRIFT): the template against what is really there.

CloudFormation user guide, "Using drift-aware change sets"; members and words are those of the API reference
(ResourceChange, ResourceTargetDefinition).
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.changes import Preview
from sandbox.cloudformation.stacks import GONE, rows
from sandbox.context import Context
from sandbox.services.cloudformation.drift import compare, text
from sandbox.store import Record

_ORDER = {"Remove": 0, "Modify": 1, "SyncWithActual": 2, "Add": 3}


def with_drift(ctx: Context, stack: Record, found: Preview) -> str:
    """Add to the changes what has drifted; answers the stack's drift status."""
    by_id = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in found.changes}
    drifted = False
    for name, row in rows(ctx.world, stack).items():
        if row.state == GONE or not row.data["physical_id"]:
            continue
        drift = compare(ctx, stack, row)
        drifted = drifted or drift["status"] != "IN_SYNC"
        change = by_id.get(name)
        if change is None:
            if drift["status"] == "IN_SYNC":
                continue
            change = _unchanged(row)
            found.changes.append({"Type": "Resource", "ResourceChange": change})
        change["ResourceDriftStatus"] = drift["status"]
        if change["Action"] == "Modify":
            _merge(change, row, drift)
    found.changes.sort(key=lambda c: _ORDER[c["ResourceChange"]["Action"]])
    found.different = found.different or drifted
    return "DRIFTED" if drifted else "IN_SYNC"


def to_revert(changes: list[dict[str, Any]]) -> list[str]:
    """Logical ids that the execution has to put right though their template may be the same."""
    found = (c["ResourceChange"] for c in changes)
    return [
        c["LogicalResourceId"]
        for c in found
        if c.get("ResourceDriftStatus") in ("MODIFIED", "DELETED") and c["Action"] in ("Modify", "Add")
    ]


def _unchanged(row: Record) -> dict[str, Any]:
    context = json.dumps({"Properties": row.data["properties"]})
    return {
        "Action": "Modify",
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.data["physical_id"],
        "ResourceType": row.data["type"],
        "Replacement": "False",
        "Scope": [],
        "Details": [],
        "BeforeContext": context,
        "AfterContext": context,
    }


def _merge(change: dict[str, Any], row: Record, drift: dict[str, Any]) -> None:
    """Put the drifted properties in a change that was made from the templates alone."""
    if drift["status"] == "DELETED":  # made anew: nothing there to be modified
        change.update(Action="Add", Details=[], Scope=[])
        del change["PhysicalResourceId"], change["Replacement"], change["BeforeContext"]
        return
    wanted = json.loads(change["AfterContext"])["Properties"]
    for difference in drift["differences"]:
        path = difference["PropertyPath"]
        after = _at(wanted, path, difference["ExpectedValue"])
        kind = "SyncWithActual" if after == difference["ActualValue"] else "Modify"
        details = change["Details"]
        details[:] = [d for d in details if d["Target"].get("Path") != f"/Properties{path}"]
        target = {
            "Attribute": "Properties",
            "Name": path.split("/")[1],
            "RequiresRecreation": "Never",
            "Path": f"/Properties{path}",
            "BeforeValue": difference["ActualValue"],
            "AfterValue": after,
            "BeforeValueFrom": "ACTUAL_STATE",
            "AfterValueFrom": "TEMPLATE",
            "AttributeChangeType": kind,
            "Drift": {
                "PreviousValue": difference["ExpectedValue"],
                "ActualValue": difference["ActualValue"],
                "DriftDetectionTimestamp": drift["at"],
            },
        }
        source = "NoModification" if kind == "SyncWithActual" else "DirectModification"
        details.append({"Target": target, "Evaluation": "Static", "ChangeSource": source})
    if drift["differences"] and "Properties" not in change["Scope"]:
        change["Scope"].append("Properties")
    kinds = {d["Target"].get("AttributeChangeType") for d in change["Details"]}
    if kinds == {"SyncWithActual"}:
        change["Action"] = "SyncWithActual"
    if drift["actual"] is not None:
        change["PreviousDeploymentContext"] = json.dumps({"Properties": row.data["properties"]})
        change["BeforeContext"] = json.dumps({"Properties": drift["actual"]})


def _at(properties: Any, path: str, otherwise: str) -> str:
    """The wanted value of a drifted property as text; otherwise: what CloudFormation expected (a stack's tag)."""
    value = properties
    for part in path.split("/")[1:]:
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return otherwise
    return text(value)

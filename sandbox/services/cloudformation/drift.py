"""Drift: what the resources are against what the stack last set, property by property."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from sandbox.cloudformation.stacks import resource_of, rows, stack_get
from sandbox.context import Context
from sandbox.errors import validation_error
from sandbox.registry import operation
from sandbox.resource_types import tag_list, tags_from
from sandbox.services.cloudformation import common
from sandbox.store import Record

_DETECTION_S = 10.0
"""Seconds of real AWS for a detection (estimate)."""


def _expected(ctx: Context, row: Record) -> dict[str, Any]:
    return dict(row.data["properties"])


def _differences(path: str, expected: Any, actual: Any) -> Iterator[dict[str, str]]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in sorted(expected):
            yield from _differences(f"{path}/{name}", expected[name], actual.get(name))
        return
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(f"{path}/{index}", left, right)
        return
    if _same(expected, actual):
        return
    kind = "REMOVE" if actual is None else "NOT_EQUAL"
    yield {
        "PropertyPath": path,
        "ExpectedValue": text(expected),
        "ActualValue": "null" if actual is None else text(actual),
        "DifferenceType": kind,
    }


def _same(expected: Any, actual: Any) -> bool:
    if expected == actual or (isinstance(expected, str) and "{{resolve:" in expected):
        return True
    return text(expected).lower() == text(actual).lower()


def text(value: Any) -> str:
    """A value as drift and change sets show it."""
    return value if isinstance(value, str) else json.dumps(value)


def compare(ctx: Context, stack: Record, row: Record) -> dict[str, Any]:
    """{"status" (IN_SYNC, MODIFIED, DELETED), "at", "differences", "expected", "actual"} of a resource."""
    record = resource_of(ctx.world, row)
    at = ctx.now
    if record is None:
        return {
            "status": "DELETED",
            "at": at,
            "differences": [],
            "expected": _expected(ctx, row),
            "actual": None,
        }
    handler = ctx.world.type(row.data["type"])
    expected = _expected(ctx, row)
    actual = dict(record.properties)
    tag_property = handler.schema.tag_property
    differences: list[dict[str, str]] = []
    if tag_property:
        wanted = {**stack.tags, **tags_from(expected.pop(tag_property, None))}
        for key, value in wanted.items():
            have = record.tags.get(key)
            if have != value:
                differences.append(
                    {
                        "PropertyPath": f"/{tag_property}/{key}",
                        "ExpectedValue": value,
                        "ActualValue": "null" if have is None else have,
                        "DifferenceType": "REMOVE" if have is None else "NOT_EQUAL",
                    }
                )
        actual[tag_property] = tag_list(record.tags)
    for name in handler.schema.document.get("writeOnlyProperties", ()):
        expected.pop(name.removeprefix("/properties/").split("/")[0], None)
    differences.extend(_differences("", expected, actual))
    return {
        "status": "MODIFIED" if differences else "IN_SYNC",
        "at": at,
        "differences": differences,
        "expected": _expected(ctx, row),
        "actual": actual,
    }


@operation("cloudformation", "DetectStackDrift")
def detect_stack_drift(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    if stack.state.endswith("_IN_PROGRESS") or stack.state == "DELETE_COMPLETE":
        raise validation_error(f"Drift detection cannot be performed on stack in {stack.state} state.")
    wanted = params.get("LogicalResourceIds")
    drifted = 0
    for name, row in rows(ctx.world, stack).items():
        if (wanted and name not in wanted) or row.state == "DELETE_COMPLETE":
            continue
        row.data["drift"] = compare(ctx, stack, row)
        ctx.store.put(row)
        drifted += row.data["drift"]["status"] in ("MODIFIED", "DELETED")
    stack.data["drift"] = {"status": "DRIFTED" if drifted else "IN_SYNC", "at": ctx.now, "count": drifted}
    id = str(uuid.uuid4())
    detection = {"id": id, "done_at": ctx.now + _DETECTION_S * float(ctx.world.settings["speed"])}
    stack.data["detections"] = [detection, *stack.data.get("detections", [])][:5]
    ctx.store.put(stack)
    return {"StackDriftDetectionId": id}


@operation("cloudformation", "DescribeStackDriftDetectionStatus")
def describe_detection(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    id = params["StackDriftDetectionId"]
    for stack in ctx.store.list(ctx.account, ctx.region, "AWS::CloudFormation::Stack"):
        for detection in stack.data.get("detections", []):
            if detection["id"] == id:
                return _detection(ctx, stack, detection)
    raise validation_error(f"Drift detection {id} does not exist")


def _detection(ctx: Context, stack: Record, detection: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "StackId": stack.arn,
        "StackDriftDetectionId": detection["id"],
        "Timestamp": stack.data["drift"]["at"],
    }
    if ctx.now < detection["done_at"]:
        return {**answer, "DetectionStatus": "DETECTION_IN_PROGRESS"}
    return {
        **answer,
        "DetectionStatus": "DETECTION_COMPLETE",
        "StackDriftStatus": stack.data["drift"]["status"],
        "DriftedStackResourceCount": stack.data["drift"]["count"],
    }


@operation("cloudformation", "DescribeStackResourceDrifts")
def describe_drifts(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    wanted = params.get("StackResourceDriftStatusFilters")
    found = []
    for row in rows(ctx.world, stack).values():
        drift = row.data.get("drift")
        if not drift or (wanted and drift["status"] not in wanted):
            continue
        found.append(_drift_shape(stack, row, drift))
    some, token = common.page(found, params.get("NextToken"), int(params.get("MaxResults") or 100))
    return {"StackResourceDrifts": some, "NextToken": token}


def _drift_shape(stack: Record, row: Record, drift: dict[str, Any]) -> dict[str, Any]:
    return {
        "StackId": stack.arn,
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.data["physical_id"],
        "ResourceType": row.data["type"],
        "ExpectedProperties": json.dumps(drift["expected"]),
        "ActualProperties": None if drift["actual"] is None else json.dumps(drift["actual"]),
        "PropertyDifferences": drift["differences"],
        "StackResourceDriftStatus": drift["status"],
        "Timestamp": drift["at"],
    }


@operation("cloudformation", "DetectStackResourceDrift")
def detect_resource_drift(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    row = rows(ctx.world, stack).get(params["LogicalResourceId"])
    if row is None:
        raise validation_error(f"Resource {params['LogicalResourceId']} does not exist in stack")
    row.data["drift"] = compare(ctx, stack, row)
    ctx.store.put(row)
    return {"StackResourceDrift": _drift_shape(stack, row, row.data["drift"])}

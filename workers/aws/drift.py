"""CloudFormation's drift detection: asked for per stack, looked at until it is through, read by resource."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ClientError

from workers.aws.cloudformation import SERVICE
from workers.aws.faults import error_code, error_message
from workers.aws.session import Session


@dataclass(frozen=True)
class Detection:
    """How far a detection is: `state` as AWS writes it, less "DETECTION_"; `drifted` once it is complete."""

    state: Literal["IN_PROGRESS", "COMPLETE", "FAILED"]
    drifted: bool = False
    reason: str = ""


@dataclass(frozen=True)
class ResourceDrift:
    """A resource that is not what its stack last made it: changed, or deleted. Properties are plain values."""

    logical_id: str
    physical_id: str
    type: str
    is_deleted: bool
    expected: dict[str, Any] = field(default_factory=dict)
    actual: dict[str, Any] = field(default_factory=dict)
    differences: list[dict[str, str]] = field(default_factory=list)


class StackBusy(Exception):
    """The stack is being changed, or another detection runs on it; the message is AWS's."""


class StackGone(Exception):
    """There is no such stack."""


def detection_begin(session: Session, stack: str) -> str:
    """Ask for a detection; answers its id. Reads only: asking twice does no harm. Raises StackBusy, StackGone."""
    try:
        answer = session.client(SERVICE).detect_stack_drift(StackName=stack)
    except ClientError as error:
        if error_code(error) == "ValidationError":
            told = error_message(error)
            raise (StackGone if "does not exist" in told else StackBusy)(told) from error
        raise
    return str(answer["StackDriftDetectionId"])


def detection_look(session: Session, detection: str) -> Detection:
    """How far it is. A failed one may have found drift all the same, of resources that could be read."""
    answer = session.client(SERVICE).describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    return Detection(
        state=answer["DetectionStatus"].removeprefix("DETECTION_"),
        drifted=answer.get("StackDriftStatus") == "DRIFTED",
        reason=answer.get("DetectionStatusReason", ""),
    )


def drifts_of(session: Session, stack: str) -> list[ResourceDrift]:
    """Drifted resources of a stack, as its last detection found them, in as many calls as there are pages."""
    client = session.client(SERVICE)
    request: dict[str, Any] = {
        "StackName": stack,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    found: list[ResourceDrift] = []
    while True:
        answer = client.describe_stack_resource_drifts(**request)
        found += [_drift(row) for row in answer["StackResourceDrifts"]]
        if not answer.get("NextToken"):
            return found
        request["NextToken"] = answer["NextToken"]


def _drift(row: dict[str, Any]) -> ResourceDrift:
    return ResourceDrift(
        logical_id=row["LogicalResourceId"],
        physical_id=row.get("PhysicalResourceId", ""),
        type=row["ResourceType"],
        is_deleted=row["StackResourceDriftStatus"] == "DELETED",
        expected=json.loads(row.get("ExpectedProperties") or "{}"),
        actual=json.loads(row.get("ActualProperties") or "{}"),
        differences=list(row.get("PropertyDifferences", [])),
    )

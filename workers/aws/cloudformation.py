"""CloudFormation: stacks and events. Sessions are passed in; nothing is kept between calls."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code, error_message
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "cloudformation"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
BODY_LIMIT = 51_200
"""Bytes of a template that may travel in the call itself; a longer one is named by URL."""

PROVISIONING = ("FULLY_MUTABLE", "IMMUTABLE", "NON_PROVISIONABLE")
"""Kinds of types, each listed by itself, the first one where none is named. The last has no handlers in the registry
(Pinpoint's are such): CloudFormation makes them all the same, as it did before there was one.
"""

GONE = frozenset({"", "DELETE_COMPLETE"})
# A create that came to nothing: such a stack can only be deleted.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
DEAD = frozenset(
    {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
)
GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
AT_REST = GOOD | {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}


@dataclass(frozen=True)
class StackState:
    """A stack as DescribeStacks tells it."""

    stack_id: str
    name: str
    status: str
    reason: str
    outputs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    protected: bool = False
    changed_at: datetime | None = None
    last_operation: str = ""

    @property
    def is_moving(self) -> bool:
        """Whether CloudFormation works on it. REVIEW_IN_PROGRESS is at rest: a change set without a stack."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


@dataclass(frozen=True)
class Deployment:
    """What a stack is to be. One of `template_url` and `template_body` is set; texts are JSON or YAML."""

    name: str
    role_arn: str
    template_url: str = ""
    template_body: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    policy: str = ""
    termination_protection: bool = False
    on_failure: str = "ROLLBACK"
    """What becomes of a creation that fails: ROLLBACK, or DELETE where the portal may not delete the stack itself."""

    def request(self) -> dict[str, Any]:
        """What CreateStack and CreateChangeSet have in common."""
        template = (
            {"TemplateURL": self.template_url} if self.template_url else {"TemplateBody": self.template_body}
        )
        return {
            "StackName": self.name,
            "RoleARN": self.role_arn,
            "Capabilities": list(CAPABILITIES),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in sorted(self.parameters.items())
            ],
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(self.tags.items())],
            **template,
        }


def stack_find(session: Session, name: str) -> StackState | None:
    """The stack of that name or id; None when there is none (by id, deleted ones are still found)."""
    try:
        found = session.client(SERVICE).describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
            return None
        raise
    return _state(found[0]) if found else None


def stacks_all(session: Session) -> Iterator[StackState]:
    """Every stack of the region, a call a page; no more pages than are taken."""
    for page in session.client(SERVICE).get_paginator("describe_stacks").paginate():
        yield from map(_state, page["Stacks"])


def stack_create(session: Session, deployment: Deployment, token: str) -> str:
    """Begin to create a stack; answers its id. The same token again answers the same stack."""
    request = deployment.request()
    if deployment.policy:
        request["StackPolicyBody"] = deployment.policy
    answer = session.client(SERVICE).create_stack(
        **request,
        ClientRequestToken=token,
        EnableTerminationProtection=deployment.termination_protection,
        OnFailure=deployment.on_failure,
        # A create that fails leaves nothing behind, also of what a later deletion would keep.
        RetainExceptOnCreate=True,
    )
    return str(answer["StackId"])


def stack_delete(session: Session, name: str, token: str, *, retain: Sequence[str] = ()) -> None:
    """Begin to delete a stack. No error when there is none.

    `retain` are logical ids to leave behind; CloudFormation takes them for a stack in DELETE_FAILED only.
    """
    keep = {"RetainResources": list(retain)} if retain else {}
    session.client(SERVICE).delete_stack(StackName=name, ClientRequestToken=token, **keep)


def update_cancel(session: Session, name: str, token: str) -> bool:
    """Ask to stop an update in flight; False when it is too late for that."""
    try:
        session.client(SERVICE).cancel_update_stack(StackName=name, ClientRequestToken=token)
    except ClientError as error:
        if error_code(error) == "ValidationError":
            return False
        raise
    return True


def rollback_continue(session: Session, name: str, token: str) -> None:
    """Go on with a rollback that failed (UPDATE_ROLLBACK_FAILED). No resource is skipped."""
    session.client(SERVICE).continue_update_rollback(StackName=name, ClientRequestToken=token)


def protection_set(session: Session, name: str, *, protected: bool) -> None:
    """Turn a stack's termination protection on or off."""
    session.client(SERVICE).update_termination_protection(
        StackName=name, EnableTerminationProtection=protected
    )


def policy_set(session: Session, name: str, policy: str) -> None:
    """Put the stack policy (JSON text)."""
    session.client(SERVICE).set_stack_policy(StackName=name, StackPolicyBody=policy)


def template_get(session: Session, name: str) -> str:
    """The template as it was given, as text."""
    body = session.client(SERVICE).get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    if isinstance(body, str):
        return body
    return json.dumps(body)


def failure_find(session: Session, stack_id: str, token: str = "") -> tuple[str, str, str] | None:
    """The first failure of the stack's last operation: (logical id, type, reason). None when there is none.

    CloudFormation tells newest first; what failed because another one failed ("cancelled") is no cause. Where no
    resource failed, such as when an export is in use, the stack itself says why it goes back.
    """
    found = consequence = own = None
    for event in _events(session, stack_id):
        if token and event.get("ClientRequestToken", token) != token:
            break
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        if event.get("PhysicalResourceId") == stack_id:
            if status.endswith("ROLLBACK_IN_PROGRESS") and reason:
                own = (event["LogicalResourceId"], event["ResourceType"], reason)
            continue
        if not is_failure(status, reason):
            continue
        failure = (event["LogicalResourceId"], event["ResourceType"], reason or "no reason given")
        if status.startswith("DELETE"):
            # What a rollback could not delete; the cause is what came before it.
            consequence = failure
        else:
            found = failure
    return found or own or consequence


def is_failure(status: str, reason: str) -> bool:
    """Whether a resource event is a cause of failure, not a consequence of one."""
    return status.endswith("_FAILED") and "cancelled" not in reason.lower()


def resources_of(session: Session, stack_id: str) -> list[dict[str, Any]]:
    """Resources of a stack, also of a deleted one when asked by id, as DescribeStackResources tells them."""
    client = session.client(SERVICE)
    found = client.describe_stack_resources(StackName=stack_id)["StackResources"]
    return list(found)


def resources_told(session: Session, stack_id: str) -> list[dict[str, Any]]:
    """What the stack's last operation did to its resources, as its events tell: as `resources_of`, and with
    "StartedAt". One page of events holds about 33 resources, so it costs what `resources_of` costs, mostly.
    """
    found: dict[str, dict[str, Any]] = {}
    for event in _events(session, stack_id):
        status = event["ResourceStatus"]
        if event.get("PhysicalResourceId") == stack_id:
            if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                break  # older events tell of earlier operations
            continue
        newest = found.setdefault(event["LogicalResourceId"], dict(event))
        if status.endswith("_IN_PROGRESS") and status.split("_")[0] == newest["ResourceStatus"].split("_")[0]:
            newest["StartedAt"] = event["Timestamp"]
    return list(found.values())


def kept_of(session: Session, stack_id: str) -> list[tuple[str, str]]:
    """(type, physical id) of what a deleted stack left: skipped by its policy, or not deletable."""
    return [
        (entry["type"], physical)
        for physical, entry in history_of(session, stack_id).items()
        if entry["status"] in ("DELETE_SKIPPED", "DELETE_FAILED")
    ]


def history_of(session: Session, stack_id: str) -> dict[str, dict[str, str]]:
    """Everything that a stack ever held, by physical id: {"type", "logical_id", "status"}, the newest status.

    From its events, which CloudFormation keeps for 90 days after deletion.
    """
    found: dict[str, dict[str, str]] = {}
    for event in _events(session, stack_id):
        physical = event.get("PhysicalResourceId", "")
        if physical and physical != stack_id and physical not in found:
            found[physical] = {
                "type": event["ResourceType"],
                "logical_id": event["LogicalResourceId"],
                "status": event["ResourceStatus"],
            }
    return found


def imports_of(session: Session, export: str) -> list[str]:
    """Names of the stacks that import an export."""
    try:
        pages = session.client(SERVICE).get_paginator("list_imports").paginate(ExportName=export)
        return [name for page in pages for name in page["Imports"]]
    except ClientError as error:
        # CloudFormation's way of saying nobody does.
        if error_code(error) == "ValidationError" and "not imported" in error_message(error):
            return []
        raise


def exports_of(session: Session) -> dict[str, str]:
    """Export name to the id of the stack that exports it, for the region."""
    pages = session.client(SERVICE).get_paginator("list_exports").paginate()
    return {export["Name"]: export["ExportingStackId"] for page in pages for export in page["Exports"]}


def _events(session: Session, stack_id: str) -> Iterator[dict[str, Any]]:
    pages = session.client(SERVICE).get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for page in pages:
        yield from page["StackEvents"]


def _state(stack: dict[str, Any]) -> StackState:
    # Newest first, and change sets that only were made are among them: they move nothing.
    operations = [
        row for row in stack.get("LastOperations", ()) if row["OperationType"] != "CREATE_CHANGESET"
    ]
    return StackState(
        stack_id=stack["StackId"],
        name=stack["StackName"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        parameters={row["ParameterKey"]: row["ParameterValue"] for row in stack.get("Parameters", [])},
        protected=bool(stack.get("EnableTerminationProtection")),
        changed_at=stack.get("LastUpdatedTime") or stack.get("CreationTime"),
        last_operation=operations[0].get("OperationId", "") if operations else "",
    )


def types_there(session: Session) -> set[str]:
    """Names of AWS's resource types that CloudFormation can make in the region: some services are not everywhere."""
    client = session.client(SERVICE)
    return {
        row["TypeName"]
        for provisioning in PROVISIONING
        for row in entries(
            client,
            "list_types",
            "TypeSummaries",
            Visibility="PUBLIC",
            Type="RESOURCE",
            ProvisioningType=provisioning,
            Filters={"Category": "AWS_TYPES"},
        )
    }

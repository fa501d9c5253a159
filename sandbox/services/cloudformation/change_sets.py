"""Change sets."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.changes import check_imports, preview
from sandbox.cloudformation.scope import check_dynamic_references
from sandbox.cloudformation.stacks import (
    GONE,
    keep_text,
    stack_find,
    stack_new,
    stack_status,
    text,
)
from sandbox.cloudformation.template import check_capabilities, parse
from sandbox.cloudformation.validation import Finding, early_validation
from sandbox.context import Context
from sandbox.errors import AwsError, validation_error
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.cloudformation import common
from sandbox.services.cloudformation.reverting import to_revert, with_drift
from sandbox.services.cloudformation.stacks import (
    before,
    begin_create,
    begin_update,
    check_updatable,
    take_over,
)
from sandbox.store import Record

CHANGE_SET = "Sandbox::CloudFormation::ChangeSet"
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
CREATE_S = 4.0
"""Seconds of real AWS that making a change set takes (estimate)."""


def _events(change_set: Record) -> str:
    return f"cfn-change-set:{change_set.arn}"


def change_set_find(ctx: Context, name: str, stack_name: str | None) -> Record | None:
    if name.startswith("arn:"):
        return ctx.store.get(ctx.account, ctx.region, CHANGE_SET, name)
    stack = stack_find(ctx, stack_name) if stack_name else None
    if stack is None:
        return None
    for record in ctx.store.by_stack(stack.arn):
        if record.type == CHANGE_SET and record.data["name"] == name:
            return record
    return None


def change_set_get(ctx: Context, name: str, stack_name: str | None) -> Record:
    record = change_set_find(ctx, name, stack_name)
    if record is None:
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
    return record


def change_set_events(ctx: Context, name: str, stack_name: str | None) -> list[dict[str, Any]]:
    return ctx.store.log(_events(change_set_get(ctx, name, stack_name)))


@operation("cloudformation", "CreateChangeSet")
def create_change_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name, kind = params["ChangeSetName"], params.get("ChangeSetType") or "UPDATE"
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", name) or len(name) > 128:
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    stack = stack_find(ctx, params["StackName"])
    template = common.read_template(ctx, params, stack)
    check_capabilities(template, params.get("Capabilities") or [])
    common.acting(ctx, params.get("RoleARN"))
    check_dynamic_references(ctx.world, ctx.account, ctx.region, template)
    if kind == "IMPORT" or params.get("ResourcesToImport"):
        raise validation_error("Change sets of type IMPORT are not supported by the sandbox")
    if kind == "CREATE":
        if stack is not None and stack.state != "REVIEW_IN_PROGRESS":
            raise validation_error(
                f"Stack [{params['StackName']}] already exists and cannot be created again with the changeSet [{name}]."
            )
    elif stack is None or stack.state == GONE:
        raise validation_error(f"Stack [{params['StackName']}] does not exist")
    else:
        check_updatable(stack)
    if stack is not None and (existing := change_set_find(ctx, name, stack.arn)) is not None:
        token = params.get("ClientToken")
        if token and existing.data["token"] == token:
            return {"Id": existing.arn, "StackId": stack.arn}
        raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists", 400)
    previous = stack.data["parameters"] if stack is not None else {}
    settled = stack_parameters.settle(ctx, template, params.get("Parameters") or [], previous)
    tags = common.tags_of(params, stack.tags if stack is not None else {})
    if stack is None:
        stack = stack_new(ctx, params["StackName"], "REVIEW_IN_PROGRESS", {})
        stack_status(ctx.world, stack, "REVIEW_IN_PROGRESS", "User Initiated")
    record = _record(ctx, stack, params, kind, keep_text(ctx.world, template.body), settled, tags)
    _evaluate(ctx, stack, record)
    return {"Id": record.arn, "StackId": stack.arn}


def _record(
    ctx: Context,
    stack: Record,
    params: dict[str, Any],
    kind: str,
    template: str,
    settled: dict[str, Any],
    tags: dict[str, str],
) -> Record:
    arn = ctx.arn("cloudformation", f"changeSet/{params['ChangeSetName']}/{uuid.uuid4()}")
    kept = (
        "Capabilities",
        "RoleARN",
        "NotificationARNs",
        "Description",
        "OnStackFailure",
        "RollbackConfiguration",
        "DeploymentConfig",
        "DeploymentMode",
        "IncludeNestedStacks",
        "ImportExistingResources",
        "DisableValidation",
    )
    data = {
        "name": params["ChangeSetName"],
        "operation_id": str(uuid.uuid4()),
        "kind": kind,
        "token": params.get("ClientToken"),
        "template": template,
        "parameters": settled,
        "tags": tags,
        "params": {k: params[k] for k in kept if params.get(k) is not None},
        "status": "CREATE_PENDING",
        "reason": None,
        "execution": "UNAVAILABLE",
        "changes": [],
        "visible_at": ctx.now + CREATE_S * float(ctx.world.settings["speed"]),
    }
    return ctx.store.put(
        Record(
            ctx.account,
            ctx.region,
            CHANGE_SET,
            arn,
            arn=arn,
            created_at=ctx.now,
            stack=stack.arn,
            data=data,
        )
    )


def _evaluate(ctx: Context, stack: Record, record: Record) -> None:
    data = record.data
    parsed = parse(text(ctx.world, data["template"]))
    try:
        check_imports(ctx.world, stack, parsed, data["parameters"])
        found = preview(ctx.world, stack, parsed, data["parameters"], data["tags"])
    except AwsError as problem:
        data.update(status="FAILED", reason=problem.message)
        ctx.store.put(record)
        return
    if data["params"].get("DeploymentMode") == "REVERT_DRIFT":
        data["drift_status"] = with_drift(ctx, stack, found)
    data["changes"] = found.changes
    findings = [] if data["params"].get("DisableValidation") else early_validation(ctx, found)
    for finding in findings:
        _tell(ctx, stack, record, finding)
    failed = sorted({f.hook for f in findings if f.mode == "FAIL"})
    if failed:
        data.update(
            status="FAILED",
            reason=f"The following hook(s)/validation failed: [{', '.join(failed)}]. To troubleshoot Early Validation "
            "errors, use the DescribeEvents API for detailed failure information.",
        )
    elif data["kind"] == "UPDATE" and not found.different:
        data.update(status="FAILED", reason=NO_CHANGES)
    else:
        data.update(status="CREATE_COMPLETE", execution="AVAILABLE")
        data["stack_operation"] = (stack.data["operation"] or {}).get("id")
    ctx.store.put(record)


def _tell(ctx: Context, stack: Record, record: Record, finding: Finding) -> None:
    ctx.store.append(
        _events(record),
        {
            "EventId": str(uuid.uuid4()),
            "StackId": stack.arn,
            "OperationId": record.data["operation_id"],
            "OperationType": "CREATE_CHANGESET",
            "OperationStatus": "FAILED" if finding.mode == "FAIL" else "SUCCEEDED",
            "EventType": "VALIDATION_ERROR",
            "LogicalResourceId": finding.logical_id,
            "ResourceType": finding.type_name,
            "Timestamp": ctx.now,
            "ValidationFailureMode": finding.mode,
            "ValidationName": finding.name,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": finding.reason,
            "ValidationPath": finding.path,
        },
    )


def _status(ctx: Context, record: Record) -> dict[str, Any]:
    """Status as it shows by now: the making takes a while."""
    data = record.data
    if ctx.now < data["visible_at"]:
        return {"Status": "CREATE_IN_PROGRESS", "ExecutionStatus": "UNAVAILABLE"}
    return {"Status": data["status"], "StatusReason": data["reason"], "ExecutionStatus": data["execution"]}


@operation("cloudformation", "DescribeChangeSet")
def describe_change_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = change_set_get(ctx, params["ChangeSetName"], params.get("StackName"))
    stack = ctx.world.store.get(ctx.account, ctx.region, "AWS::CloudFormation::Stack", str(record.stack))
    data, asked = record.data, record.data["params"]
    status = _status(ctx, record)
    some, token = common.page(data["changes"], params.get("NextToken"), 100)
    if status["Status"] == "CREATE_IN_PROGRESS":
        some, token = [], None
    if not params.get("IncludePropertyValues"):
        some = [_without_values(c) for c in some]
    return {
        "ChangeSetName": data["name"],
        "ChangeSetId": record.arn,
        "StackId": record.stack,
        "StackName": stack.data["name"] if stack else None,
        "Description": asked.get("Description"),
        "Parameters": stack_parameters.shown(data["parameters"]),
        "CreationTime": record.created_at,
        **status,
        "NotificationARNs": asked.get("NotificationARNs"),
        "RollbackConfiguration": asked.get("RollbackConfiguration") or {},
        "Capabilities": asked.get("Capabilities"),
        "Tags": tag_list(data["tags"]),
        "Changes": some,
        "NextToken": token,
        "IncludeNestedStacks": asked.get("IncludeNestedStacks", False),
        "OnStackFailure": asked.get("OnStackFailure"),
        "ImportExistingResources": asked.get("ImportExistingResources"),
        "DeploymentConfig": asked.get("DeploymentConfig"),
        "DeploymentMode": asked.get("DeploymentMode"),
        "StackDriftStatus": data.get("drift_status"),
    }


def _without_values(change: dict[str, Any]) -> dict[str, Any]:
    resource = {
        k: v for k, v in change["ResourceChange"].items() if k not in ("BeforeContext", "AfterContext")
    }
    hidden = ("BeforeValue", "AfterValue", "Path", "AttributeChangeType")
    resource["Details"] = [
        {**d, "Target": {k: v for k, v in d["Target"].items() if k not in hidden}}
        for d in resource["Details"]
    ]
    return {**change, "ResourceChange": resource}


@operation("cloudformation", "ExecuteChangeSet")
def execute_change_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    token = params.get("ClientRequestToken")
    stack = stack_find(ctx, params["StackName"]) if params.get("StackName") else None
    if stack is not None and token and token in stack.data.get("tokens", {}):
        return {}
    record = change_set_get(ctx, params["ChangeSetName"], params.get("StackName"))
    stack = ctx.store.get(ctx.account, ctx.region, "AWS::CloudFormation::Stack", str(record.stack))
    if stack is None:
        raise validation_error(f"Stack with id {record.stack} does not exist")
    if token and token in stack.data.get("tokens", {}):
        return {}
    status = _status(ctx, record)
    data = record.data
    stale = data["kind"] == "UPDATE" and data.get("stack_operation") != (stack.data["operation"] or {}).get(
        "id"
    )
    if status["ExecutionStatus"] != "AVAILABLE" or stale:
        shown = "OBSOLETE" if stale else status["ExecutionStatus"]
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{record.arn}] cannot be executed in its current status of [{status['Status']}]"
            if not stale
            else f"ChangeSet [{record.arn}] cannot be executed in its current execution status of [{shown}]",
            400,
        )
    template = parse(text(ctx.world, data["template"]))
    asked = {
        **data["params"],
        **{k: params[k] for k in ("DisableRollback", "RetainExceptOnCreate") if k in params},
    }
    asked["revert"] = to_revert(data["changes"])
    stack.data["change_set_id"] = record.arn
    old = before(stack)
    if data["kind"] == "UPDATE":
        check_updatable(stack)
    take_over(ctx, stack, template, data["parameters"], data["tags"], asked)
    for other in ctx.store.by_stack(stack.arn):
        if other.type == CHANGE_SET and other is not record:
            ctx.store.remove(other)  # executing one deletes the stack's others (CloudFormation user guide)
    if data["kind"] == "CREATE":
        begin_create(ctx, stack, asked, token)
    else:
        begin_update(ctx, stack, old, asked, token)
    data["execution"] = "EXECUTE_COMPLETE"
    ctx.store.put(record)
    return {}


@operation("cloudformation", "DeleteChangeSet")
def delete_change_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = change_set_find(ctx, params["ChangeSetName"], params.get("StackName"))
    if record is not None:
        ctx.store.remove(record)
        ctx.store.drop_log(_events(record))
    return {}


@operation("cloudformation", "ListChangeSets")
def list_change_sets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_find(ctx, params["StackName"])
    if stack is None:
        raise validation_error(f"Stack [{params['StackName']}] does not exist")
    return {
        "Summaries": [
            {
                "StackId": stack.arn,
                "StackName": stack.data["name"],
                "ChangeSetId": r.arn,
                "ChangeSetName": r.data["name"],
                "CreationTime": r.created_at,
                "Description": r.data["params"].get("Description"),
                **_status(ctx, r),
            }
            for r in ctx.store.by_stack(stack.arn)
            if r.type == CHANGE_SET
        ]
    }

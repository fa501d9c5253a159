"""Change sets: making, executing and deleting them. How they are shown is in change_sets_shown.py."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.changes import check_imports, preview
from sandbox.cloudformation.scope import check_dynamic_references
from sandbox.cloudformation.stacks import GONE, keep_text, stack_find, stack_new, stack_status, text
from sandbox.cloudformation.template import check_capabilities, parse
from sandbox.cloudformation.validation import Finding, early_validation
from sandbox.context import Context
from sandbox.errors import AwsError, validation_error
from sandbox.registry import operation
from sandbox.services.cloudformation import common
from sandbox.services.cloudformation.change_set_records import (
    CHANGE_SET,
    change_set_find,
    change_set_get,
    change_set_log,
    change_set_status,
)
from sandbox.services.cloudformation.reverting import to_revert, with_drift
from sandbox.services.cloudformation.stacks import (
    before,
    begin_create,
    begin_update,
    check_updatable,
    take_over,
)
from sandbox.store import Record

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
CREATE_S = 4.0
"""Seconds of real AWS that making a change set takes (estimate)."""


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
    # CloudFormation API reference, DescribeEvents and OperationEntry: making one is an operation on its stack.
    entry = {"OperationType": "CREATE_CHANGESET", "OperationId": data["operation_id"]}
    stack.data["last_operations"] = [entry, *stack.data["last_operations"]][:5]
    ctx.store.put(stack)
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
        change_set_log(record),
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
    status = change_set_status(ctx, record)
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
        ctx.store.drop_log(change_set_log(record))
    return {}

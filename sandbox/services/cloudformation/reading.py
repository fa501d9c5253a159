"""Operations that read stacks, resources, events, templates and exports."""

from __future__ import annotations

from typing import Any

from sandbox import schemas
from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.stacks import (
    GONE,
    STACK,
    events_of,
    importers,
    rows,
    stack_find,
    stack_get,
    text,
)
from sandbox.context import Context
from sandbox.errors import AwsError, validation_error
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.cloudformation import common
from sandbox.services.cloudformation.change_set_records import (
    CHANGE_SET,
    change_set_events,
    change_set_get,
)
from sandbox.store import Record


def _stack(stack: Record) -> dict[str, Any]:
    data = stack.data
    shape = {
        "StackId": stack.arn,
        "StackName": data["name"],
        "ChangeSetId": data.get("change_set_id"),
        "Description": data.get("description"),
        "Parameters": stack_parameters.shown(data["parameters"]),
        "CreationTime": stack.created_at,
        "DeletionTime": data.get("deleted_at"),
        "LastUpdatedTime": data.get("last_updated"),
        "StackStatus": stack.state,
        "StackStatusReason": data["reason"],
        "DisableRollback": bool(data.get("disable_rollback")),
        "NotificationARNs": data.get("notification_arns") or [],
        "TimeoutInMinutes": data.get("timeout"),
        "Capabilities": data.get("capabilities") or [],
        "Outputs": data["outputs"],
        "RoleARN": data.get("role_arn"),
        "Tags": tag_list(stack.tags),
        "EnableTerminationProtection": data["termination_protection"],
        "DriftInformation": _drift(data),
        "RollbackConfiguration": data.get("rollback_configuration") or {},
        "DeploymentConfig": data.get("deployment_config"),
        "LastOperations": data["last_operations"],
        "ParentId": data.get("parent"),
        "RootId": data.get("root"),
    }
    return shape


def _drift(data: dict[str, Any]) -> dict[str, Any]:
    drift = data.get("drift")
    if not drift:
        return {"StackDriftStatus": "NOT_CHECKED"}
    return {"StackDriftStatus": drift["status"], "LastCheckTimestamp": drift["at"]}


@operation("cloudformation", "DescribeStacks")
def describe_stacks(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("StackName"):
        return {"Stacks": [_stack(stack_get(ctx, params["StackName"]))]}
    found = [s for s in ctx.store.list(ctx.account, ctx.region, STACK) if s.state != GONE]
    found.sort(key=lambda s: s.created_at, reverse=True)
    some, token = common.page(found, params.get("NextToken"), 100)
    return {"Stacks": [_stack(s) for s in some], "NextToken": token}


@operation("cloudformation", "ListStacks")
def list_stacks(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("StackStatusFilter")
    found = [s for s in ctx.store.list(ctx.account, ctx.region, STACK) if not wanted or s.state in wanted]
    found.sort(key=lambda s: s.created_at, reverse=True)
    some, token = common.page(found, params.get("NextToken"), 100)
    names = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "DriftInformation",
        "LastOperations",
    )
    summaries = []
    for stack in some:
        full = _stack(stack)
        summaries.append({**{n: full[n] for n in names}, "TemplateDescription": full["Description"]})
    return {"StackSummaries": summaries, "NextToken": token}


def _resource(ctx: Context, stack: Record, row: Record) -> dict[str, Any]:
    drift = row.data.get("drift")
    return {
        "StackName": stack.data["name"],
        "StackId": stack.arn,
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.data["physical_id"],
        "ResourceType": row.data["type"],
        "Timestamp": row.updated_at,
        "LastUpdatedTimestamp": row.updated_at,
        "ResourceStatus": row.state,
        "ResourceStatusReason": row.data["reason"],
        "DriftInformation": {"StackResourceDriftStatus": drift["status"] if drift else "NOT_CHECKED"},
    }


@operation("cloudformation", "DescribeStackResources")
def describe_stack_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("PhysicalResourceId") and not params.get("StackName"):
        stack = _owner(ctx, params["PhysicalResourceId"])
    else:
        stack = stack_get(ctx, params.get("StackName") or "")
    found = rows(ctx.world, stack).values()
    wanted = params.get("LogicalResourceId")
    return {
        "StackResources": [
            _resource(ctx, stack, r) for r in found if wanted in (None, r.logical_id) and r.state
        ]
    }


def _owner(ctx: Context, physical_id: str) -> Record:
    for stack in ctx.store.list(ctx.account, ctx.region, STACK):
        if stack.state != GONE and any(
            r.data["physical_id"] == physical_id for r in rows(ctx.world, stack).values()
        ):
            return stack
    raise validation_error(f"Stack for {physical_id} does not exist")


@operation("cloudformation", "DescribeStackResource")
def describe_stack_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    row = rows(ctx.world, stack).get(params["LogicalResourceId"])
    if row is None:
        raise validation_error(
            f"Resource {params['LogicalResourceId']} does not exist for stack {stack.data['name']}"
        )
    return {"StackResourceDetail": _resource(ctx, stack, row)}


@operation("cloudformation", "ListStackResources")
def list_stack_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    some, token = common.page(list(rows(ctx.world, stack).values()), params.get("NextToken"), 100)
    return {"StackResourceSummaries": [_resource(ctx, stack, r) for r in some], "NextToken": token}


@operation("cloudformation", "DescribeStackEvents")
def describe_stack_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_find(ctx, params.get("StackName") or "")
    if stack is None:
        raise validation_error(f"Stack [{params.get('StackName')}] does not exist")
    entries = ctx.store.log(events_of(stack.arn))
    some, token = _newest_first(entries, params.get("NextToken"), 100)
    return {
        "StackEvents": [{**e, "StackId": stack.arn, "StackName": stack.data["name"]} for e in some],
        "NextToken": token,
    }


def _newest_first(
    entries: list[dict[str, Any]], token: str | None, size: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page from the newest down; the token is the count of older entries, so new ones do not shift it."""
    end = int(token) if token else len(entries)
    start = max(0, end - size)
    return entries[start:end][::-1], str(start) if start else None


@operation("cloudformation", "DescribeEvents")
def describe_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("StackName")
    stack = stack_find(ctx, name) if name else None
    if params.get("ChangeSetName"):
        entries = change_set_events(ctx, params["ChangeSetName"], name)
    elif stack is not None:
        entries = ctx.store.log(events_of(stack.arn))
    elif params.get("OperationId"):
        entries = _events_of_operation(ctx, params["OperationId"])
    else:
        raise validation_error(f"Stack [{name}] does not exist")
    if params.get("OperationId"):
        entries = [e for e in entries if e.get("OperationId") == params["OperationId"]]
    if (params.get("Filters") or {}).get("FailedEvents"):
        entries = [
            e for e in entries if "FAILED" in str(e.get("ResourceStatus") or e.get("ValidationStatus"))
        ]
    some, token = _newest_first(entries, params.get("NextToken"), 100)
    return {
        "OperationEvents": [
            {
                "EventType": "STACK_EVENT",
                "StackId": stack.arn if stack else None,
                "StartTime": e["Timestamp"],
                **e,
            }
            for e in some
        ],
        "NextToken": token,
    }


def _events_of_operation(ctx: Context, id: str) -> list[dict[str, Any]]:
    for change_set in ctx.store.list(ctx.account, ctx.region, CHANGE_SET):
        if change_set.data["operation_id"] == id:
            return change_set_events(ctx, change_set.arn, None)
    for stack in ctx.store.list(ctx.account, ctx.region, STACK):
        if any(o["OperationId"] == id for o in stack.data["last_operations"]):
            return [{**e, "StackId": stack.arn} for e in ctx.store.log(events_of(stack.arn))]
    raise AwsError("OperationNotFoundException", f"Operation {id} not found", 404)


@operation("cloudformation", "GetTemplate")
def get_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("ChangeSetName"):
        change_set = change_set_get(ctx, params["ChangeSetName"], params.get("StackName"))
        body = text(ctx.world, change_set.data["template"])
    else:
        stack = stack_find(ctx, params.get("StackName") or "")
        if stack is None:
            raise validation_error(f"Stack with id {params.get('StackName')} does not exist")
        body = text(ctx.world, stack.data["template"])
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


@operation("cloudformation", "GetTemplateSummary")
def get_template_summary(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"]) if params.get("StackName") else None
    given = {**params, "UsePreviousTemplate": True} if stack is not None else params
    parsed = common.read_template(ctx, given, stack)
    needed = parsed.capabilities()
    named = ", ".join(sorted({r["Type"] for r in parsed.resources.values() if "::IAM::" in r["Type"]}))
    return {
        "Parameters": _declared(parsed.parameters),
        "Description": parsed.description,
        "Capabilities": needed,
        "CapabilitiesReason": f"The following resource(s) require capabilities: [{named}]"
        if needed
        else None,
        "ResourceTypes": sorted({r["Type"] for r in parsed.resources.values()}),
        "Version": parsed.document.get("AWSTemplateFormatVersion"),
        "DeclaredTransforms": [],
    }


def _declared(parameters: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ParameterKey": name,
            "DefaultValue": None if "Default" not in rule else str(rule["Default"]),
            "ParameterType": rule.get("Type", "String"),
            "NoEcho": rule.get("NoEcho") in (True, "true"),
            "Description": rule.get("Description"),
            "ParameterConstraints": {"AllowedValues": [str(v) for v in rule.get("AllowedValues") or ()]},
        }
        for name, rule in parameters.items()
    ]


@operation("cloudformation", "ValidateTemplate")
def validate_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    parsed = common.read_template(ctx, params, None)
    needed = parsed.capabilities()
    return {
        "Parameters": _declared(parsed.parameters),
        "Description": parsed.description,
        "Capabilities": needed,
        "CapabilitiesReason": "The template makes IAM resources" if needed else None,
    }


@operation("cloudformation", "ListExports")
def list_exports(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    exports = [
        {"ExportingStackId": s.arn, "Name": o["ExportName"], "Value": o["OutputValue"]}
        for s in ctx.store.list(ctx.account, ctx.region, STACK)
        if s.state != GONE
        for o in s.data["outputs"]
        if "ExportName" in o
    ]
    some, token = common.page(sorted(exports, key=lambda e: e["Name"]), params.get("NextToken"), 100)
    return {"Exports": some, "NextToken": token}


@operation("cloudformation", "ListImports")
def list_imports(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for stack in ctx.store.list(ctx.account, ctx.region, STACK):
        if any(o.get("ExportName") == params["ExportName"] for o in stack.data["outputs"]):
            names = importers(ctx.world, stack, params["ExportName"])
            if names:
                return {"Imports": names}
            raise validation_error(f"Export '{params['ExportName']}' is not imported by any stack.")
    raise validation_error(f"Export '{params['ExportName']}' does not exist.")


@operation("cloudformation", "DescribeAccountLimits")
def describe_account_limits(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    limits = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}
    return {"AccountLimits": [{"Name": n, "Value": v} for n, v in limits.items()]}


@operation("cloudformation", "ListTypes")
def list_types(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """AWS's own types in this region, of one kind: nobody has activated another one here."""
    most = int(params.get("MaxResults") or 100)
    own = params.get("Visibility") == "PUBLIC" and params.get("Type", "RESOURCE") == "RESOURCE"
    # CloudFormation API reference, ListTypes: "The default is FULLY_MUTABLE."
    wanted = params.get("ProvisioningType") or "FULLY_MUTABLE"
    kinds = schemas.provisioning(ctx.region) if own else {}
    names = sorted(name for name, kind in kinds.items() if kind == wanted)
    some, token = common.page(names, params.get("NextToken"), most)
    return {
        "TypeSummaries": [{"Type": "RESOURCE", "TypeName": name, "IsActivated": True} for name in some],
        "NextToken": token,
    }

"""Change sets as they are described and listed."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.stacks import stack_find
from sandbox.context import Context
from sandbox.errors import validation_error
from sandbox.registry import operation
from sandbox.resource_types import tag_list
from sandbox.services.cloudformation import common
from sandbox.services.cloudformation.change_set_records import (
    CHANGE_SET,
    change_set_get,
    change_set_status,
)


@operation("cloudformation", "DescribeChangeSet")
def describe_change_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = change_set_get(ctx, params["ChangeSetName"], params.get("StackName"))
    stack = ctx.world.store.get(ctx.account, ctx.region, "AWS::CloudFormation::Stack", str(record.stack))
    data, asked = record.data, record.data["params"]
    status = change_set_status(ctx, record)
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
                **change_set_status(ctx, r),
            }
            for r in ctx.store.by_stack(stack.arn)
            if r.type == CHANGE_SET
        ]
    }

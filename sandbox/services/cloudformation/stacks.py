"""Operations that change stacks."""

from __future__ import annotations

import re
from typing import Any

from sandbox.cloudformation import engine
from sandbox.cloudformation import parameters as stack_parameters
from sandbox.cloudformation.changes import check_imports, preview
from sandbox.cloudformation.scope import check_dynamic_references
from sandbox.cloudformation.stacks import (
    STACK,
    keep_text,
    operation_id,
    stack_find,
    stack_get,
    stack_new,
    stack_status,
)
from sandbox.cloudformation.template import Template, check_capabilities
from sandbox.context import Context
from sandbox.errors import AwsError, validation_error
from sandbox.registry import on_start, operation
from sandbox.services.cloudformation import common
from sandbox.store import Record
from sandbox.world import World

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_FAILED",
}


def take_over(
    ctx: Context,
    stack: Record,
    template: Template,
    settled: dict[str, dict[str, Any]],
    tags: dict[str, str],
    params: dict[str, Any],
) -> None:
    """Write what a create or update sets on the stack."""
    stack.tags = tags
    stack.data.update(
        template=keep_text(ctx.world, template.body),
        parameters=settled,
        description=template.description,
        capabilities=params.get("Capabilities") or [],
    )
    if params.get("RoleARN"):
        stack.data["role_arn"] = params["RoleARN"]
    if params.get("NotificationARNs") is not None:
        stack.data["notification_arns"] = params["NotificationARNs"]
    if params.get("RollbackConfiguration"):
        stack.data["rollback_configuration"] = params["RollbackConfiguration"]
    if params.get("DeploymentConfig"):
        stack.data["deployment_config"] = params["DeploymentConfig"]
    policy = params.get("StackPolicyBody")
    if policy:
        stack.data["policy"] = policy


def before(stack: Record) -> dict[str, Any]:
    """What an update can go back to."""
    names = ("template", "parameters", "outputs", "imports")
    return {**{n: stack.data[n] for n in names}, "tags": dict(stack.tags), "status": stack.state}


def begin_create(ctx: Context, stack: Record, params: dict[str, Any], token: str | None) -> str:
    """Start the creation of a stack whose template is set. Answers the operation's id."""
    on_failure = params.get("OnFailure") or params.get("OnStackFailure")
    config = params.get("DeploymentConfig") or {}
    if params.get("DisableRollback") or config.get("DisableRollback"):
        on_failure = "DO_NOTHING"
    stack.data["disable_rollback"] = on_failure == "DO_NOTHING"
    row = common.operation(
        ctx,
        stack,
        "create",
        "CREATE_STACK",
        token,
        phase="apply",
        on_failure=on_failure or "ROLLBACK",
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
    )
    stack.data["operation"] = row
    stack_status(ctx.world, stack, "CREATE_IN_PROGRESS", "User Initiated")
    engine.start(ctx.world, stack, row)
    return str(row["id"])


def begin_update(
    ctx: Context, stack: Record, old: dict[str, Any], params: dict[str, Any], token: str | None
) -> str:
    """Start the update of a stack whose new template is set; `old` from `before`."""
    config = params.get("DeploymentConfig") or {}
    keep = params.get("DisableRollback") or config.get("DisableRollback")
    stack.data["last_updated"] = ctx.now
    stack.data["disable_rollback"] = bool(keep)
    stack.data["temporary_policy"] = params.get("StackPolicyDuringUpdateBody")  # of this update alone
    row = common.operation(
        ctx,
        stack,
        "update",
        "UPDATE_STACK",
        token,
        phase="apply",
        before=old,
        revert=params.get("revert") or [],
        on_failure="DO_NOTHING" if keep else "ROLLBACK",
    )
    stack.data["operation"] = row
    stack_status(ctx.world, stack, "UPDATE_IN_PROGRESS", "User Initiated")
    engine.start(ctx.world, stack, row)
    return str(row["id"])


@operation("cloudformation", "CreateStack")
def create_stack(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["StackName"]
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", name) or len(name) > 128:
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    token = params.get("ClientRequestToken")
    existing = stack_find(ctx, name)
    if existing is not None:
        if common.token_seen(existing, token, "create"):
            return {"StackId": existing.arn, "OperationId": existing.data["operation"]["id"]}
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists", 400)
    template = common.read_template(ctx, params, None)
    check_capabilities(template, params.get("Capabilities") or [])
    settled = stack_parameters.settle(ctx, template, params.get("Parameters") or [], {})
    tags = common.tags_of(params, {})
    common.acting(ctx, params.get("RoleARN"))
    check_dynamic_references(ctx.world, ctx.account, ctx.region, template)
    params = {**params, "StackPolicyBody": common.read_policy(ctx, params)}
    stack = stack_new(ctx, name, "CREATE_IN_PROGRESS", tags)
    stack.data["termination_protection"] = bool(params.get("EnableTerminationProtection"))
    stack.data["timeout"] = params.get("TimeoutInMinutes")
    take_over(ctx, stack, template, settled, tags, params)
    return {"StackId": stack.arn, "OperationId": begin_create(ctx, stack, params, token)}


def check_updatable(stack: Record) -> None:
    if stack.state not in UPDATABLE:
        raise validation_error(f"Stack:{stack.arn} is in {stack.state} state and can not be updated.")


@operation("cloudformation", "UpdateStack")
def update_stack(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_find(ctx, params["StackName"])
    if stack is None or stack.state == "DELETE_COMPLETE":
        raise validation_error(f"Stack [{params['StackName']}] does not exist")
    token = params.get("ClientRequestToken")
    if common.token_seen(stack, token, "update"):
        return {"StackId": stack.arn, "OperationId": stack.data["operation"]["id"]}
    check_updatable(stack)
    template = common.read_template(ctx, params, stack)
    check_capabilities(template, params.get("Capabilities") or [])
    settled = stack_parameters.settle(ctx, template, params.get("Parameters") or [], stack.data["parameters"])
    tags = common.tags_of(params, stack.tags)
    common.acting(ctx, params.get("RoleARN"))
    check_dynamic_references(ctx.world, ctx.account, ctx.region, template)
    check_imports(ctx.world, stack, template, settled)
    if not preview(ctx.world, stack, template, settled, tags).different:
        raise validation_error("No updates are to be performed.")
    old = before(stack)
    params = {
        **params,
        "StackPolicyBody": common.read_policy(ctx, params),
        "StackPolicyDuringUpdateBody": common.read_policy(ctx, params, "StackPolicyDuringUpdate"),
    }
    take_over(ctx, stack, template, settled, tags, params)
    return {"StackId": stack.arn, "OperationId": begin_update(ctx, stack, old, params, token)}


@operation("cloudformation", "DeleteStack")
def delete_stack(ctx: Context, params: dict[str, Any]) -> None:
    stack = stack_find(ctx, params["StackName"])
    if stack is None or stack.state in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return
    token = params.get("ClientRequestToken")
    if stack.data["termination_protection"]:
        raise validation_error(
            f"Stack [{stack.data['name']}] cannot be deleted while TerminationProtection is enabled"
        )
    retain = params.get("RetainResources") or []
    force = params.get("DeletionMode") == "FORCE_DELETE_STACK"
    if retain and stack.state != "DELETE_FAILED":
        raise validation_error(
            f"Invalid operation on stack [{stack.arn}]. RetainResources parameter can only be used for stacks in "
            "the DELETE_FAILED state"
        )
    rows = engine.rows(ctx.world, stack)
    if any(name in rows and rows[name].state == "DELETE_COMPLETE" for name in retain):
        raise validation_error(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the "
            "DELETE_COMPLETE state."
        )
    if force and stack.state != "DELETE_FAILED":
        raise validation_error(
            f"Invalid operation on stack [{stack.arn}]. You can activate DeletionMode FORCE_DELETE_STACK in a delete "
            "stack operation only when the stack is in the DELETE_FAILED state."
        )
    if stack.state.endswith("_IN_PROGRESS") and stack.state not in (
        "CREATE_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
    ):
        raise validation_error(
            f"Stack [{stack.data['name']}] cannot be deleted while in status {stack.state}"
        )
    if params.get("RoleARN"):
        common.acting(ctx, params["RoleARN"])
        stack.data["role_arn"] = params["RoleARN"]
    old = before(stack)
    running = bool((stack.data["operation"] or {}).get("active"))
    row = common.operation(
        ctx, stack, "delete", "DELETE_STACK", token, phase="delete", before=old, retain=retain, force=force
    )
    stack.data["operation"] = row
    if running:
        engine.interrupt(ctx.world, stack)
    stack_status(ctx.world, stack, "DELETE_IN_PROGRESS", "User Initiated")
    engine.start(ctx.world, stack, row)


@operation("cloudformation", "CancelUpdateStack")
def cancel_update(ctx: Context, params: dict[str, Any]) -> None:
    stack = stack_get(ctx, params["StackName"])
    if stack.state != "UPDATE_IN_PROGRESS":
        raise validation_error("CancelUpdateStack cannot be called from current stack status")
    stack.data["operation"]["cancelled"] = True
    ctx.store.put(stack)
    engine.interrupt(ctx.world, stack)


@operation("cloudformation", "ContinueUpdateRollback")
def continue_rollback(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    if common.token_seen(stack, params.get("ClientRequestToken"), "continue"):
        return {}
    if stack.state != "UPDATE_ROLLBACK_FAILED":
        raise validation_error(f"Stack:{stack.arn} is in {stack.state} state and can not continue rollback.")
    _check_skipped(ctx, stack, params.get("ResourcesToSkip") or [])
    _roll_back(ctx, stack, params, "CONTINUE_ROLLBACK", "continue")
    return {}


def _check_skipped(ctx: Context, stack: Record, names: list[str]) -> None:
    """Only what the rollback itself could not put back may be skipped (API reference, ContinueUpdateRollback)."""
    rows = engine.rows(ctx.world, stack)
    for name in names:
        if name not in rows or rows[name].state != "UPDATE_FAILED":
            raise validation_error(
                f"The following resource(s) cannot be skipped: [{name}]. Only resources that are in the UPDATE_FAILED "
                "state because a rollback failed can be skipped."
            )


@operation("cloudformation", "RollbackStack")
def rollback_stack(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    if common.token_seen(stack, params.get("ClientRequestToken"), "rollback"):
        return {"StackId": stack.arn}
    if stack.state not in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise validation_error(f"Stack:{stack.arn} is in {stack.state} state and can not be rolled back.")
    _roll_back(ctx, stack, params, "ROLLBACK", "rollback")
    return {"StackId": stack.arn, "OperationId": operation_id(stack.data["operation"])}


def _roll_back(ctx: Context, stack: Record, params: dict[str, Any], word: str, kind: str) -> None:
    row = stack.data["operation"]
    if params.get("RoleARN"):
        stack.data["role_arn"] = params["RoleARN"]
    fresh = common.operation(ctx, stack, kind, word, params.get("ClientRequestToken"))
    # The engine finds the rows of the operation that failed by its id: that one goes on.
    row = {**row, "type": word, "token": fresh["token"], "principal": fresh["principal"], "phase": "rollback"}
    row["shown_id"] = fresh["id"]
    row["skip"] = params.get("ResourcesToSkip") or []
    stack.data["operation"] = row
    create = row["kind"] == "create"
    stack_status(
        ctx.world,
        stack,
        "ROLLBACK_IN_PROGRESS" if create else "UPDATE_ROLLBACK_IN_PROGRESS",
        "User Initiated",
    )
    engine.start(ctx.world, stack, row)


@operation("cloudformation", "UpdateTerminationProtection")
def update_termination_protection(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = stack_get(ctx, params["StackName"])
    stack.data["termination_protection"] = bool(params["EnableTerminationProtection"])
    ctx.store.put(stack)
    return {"StackId": stack.arn}


@operation("cloudformation", "SetStackPolicy")
def set_stack_policy(ctx: Context, params: dict[str, Any]) -> None:
    stack = stack_get(ctx, params["StackName"])
    stack.data["policy"] = common.read_policy(ctx, params)
    ctx.store.put(stack)


@operation("cloudformation", "GetStackPolicy")
def get_stack_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"StackPolicyBody": stack_get(ctx, params["StackName"]).data.get("policy")}


@on_start
def go_on(world: World) -> None:
    """Take up the operations that the last process left."""
    for stack in world.store.everywhere(STACK):
        if (stack.data["operation"] or {}).get("active"):
            engine.run(world, stack)

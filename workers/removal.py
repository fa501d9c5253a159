"""Deleting one stack from a step, and what a teardown must know of a stack before."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from environments.lifecycle.models import Account, Environment
from environments.operations.models import Stack
from workers.assembly import template_parse
from workers.aws import cloudformation, rds
from workers.aws.cloudformation import DEAD, GONE, Deployment, StackState
from workers.aws.session import Session
from workers.context import StepContext
from workers.looks import is_observed, look_at, looks_itself, stack_row, unanswered, unwatched_s
from workers.names import execution_role_arn
from workers.rows import QUIET
from workers.stacks import not_deleted
from workers.targets import Target
from workers.workflow import Done, Outcome, Wait

BUCKET = "AWS::S3::Bucket"
RETAINED = ("Retain", "RetainExceptOnCreate")


def stack_remove(
    ctx: StepContext, account: Account, region: str, key: str, name: str, *, retain: Sequence[str] = ()
) -> Outcome:
    """Delete a stack. `retain` are logical ids that are to stay when CloudFormation could not delete them."""
    row = stack_row(ctx, account, region, key, name)
    session = ctx.session(account, region)
    if ctx.step.state.get("token") != ctx.token:
        return _remove(ctx, session, row)
    ours = row.last_token == ctx.token
    status, reason = row.status, row.status_reason
    at_rest = ours and status in ("DELETE_COMPLETE", "DELETE_FAILED")
    if not at_rest and looks_itself(ctx, account, region, row):
        found = look_at(ctx, session, row)
        status, reason = (found.status, found.reason) if found else ("DELETE_COMPLETE", "")
    told = row.resources.exclude(type__in=QUIET)
    total = told.count()
    done = told.filter(status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"]).count()
    if status in GONE:
        return Done(f"{name} is gone.")
    if status == "DELETE_FAILED":
        if retain and row.last_token != f"{ctx.token}-retain":
            return _remove_but(ctx, session, row, retain)
        raise not_deleted(session, StackState(row.stack_id, name, status, reason), row.last_token)
    if not status.startswith("DELETE"):
        # The call was never made: the worker died between the intent and it.
        return _remove(ctx, session, row)
    seconds = None if is_observed(ctx, account, region) else unwatched_s(ctx)
    wait = Wait(f"{done} of {total} resources that take time are gone.", seconds, done=done, total=total)
    return unanswered(ctx, region) or wait


def _remove(ctx: StepContext, session: Session, row: Stack) -> Outcome:
    found = look_at(ctx, session, row)
    if found is None or found.status in GONE:
        # Also of one that was never begun.
        Stack.objects.filter(pk=row.pk, stack_id="").update(status="DELETE_COMPLETE")
        return Done(f"{row.name} is not there.")
    if found.is_moving and found.status != "DELETE_IN_PROGRESS":
        return Wait(f"{row.name} is still busy with what was begun before: {found.status}.")
    if found.protected:
        cloudformation.protection_set(session, found.stack_id, protected=False)
    ctx.remember(token=ctx.token, kind="delete")
    with ctx.fenced():
        Stack.objects.filter(pk=row.pk).update(last_token=ctx.token)
        # The failure of an earlier attempt is not this one's.
        Stack.objects.filter(pk=row.pk, status="DELETE_FAILED").update(status="DELETE_IN_PROGRESS")
    if found.status != "DELETE_IN_PROGRESS":
        cloudformation.stack_delete(session, found.stack_id, ctx.token)
    total = row.resources.exclude(type__in=QUIET).count()
    return Wait(f"Deleting {row.resources.count()} resources.", done=0, total=total)


def _remove_but(ctx: StepContext, session: Session, row: Stack, retain: Sequence[str]) -> Outcome:
    """Delete once more what could not be deleted, without the resources that are to stay."""
    found = look_at(ctx, session, row)
    if found is not None and found.status == "DELETE_FAILED":
        # What was to stay and went all the same (an empty bucket) CloudFormation does not let be named.
        told = {
            r["LogicalResourceId"]: r["ResourceStatus"]
            for r in cloudformation.resources_of(session, row.stack_id)
        }
        there = [name for name in retain if told.get(name) != "DELETE_COMPLETE"]
        cloudformation.stack_delete(session, row.stack_id, f"{ctx.token}-retain", retain=there)
    with ctx.fenced():
        Stack.objects.filter(pk=row.pk).update(last_token=f"{ctx.token}-retain")
        # What was told of it meanwhile is later news.
        Stack.objects.filter(pk=row.pk, status="DELETE_FAILED").update(status="DELETE_IN_PROGRESS")
    return Wait(f"{', '.join(retain)} stays; the rest of {row.name} goes.", seconds=0.3)


def foreign_imports(session: Session, ids: set[str], ours: set[str]) -> str:
    """Which export of the stacks `ids` other stacks import, in words; empty when none does."""
    for export, stack_id in sorted(cloudformation.exports_of(session).items()):
        if stack_id in ids:
            others = [name for name in cloudformation.imports_of(session, export) if name not in ours]
            if others:
                return f"{export} by {', '.join(others)}"
    return ""


def held_by(session: Session, name: str, types: Collection[str]) -> list[dict[str, str]]:
    """The stack's resources of these types that are still there and that its deletion takes away:
    [{"logical_id", "id", "type"}].
    """
    found = cloudformation.stack_find(session, name)
    if found is None or found.status in GONE:
        return []
    entries = cloudformation.resources_of(session, found.stack_id)
    if not any(entry["ResourceType"] in types for entry in entries):
        return []
    template = template_parse(cloudformation.template_get(session, found.stack_id))["Resources"]
    return [
        {
            "logical_id": entry["LogicalResourceId"],
            "id": entry["PhysicalResourceId"],
            "type": entry["ResourceType"],
        }
        for entry in entries
        if entry["ResourceType"] in types
        and entry.get("PhysicalResourceId")
        and entry["ResourceStatus"] != "DELETE_COMPLETE"
        and template.get(entry["LogicalResourceId"], {}).get("DeletionPolicy") not in RETAINED
    ]


def template_unprotected(session: Session, name: str) -> tuple[str, list[str], dict[str, str]]:
    """The stack's template without deletion protection, the logical ids that had it, and the stack's tags.

    No logical ids: nothing is protected, or there is no stack that could be updated.
    """
    found = cloudformation.stack_find(session, name)
    if found is None or found.status in GONE | DEAD:
        return "", [], {}
    template = template_parse(cloudformation.template_get(session, found.stack_id))
    protected = [key for key, resource in template["Resources"].items() if _is_protected(resource)]
    for key in protected:
        resource = template["Resources"][key]
        property_name, off = PROTECTED[resource["Type"]]
        for place in _protecting(resource):
            if property_name in place:
                place[property_name] = off
    return json.dumps(template), protected, found.tags


PROTECTED: dict[str, tuple[str, Any]] = {
    "AWS::RDS::DBCluster": ("DeletionProtection", False),
    "AWS::RDS::GlobalCluster": ("DeletionProtection", False),
    "AWS::DynamoDB::GlobalTable": ("DeletionProtectionEnabled", False),
    "AWS::Cognito::UserPool": ("DeletionProtection", "INACTIVE"),
}
"""Types that AWS does not delete while a property says so: its name, and the value that lets it."""


def _protecting(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the resource says so: in its properties, or in those of each replica of a global table, also of one that
    is there on a condition.
    """
    properties: dict[str, Any] = resource.get("Properties", {})
    if resource["Type"] != "AWS::DynamoDB::GlobalTable":
        return [properties]
    replicas: list[dict[str, Any]] = properties.get("Replicas", [])
    return [replica["Fn::If"][1] if "Fn::If" in replica else replica for replica in replicas]


def _is_protected(resource: dict[str, Any]) -> bool:
    name, _ = PROTECTED.get(resource["Type"], ("", None))
    return any(place.get(name) in (True, "true", "ACTIVE") for place in _protecting(resource))


def unprotected_target(account: Account, region: str, key: str, name: str, state: dict[str, Any]) -> Target:
    """What an update that takes the protection off deploys. `state` holds template, protected and tags."""
    return Target(
        account=account,
        region=region,
        key=key,
        deployment=Deployment(
            name=name,
            role_arn=execution_role_arn(account, region),
            template_body=state["template"],
            tags=state["tags"],
        ),
        template=state["template"],
        planned=[{"logical_id": logical_id, "action": "modified"} for logical_id in state["protected"]],
    )


def scaled_readers_remove(session: Session, environment: Environment, key: str) -> list[str]:
    """Begin to delete the readers that Aurora Auto Scaling has added to a cluster of the stack; those that are still
    there. Nothing is asked of AWS for a stack whose clusters do not scale.
    """
    rows = environment.resources().filter(stack__key=key)
    if not rows.filter(type="AWS::ApplicationAutoScaling::ScalableTarget").exists():
        return []
    left: list[str] = []
    for cluster in rows.filter(type="AWS::RDS::DBCluster").values_list("physical_id", flat=True):
        found = rds.scaled_readers(session, cluster)
        for identifier, status in found.items():
            if status != "deleting":
                rds.reader_delete(session, identifier)
        left += found
    return left

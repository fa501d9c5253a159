"""Builds by their API."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.principals import principal_dump
from sandbox.registry import on_start, operation
from sandbox.services._casing import from_cfn, to_cfn
from sandbox.services.codebuild import running
from sandbox.services.codebuild.projects import BUILD, invalid, need
from sandbox.store import Record
from sandbox.world import World

SAME_TOKEN_S = 300
"""A repeated idempotency token means the same build for five minutes (StartBuild)."""
OVERRIDES = {
    "buildspecOverride": ("Source", "BuildSpec"),
    "sourceTypeOverride": ("Source", "Type"),
    "sourceLocationOverride": ("Source", "Location"),
    "computeTypeOverride": ("Environment", "ComputeType"),
    "imageOverride": ("Environment", "Image"),
    "environmentTypeOverride": ("Environment", "Type"),
}


def shape(record: Record) -> dict[str, Any]:
    """Build."""
    data = record.data
    answer = {
        "id": record.id,
        "arn": record.arn,
        "buildNumber": data["number"],
        "projectName": data["project"],
        "buildStatus": record.state,
        "buildComplete": record.state != "IN_PROGRESS",
        "currentPhase": data["phases"][-1]["phaseType"],
        "phases": data["phases"],
        "startTime": record.created_at,
        "source": from_cfn(record.properties["Source"]),
        "artifacts": data["artifacts"],
        "environment": from_cfn(record.properties["Environment"]),
        "serviceRole": record.properties["ServiceRole"],
        "timeoutInMinutes": int(record.properties.get("TimeoutInMinutes") or 60),
        "queuedTimeoutInMinutes": int(record.properties.get("QueuedTimeoutInMinutes") or 480),
        "initiator": data["initiator"],
        "logs": data["logs"],
        "exportedEnvironmentVariables": data.get("exported", []),
    }
    if record.properties.get("VpcConfig"):
        answer["vpcConfig"] = from_cfn(record.properties["VpcConfig"])
    if data.get("ended"):
        answer["endTime"] = data["ended"]
    return answer


@operation("codebuild", "StartBuild")
def start_build(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    project = need(ctx, params["projectName"])
    token = params.get("idempotencyToken")
    if token:
        for build in ctx.store.list(ctx.account, ctx.region, BUILD):
            if build.data.get("token") == token and ctx.now - build.created_at < SAME_TOKEN_S:
                return {"build": shape(build)}
    properties = _overridden(project.properties, params)
    if properties["Source"]["Type"] not in ("NO_SOURCE", "S3"):
        raise invalid(
            f"The sandbox has no source of type {properties['Source']['Type']}: only NO_SOURCE and S3."
        )
    if properties["Source"]["Type"] == "NO_SOURCE" and not properties["Source"].get("BuildSpec"):
        raise invalid("buildspec is required for source type NO_SOURCE")
    _refuse_too_many(ctx, properties)
    project.data["number"] += 1
    ctx.store.put(project)
    id = f"{project.id}:{uuid.uuid4()}"
    record = Record(
        ctx.account,
        ctx.region,
        BUILD,
        id,
        properties=properties,
        state="IN_PROGRESS",
        arn=ctx.arn("codebuild", f"build/{id}"),
        created_at=ctx.now,
        updated_at=ctx.now,
        data={
            "number": project.data["number"],
            "project": project.id,
            "initiator": principal_dump(ctx.principal)["arn"].rpartition(":")[2],
            "token": token,
            "phases": [],
            "artifacts": {},
            "logs": {},
        },
    )
    ctx.store.put(record)
    running.begin(ctx, record)
    return {"build": shape(record)}


def _refuse_too_many(ctx: Context, properties: dict[str, Any]) -> None:
    """Refuse a build beyond those that may run at once (aws-solutions and others report the sentence)."""
    size = properties["Environment"].get("ComputeType")
    if size not in quotas.BUILDS:
        return
    most = quotas.value(ctx.world, ctx.account, ctx.region, quotas.BUILDS[size])
    builds = ctx.store.list(ctx.account, ctx.region, BUILD)
    alike = [b for b in builds if b.properties["Environment"].get("ComputeType") == size]
    if sum(b.state == "IN_PROGRESS" for b in alike) >= most:
        text = f"Cannot have more than {most:.0f} builds in queue for the account"
        raise AwsError("AccountLimitExceededException", text, 400)


def _overridden(project: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    properties = {**project, **{n: dict(project.get(n) or {}) for n in ("Source", "Environment")}}
    for name, (part, member) in OVERRIDES.items():
        if params.get(name) is not None:
            properties[part][member] = params[name]
    if params.get("environmentVariablesOverride"):
        given = {v["Name"]: v for v in properties["Environment"].get("EnvironmentVariables") or ()}
        given |= {v["name"]: to_cfn(v) for v in params["environmentVariablesOverride"]}
        properties["Environment"]["EnvironmentVariables"] = list(given.values())
    if params.get("timeoutInMinutesOverride"):
        properties["TimeoutInMinutes"] = params["timeoutInMinutesOverride"]
    for name, member in (("artifactsOverride", "Artifacts"), ("logsConfigOverride", "LogsConfig")):
        if params.get(name):
            properties[member] = to_cfn(params[name])
    if params.get("serviceRoleOverride"):
        properties["ServiceRole"] = params["serviceRoleOverride"]
    return properties


def _find(ctx: Context, id: str) -> Record | None:
    plain = id.partition("build/")[2] if id.startswith("arn:") else id
    return ctx.store.get(ctx.account, ctx.region, BUILD, plain)


@operation("codebuild", "BatchGetBuilds")
def batch_get_builds(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = {id: _find(ctx, id) for id in params["ids"]}
    return {
        "builds": [shape(r) for r in found.values() if r is not None],
        "buildsNotFound": [id for id, r in found.items() if r is None],
    }


@operation("codebuild", "StopBuild")
async def stop_build(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """End its process; a build that is over stays as it is."""
    record = _find(ctx, params["id"])
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Build cannot be found: {params['id']}", 400)
    if record.state == "IN_PROGRESS":
        await running.stop(ctx, record)
    return {"build": shape(record)}


@operation("codebuild", "ListBuilds", "ListBuildsForProject")
def list_builds(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Newest first, unless sortOrder says ASCENDING."""
    project = need(ctx, params["projectName"]).id if params.get("projectName") else None
    builds = ctx.store.list(ctx.account, ctx.region, BUILD)
    ids = [r.id for r in builds if project in (None, r.data["project"])]
    return {"ids": ids if params.get("sortOrder") == "ASCENDING" else ids[::-1]}


@operation("codebuild", "BatchDeleteBuilds")
def batch_delete_builds(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    deleted, kept = [], []
    for id in params["ids"]:
        record = _find(ctx, id)
        if record is not None and record.state == "IN_PROGRESS":
            kept.append({"id": id, "statusCode": "BUILD_IN_PROGRESS"})
        elif record is not None:
            ctx.store.remove(record)
            deleted.append(record.arn)
    return {"buildsDeleted": deleted, "buildsNotDeleted": kept}


@on_start
def end_those_cut_off(world: World) -> None:
    """A build cannot go on in another process: it is a fault of the service."""
    for record in world.store.everywhere(BUILD):
        if record.state == "IN_PROGRESS":
            running.close(world.context(record.account, record.region), record, "FAULT")

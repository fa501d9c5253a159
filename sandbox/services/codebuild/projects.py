"""Build projects."""

from __future__ import annotations

import re
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import sight
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._casing import from_cfn, to_cfn
from sandbox.store import Record

PROJECT = "AWS::CodeBuild::Project"
BUILD = "Sandbox::CodeBuild::Build"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")


def invalid(text: str) -> AwsError:
    return AwsError("InvalidInputException", text, 400)


def need(ctx: Context, name: str) -> Record:
    """The project of a name or ARN. Raises ResourceNotFoundException."""
    plain = name.rpartition("/")[2]
    record = ctx.store.get(ctx.account, ctx.region, PROJECT, plain)
    if record is None:
        arn = ctx.arn("codebuild", f"project/{plain}")
        raise AwsError("ResourceNotFoundException", f"Project cannot be found: {arn}", 400)
    return record


@resource_type(PROJECT)
class Project(ResourceType):
    """A project. data: number (of the last build)."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties.get("Name") or self.new_name(hint, "Name"))

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("codebuild", f"project/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("Name")
        if name and not _NAME.fullmatch(name):
            raise invalid(
                "Invalid project name: a name has 2 to 150 letters, digits, hyphens and underscores and begins with "
                "a letter or digit"
            )
        if name and ctx.store.get(ctx.account, ctx.region, PROJECT, name):
            arn = ctx.arn("codebuild", f"project/{name}")
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {arn}", 400)
        check(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        check(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn, "Id": record.id}
        record.data.setdefault("number", 0)


def check(ctx: Context, properties: dict[str, Any]) -> None:
    """Refuse what CodeBuild refuses of a project. Raises AwsError InvalidInputException."""
    source = properties.get("Source") or {}
    if source.get("Type") == "NO_SOURCE" and not source.get("BuildSpec"):
        raise invalid("Invalid project source: buildspec is required for source type NO_SOURCE")
    role = str(properties.get("ServiceRole", "")).rpartition("/")[2]
    if not role:
        raise invalid("Invalid service role: Service role is required")
    if sight.get(ctx.world, ctx.account, "AWS::IAM::Role", role) is None:
        raise invalid(
            "CodeBuild is not authorized to perform: sts:AssumeRole on service role. The role is not there."
        )
    network = properties.get("VpcConfig") or {}
    for id in network.get("Subnets") or ():
        if ctx.store.get(ctx.account, ctx.region, "AWS::EC2::Subnet", id) is None:
            raise invalid(f"Invalid vpc config: the specified subnet {id} was not found")
    for id in network.get("SecurityGroupIds") or ():
        if ctx.store.get(ctx.account, ctx.region, "AWS::EC2::SecurityGroup", id) is None:
            raise invalid(f"Invalid vpc config: the specified security group {id} was not found")
    minutes = int(properties.get("TimeoutInMinutes") or 60)
    if not 5 <= minutes <= 2160:
        raise invalid("Invalid timeout: a build may take from 5 to 2160 minutes")


def shape(record: Record) -> dict[str, Any]:
    """Project."""
    given = {k: v for k, v in from_cfn(record.properties).items() if k not in ("triggers", "visibility")}
    return {
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        **given,
        "name": record.id,
        "arn": record.arn,
        "created": record.created_at,
        "lastModified": record.updated_at,
        "tags": tag_list(record.tags, "key", "value"),
    }


def _tags(params: dict[str, Any]) -> dict[str, str]:
    return tags_from([{"Key": t["key"], "Value": t.get("value", "")} for t in params.get("tags") or ()])


@operation("codebuild", "CreateProject")
def create_project(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = to_cfn({k: v for k, v in params.items() if k != "tags"})
    return {"project": shape(ctx.world.create(ctx, PROJECT, properties, tags=_tags(params), at_once=True))}


@operation("codebuild", "UpdateProject")
def update_project(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["name"])
    changes = to_cfn({k: v for k, v in params.items() if k not in ("tags", "name")})
    tags = _tags(params) if params.get("tags") is not None else None
    ctx.world.update(ctx, record, {**record.properties, **changes}, tags=tags, at_once=True)
    return {"project": shape(record)}


@operation("codebuild", "DeleteProject")
def delete_project(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, PROJECT, params["name"].rpartition("/")[2])
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


@operation("codebuild", "BatchGetProjects")
def batch_get_projects(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name in params["names"]:
        record = ctx.store.get(ctx.account, ctx.region, PROJECT, name.rpartition("/")[2])
        if record is not None:
            found[name] = shape(record)
    return {
        "projects": list(found.values()),
        "projectsNotFound": [n for n in params["names"] if n not in found],
    }


@operation("codebuild", "ListProjects")
def list_projects(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = sorted(r.id for r in ctx.store.list(ctx.account, ctx.region, PROJECT))
    return {"projects": names[::-1] if params.get("sortOrder") == "DESCENDING" else names}

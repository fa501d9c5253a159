"""Environments as records: Launching, Ready, Updating, Terminating; Terminated ones are shown for an hour."""

from __future__ import annotations

import random
import re
from typing import Any

from sandbox.application import processes
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam.service_roles import need
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services.elasticbeanstalk import (
    common,
    deployments,
    metrics,
    options,
    platforms,
    resources,
    scheduled,
)
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT, TERMINATED, event, invalid
from sandbox.store import Record

SHOWN_S = 3600
"""How long DescribeEnvironments shows a terminated environment (observed, not documented)."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,38})[A-Za-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,61})[A-Za-z0-9]")


def cname(region: str, prefix: str) -> str:
    return f"{prefix}.{region}.elasticbeanstalk.com".lower()


def cname_taken(ctx: Context, prefix: str) -> bool:
    """CNAMEs are one name space per region, over all accounts."""
    wanted = cname(ctx.region, prefix)
    return any(r.data.get("cname") == wanted for r in ctx.store.everywhere(ENVIRONMENT))


@resource_type(ENVIRONMENT)
class Environment(ResourceType):
    """An environment. data: id (e-…), cname, platform_arn, stack, made (its resources), health, endpoint."""

    state_creating = "Launching"
    state_updating = "Updating"
    state_deleting = "Terminating"
    state_ready = "Ready"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("elasticbeanstalk", f"environment/{properties['ApplicationName']}/{id}")

    def new_name(self, hint: str, name: str) -> str:
        """CloudFormation's: the first letters of the stack and resource, and 12 random ones (at most 40)."""
        head = "-".join(part[:12] for part in hint.split("-", 1)).strip("-") or "env"
        return f"{head[:27].rstrip('-')}-{random_name(12)}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        app = properties["ApplicationName"]
        common.application(ctx, app)
        name, prefix = properties.get("EnvironmentName"), properties.get("CNAMEPrefix")
        if name:
            if not _NAME.fullmatch(name):
                raise invalid(
                    f"Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must be from 4 to 40 "
                    "characters in length and contain only letters, digits and dashes, not at its ends."
                )
            if ctx.store.get(ctx.account, ctx.region, ENVIRONMENT, name):
                raise invalid(f"Environment {name} already exists.")
        if prefix:
            refuse_prefix(prefix)
            if cname_taken(ctx, prefix):
                raise invalid(f"DNS name ({cname(ctx.region, prefix)}) is not available.")
        if properties.get("VersionLabel"):
            common.version(ctx, app, properties["VersionLabel"])
        if not any(properties.get(n) for n in ("PlatformArn", "SolutionStackName", "TemplateName")):
            text = "You must specify a platform, a solution stack or a configuration template."
            raise AwsError("InvalidParameterCombination", text, 400)
        self._platform(ctx, properties)
        options.refuse(ctx, options.effective(ctx, properties))
        _resources_read(ctx)

    @staticmethod
    def _platform(ctx: Context, properties: dict[str, Any]) -> tuple[str, str]:
        if properties.get("TemplateName") and not properties.get("PlatformArn"):
            saved = common.template(ctx, properties["ApplicationName"], properties["TemplateName"])
            return saved.data["arn"], saved.data["stack"]
        return platforms.resolve(ctx, properties.get("PlatformArn"), properties.get("SolutionStackName"))

    def created(self, ctx: Context, record: Record) -> None:
        properties, data = record.properties, record.data
        prefix = properties.get("CNAMEPrefix") or f"{record.id}.eba-{_letters(8)}"
        arn, stack = self._platform(ctx, properties)
        data.update(
            id=f"e-{_letters(10)}",
            cname=cname(ctx.region, prefix),
            platform_arn=arn,
            stack=stack,
            made={},
            health="Grey",
        )
        record.attributes["EndpointURL"] = ""
        event(ctx, "createEnvironment is starting.", **about(record))

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        if properties.get("VersionLabel"):
            common.version(ctx, properties["ApplicationName"], properties["VersionLabel"])
        self._platform(ctx, properties)
        options.refuse(ctx, options.effective(ctx, properties))
        _resources_read(ctx)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.data["platform_arn"], record.data["stack"] = self._platform(ctx, record.properties)
        event(ctx, "Environment update is starting.", **about(record))
        deployments.begin(ctx, record, before)

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        """Make or change what the environment consists of; a refusal of a part fails it, as does a deployment."""
        if record.data.pop("aborting", None):
            deployments.take_back(ctx, record)
            event(ctx, "Environment update was aborted.", **about(record))
            return
        if not deployments.through(ctx, record):
            ctx.world.postpone(ctx, record, action, deployments.LOOK_AGAIN_S)
            return
        try:
            deployments.finish(ctx, record)
            resources.arrange(ctx, record, options.effective(ctx, record.properties))
            scheduled.arranged(ctx, record)
        except AwsError as problem:
            self._failed(ctx, record, action, problem)
            raise
        record.data["health"] = "Green" if record.data["made"]["instances"] else "Grey"
        record.attributes["EndpointURL"] = record.data["made"]["endpoint"] or record.data["cname"]
        ctx.store.put(record)
        if ctx.world.memory.get("beanstalk metrics"):
            metrics.publish(ctx, record)
        else:
            metrics.begin(ctx.world)
        if action == "create":
            for text in resources.described(record):
                event(ctx, text, **about(record))
            event(ctx, f"Successfully launched environment: {record.id}", **about(record))
        else:
            event(ctx, "Environment update completed successfully.", **about(record))

    @staticmethod
    def _failed(ctx: Context, record: Record, action: str, problem: AwsError) -> None:
        if problem.code != deployments.FAILED:
            record.data["health"] = "Red"
        event(ctx, problem.message, "ERROR", **about(record))
        done = "launch" if action == "create" else "update"
        event(ctx, f"Failed to {done} environment.", "ERROR", **about(record))

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.state == "Terminating":
            raise invalid(
                f"Environment named {record.id} is in an invalid state for this operation. Must be Ready."
            )

    def deleting(self, ctx: Context, record: Record) -> None:
        event(ctx, "terminateEnvironment is starting.", **about(record))

    def deleted(self, ctx: Context, record: Record) -> None:
        processes.end_soon(ctx.world, record)
        resources.remove(ctx, record)
        event(ctx, "terminateEnvironment completed successfully.", **about(record))
        past = Record(
            record.account,
            record.region,
            TERMINATED,
            record.data["id"],
            properties=record.properties,
            attributes=record.attributes,
            state="Terminated",
            created_at=record.created_at,
            updated_at=ctx.now,
            data={**record.data, "name": record.id, "arn": record.arn, "health": "Grey"},
        )
        ctx.store.put(past)


def _resources_read(ctx: Context) -> None:
    """Beanstalk takes its patches of instances from a bucket of AWS's, with the rights of whoever makes or changes an
    environment (AWS managed policy AWSElasticBeanstalkRoleCore, S3Obj).
    """
    bucket, key = (
        f"elasticbeanstalk-env-resources-{ctx.region}",
        "eb_patching_resources/instance_patch_extension.linux",
    )
    try:
        need(ctx, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    except AwsError as refused:
        text = f"Service:Amazon S3, Message:Access Denied: S3Bucket={bucket}, S3Key={key}"
        raise AwsError("InsufficientPrivilegesException", text, 403) from refused


def about(record: Record) -> dict[str, str]:
    """Whom an event is about."""
    return {"ApplicationName": record.properties["ApplicationName"], "EnvironmentName": record.id}


def refuse_prefix(prefix: str) -> None:
    if not _PREFIX.fullmatch(prefix):
        text = f"Value {prefix} at 'CNAMEPrefix' failed to satisfy constraint: Member must be from 4 to 63 characters"
        raise invalid(f"{text} in length and contain only letters, digits and dashes, not at its ends.")


def terminated(ctx: Context) -> list[Record]:
    """Environments that went within the last hour; older ones are dropped here."""
    kept = []
    for record in ctx.store.list(ctx.account, ctx.region, TERMINATED):
        if ctx.now - record.updated_at > SHOWN_S:
            ctx.store.remove(record)
        else:
            kept.append(record)
    return kept


def _letters(length: int) -> str:
    """Beanstalk's random parts: lower-case letters and 2 to 9."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(random.choice(alphabet) for _ in range(length))

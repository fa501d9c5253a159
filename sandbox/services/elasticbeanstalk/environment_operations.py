"""The API on environments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.resource_types import tags_from
from sandbox.services.elasticbeanstalk import common, health, options, resources
from sandbox.services.elasticbeanstalk.common import ENVIRONMENT, event, invalid
from sandbox.services.elasticbeanstalk.environments import (
    about,
    cname,
    cname_taken,
    refuse_prefix,
    terminated,
)
from sandbox.store import Record

NAMES = (
    "ApplicationName",
    "EnvironmentName",
    "Description",
    "CNAMEPrefix",
    "Tier",
    "VersionLabel",
    "TemplateName",
    "SolutionStackName",
    "PlatformArn",
    "OptionSettings",
    "OperationsRole",
)
TIER = {"Name": "WebServer", "Type": "Standard", "Version": "1.0"}


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    """EnvironmentDescription."""
    properties, data = record.properties, record.data
    found = health.health_of(ctx, record)
    status = "Ready" if record.state == "failed" else record.state
    answer = {
        "EnvironmentName": data.get("name", record.id),
        "EnvironmentId": data["id"],
        "ApplicationName": properties["ApplicationName"],
        "SolutionStackName": data["stack"],
        "PlatformArn": data["platform_arn"],
        "Description": properties.get("Description", ""),
        "CNAME": data["cname"],
        "DateCreated": record.created_at,
        "DateUpdated": record.updated_at,
        "Status": status,
        "AbortableOperationInProgress": status in ("Launching", "Updating"),
        "Health": found.colour,
        "HealthStatus": found.status,
        "Tier": {**TIER, **(properties.get("Tier") or {})},
        "EnvironmentLinks": [],
        "EnvironmentArn": data.get("arn", record.arn),
    }
    endpoint = record.attributes.get("EndpointURL")
    for name, value in (
        ("VersionLabel", properties.get("VersionLabel")),
        ("TemplateName", properties.get("TemplateName")),
        ("EndpointURL", endpoint),
        ("OperationsRole", properties.get("OperationsRole")),
    ):
        if value:
            answer[name] = value
    return answer


@operation("elasticbeanstalk", "CreateEnvironment")
def create_environment(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: params[n] for n in NAMES if params.get(n)}
    if properties.get("OptionSettings"):
        properties["OptionSettings"] = options.listed(options.table(properties["OptionSettings"]))
    record = ctx.world.create(ctx, ENVIRONMENT, properties, tags=tags_from(params.get("Tags")))
    return shape(ctx, record)


def _ready(ctx: Context, params: dict[str, Any]) -> Record:
    record = common.environment(ctx, params)
    if record.state not in ("Ready", "failed"):
        raise invalid(
            f"Environment named {record.id} is in an invalid state for this operation. Must be Ready."
        )
    return record


@operation("elasticbeanstalk", "UpdateEnvironment")
def update_environment(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _ready(ctx, params)
    changes = {
        n: params[n] for n in ("Description", "VersionLabel", "PlatformArn", "TemplateName") if params.get(n)
    }
    if params.get("SolutionStackName"):
        changes["SolutionStackName"] = params["SolutionStackName"]
    changes["OptionSettings"] = options.merged(
        record.properties.get("OptionSettings") or [],
        params.get("OptionSettings") or [],
        params.get("OptionsToRemove") or [],
    )
    ctx.world.update(ctx, record, {**record.properties, **changes})
    return shape(ctx, record)


@operation("elasticbeanstalk", "AbortEnvironmentUpdate")
def abort_environment_update(ctx: Context, params: dict[str, Any]) -> None:
    """Go back to what was before the update that is under way."""
    record = common.environment(ctx, params)
    if record.state != "Updating" or record.pending != "update":
        raise invalid(
            f"Environment named {record.id} is in an invalid state for this operation. Must be Updating."
        )
    record.state, record.data["aborting"] = "Aborting", True
    event(ctx, "Environment update is being aborted.", "WARN", **about(record))
    seconds = ctx.world.duration(ENVIRONMENT, "update") * float(ctx.world.settings["speed"]) / 2
    ctx.world.postpone(ctx, record, "update", seconds)
    record.state = "Aborting"


@operation("elasticbeanstalk", "RebuildEnvironment")
def rebuild_environment(ctx: Context, params: dict[str, Any]) -> None:
    """Take all resources away and make them anew; name, CNAME and settings stay."""
    record = _ready(ctx, params)
    event(ctx, "rebuildEnvironment is starting.", **about(record))
    resources.remove(ctx, record)
    record.data["made"] = {}
    record.data["restarted"] = ctx.now
    ctx.world.update(ctx, record, dict(record.properties))


@operation("elasticbeanstalk", "RestartAppServer")
def restart_app_server(ctx: Context, params: dict[str, Any]) -> None:
    record = _ready(ctx, params)
    event(ctx, "restartAppServer is starting.", **about(record))
    # The process that runs has another mark from now on, and the next request starts a new one.
    record.data["restarted"] = ctx.now
    ctx.store.put(record)
    event(ctx, "restartAppServer completed successfully.", **about(record))


@operation("elasticbeanstalk", "TerminateEnvironment")
def terminate_environment(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = common.environment(ctx, params)
    ctx.world.delete(ctx, record)
    return shape(ctx, record)


@operation("elasticbeanstalk", "DescribeEnvironments")
def describe_environments(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Also those that were terminated within the last hour, unless IncludeDeleted is false."""
    records = common.environments(ctx)
    if params.get("IncludeDeleted") is not False:
        records = records + terminated(ctx)
    found = []
    for record in records:
        entry = shape(ctx, record)
        if params.get("ApplicationName") not in (None, entry["ApplicationName"]):
            continue
        if params.get("VersionLabel") not in (None, entry.get("VersionLabel")):
            continue
        ids, names = params.get("EnvironmentIds"), params.get("EnvironmentNames")
        if (ids and entry["EnvironmentId"] not in ids) or (names and entry["EnvironmentName"] not in names):
            continue
        found.append(entry)
    return common.page(found, params, "Environments")


@operation("elasticbeanstalk", "DescribeEnvironmentResources")
def describe_environment_resources(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = common.environment(ctx, params)
    made = record.data["made"]
    answer = {
        "EnvironmentName": record.id,
        "AutoScalingGroups": [{"Name": made["asg"]}] if "asg" in made else [],
        "Instances": [{"Id": id} for id in made.get("instances", [])],
        "LaunchConfigurations": [],
        "LaunchTemplates": [{"Id": made["template"]}] if "template" in made else [],
        "LoadBalancers": [{"Name": made["balancer"]}] if "balancer" in made else [],
        "Triggers": [],
        "Queues": [],
    }
    return {"EnvironmentResources": answer}


@operation("elasticbeanstalk", "DescribeConfigurationSettings")
def describe_configuration_settings(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("TemplateName"):
        saved = common.template(ctx, params["ApplicationName"], params["TemplateName"])
        entry = {
            "PlatformArn": saved.data["arn"],
            "SolutionStackName": saved.data["stack"],
            "ApplicationName": params["ApplicationName"],
            "TemplateName": params["TemplateName"],
            "OptionSettings": saved.data["settings"],
        }
        return {"ConfigurationSettings": [entry]}
    record = common.environment(ctx, params)
    entry = {
        "PlatformArn": record.data["platform_arn"],
        "SolutionStackName": record.data["stack"],
        "ApplicationName": record.properties["ApplicationName"],
        "EnvironmentName": record.id,
        "DeploymentStatus": "pending" if record.pending else "deployed",
        "DateCreated": record.created_at,
        "DateUpdated": record.updated_at,
        "OptionSettings": options.listed(options.effective(ctx, record.properties)),
    }
    return {"ConfigurationSettings": [entry]}


@operation("elasticbeanstalk", "ValidateConfigurationSettings")
def validate_configuration_settings(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    common.application(ctx, params["ApplicationName"])
    found = options.refusals(ctx, {**options.DEFAULTS, **options.table(params["OptionSettings"])})
    return {
        "Messages": [
            {"Message": t, "Severity": "error", "Namespace": n, "OptionName": o} for n, o, t in found
        ],
    }


@operation("elasticbeanstalk", "CheckDNSAvailability")
def check_dns_availability(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params["CNAMEPrefix"]
    refuse_prefix(prefix)
    return {"Available": not cname_taken(ctx, prefix), "FullyQualifiedCNAME": cname(ctx.region, prefix)}


@operation("elasticbeanstalk", "SwapEnvironmentCNAMEs")
def swap_environment_cnames(ctx: Context, params: dict[str, Any]) -> None:
    pair = []
    for side in ("Source", "Destination"):
        named = {n: params.get(f"{side}{n}") for n in ("EnvironmentId", "EnvironmentName")}
        pair.append(_ready(ctx, named))
    pair[0].data["cname"], pair[1].data["cname"] = pair[1].data["cname"], pair[0].data["cname"]
    for record in pair:
        ctx.store.put(record)


@operation("elasticbeanstalk", "DescribeEvents")
def describe_events(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Newest first."""
    levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
    least = levels.index(params.get("Severity") or "TRACE")
    start: Any = params.get("StartTime")
    since = start.timestamp() if isinstance(start, datetime) else float(start or 0)
    name = params.get("EnvironmentName")
    if params.get("EnvironmentId"):
        name = common.environment(ctx, {"EnvironmentId": params["EnvironmentId"]}).id
    log: list[dict[str, Any]] = ctx.store.log(common.event_stream(ctx))
    found = [
        e
        for e in reversed(log)
        if levels.index(e["Severity"]) >= least
        and e["EventDate"] >= since
        and name in (None, e.get("EnvironmentName"))
        and params.get("ApplicationName") in (None, e.get("ApplicationName"))
    ]
    return common.page(found, params, "Events")

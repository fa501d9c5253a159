"""What the Beanstalk modules share: type names, finding, events, pages."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.store import Record

APPLICATION = "AWS::ElasticBeanstalk::Application"
VERSION = "AWS::ElasticBeanstalk::ApplicationVersion"
TEMPLATE = "AWS::ElasticBeanstalk::ConfigurationTemplate"
ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"
TERMINATED = "Sandbox::ElasticBeanstalk::TerminatedEnvironment"
EVENTS_KEPT = 1000


def invalid(text: str) -> AwsError:
    return AwsError("InvalidParameterValue", text, 400)


def application(ctx: Context, name: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, APPLICATION, name)
    if record is None:
        raise invalid(f"No Application named '{name}' found.")
    return record


def version(ctx: Context, app: str, label: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, VERSION, f"{app}|{label}")
    if record is None:
        raise invalid(f"No Application Version named '{label}' found.")
    return record


def template(ctx: Context, app: str, name: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, TEMPLATE, f"{app}|{name}")
    if record is None:
        raise invalid(f"No Configuration Template named '{app}/{name}' found.")
    return record


def environments(ctx: Context, app: str | None = None) -> list[Record]:
    """The environments that are not terminated, of an application or of all."""
    records = ctx.store.list(ctx.account, ctx.region, ENVIRONMENT)
    return [r for r in records if app in (None, r.properties["ApplicationName"])]


def environment(ctx: Context, params: dict[str, Any]) -> Record:
    """The environment that EnvironmentName or EnvironmentId means."""
    name, id = params.get("EnvironmentName"), params.get("EnvironmentId")
    if not name and not id:
        text = "Either EnvironmentId or EnvironmentName must be specified."
        raise AwsError("MissingParameter", text, 400)
    for record in environments(ctx):
        if (name in (None, record.id)) and (id in (None, record.data["id"])):
            return record
    what = f"EnvironmentName = '{name}'" if name else f"EnvironmentId = '{id}'"
    raise invalid(f"No Environment found for {what}.")


def event(ctx: Context, message: str, severity: str = "INFO", **about: str) -> None:
    """Write an event. about: ApplicationName, EnvironmentName, VersionLabel."""
    entry = {
        "EventDate": ctx.now,
        "Message": message,
        "Severity": severity,
        "RequestId": ctx.request_id,
        **about,
    }
    ctx.store.append(event_stream(ctx), entry)


def event_stream(ctx: Context) -> str:
    return f"elasticbeanstalk/{ctx.account}/{ctx.region}"


def page(items: list[Any], params: dict[str, Any], name: str, size: int = 1000) -> dict[str, Any]:
    """One page; the token is a position."""
    token = str(params.get("NextToken") or "0")
    if not token.isdigit():
        raise invalid("The NextToken is not valid.")
    end = int(token) + int(params.get("MaxRecords") or size)
    return {name: items[int(token) : end], **({"NextToken": str(end)} if end < len(items) else {})}

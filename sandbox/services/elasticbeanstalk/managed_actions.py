"""Managed platform updates: what is due, and what was done.

Source: Elastic Beanstalk developer guide, "Managed platform updates"; API reference, ApplyEnvironmentManagedAction.
Nothing is done by itself in the weekly window here: only ApplyEnvironmentManagedAction does it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.elasticbeanstalk import common, options, platforms
from sandbox.services.elasticbeanstalk.common import event
from sandbox.store import Record

SPACE = "aws:elasticbeanstalk:managedactions"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def due(ctx: Context, env: Record) -> dict[str, Any] | None:
    """The platform update that is scheduled for an environment, if there is a newer version within its level."""
    settings = options.effective(ctx, env.properties)
    if settings.get((SPACE, "ManagedActionsEnabled")) != "true":
        return None
    level = settings.get((f"{SPACE}:platformupdate", "UpdateLevel"), "minor")
    newer = platforms.newer(env.data["platform_arn"], level)
    if newer is None:
        return None
    arn, version = newer
    return {
        "ActionId": f"platform-update-{env.data['id']}-{version}",
        "ActionDescription": f"Platform update to version {version}",
        "ActionType": "PlatformUpdate",
        "Status": "Running" if env.state == "Updating" else "Scheduled",
        "WindowStartTime": window(ctx.now, settings.get((SPACE, "PreferredStartTime"), "Sun:03:00")),
        "PlatformArn": arn,
    }


def window(now: float, preferred: str) -> float:
    """When the next weekly window (`Sun:03:00`, UTC) begins, in epoch seconds."""
    day, hour, minute = preferred.split(":")
    moment = datetime.fromtimestamp(now, UTC)
    start = moment.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    start += timedelta(days=(DAYS.index(day) - moment.weekday()) % 7)
    return (start if start > moment else start + timedelta(days=7)).timestamp()


def _shown(action: dict[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in action.items() if n != "PlatformArn"}


@operation("elasticbeanstalk", "DescribeEnvironmentManagedActions")
def describe_managed_actions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    action = due(ctx, common.environment(ctx, params))
    fits = action is not None and params.get("Status") in (None, action["Status"])
    return {"ManagedActions": [_shown(action)] if action is not None and fits else []}


@operation("elasticbeanstalk", "ApplyEnvironmentManagedAction")
def apply_managed_action(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Begin a scheduled action at once."""
    env = common.environment(ctx, params)
    action = due(ctx, env)
    if action is None or action["ActionId"] != params["ActionId"]:
        raise common.invalid(f"No managed action found for ActionId = '{params['ActionId']}'.")
    if env.state not in ("Ready", "failed"):
        text = "Cannot modify the managed action in its current state."
        raise AwsError("ManagedActionInvalidStateException", text, 400)
    entry = {n: action[n] for n in ("ActionId", "ActionDescription", "ActionType")}
    env.data.setdefault("managed", []).append({**entry, "ExecutedTime": ctx.now})
    event(ctx, "Managed platform update is in-progress.", ApplicationName=env.properties["ApplicationName"],
          EnvironmentName=env.id)  # fmt: skip
    properties = {n: v for n, v in env.properties.items() if n != "SolutionStackName"}
    ctx.world.update(ctx, env, {**properties, "PlatformArn": action["PlatformArn"]})
    return {**entry, "Status": "Running"}


@operation("elasticbeanstalk", "DescribeEnvironmentManagedActionHistory")
def describe_managed_action_history(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Newest first; an action is completed once its update is through."""
    env = common.environment(ctx, params)
    done = env.data.get("managed", ())
    if env.state == "Updating":
        done = done[:-1]
    rows = [{**e, "Status": "Completed", "FinishedTime": env.updated_at} for e in reversed(done)]
    return common.page(
        rows, {**params, "MaxRecords": params.get("MaxItems")}, "ManagedActionHistoryItems", 100
    )

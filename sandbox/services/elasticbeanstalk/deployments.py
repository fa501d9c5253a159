"""Deployments of a version: the new one is started beside the old one and asked for its health before it takes over.

Source: Elastic Beanstalk developer guide, "Deployment policies and settings", "Immutable environment updates",
"Traffic-splitting deployments" (both put everything back when the new version is unhealthy), "Health colors and
statuses" (a failed deployment of another policy leaves instances with the wrong version).
"""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.application import processes
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services.elasticbeanstalk import options
from sandbox.services.elasticbeanstalk.common import event
from sandbox.store import Record

FAILED = "DeploymentFailed"
LOOK_AGAIN_S = 0.05
COMMAND = "aws:elasticbeanstalk:command"
CAREFUL = ("Immutable", "TrafficSplitting")
Trial = asyncio.Task[tuple[processes.Program, str]]


def begin(ctx: Context, env: Record, before: dict[str, Any]) -> None:
    """An update begins: where the version changes and can run here, its trial does too."""
    env.data["before"] = before
    label = str(env.properties.get("VersionLabel") or "")
    if label == (env.data.get("deployed") or before.get("VersionLabel") or ""):
        return
    env.data["deployment"] = int(env.data.get("deployment", 1)) + 1
    # Until it is through, the old version serves.
    env.data.update(deploying=True, deployed=env.data.get("deployed") or before.get("VersionLabel") or "")
    settings = options.effective(ctx, env.properties)
    if settings.get((COMMAND, "IgnoreHealthCheck")) == "true" or not processes.runs(ctx, env, label):
        return
    policy = settings[COMMAND, "DeploymentPolicy"]
    event(ctx, f"Deploying new version to instance(s) ({policy}).", **_about(env))
    _trials(ctx)[env.key] = asyncio.get_running_loop().create_task(processes.trial(ctx, env, label))


def _about(env: Record) -> dict[str, str]:
    return {"ApplicationName": env.properties["ApplicationName"], "EnvironmentName": env.id}


def _trials(ctx: Context) -> dict[tuple[str, str, str, str], Trial]:
    trials: dict[tuple[str, str, str, str], Trial] = ctx.world.memory.setdefault("deployments", {})
    return trials


def through(ctx: Context, env: Record) -> bool:
    """Whether nothing has to be waited for any more."""
    trial = _trials(ctx).get(env.key)
    return trial is None or trial.done()


def finish(ctx: Context, env: Record) -> None:
    """What the trial found. Raises AwsError where the new version is no good: then the environment keeps the old."""
    if env.data.pop("deploying", None):
        env.data.pop("deployed", None)
    trial = _trials(ctx).pop(env.key, None)
    problem = ""
    if trial is not None:
        program, problem = trial.result()
        if not problem:
            processes.adopt(ctx, env, program)
    if not problem:
        env.data.pop("before", None)
        return
    label = str(env.properties.get("VersionLabel"))
    policy = options.effective(ctx, env.properties)[COMMAND, "DeploymentPolicy"]
    take_back(ctx, env)
    if policy not in CAREFUL:
        # All at once, rolling: the instances have the new version, the environment's version stays the old one.
        env.data["deployed"] = label
        processes.end_soon(ctx.world, env)
    ctx.store.put(env)
    raise AwsError(FAILED, f"Failed to deploy application version {label}: {problem}", 400)


def take_back(ctx: Context, env: Record) -> None:
    """The properties before the update are the environment's again."""
    trial = _trials(ctx).pop(env.key, None)
    if trial is not None:
        trial.add_done_callback(lambda done: processes.drop(ctx.world, done))
    if env.data.pop("deploying", None):
        env.data.pop("deployed", None)
    before = env.data.pop("before", None)
    if before is not None:
        env.properties = before
        ctx.store.put(env)

"""A build: a working folder, phases, commands as processes without a shell, log lines, artifacts.

Source: CodeBuild user guide, "Build phase transitions", "Environment variables in build environments".
"""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import shutil
from pathlib import Path
from typing import Any

from sandbox.application import endpoints, hosting, surroundings, volumes
from sandbox.application.bundle import CannotRun, unpack
from sandbox.application.children import Child
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services import logs
from sandbox.services.codebuild import buildspec, variables
from sandbox.services.codebuild.buildspec import BadSpec, Spec
from sandbox.services.s3.objects import store_object
from sandbox.services.s3.state import bucket_find, bucket_get, current
from sandbox.store import Record

log = logging.getLogger("sandbox")
MOST = 3
"""Builds at a time in one sandbox; others are QUEUED."""
PROVISIONING_S = 20.0
"""An estimate for a container in a VPC, times the speed."""


class Failed(Exception):
    """A phase failed: CodeBuild's status code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def begin(ctx: Context, build: Record) -> None:
    """Queue a build and run it beside everything else."""
    _phase(ctx, build, "SUBMITTED")
    _phase(ctx, build, "QUEUED")
    tasks = ctx.world.memory.setdefault("builds", {})
    tasks[build.id] = ctx.world.spawn(_Run(ctx, build).run())


async def stop(ctx: Context, build: Record) -> None:
    """Stop a build that is under way."""
    task: asyncio.Task[None] | None = ctx.world.memory.get("builds", {}).pop(build.id, None)
    close(ctx, build, "STOPPED")
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


def close(ctx: Context, build: Record, status: str) -> None:
    """The build is over."""
    if build.state != "IN_PROGRESS":
        return
    _end_phase(ctx, build, status)
    build.data["phases"].append({"phaseType": "COMPLETED", "startTime": ctx.now})
    build.data["ended"] = ctx.now
    build.state = status
    ctx.store.put(build)


def _phase(ctx: Context, build: Record, name: str) -> None:
    _end_phase(ctx, build, "SUCCEEDED")
    build.data["phases"].append({"phaseType": name, "startTime": ctx.now})
    ctx.store.put(build)


def _end_phase(ctx: Context, build: Record, status: str, problem: Failed | None = None) -> None:
    phases = build.data["phases"]
    if phases and "endTime" not in phases[-1]:
        last = phases[-1]
        last.update(endTime=ctx.now, phaseStatus=status, durationInSeconds=int(ctx.now - last["startTime"]))
        if problem is not None:
            last["contexts"] = [{"statusCode": problem.code, "message": str(problem)}]


class _Run:
    """One build on its way."""

    def __init__(self, ctx: Context, build: Record) -> None:
        self.ctx = ctx.world.context(build.account, build.region)
        self.build = build
        here = hosting.of(ctx.world)
        self.home = (here.home / "builds" / build.id.rpartition(":")[2]).absolute()
        self.source = self.home / "src"
        self.variables: dict[str, str] = {}
        self.child: Child | None = None
        self.failed = False

    async def run(self) -> None:
        places = self.ctx.world.memory.setdefault("build places", asyncio.Semaphore(MOST))
        async with places:
            try:
                minutes = int(self.build.properties.get("TimeoutInMinutes") or 60)
                await asyncio.wait_for(self._phases(), minutes * 60)
                close(self.ctx, self.build, "FAILED" if self.failed else "SUCCEEDED")
            except TimeoutError:
                close(self.ctx, self.build, "TIMED_OUT")
            finally:
                if self.child is not None:
                    await self.child.stop()
                await asyncio.to_thread(shutil.rmtree, self.home, True)

    async def _phases(self) -> None:
        self.source.mkdir(parents=True)
        _phase(self.ctx, self.build, "PROVISIONING")
        self._open_log()
        await asyncio.sleep(PROVISIONING_S * float(self.ctx.world.settings["speed"]))
        spec = await self._step("DOWNLOAD_SOURCE", self._download)
        if spec is None:
            return
        for name in ("install", "pre_build"):
            await self._commands(name, spec)
            if self.failed:
                return
        for name in ("build", "post_build"):
            await self._commands(name, spec)
        self._export(spec)
        if not self.failed:
            await self._step("UPLOAD_ARTIFACTS", lambda: self._upload(spec))
        _phase(self.ctx, self.build, "FINALIZING")

    async def _step(self, name: str, work: Any) -> Any:
        """A phase of CodeBuild's own; None and a failed build where it fails."""
        _phase(self.ctx, self.build, name)
        try:
            return await work()
        except Failed as problem:
            self._fail(problem)
        except BadSpec as problem:
            self._fail(Failed("YAML_FILE_ERROR", str(problem)))
        except AwsError as problem:
            self._fail(Failed("CLIENT_ERROR", problem.message))
        return None

    def _fail(self, problem: Failed) -> None:
        self.failed = True
        self.variables["CODEBUILD_BUILD_SUCCEEDING"] = "0"
        self._say(f"[Container] Phase context status code: {problem.code} Message: {problem}")
        _end_phase(self.ctx, self.build, "FAILED", problem)
        self.ctx.store.put(self.build)

    # -- source, variables, commands

    async def _download(self) -> Spec:
        source = self.build.properties["Source"]
        if source["Type"] == "S3":
            bucket, _, key = str(source.get("Location", "")).partition("/")
            found = current(bucket_get(self.ctx, bucket), self.ctx, key)
            try:
                unpack(self.ctx.store.blob(found.data["blob"]), self.source)
            except CannotRun as problem:
                raise Failed("CLIENT_ERROR", str(problem)) from problem
        text = str(source.get("BuildSpec") or "buildspec.yml")
        if "\n" not in text:
            file = self.source / text
            if not file.is_file():
                raise Failed("YAML_FILE_ERROR", f"YAML file does not exist: {text}")
            text = file.read_text()
        spec = buildspec.parse(text)
        role = str(self.build.properties["ServiceRole"]).rpartition("/")[2]
        self.variables = {
            **surroundings.variables(self.ctx, self.home, role),
            **variables.of_build(self.build, self.source),
            **spec.variables,
            **variables.fetched(self.ctx, spec),
            **variables.of_project(self.ctx, self.build),
        }
        await volumes.warm(self.ctx.world, endpoints.volumes_in(self.ctx.world, self.variables.values()))
        return spec

    async def _commands(self, name: str, spec: Spec) -> None:
        phase = name.upper()
        _phase(self.ctx, self.build, phase)
        self._say(f"[Container] Entering phase {phase}")
        problem: Failed | None = None
        for command in spec.commands.get(name, ()):
            problem = await self._command(command)
            if problem is not None:
                break
        for command in spec.finally_.get(name, ()):
            problem = await self._command(command) or problem
        if problem is not None and spec.on_failure.get(name) != "CONTINUE":
            self._fail(problem)
        else:
            self._say(f"[Container] Phase complete: {phase} State: SUCCEEDED")

    async def _command(self, command: str) -> Failed | None:
        self._say(f"[Container] Running command {command}")
        try:
            listed = buildspec.arguments(command, self.variables)
        except BadSpec as problem:
            return Failed(
                "COMMAND_EXECUTION_ERROR", f"Error while executing command: {command}. Reason: {problem}"
            )
        output = self.home / "output"
        self.child = await hosting.of(self.ctx.world).children.start(
            f"build {self.build.id}", listed, self.source, self.variables, output
        )
        code = await self._follow(self.child, output)
        self.child = None
        if code == 0:
            return None
        text = f"Error while executing command: {command}. Reason: exit status {code}"
        return Failed("COMMAND_EXECUTION_ERROR", text)

    async def _follow(self, child: Child, output: Path) -> int:
        """Log lines as they come; the exit code."""
        ended = asyncio.ensure_future(child.wait())
        said = 0
        try:
            while True:
                over = ended.done()
                text = output.read_text(errors="replace")
                lines = text[said:].splitlines(keepends=True)
                whole = lines if over else [line for line in lines if line.endswith("\n")]
                for line in whole:
                    self._say(line.rstrip("\n"))
                said += sum(len(line) for line in whole)
                if over:
                    return ended.result()
                await asyncio.wait([ended], timeout=0.2)
        finally:
            ended.cancel()

    # -- log and artifacts

    def _open_log(self) -> None:
        config = (self.build.properties.get("LogsConfig") or {}).get("CloudWatchLogs") or {}
        if config.get("Status") == "DISABLED":
            return
        group = config.get("GroupName") or f"/aws/codebuild/{self.build.data['project']}"
        stream = self.build.id.rpartition(":")[2]
        if config.get("StreamName"):
            stream = f"{config['StreamName']}/{stream}"
        for call, params in (
            (logs.create_log_group, {"logGroupName": group}),
            (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            try:
                call(self.ctx, params)
            except AwsError as problem:
                if problem.code != "ResourceAlreadyExistsException":
                    raise
        self.build.data["logs"] = {
            "groupName": group,
            "streamName": stream,
            "cloudWatchLogsArn": self.ctx.arn("logs", f"log-group:{group}:log-stream:{stream}"),
        }
        self.ctx.store.put(self.build)

    def _say(self, line: str) -> None:
        place = self.build.data["logs"]
        if not place:
            return
        event = {"timestamp": int(self.ctx.now * 1000), "message": line + "\n"}
        params = {
            "logGroupName": place["groupName"],
            "logStreamName": place["streamName"],
            "logEvents": [event],
        }
        try:
            logs.put_log_events(self.ctx, params)
        except AwsError as problem:
            log.info("A line of the build %s has no place: %s", self.build.id, problem.message)

    def _export(self, spec: Spec) -> None:
        # Without a shell no command can change a variable: exported ones have the values they began with.
        exported = [{"name": n, "value": self.variables[n]} for n in spec.exported if n in self.variables]
        self.build.data["exported"] = exported

    async def _upload(self, spec: Spec) -> None:
        config = self.build.properties.get("Artifacts") or {}
        if config.get("Type") != "S3":
            return
        bucket = bucket_find(self.ctx.world, str(config.get("Location")))
        if bucket is None:
            raise Failed("CLIENT_ERROR", "Error in UPLOAD_ARTIFACTS phase: the bucket does not exist")
        base = (self.source / spec.base).resolve()
        files = sorted(p for p in base.rglob("*") if p.is_file())
        wanted = [p for p in files if any(_matches(p.relative_to(base), f) for f in spec.files)]
        if not wanted:
            raise Failed("CLIENT_ERROR", "no matching artifact paths found")
        parts = [config.get("Path"), config.get("Name") or self.build.data["project"]]
        if config.get("NamespaceType") == "BUILD_ID":
            parts.insert(1, self.build.id.rpartition(":")[2])
        prefix = "/".join(str(p).strip("/") for p in parts if p and p != "/")
        ctx = self.ctx.world.context(bucket.account, bucket.region)
        for path in wanted:
            store_object(ctx, bucket, f"{prefix}/{path.relative_to(base)}", path.read_bytes(), {})
        self.build.data["artifacts"] = {"location": f"arn:aws:s3:::{bucket.id}/{prefix}"}


def _matches(path: Path, pattern: str) -> bool:
    return pattern == "**/*" or fnmatch.fnmatchcase(str(path), pattern)

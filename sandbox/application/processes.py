"""Applications of Beanstalk environments as processes: one per environment, started on first use, ended when idle."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from typing import TYPE_CHECKING, Any

from sandbox.application import endpoints, hosting, surroundings, volumes
from sandbox.application.bundle import CannotRun, run_command, unpack
from sandbox.application.children import Child
from sandbox.application.probing import health_check, probe
from sandbox.errors import AwsError
from sandbox.services.elasticbeanstalk import common
from sandbox.services.elasticbeanstalk.options import Options, effective
from sandbox.services.s3.state import bucket_find, current
from sandbox.services.secretsmanager import secrets
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.world import World

log = logging.getLogger("sandbox")
MOST = 12
"""Processes of applications at a time; the one that was idle longest makes room."""
IDLE_S = 600.0
LOOK_EVERY_S = 5.0
START_WITHIN_S = 20.0
AGAIN_AFTER_S = 3.0
"""A program that has just ended is not started again at once."""
VARIABLES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
NO_TOKENS = ("aws:autoscaling:launchconfiguration", "DisableIMDSv1")
"""Whether instance metadata wants a token: on Amazon Linux 2023 it does, unless this says false."""


class Program:
    """One environment's process. `problem` says why there is none; `label` is the version that runs."""

    def __init__(self, mark: str, label: str) -> None:
        self.mark, self.label = mark, label
        self.child: Child | None = None
        self.port = 0
        self.largest_body = 0
        self.problem = ""
        self.used_at = self.tried_at = 0.0
        self.starting = asyncio.Lock()
        self.requests: list[tuple[float, int]] = []
        """(epoch second, status) of the newest requests, for enhanced health."""
        self.health: tuple[str, str] | None = None
        """(reason, description) of why the last health check failed."""

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running


def existing(world: World, env: Record) -> Program | None:
    """The environment's process, if one was ever started."""
    return hosting.of(world).programs.get(env.key)


def environment_of(ctx: Context, instance_id: str) -> Record | None:
    """The Beanstalk environment that an instance belongs to."""
    for env in ctx.store.list(ctx.account, ctx.region, common.ENVIRONMENT):
        if instance_id in (env.data.get("made") or {}).get("instances", ()):
            return env
    return None


def failure(ctx: Context, instance_id: str) -> tuple[str, str] | None:
    """Reason and description of an instance's failing health checks; None while they pass or nothing was started."""
    env = environment_of(ctx, instance_id)
    program = existing(ctx.world, env) if env is not None else None
    if program is None:
        return None
    if program.child is not None and not program.running and program.health is None:
        return "Target.FailedHealthChecks", "Health checks failed"
    return program.health


def runs(ctx: Context, env: Record, label: str) -> bool:
    """Whether a version of the environment's application is something that the sandbox runs as a process."""
    try:
        _unpacked(ctx, env, label)
    except CannotRun:
        return False
    return True


async def ensure(ctx: Context, env: Record) -> Program:
    """The environment's process, running. Raises CannotRun."""
    here = hosting.of(ctx.world)
    label = str(env.data.get("deployed") or env.properties.get("VersionLabel") or "")
    mark = _mark(ctx, env, label)
    program = here.programs.get(env.key)
    if program is not None and program.mark != mark:
        # Not waited for: another request may be on its way here.
        end_soon(ctx.world, env)
        program = None
    if program is None:
        program = here.programs[env.key] = Program(mark, label)
        program.used_at = ctx.now
        _watch(ctx.world)
    async with program.starting:
        if not program.running:
            await _start(ctx, env, program)
    if here.programs.get(env.key) is not program:
        # A deployment or the environment's end came in between.
        await _stopped(program)
        if ctx.store.get(*env.key) is not env:
            raise CannotRun("The environment was terminated.")
        return await ensure(ctx, env)
    program.used_at = ctx.now
    return program


async def _stopped(program: Program) -> None:
    if program.child is not None:
        await program.child.stop()


async def trial(ctx: Context, env: Record, label: str) -> tuple[Program, str]:
    """Start a version beside the one that runs: the program, and why it is no good ("": it is)."""
    program = Program(_mark(ctx, env, label), label)
    try:
        await _start(ctx, env, program)
    except CannotRun as problem:
        return program, str(problem)
    path, codes = health_check(effective(ctx, env.properties))
    failed = await asyncio.to_thread(probe, program.port, path, codes)
    if failed and program.child is not None:
        await program.child.stop()
    return program, failed[1] if failed else ""


def _mark(ctx: Context, env: Record, label: str) -> str:
    """Changes with everything that a new process would see: version, variables, secrets, reach of the metadata."""
    settings = effective(ctx, env.properties)
    seen = sorted(
        (n, o, v) for (n, o), v in settings.items() if n in (VARIABLES, SECRETS) or (n, o) == NO_TOKENS
    )
    return hashlib.sha256(repr((label, env.data.get("restarted"), seen)).encode()).hexdigest()


def _unpacked(ctx: Context, env: Record, label: str) -> Any:
    """The run command of a version. Raises CannotRun."""
    if not label:
        raise CannotRun(
            "The environment runs Elastic Beanstalk's sample application, which the sandbox has not."
        )
    version = common.version(ctx, env.properties["ApplicationName"], label)
    source = version.properties.get("SourceBundle")
    if not source:
        raise CannotRun(f"The version {label} has no source bundle.")
    bucket = bucket_find(ctx.world, source["S3Bucket"])
    if bucket is None:
        raise CannotRun(f"The bucket {source['S3Bucket']} of the version {label} does not exist.")
    try:
        found = current(bucket, ctx, source["S3Key"])
    except AwsError:
        raise CannotRun(f"The source bundle of the version {label} does not exist.") from None
    content = ctx.store.blob(found.data["blob"])
    folder = hosting.of(ctx.world).home / "applications" / hashlib.sha256(content).hexdigest()[:24]
    if not folder.is_dir():
        unpack(content, folder)
    return run_command(folder.absolute())


async def _start(ctx: Context, env: Record, program: Program) -> None:
    """Raises CannotRun, and keeps its text in `problem`."""
    here = hosting.of(ctx.world)
    if program.problem and ctx.now - program.tried_at < AGAIN_AFTER_S:
        raise CannotRun(program.problem)
    program.tried_at = ctx.now
    try:
        run = _unpacked(ctx, env, program.label)
        await make_room(ctx.world)
        settings = effective(ctx, env.properties)
        home = here.home / "instances" / env.data["id"]
        home.mkdir(parents=True, exist_ok=True)
        program.port, program.largest_body = _free_port(), run.largest_body
        # Docker's bridge is a hop more than the instance; without tokens there are no hops to count.
        reached = run.token_hops > 1 or settings.get(NO_TOKENS) == "false"
        given = {
            **run.variables,
            **surroundings.variables(ctx, home, _role(ctx, settings) if reached else ""),
            **_variables(ctx, settings),
            "HOST": "127.0.0.1",
            "PORT": str(program.port),
        }
        await volumes.warm(ctx.world, endpoints.volumes_in(ctx.world, given.values()))
        name = f"application {env.id}"
        program.child = await here.children.start(
            name, run.command, run.folder, given, home / "stdouterr.log"
        )
        await _listening(program)
    except (CannotRun, OSError) as problem:
        program.problem = str(problem)
        program.health = ("Target.FailedHealthChecks", "Health checks failed")
        raise CannotRun(program.problem) from problem
    program.problem, program.health = "", None


def _variables(ctx: Context, settings: Options) -> dict[str, str]:
    """The environment's variables, and the values of the secrets that it names. Raises CannotRun."""
    given = {option: value for (space, option), value in settings.items() if space == VARIABLES}
    for (space, option), arn in settings.items():
        if space != SECRETS:
            continue
        try:
            given[option] = str(secrets.value_of(ctx, secrets.find(ctx, arn))["SecretString"])
        except AwsError as problem:
            raise CannotRun(f"The secret of {option} cannot be read: {problem.message}") from problem
    return given


def _role(ctx: Context, settings: Options) -> str:
    profile = settings.get(("aws:autoscaling:launchconfiguration", "IamInstanceProfile"), "")
    return surroundings.role_of_profile(ctx, profile)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _listening(program: Program) -> None:
    assert program.child is not None
    until = asyncio.get_running_loop().time() + START_WITHIN_S
    while asyncio.get_running_loop().time() < until:
        if not program.child.running:
            raise CannotRun(f"The application ended as it started: {program.child.last_words()}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", program.port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    await program.child.stop()
    raise CannotRun(f"The application does not listen on its port within {START_WITHIN_S:.0f} s.")


def end_soon(world: World, env: Record) -> None:
    """The environment has no process from now on; the old one ends in a moment."""
    program = hosting.of(world).programs.pop(env.key, None)
    if program is not None and program.child is not None:
        world.spawn(program.child.stop())


def adopt(ctx: Context, env: Record, program: Program) -> None:
    """A program that passed its trial takes the place of the old one; where none ran, it waits for its first use."""
    programs = hosting.of(ctx.world).programs
    old = programs.get(env.key)
    if old is not None:
        program.used_at = ctx.now
        programs[env.key] = program
    child = old.child if old is not None else program.child
    if child is not None:
        ctx.world.spawn(child.stop())


def drop(world: World, done: asyncio.Task[tuple[Program, str]]) -> None:
    """A trial that nobody wants any more."""
    if not done.cancelled() and done.exception() is None and (child := done.result()[0].child) is not None:
        world.spawn(child.stop())


async def make_room(world: World) -> None:
    """End the programs that were idle longest, until there is room for one more."""
    programs = hosting.of(world).programs
    running = sorted((p.used_at, key) for key, p in programs.items() if p.running)
    for _, key in running[: max(0, len(running) - MOST + 1)]:
        child = programs.pop(key).child
        if child is not None:
            await child.stop()


# -- health and idleness


def _watch(world: World) -> None:
    """Look at every program every few seconds, as long as there is one."""
    if not world.memory.get("programs watched"):
        world.memory["programs watched"] = True
        world.scheduler.at(world.scheduler.now() + LOOK_EVERY_S, lambda: _look(world))


def _look(world: World) -> None:
    world.memory["programs watched"] = False
    if hosting.of(world).programs:
        world.spawn(look(world))
        _watch(world)


async def look(world: World) -> None:
    """Check the health of what runs; end what is idle or has lost its environment."""
    for key, program in list(hosting.of(world).programs.items()):
        env = world.store.get(*key)
        if program.starting.locked():
            continue
        if env is None or world.scheduler.now() - program.used_at > IDLE_S:
            hosting.of(world).programs.pop(key, None)
            if program.child is not None:
                await program.child.stop()
        else:
            await check(world.context(env.account, env.region), env, program)


async def check(ctx: Context, env: Record, program: Program) -> None:
    """One health check of a program that was started; one that ended is started again, as Docker does."""
    if not program.running:
        try:
            async with program.starting:
                await _start(ctx, env, program)
        except CannotRun as problem:
            log.info("The application of %s does not run: %s", env.id, problem)
            return
    if existing(ctx.world, env) is not program:
        await _stopped(program)
        return
    path, codes = health_check(effective(ctx, env.properties))
    program.health = await asyncio.to_thread(probe, program.port, path, codes)

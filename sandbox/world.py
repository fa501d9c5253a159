"""The sandbox's world: the store, the clock, the settings, and the three verbs that every change goes through.

CloudFormation and the services' own operations both call `create`, `update` and `delete`, so that what one makes
the other sees.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from sandbox import durations, quotas, registry, schemas
from sandbox.context import Context, Principal
from sandbox.errors import AwsError
from sandbox.faults import Faults
from sandbox.generic_types import GENERIC
from sandbox.iam.decisions import Decisions
from sandbox.request_log import RequestLog
from sandbox.resource_types import ResourceType
from sandbox.scheduler import Scheduler
from sandbox.schema_types import SCHEMA_TYPES, SchemaType
from sandbox.snapshots import Snapshots
from sandbox.store import GLOBAL, Record, Store

log = logging.getLogger("sandbox")
SETTINGS_TYPE = "Sandbox::Settings"


class World:
    """Everything that one sandbox process holds."""

    def __init__(self, directory: Path, speed: float | None = None) -> None:
        registry.load()
        for name in GENERIC:
            registry.TYPES.setdefault(name, ResourceType(name))
        for name in SCHEMA_TYPES:
            registry.TYPES.setdefault(name, SchemaType(name))
        self.store = Store(directory)
        self.snapshots = Snapshots(self.store)
        self.scheduler = Scheduler(self.store.flush)
        self.faults = Faults(self)
        self.requests = RequestLog(self)
        self.decisions = Decisions()
        self.base_url = ""
        self.memory: dict[str, Any] = {}
        """For services: what need not survive the process (waiting receivers, caches), by a name of theirs."""
        self._waiting: dict[tuple[str, str, str, str], list[asyncio.Future[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._load_settings(speed)
        self.store.on_change = self._flush_soon

    @staticmethod
    def _loop() -> asyncio.AbstractEventLoop | None:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None  # before the server runs; the first request flushes

    def _flush_soon(self) -> None:
        """Background work is written within 5 ms; what a request saw is written before its answer."""
        loop = self._loop()
        if loop is not None:
            loop.call_later(0.005, self.store.flush)

    # -- settings

    def _load_settings(self, speed: float | None) -> None:
        record = self.store.get("sandbox", GLOBAL, SETTINGS_TYPE, "settings")
        if record is None:
            data = {"speed": 0.02, "durations": {}, "enforce_iam": True}
            record = Record("sandbox", GLOBAL, SETTINGS_TYPE, "settings", data=data)
        if speed is not None:
            record.data["speed"] = speed
        self.store.put(record)
        self.settings = record.data
        self._settings_record = record
        self.scheduler.offset = float(record.data.get("clock_ahead_s", 0.0))

    def change_settings(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            if name == "durations":
                self.settings["durations"] = {**self.settings["durations"], **value}
            else:
                self.settings[name] = value
        self.store.put(self._settings_record)

    def advance(self, seconds: float) -> None:
        """Put the sandbox's clock forward, for good (a reset puts it back)."""
        self.settings["clock_ahead_s"] = self.scheduler.offset + seconds
        self.store.put(self._settings_record)
        self.scheduler.advance(seconds)

    def duration(self, type_name: str, action: str) -> float:
        """Seconds of real AWS for an action on a type."""
        return durations.seconds(type_name, action, self.settings["durations"])

    # -- start and reset

    def start(self) -> None:
        """Take up what was under way when the process ended: timers of records, services' own work."""
        for record in self.store.all():
            if record.pending and record.ready_at is not None:
                self._arm(record)
        self.faults.start()
        for hook in registry.STARTERS:
            hook(self)

    def reset(self) -> None:
        settings = dict(self.settings)
        self._drop_work()
        self.snapshots.drop()
        self.store.reset()
        self.faults.forget()
        self.requests.clear()
        self.decisions.clear()
        self._load_settings(settings["speed"])
        self.store.flush()
        for hook in registry.RESETTERS:
            hook(self)

    def put_back(self, name: str) -> None:
        """Go on from a snapshot. Raises KeyError for a name that there is not."""
        self.snapshots.put_back(name)
        self._drop_work()
        self.faults = Faults(self)
        self._load_settings(None)
        self.start()

    def _drop_work(self) -> None:
        """What is under way, and what is known of it in memory only."""
        for task in list(self._tasks):
            task.cancel()
        self.scheduler.clear()
        self.memory.clear()
        self._waiting.clear()

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine beside everything else; a failure is logged."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)
        return task

    def _spawned_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Background work failed", exc_info=task.exception())
        self.store.flush()

    # -- resource types

    @staticmethod
    def type(name: str) -> ResourceType:
        """The handler of a type. Raises AwsError for a type that has none."""
        handler = registry.TYPES.get(schemas.registered(name))
        if handler is None:
            raise AwsError("ValidationError", f"Resource type {name} is not supported by the sandbox", 400)
        return handler

    def context(self, account: str, region: str, **more: Any) -> Context:
        """A context for work that nobody's request started (timers, recovery after a restart): acts as root."""
        root = Principal(account, f"arn:aws:iam::{account}:root", account)
        return Context(self, account, region, more.pop("principal", root), base_url=self.base_url, **more)

    # -- the three verbs

    def create(
        self,
        ctx: Context,
        type_name: str,
        properties: dict[str, Any],
        *,
        id: str | None = None,
        hint: str = "",
        tags: dict[str, str] | None = None,
        data: dict[str, Any] | None = None,
        stack: str | None = None,
        logical_id: str | None = None,
        at_once: bool = False,
    ) -> Record:
        """Begin to create a resource and return its record (state `creating` until its time has passed).

        properties: CFN-shaped, with or without the tag property; `tags` are added to those. id: the physical id, if
        it is settled already (else `identify` makes it, with `hint`). at_once: no duration.
        Raises AwsError where the handler refuses.
        """
        handler = self.type(type_name)
        properties, own_tags = handler.settle(properties)
        handler.check_create(ctx, properties)
        quotas.check(self, ctx.account, handler.region_of(ctx), type_name, properties)
        id = id or handler.identify(ctx, properties, hint)
        region = handler.region_of(ctx)
        if self.store.get(ctx.account, region, type_name, id) is not None:
            raise AwsError("AlreadyExists", f"{id} already exists", 400)
        record = Record(
            ctx.account,
            region,
            type_name,
            id,
            properties=properties,
            tags={**(tags or {}), **own_tags},
            state=handler.state_creating,
            arn=handler.arn_for(ctx, id, properties),
            created_at=ctx.now,
            updated_at=ctx.now,
            stack=stack,
            logical_id=logical_id,
            data=dict(data or {}),
        )
        self.store.put(record)
        try:
            handler.created(ctx, record)
        except AwsError:
            self.store.remove(record)
            raise
        self._begin(ctx, record, "create", at_once)
        return record

    def update(
        self,
        ctx: Context,
        record: Record,
        properties: dict[str, Any],
        *,
        tags: dict[str, str] | None = None,
        at_once: bool = False,
    ) -> Record:
        """Begin to update a resource in place. properties: all of them, CFN-shaped; tags: all of them, or None."""
        handler = self.type(record.type)
        properties, own_tags = handler.settle(properties)
        handler.check_update(ctx, record, properties)
        before, record.properties = record.properties, properties
        if tags is not None:
            record.tags = {**tags, **own_tags}
        record.updated_at = ctx.now
        record.state = handler.state_updating
        self.store.put(record)
        handler.updated(ctx, record, before)
        self._begin(ctx, record, "update", at_once)
        return record

    def delete(self, ctx: Context, record: Record, *, at_once: bool = False) -> Record:
        """Begin to delete a resource; it is gone from the store when its time has passed."""
        handler = self.type(record.type)
        handler.check_delete(ctx, record)
        record.state = handler.state_deleting
        record.updated_at = ctx.now
        self.store.put(record)
        handler.deleting(ctx, record)
        self._begin(ctx, record, "delete", at_once)
        return record

    def _begin(self, ctx: Context, record: Record, action: str, at_once: bool) -> None:
        wait = 0.0
        if not at_once:
            seconds = self.type(record.type).duration(ctx, record, action)
            wait = self.faults.slowed(record, action, seconds * float(self.settings["speed"]))
        record.pending = action
        record.ready_at = ctx.now + wait
        self.store.put(record)
        if wait <= 0:
            self._settle(record, action, record.ready_at)
        else:
            self._arm(record)

    def postpone(self, ctx: Context, record: Record, action: str, seconds: float) -> None:
        """For a type's `ready`: not yet, ask again in so many (real) seconds; the change goes on until then."""
        handler = self.type(record.type)
        record.state = handler.state_creating if action == "create" else handler.state_updating
        record.pending, record.ready_at = action, ctx.now + seconds
        self.store.put(record)
        self._arm(record)

    def _arm(self, record: Record) -> None:
        action, ready_at = str(record.pending), float(record.ready_at or 0)
        self.scheduler.at(ready_at, lambda: self._settle(record, action, ready_at))

    def _settle(self, record: Record, action: str, ready_at: float) -> None:
        if record.pending != action or record.ready_at != ready_at:
            return  # a later change took over
        if self.store.get(*record.key) is not record:
            return
        handler = self.type(record.type)
        ctx = self.context(record.account, record.region, stack=record.stack)
        record.pending = record.ready_at = None
        problem: AwsError | None = None
        try:
            if action == "delete":
                if handler.deleted(ctx, record):
                    self.store.put(record)
                else:
                    self.store.remove(record)
            else:
                record.state = handler.state_ready
                self.store.put(record)
                handler.ready(ctx, record, action)
        except AwsError as refused:
            problem = refused
            record.state = "failed"
            self.store.put(record)
        waiting = self._waiting.pop(record.key, [])
        for future in waiting:
            if not future.done():
                future.set_exception(problem) if problem else future.set_result(None)
        if problem and not waiting:  # told once: to who waits, or to who asks later
            record.data["failure"] = problem.message

    async def settled(self, record: Record) -> None:
        """Wait until the record's pending change is through. Raises AwsError if it failed."""
        while record.pending:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(record.key, []).append(future)
            await future
        if "failure" in record.data:
            raise AwsError("GeneralServiceException", record.data.pop("failure"), 400)

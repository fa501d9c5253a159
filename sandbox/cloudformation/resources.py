"""One resource of a stack: made, changed, replaced or taken away by its type's handler."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, cast

from sandbox import schemas
from sandbox.cloudformation.failures import ResourceFailed, handler_message
from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import STACK, resource_of, row_new, row_status
from sandbox.context import Context, Principal
from sandbox.errors import AwsError
from sandbox.iam.authorize import permit_type
from sandbox.resource_types import tags_from
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World


class Nested(Protocol):
    """What the type of nested stacks has in place of the world's three verbs."""

    def make(self, ctx: Context, parent: Record, logical_id: str, properties: dict[str, Any]) -> Record: ...

    async def made(self, ctx: Context, stack: Record) -> None: ...

    async def change(
        self, ctx: Context, parent: Record, stack: Record, properties: dict[str, Any], tried: str | None
    ) -> None: ...

    async def unmake(self, ctx: Context, stack: Record) -> None: ...


class Resources:
    """The resource steps of one stack operation."""

    def __init__(self, world: World, stack: Record, principal: Principal, operation_id: str) -> None:
        self.world, self.stack, self.operation_id = world, stack, operation_id
        self.ctx = Context(
            world,
            stack.account,
            stack.region,
            principal,
            "cloudformation",
            base_url=world.base_url,
            stack=stack.arn,
        )

    @property
    def _nested(self) -> Nested:
        return cast(Nested, self.world.type(STACK))

    def tags(self, logical_id: str) -> dict[str, str]:
        """The stack's tags and CloudFormation's own."""
        return {
            **self.stack.tags,
            "aws:cloudformation:stack-name": self.stack.data["name"],
            "aws:cloudformation:logical-id": logical_id,
            "aws:cloudformation:stack-id": self.stack.arn,
        }

    def _tags_for(self, type_name: str, logical_id: str) -> dict[str, str]:
        return self.tags(logical_id) if self.world.type(type_name).schema.tag_property else {}

    def _fail(self, row: Record, action: str, problem: AwsError, plain: bool = False) -> ResourceFailed:
        reason = problem.message if plain else handler_message(problem)
        row_status(self.world, self.stack, row, f"{action}_FAILED", reason)
        return ResourceFailed(reason)

    def _check(self, type_name: str, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        values, refusals = schemas.check(schemas.load(type_name), properties)
        if refusals:
            raise AwsError(
                "ValidationError",
                f"Properties validation failed for resource {logical_id} with message:\n"
                + "\n".join(refusals),
            )
        return values

    def _planted(self, type_name: str, action: str) -> None:
        facts = {"account": self.stack.account, "region": self.stack.region, "service": "cloudformation"}
        self.world.faults.failing_type(facts, type_name, action)

    def _told(self, action: str, type_name: str, logical_id: str) -> AbstractContextManager[None]:
        """What is done within it is a call of the type's handler in the log of calls."""
        return self.world.requests.told(
            "cloudformation",
            account=self.stack.account,
            region=self.stack.region,
            service="cloudformation",
            operation=action,
            resource=f"{type_name} {self.stack.data['name']}/{logical_id}",
            principal=self.ctx.principal.arn,
        )

    # -- create

    async def create(
        self,
        logical_id: str,
        type_name: str,
        properties: dict[str, Any],
        scope: StackScope,
        old: Record | None,
    ) -> None:
        """Make the resource. old: its row, where it is replaced or made again. Raises ResourceFailed."""
        row = old or row_new(self.world, self.stack, logical_id, type_name)
        replaces = bool(old is not None and old.data["physical_id"])
        if replaces:
            row_status(
                self.world,
                self.stack,
                row,
                "UPDATE_IN_PROGRESS",
                "Requested update requires the creation of a new physical resource; hence creating one.",
                True,
            )
        action = "UPDATE" if replaces else "CREATE"
        row.data.update(
            type=type_name,
            properties=properties,
            tags=dict(self.stack.tags),
            op=self.operation_id,
            done=False,
        )
        if not replaces:
            row_status(self.world, self.stack, row, "CREATE_IN_PROGRESS", None, True)
        try:
            values = self._check(type_name, logical_id, scope.dynamic(properties))
        except AwsError as problem:
            raise self._fail(row, action, problem, plain=True) from problem
        try:
            with self._told("create", type_name, logical_id):
                record = self._make(logical_id, type_name, values)
                row.data["key"] = list(record.key)
                row.data["physical_id"] = self.world.type(type_name).ref(record)
                row_status(
                    self.world, self.stack, row, f"{action}_IN_PROGRESS", "Resource creation Initiated", True
                )
                await self._through(record)
        except AwsError as problem:
            raise self._fail(row, action, problem) from problem
        self._done(row, action)

    def _make(self, logical_id: str, type_name: str, values: dict[str, Any]) -> Record:
        """Begin to make it. Raises AwsError."""
        self._planted(type_name, "create")
        tags = self._tags_for(type_name, logical_id)
        handler = self.world.type(type_name)
        id = handler.identify(self.ctx, values, f"{self.stack.data['name']}-{logical_id}")
        permit_type(self.ctx, type_name, "create", values, handler.arn_for(self.ctx, id, values), tags)
        if type_name == STACK:
            return self._nested.make(self.ctx, self.stack, logical_id, values)
        return self.world.create(
            self.ctx, type_name, values, id=id, tags=tags, stack=self.stack.arn, logical_id=logical_id
        )

    async def _through(self, record: Record) -> None:
        """Wait until what was begun is through. Raises AwsError if it failed."""
        if record.type == STACK:
            await self._nested.made(self.ctx, record)
        else:
            await self.world.settled(record)

    def _split(self, row: Record, record: Record | None) -> None:
        """Where a provider answered an Update with another resource: the row's is the new one, the old one can go."""
        old = record.data.pop("replaced", None) if record is not None else None
        if record is None or old is None:
            return
        was, row.data["physical_id"] = row.data["physical_id"], self.world.type(record.type).ref(record)
        if self.stack.state.startswith("UPDATE_ROLLBACK"):
            entry = {
                "name": row.logical_id,
                "type": record.type,
                "key": old,
                "physical_id": was,
                "depends": [],
            }
            self.stack.data["operation"]["later"].append({**entry, "policy": "Delete", "row": False})
        else:
            row.data["previous"]["key"] = old
        reason = "Requested update required the provider to create a new physical resource"
        row_status(self.world, self.stack, row, "UPDATE_IN_PROGRESS", reason)

    def _done(self, row: Record, action: str) -> None:
        row.data["done"] = True
        record = resource_of(self.world, row)
        if record is not None:
            row.data["physical_id"] = self.world.type(record.type).ref(record)
        row_status(self.world, self.stack, row, f"{action}_COMPLETE")

    async def resume(self, row: Record) -> None:
        """Wait for what was begun before the process was restarted."""
        action = row.state.split("_")[0]
        record = resource_of(self.world, row)
        try:
            if record is not None:
                with self._told(action.lower(), record.type, str(row.logical_id)):
                    await self._through(record)
        except AwsError as problem:
            self._split(row, record)
            raise self._fail(row, action, problem) from problem
        self._split(row, record)
        self._done(row, action)

    # -- update

    async def update(self, row: Record, properties: dict[str, Any], scope: StackScope) -> None:
        """Change the resource in place. Raises ResourceFailed."""
        record = resource_of(self.world, row)
        type_name, logical_id = row.data["type"], str(row.logical_id)
        row.data.update(properties=properties, tags=dict(self.stack.tags), op=self.operation_id, done=False)
        row_status(self.world, self.stack, row, "UPDATE_IN_PROGRESS", None, True)
        try:
            values = self._check(type_name, logical_id, scope.dynamic(properties))
        except AwsError as problem:
            raise self._fail(row, "UPDATE", problem, plain=True) from problem
        try:
            if record is None:
                raise AwsError(
                    "NotFound",
                    f"Resource of type '{type_name}' with identifier '{row.data['physical_id']}' was not found.",
                )
            with self._told("update", type_name, logical_id):
                self._planted(type_name, "update")
                permit_type(self.ctx, type_name, "update", values, record.arn, {}, record.properties)
                if type_name == STACK:
                    await self._change_stack(row, record, values)
                else:
                    self.world.update(self.ctx, record, values, tags=self._updated_tags(row, record))
                    await self.world.settled(record)
        except AwsError as problem:
            self._split(row, record)
            raise self._fail(row, "UPDATE", problem) from problem
        self._split(row, record)
        self._done(row, "UPDATE")

    async def _change_stack(self, row: Record, record: Record, values: dict[str, Any]) -> None:
        """Update a nested stack; on the way back, put back what this operation's own update did."""
        back = self.stack.state.startswith("UPDATE_ROLLBACK")
        last = (record.data["operation"] or {}).get("id")
        try:
            await self._nested.change(
                self.ctx, self.stack, record, values, row.data.get("tried") if back else None
            )
        finally:
            if not back:
                now = (record.data["operation"] or {}).get("id")
                row.data["tried"] = now if now != last else None

    def _updated_tags(self, row: Record, record: Record) -> dict[str, str]:
        """The stack's tags anew; tags from elsewhere (the tagging API) stay, as they do in AWS."""
        managed = self._tags_for(row.data["type"], str(row.logical_id))
        previous = row.data["previous"] or {}
        tag_property = self.world.type(row.data["type"]).schema.tag_property
        ours = set(previous.get("tags") or ())
        if tag_property:
            ours |= set(tags_from((previous.get("properties") or {}).get(tag_property)))
        foreign = {k: v for k, v in record.tags.items() if k not in ours and k not in managed}
        return {**foreign, **managed}

    # -- delete

    async def delete(self, row: Record, policy: str) -> None:
        """Take the resource away, or leave it as its policy says. Raises ResourceFailed."""
        if row.state == "DELETE_COMPLETE":
            return
        record = resource_of(self.world, row)
        if policy in ("Retain", "RetainExceptOnCreate"):
            if record is not None:
                self.world.store.disown(record)
            row_status(self.world, self.stack, row, "DELETE_SKIPPED")
            return
        row.data["op"] = self.operation_id
        row_status(self.world, self.stack, row, "DELETE_IN_PROGRESS")
        try:
            await self.delete_record(record, policy)
        except AwsError as problem:
            raise self._fail(row, "DELETE", problem) from problem
        row_status(self.world, self.stack, row, "DELETE_COMPLETE")

    async def delete_record(self, record: Record | None, policy: str) -> None:
        """Delete a resource's record and wait until it is through. Raises AwsError."""
        if record is None or record.stack != self.stack.arn:
            return
        with self._told("delete", record.type, record.logical_id or record.id):
            await self._unmake(record, policy)

    async def _unmake(self, record: Record, policy: str) -> None:
        if record.pending == "delete":
            await self.world.settled(record)
            return
        if record.type == STACK:
            await self._nested.unmake(self.ctx, record)
            self.world.store.disown(record)
            return
        self._planted(record.type, "delete")
        permit_type(self.ctx, record.type, "delete", record.properties, record.arn, {})
        handler = self.world.type(record.type)
        if policy == "Snapshot":
            handler.last_copy(self.ctx, record)
        self.world.delete(self.ctx, record)
        await self.world.settled(record)
        if (
            self.world.store.get(*record.key) is record
        ):  # kept by its handler (a key that waits for its deletion)
            self.world.store.disown(record)

"""Workgroups and named queries."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.schema_types import SchemaType
from sandbox.store import Record

WORKGROUP, NAMED_QUERY = "AWS::Athena::WorkGroup", "AWS::Athena::NamedQuery"
EXECUTION = "Sandbox::Athena::QueryExecution"


def invalid(message: str) -> AwsError:
    """InvalidRequestException, Athena's word for all that a request got wrong."""
    return AwsError("InvalidRequestException", message, 400)


@resource_type(WORKGROUP)
class WorkGroup(SchemaType):
    """A workgroup. With queries in it, it is deleted only if its template says so (RecursiveDeleteOption)."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("athena", f"workgroup/{id}")

    def check_delete(self, ctx: Context, record: Record) -> None:
        if not record.get("RecursiveDeleteOption") and (
            executions(ctx, record.id) or queries(ctx, record.id)
        ):
            raise invalid(f"WorkGroup {record.id} is not empty")

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for run in executions(ctx, record.id):
            ctx.store.remove(run)
        return None


@resource_type(NAMED_QUERY)
class NamedQuery(SchemaType):
    """A named query; its id is a UUID."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(uuid.uuid4())

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        workgroup(ctx, properties.get("WorkGroup", "primary"))


def workgroup(ctx: Context, name: str) -> Record | None:
    """A workgroup; None for `primary`, which is there without being made. Raises InvalidRequestException."""
    record = ctx.store.get(ctx.account, ctx.region, WORKGROUP, name)
    if record is None and name != "primary":
        raise invalid(f"WorkGroup {name} is not found.")
    return record


def queries(ctx: Context, group: str) -> list[Record]:
    """The named queries of a workgroup, oldest first."""
    found = ctx.store.list(ctx.account, ctx.region, NAMED_QUERY)
    return [record for record in found if record.get("WorkGroup", "primary") == group]


def executions(ctx: Context, group: str) -> list[Record]:
    """What was run in a workgroup, oldest first."""
    found = ctx.store.list(ctx.account, ctx.region, EXECUTION)
    return [record for record in found if record.data["workgroup"] == group]

"""AWS::DynamoDB::GlobalTable: CloudFormation's hold on a table in several regions, the stack's own among them."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, tags_from
from sandbox.services.dynamodb import replicas
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.dynamodb.tables import TABLE
from sandbox.store import Record

GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
OWN = ("PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "TableClass")
"""What a replica has of its own, named as a table's."""


@resource_type(GLOBAL_TABLE)
class GlobalTable(ResourceType):
    """The tables are records of their own, of AWS::DynamoDB::Table; this one holds the template's properties."""

    state_creating = "CREATING"
    state_updating = "UPDATING"
    state_deleting = "DELETING"
    state_ready = "ACTIVE"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)
        ctx.world.type(TABLE).check_create(ctx, _table(ctx, properties))

    @staticmethod
    def _check(ctx: Context, properties: dict[str, Any]) -> None:
        wanted = [r["Region"] for r in properties["Replicas"]]
        if ctx.region not in wanted:
            raise invalid(f"The stack's own region {ctx.region} must be one of the replicas.")
        if len(set(wanted)) < len(wanted):
            raise invalid("A region can have one replica only.")
        if len(wanted) > 1 and not properties.get("StreamSpecification"):
            raise invalid("StreamSpecification is required for a global table with more than one replica.")

    def created(self, ctx: Context, record: Record) -> None:
        own = ctx.world.create(ctx, TABLE, _table(ctx, record.properties, record.id), tags=_tags(ctx, record))
        for replica in record.properties["Replicas"]:
            if replica["Region"] != ctx.region:
                _add(ctx, record, own, replica)
        record.attributes = {**own.attributes, "TableId": own.data["id"]}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        own = ctx.store.get(ctx.account, ctx.region, TABLE, record.id)
        if own is None:
            return
        wanted = {r["Region"]: r for r in record.properties["Replicas"]}
        for table in replicas.group(ctx.world, own):
            if table.region not in wanted:
                replicas.take_away(ctx, own, table.region)
        held = {t.region for t in replicas.group(ctx.world, own)}
        for region, replica in wanted.items():
            if region not in held:
                _add(ctx, record, own, replica)
        for table in replicas.group(ctx.world, own):
            if table.region in wanted and table.state != "DELETING":
                there = ctx.world.context(table.account, table.region, principal=ctx.principal)
                made = _table(there, record.properties, record.id)
                if made != table.properties and not table.pending:
                    ctx.world.update(there, table, made)
        record.attributes = {**own.attributes, "TableId": own.data["id"]}

    def check_delete(self, ctx: Context, record: Record) -> None:
        for table in _tables(ctx, record):
            ctx.world.type(TABLE).check_delete(ctx, table)

    def deleting(self, ctx: Context, record: Record) -> None:
        for table in _tables(ctx, record):
            there = ctx.world.context(table.account, table.region, principal=ctx.principal)
            ctx.world.delete(there, table)


def _tables(ctx: Context, record: Record) -> list[Record]:
    own = ctx.store.get(ctx.account, ctx.region, TABLE, record.id)
    return replicas.group(ctx.world, own) if own is not None else []


def _replica(ctx: Context, properties: dict[str, Any]) -> dict[str, Any]:
    found = [r for r in properties["Replicas"] if r["Region"] == ctx.region]
    return dict(found[0]) if found else {}


def _own(properties: dict[str, Any], replica: dict[str, Any]) -> dict[str, Any]:
    """A replica's own properties as a table's."""
    own = {n: replica[n] for n in OWN if n in replica}
    encryption = properties.get("SSESpecification")
    if encryption:
        named = (replica.get("SSESpecification") or {}).get("KMSMasterKeyId")
        own["SSESpecification"] = {**encryption, **({"KMSMasterKeyId": named} if named else {})}
    return own


def _table(ctx: Context, properties: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    """The properties of the table in the context's region."""
    made = {n: properties[n] for n in replicas.COPIED if n in properties}
    if name is not None:
        made["TableName"] = name
    made.update(_own(properties, _replica(ctx, properties)))
    if made.get("BillingMode", "PROVISIONED") != "PAY_PER_REQUEST":
        write = (properties.get("WriteProvisionedThroughputSettings") or {}).get(
            "WriteCapacityAutoScalingSettings"
        )
        least = int((write or {}).get("MinCapacity") or 1)
        made["ProvisionedThroughput"] = {"ReadCapacityUnits": least, "WriteCapacityUnits": least}
    return made


def _tags(ctx: Context, record: Record) -> dict[str, str]:
    return {**record.tags, **tags_from(_replica(ctx, record.properties).get("Tags"))}


def _add(ctx: Context, record: Record, own: Record, replica: dict[str, Any]) -> None:
    there = ctx.world.context(ctx.account, replica["Region"])
    more = _own(record.properties, replica)
    replicas.add(ctx, own, replica["Region"], more, _tags(there, record))

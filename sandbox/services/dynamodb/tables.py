"""Tables as records. Items are records of their own (content.py)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.services.dynamodb import content
from sandbox.services.dynamodb.expressions import invalid
from sandbox.services.kms import keys
from sandbox.store import Record

TABLE = "AWS::DynamoDB::Table"
MOST_INDEXES = 20
"""Service quotas of DynamoDB: global secondary indexes of a table."""


@resource_type(TABLE)
class Table(ResourceType):
    """A table. data: id, stream (label), group (id of its global table), replica (it was made as one), items."""

    state_creating = "CREATING"
    state_updating = "UPDATING"
    state_deleting = "DELETING"
    state_ready = "ACTIVE"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("dynamodb", f"table/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("TableName")
        if name and ctx.store.get(ctx.account, ctx.region, TABLE, name):
            raise AwsError("ResourceInUseException", f"Table already exists: {name}")
        check_keys(properties)
        _check_capacity(properties)
        _usable_key(ctx, properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.properties.setdefault("TableName", record.id)
        record.data.setdefault("id", str(uuid.uuid4()))
        self._attributes(ctx, record)

    def _attributes(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn, "TableId": record.data["id"]}
        if not record.properties.get("StreamSpecification"):
            record.data.pop("stream", None)
            return
        if "stream" not in record.data:
            stamp = datetime.fromtimestamp(ctx.now, UTC)
            record.data["stream"] = stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03}"
        record.attributes["StreamArn"] = f"{record.arn}/stream/{record.data['stream']}"

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        check_keys(properties)
        _check_capacity(properties)
        if record.pending:
            text = f"Attempt to change a resource which is still in use: Table is being updated: {record.id}"
            raise AwsError("ResourceInUseException", text)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault("TableName", record.id)
        self._attributes(ctx, record)

    def replaces(self, record: Record, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        """The name, and the keys of the table itself (user guide: "Update requires: Replacement" of KeySchema)."""
        changed = super().replaces(record, before, after)
        return changed + [n for n in ("KeySchema",) if before.get(n) != after.get(n)]

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.properties.get("DeletionProtectionEnabled"):
            raise invalid(
                f"1 validation error detected: Table '{record.id}' can't be deleted while DeletionProtectionEnabled is "
                "set to True"
            )
        if record.pending:
            text = "Attempt to change a resource which is still in use: Table is being "
            text += f"{WORDS[record.state]}: {record.id}"
            raise AwsError("ResourceInUseException", text)

    def deleted(self, ctx: Context, record: Record) -> None:
        content.drop_all(ctx.world, record)


WORDS = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}


def find(ctx: Context, name: str) -> Record:
    """The table of a name or ARN. Raises ResourceNotFoundException."""
    plain = name.rpartition("/")[2] if name.startswith("arn:") else name
    record = ctx.store.get(ctx.account, ctx.region, TABLE, plain)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {plain} not found")
    return record


def usable(ctx: Context, name: str) -> Record:
    """The table, for its items. Raises ResourceNotFoundException before and after its time, and what KMS says."""
    plain = name.rpartition("/")[2] if name.startswith("arn:") else name
    record = ctx.store.get(ctx.account, ctx.region, TABLE, plain)
    if record is None or record.state in ("CREATING", "DELETING"):
        raise AwsError("ResourceNotFoundException", "Requested resource not found")
    _usable_key(ctx, record.properties)
    return record


def _usable_key(ctx: Context, properties: dict[str, Any]) -> None:
    named = (properties.get("SSESpecification") or {}).get("KMSMasterKeyId")
    if not named:
        return
    try:
        keys.usable(ctx, named)
    except AwsError as problem:
        text = f"KMS key access denied error: {problem.message}"
        raise AwsError("AccessDeniedException", text, 400) from problem


def schema_of(properties: dict[str, Any], index: str | None = None) -> list[str]:
    """Names of the partition key and the sort key (if any), of the table or of one of its indexes."""
    schema = properties["KeySchema"]
    if index is not None:
        found = next((i for i in indexes(properties) if i["IndexName"] == index), None)
        if found is None:
            raise invalid(f"The table does not have the specified index: {index}")
        schema = found["KeySchema"]
    return [k["AttributeName"] for k in sorted(schema, key=lambda k: k["KeyType"] != "HASH")]


def indexes(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Global and local secondary indexes."""
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    return [i for kind in kinds for i in properties.get(kind) or ()]


def check_keys(properties: dict[str, Any]) -> None:
    """Refuse key attributes that are not defined, and definitions that no key uses."""
    defined = {d["AttributeName"] for d in properties.get("AttributeDefinitions") or ()}
    used = set(schema_of(properties))
    for index in indexes(properties):
        used |= {k["AttributeName"] for k in index["KeySchema"]}
    if used - defined:
        raise invalid(
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            f"AttributeDefinitions. Keys: [{', '.join(sorted(used))}], AttributeDefinitions: "
            f"[{', '.join(sorted(defined))}]"
        )
    if defined - used:
        raise invalid(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match "
            "number of attributes defined in AttributeDefinitions"
        )
    if len(properties.get("GlobalSecondaryIndexes") or ()) > MOST_INDEXES:
        raise AwsError("LimitExceededException", f"A table has at most {MOST_INDEXES} secondary indexes.")


def _check_capacity(properties: dict[str, Any]) -> None:
    on_demand = properties.get("BillingMode") == "PAY_PER_REQUEST"
    given = properties.get("ProvisionedThroughput") or {}
    if on_demand and given.get("ReadCapacityUnits"):
        raise invalid(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be "
            "specified when BillingMode is PAY_PER_REQUEST"
        )
    if not on_demand and not given:
        raise invalid(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be "
            "specified when BillingMode is PROVISIONED"
        )


def facts(record: Record) -> dict[str, Any]:
    """What evaluating an update needs to know of the keys."""
    properties = record.properties
    every = {*schema_of(properties)}
    for index in indexes(properties):
        every |= {k["AttributeName"] for k in index["KeySchema"]}
    return {
        "keys": schema_of(properties),
        "all_keys": sorted(every),
        "definitions": properties["AttributeDefinitions"],
    }

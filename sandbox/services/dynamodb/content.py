"""Items of tables: records, indexed by table and key; what was written, when and where (for global tables).

An item's record: id is table and key, data {"table", "item" (None: deleted, kept for its time), "at", "region"}.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start
from sandbox.store import Record
from sandbox.world import World

ITEM = "Sandbox::DynamoDB::Item"
Attributes = dict[str, Any]
WRITTEN: list[Callable[[World, Record, Record], None]] = []
"""Called with the table and the item's record after each write of a client (global tables replicate it)."""
_INDEX = "dynamodb items"


def inward(value: Any) -> Any:
    """An attribute value as it is kept: bytes in base64."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {k: _number(v) if k in ("N", "NS") else inward(v) for k, v in value.items()}
    return [inward(v) for v in value] if isinstance(value, list) else value


def _number(value: Any) -> Any:
    """A number in the one form that DynamoDB keeps (1.0 is 1). Raises ValidationException."""
    if isinstance(value, list):
        return [_number(v) for v in value]
    if not isinstance(value, str):
        return inward(value)
    try:
        return f"{Decimal(value).normalize():f}"
    except InvalidOperation as problem:
        text = f"The parameter cannot be converted to a numeric value: {value}"
        raise AwsError("ValidationException", text, 400) from problem


def outward(value: Any) -> Any:
    """An attribute value as the API's serializer takes it."""
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    if kind == "B":
        return {"B": base64.b64decode(inner)}
    if kind == "BS":
        return {"BS": [base64.b64decode(v) for v in inner]}
    if kind == "M":
        return {"M": shown(inner)}
    return {"L": [outward(v) for v in inner]} if kind == "L" else value


def shown(item: Attributes) -> Attributes:
    """An item as it is answered."""
    return {name: outward(value) for name, value in item.items()}


def _tables(world: World) -> dict[tuple[str, str, str], dict[str, Record]]:
    index: dict[tuple[str, str, str], dict[str, Record]] | None = world.memory.get(_INDEX)
    if index is None:
        index = world.memory[_INDEX] = {}
        for record in world.store.everywhere(ITEM):
            place = (record.account, record.region, record.data["table"])
            index.setdefault(place, {})[record.data["key"]] = record
    return index


def _of(world: World, table: Record) -> dict[str, Record]:
    return _tables(world).setdefault((table.account, table.region, table.id), {})


def key_text(key: Attributes) -> str:
    return json.dumps(key, sort_keys=True)


def read(world: World, table: Record, key: Attributes) -> Attributes | None:
    """The item of a key."""
    record = _of(world, table).get(key_text(key))
    return record.data["item"] if record is not None else None


def everything(world: World, table: Record) -> list[Attributes]:
    """All items of a table."""
    return [r.data["item"] for r in _of(world, table).values() if r.data["item"] is not None]


def records(world: World, table: Record) -> list[Record]:
    """The records of a table's items, deleted ones among them."""
    return list(_of(world, table).values())


def write(ctx: Context, table: Record, key: Attributes, item: Attributes | None) -> None:
    """Write an item, or delete it (None), as a client does it now."""
    record = apply(ctx.world, table, key_text(key), item, ctx.now, table.region)
    if record is not None:
        for hook in WRITTEN:
            hook(ctx.world, table, record)


def apply(
    world: World, table: Record, key: str, item: Attributes | None, at: float, region: str
) -> Record | None:
    """Write what was written at a time in a region, unless something later is there; answers the record if it is."""
    held = _of(world, table)
    record = held.get(key)
    if record is not None and (record.data["at"], record.data["region"]) > (at, region):
        return None
    if record is None:
        record = Record(table.account, table.region, ITEM, f"{table.id}\n{key}", created_at=at)
    record.data = {"table": table.id, "key": key, "item": item, "at": at, "region": region}
    if item is None and "group" not in table.data:
        held.pop(key, None)
        world.store.remove(record)
        return record
    held[key] = record
    return world.store.put(record)


def drop_all(world: World, table: Record) -> None:
    for record in _of(world, table).values():
        world.store.remove(record)
    _tables(world).pop((table.account, table.region, table.id), None)


@on_start
def forget_index(world: World) -> None:
    """The index is built anew from what is stored."""
    world.memory.pop(_INDEX, None)

"""Rotation of key material: on demand and by the sandbox's clock. What was encrypted before stays readable."""

from __future__ import annotations

import base64
import os
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_reset, on_start, operation
from sandbox.services.kms import keys, multi_region
from sandbox.services.kms.operations import change, changeable, page
from sandbox.store import Record
from sandbox.world import World

DEFAULT_DAYS = 365
MOST_ON_DEMAND = 25
"""KMS API reference, RotateKeyOnDemand: on-demand rotations of a key."""


def rotate(world: World, record: Record, kind: str) -> None:
    """New material for a key in all its regions. kind: AUTOMATIC or ON_DEMAND."""
    material = base64.b64encode(os.urandom(32)).decode()
    for copy in multi_region.related(world, record):
        copy.data["old"] = [*copy.data.get("old", ()), copy.data["material"]]
        copy.data["material"] = material
        done = {"KeyId": copy.arn, "RotationDate": world.scheduler.now(), "RotationType": kind}
        copy.data["rotations"] = [*copy.data.get("rotations", ()), done]
        world.store.put(copy)


def _days(world: World, record: Record) -> int:
    return int(multi_region.shared(world, record).get("RotationPeriodInDays") or DEFAULT_DAYS)


def _on(world: World, record: Record) -> bool:
    return bool(multi_region.shared(world, record).get("EnableKeyRotation"))


def next_date(world: World, record: Record) -> float:
    """When the key rotates by itself: a period after it was made or last rotated by itself."""
    own = [r["RotationDate"] for r in record.data.get("rotations", ()) if r["RotationType"] == "AUTOMATIC"]
    since = max([float(record.data.get("rotation_since", record.created_at)), *own])
    return since + _days(world, record) * keys.DAY_S


@on_start
@on_reset
def look_daily(world: World) -> None:
    """Rotate what is due, once a day."""
    for record in world.store.everywhere(multi_region.KEY):
        _rotate_due(world, multi_region.primary_of(world, record))
    world.scheduler.at(world.scheduler.now() + keys.DAY_S, lambda: look_daily(world))


def _rotate_due(world: World, record: Record) -> None:
    if not _on(world, record) or next_date(world, record) > world.scheduler.now():
        return
    if record.state == "Enabled":
        rotate(world, record, "AUTOMATIC")
    else:
        # A disabled key is left out; here its period begins anew.
        record.data["rotation_since"] = world.scheduler.now()
        world.store.put(record)


def _rotatable(ctx: Context, params: dict[str, Any]) -> Record:
    """The key, if its material can be rotated here: symmetric, and no replica."""
    record = changeable(ctx, params)
    spec = multi_region.shared(ctx.world, record).get("KeySpec", "SYMMETRIC_DEFAULT")
    if spec != "SYMMETRIC_DEFAULT" or not multi_region.is_primary(record):
        kind = "an asymmetric key" if spec != "SYMMETRIC_DEFAULT" else "a replica key"
        raise AwsError("UnsupportedOperationException", f"{record.arn} is {kind}: it cannot be rotated.")
    keys.refuse_unusable(record)
    return record


@operation("kms", "EnableKeyRotation")
def enable_key_rotation(ctx: Context, params: dict[str, Any]) -> None:
    record = _rotatable(ctx, params)
    changes: dict[str, Any] = {"EnableKeyRotation": True}
    if params.get("RotationPeriodInDays"):
        changes["RotationPeriodInDays"] = params["RotationPeriodInDays"]
    if not _on(ctx.world, record):
        record.data["rotation_since"] = ctx.now
    change(ctx, record, **changes)


@operation("kms", "DisableKeyRotation")
def disable_key_rotation(ctx: Context, params: dict[str, Any]) -> None:
    change(ctx, _rotatable(ctx, params), EnableKeyRotation=False)


@operation("kms", "GetKeyRotationStatus")
def get_key_rotation_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    keys.refuse_waiting(record)
    first = multi_region.primary_of(ctx.world, record)
    on = _on(ctx.world, record)
    answer: dict[str, Any] = {"KeyRotationEnabled": on, "KeyId": record.arn}
    if on:
        days = _days(ctx.world, record)
        answer.update(RotationPeriodInDays=days, NextRotationDate=next_date(ctx.world, first))
    return answer


@operation("kms", "RotateKeyOnDemand")
def rotate_key_on_demand(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _rotatable(ctx, params)
    done = [r for r in record.data.get("rotations", ()) if r["RotationType"] == "ON_DEMAND"]
    if len(done) >= MOST_ON_DEMAND:
        text = f"The key has been rotated on demand {MOST_ON_DEMAND} times."
        raise AwsError("LimitExceededException", text)
    rotate(ctx.world, record, "ON_DEMAND")
    return {"KeyId": record.arn}


@operation("kms", "ListKeyRotations")
def list_key_rotations(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = keys.find(ctx, params["KeyId"], aliases=False)
    return page(list(record.data.get("rotations", ())), params, "Rotations", 100)

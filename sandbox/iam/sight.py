"""IAM's records as decisions see them: at once, or, while an `iam-lag` fault is on, as they were some seconds ago.

IAM's own API always answers what is there. Copies are kept in memory from the beginning of a fault to its end, so
that without one nothing is paid; after a restart of the sandbox what was there is seen at once.
Source: IAM user guide, "Changes that I make are not always immediately visible".
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox import faults
from sandbox.faults import Fault, Kind, fields
from sandbox.faults.kinds import PLACE
from sandbox.registry import on_start
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

KIND = "iam-lag"
_TYPES = tuple(
    f"AWS::IAM::{kind}" for kind in ("Role", "User", "Group", "ManagedPolicy", "InstanceProfile", "AccessKey")
)
_MEMORY = "iam sight"
Key = tuple[str, str]
"""Type and id."""


@dataclass
class _Past:
    """What is seen of an account: records as they were, and changes on their way, oldest first."""

    seen: dict[Key, Record] = field(default_factory=dict)
    coming: list[tuple[float, Key, Record | None]] = field(default_factory=list)

    def catch_up(self, until: float) -> None:
        """See the changes that were made before a moment."""
        while self.coming and self.coming[0][0] <= until:
            _, key, record = self.coming.pop(0)
            if record is None:
                self.seen.pop(key, None)
            else:
                self.seen[key] = record


def get(world: World, account: str, type_name: str, id: str) -> Record | None:
    """A role, user, group, managed policy, instance profile or access key, as decisions see it now."""
    record = world.store.get(account, GLOBAL, type_name, id)
    past = _past(world, account)
    return record if past is None else _seen(world, account, past, (type_name, id), record)


def by_arn(world: World, arn: str) -> Record | None:
    """The same by its ARN."""
    record = world.store.by_arn(arn)
    if record is not None:
        return get(world, record.account, record.type, record.id) if record.type in _TYPES else record
    parts = arn.split(":", 5)
    past = _past(world, parts[4]) if len(parts) == 6 else None
    # Deleted a moment ago, and still seen.
    found = [r for r in past.seen.values() if r.arn == arn] if past else []
    return found[0] if found else None


def deleted(world: World, type_name: str, id: str) -> Record | None:
    """What was deleted a moment ago and is still seen, in any account."""
    pasts: dict[str, _Past] = world.memory.get(_MEMORY, {})
    for account in list(pasts):
        past = _past(world, account)
        if past is not None and (type_name, id) in past.seen:
            return past.seen[type_name, id]
    return None


def _seen(world: World, account: str, past: _Past, key: Key, now: Record | None) -> Record | None:
    seen = past.seen.get(key)
    if any(changed == key for _, changed, _ in past.coming):
        for fault in world.faults.active(KIND, {"account": account}):
            world.faults.note(fault, account=account, type=key[0], resource=key[1])
        return seen
    return now


def _past(world: World, account: str) -> _Past | None:
    """None: what is there is seen."""
    active = world.faults.active(KIND, {"account": account})
    pasts: dict[str, _Past] = world.memory.setdefault(_MEMORY, {})
    if not active:
        pasts.pop(account, None)
        return None
    # An account that is not there had no records when the fault began.
    past = pasts.setdefault(account, _Past())
    past.catch_up(world.scheduler.now() - max(float(fault.body["seconds"]) for fault in active))
    return past


def _changed(world: World, record: Record, removed: bool) -> None:
    if record.type not in _TYPES:
        return
    past = _past(world, record.account)
    if past is not None:
        change = None if removed else copy.deepcopy(record)
        past.coming.append((world.scheduler.now(), (record.type, record.id), change))


@faults.at_begin(KIND)
def _keep(world: World, _fault: Fault | None = None) -> None:
    """Copy what is there now, of every account that has no past yet."""
    pasts: dict[str, _Past] = world.memory.setdefault(_MEMORY, {})
    before = set(pasts)
    for type_name in _TYPES:
        for record in world.store.everywhere(type_name):
            if record.account not in before and world.faults.active(KIND, {"account": record.account}):
                past = pasts.setdefault(record.account, _Past())
                past.seen[type_name, record.id] = copy.deepcopy(record)


@on_start
def _watch(world: World) -> None:
    world.store.watch = lambda record, removed: _changed(world, record, removed)
    _keep(world)


faults.register(
    Kind(
        KIND,
        "Changes in IAM are seen by decisions only after a while.",
        (
            PLACE[0],
            fields.Field(
                "seconds", fields.number(0, fields.LONGEST_S, above=True), "how long", required=True
            ),
        ),
        counted=False,
    )
)

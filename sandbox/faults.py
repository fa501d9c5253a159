"""Faults that a test or a drill plants: at the front door, and in CloudFormation's calls of handlers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KINDS = ("dark", "throttle", "error", "timeout-after-success", "failing-type", "deny")
FILTERS = ("account", "region", "service", "operation")


@dataclass
class Fault:
    """One planted fault: its body as given, how often it may still strike, and when it last let a call through."""

    id: str
    body: dict[str, Any]
    left: int | None
    allowance: float = 1.0
    last: float = 0.0

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    def matches(self, facts: dict[str, str]) -> bool:
        return all(self.body[f] == facts.get(f) for f in FILTERS if self.body.get(f) not in (None, ""))


class Faults:
    """All planted faults."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ids = itertools.count(1)
        self._faults: dict[str, Fault] = {}

    def add(self, body: dict[str, Any]) -> Fault:
        """Plant a fault. Raises ValueError with a sentence for a body that means nothing."""
        if body.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if body["kind"] == "failing-type" and not body.get("type"):
            raise ValueError("failing-type needs a type")
        count = body.get("count")
        fault = Fault(f"fault-{next(self._ids)}", dict(body), int(count) if count else None, last=self._now())
        self._faults[fault.id] = fault
        return fault

    def list(self) -> list[dict[str, Any]]:
        return [{**f.body, "id": f.id, "left": f.left} for f in self._faults.values()]

    def remove(self, id: str) -> bool:
        return self._faults.pop(id, None) is not None

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, facts: dict[str, str]) -> Fault | None:
        """The fault that this request meets at the front door, if any; counts it."""
        for fault in list(self._faults.values()):
            if fault.kind == "failing-type" or not fault.matches(facts):
                continue
            if fault.kind == "throttle" and self._within_rate(fault):
                continue
            return self._used(fault)
        return None

    def failing_type(self, facts: dict[str, str], type_name: str, action: str) -> str | None:
        """The message with which CloudFormation's call of a type's handler fails, if one is planted."""
        for fault in list(self._faults.values()):
            if fault.kind != "failing-type" or fault.body["type"] != type_name or not fault.matches(facts):
                continue
            if fault.body.get("action", "create") != action:
                continue
            self._used(fault)
            return str(
                fault.body.get("message") or f"The sandbox was told that {action} of {type_name} fails"
            )
        return None

    def _used(self, fault: Fault) -> Fault:
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._faults.pop(fault.id, None)
        return fault

    def _within_rate(self, fault: Fault) -> bool:
        rate = float(fault.body.get("rate", 0))
        now = self._now()
        fault.allowance = min(max(rate, 1.0), fault.allowance + (now - fault.last) * rate)
        fault.last = now
        if rate > 0 and fault.allowance >= 1.0:
            fault.allowance -= 1.0
            return True
        return False

"""One planted fault: a record of the store, so that it survives the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.store import Record

TYPE = "Sandbox::Fault"
FILTERS = ("account", "region", "service", "operation")


@dataclass(eq=False)
class Fault:
    """record.state: scheduled or active. record.data: {"body", "left", "begins_at", "ends_at", "script", "touched"}.

    allowance and last: the bucket of a throttle, which need not survive.
    """

    record: Record
    allowance: float
    last: float

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self.record.data["body"]
        return body

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def active(self) -> bool:
        return self.record.state == "active"

    def matches(self, facts: dict[str, str]) -> bool:
        """Whether each filter of the fault lets the facts in; a fact that is not told is let in by no filter."""
        return all(fits(self.body.get(name), facts.get(name)) for name in FILTERS)

    def within_rate(self, now: float) -> bool:
        """Whether a throttle lets one more call pass; takes it out of the bucket."""
        rate = float(self.body.get("rate", 0))
        full = float(self.body.get("burst", max(rate, 1.0)))
        self.allowance = min(full, self.allowance + max(0.0, now - self.last) * rate)
        self.last = now
        if rate > 0 and self.allowance >= 1.0:
            self.allowance -= 1.0
            return True
        return False

    def lag_s(self, now: float) -> float:
        """How far behind a `lag` keeps copies now, in seconds."""
        grown = float(self.body.get("growth", 0)) * max(0.0, now - float(self.record.data["begins_at"]))
        lag = float(self.body.get("seconds", 0)) + grown
        return min(lag, float(self.body["most_s"])) if "most_s" in self.body else lag

    def shape(self) -> dict[str, Any]:
        """As the control API tells it: the body, and what became of it."""
        data = self.record.data
        told = {name: data[name] for name in ("left", "begins_at", "ends_at", "script", "touched")}
        return {**self.body, "id": self.id, "state": self.record.state, **told}


def fits(wanted: Any, value: str | None) -> bool:
    """Whether a filter (None: any; one value, or a list) lets a value in."""
    return wanted is None or value == wanted or (isinstance(wanted, list) and value in wanted)

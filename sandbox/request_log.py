"""What was asked of the sandbox: the last requests and counts per operation."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

KEPT = 100_000


class RequestLog:
    """Numbered requests, the newest 100,000 of them."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.last = 0

    def add(self, **entry: Any) -> dict[str, Any]:
        self.last += 1
        full = {"n": self.last, **entry}
        self._entries.append(full)
        return full

    def after(self, n: int, limit: int) -> list[dict[str, Any]]:
        found = self._from(n)
        return found[:limit]

    def counts(self, after: int) -> dict[str, Any]:
        found = self._from(after)
        by_operation = Counter(f"{e['service']}.{e['operation']}" for e in found)
        return {"total": len(found), "last": self.last, "by_operation": dict(sorted(by_operation.items()))}

    def clear(self) -> None:
        self._entries.clear()

    def _from(self, n: int) -> list[dict[str, Any]]:
        if not self._entries:
            return []
        skip = max(0, n + 1 - int(self._entries[0]["n"]))
        return list(self._entries)[skip:]

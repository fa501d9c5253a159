"""Where the roles of an account may do what they need: resources, and conditions.

A scope says what its policy may allow, not what it allows: that is what of it is needed (needs.py).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blueprint_cdk.access.statements import Statement, allow


@dataclass(frozen=True)
class Scope:
    """Actions of one service (names apart by spaces, `*` for any letters) and where they may be done."""

    sid: str
    service: str
    actions: str
    resources: Any = "*"
    condition: Mapping[str, Any] | None = None

    def holds(self, action: str) -> bool:
        """Whether it speaks of the action ("s3:GetObject")."""
        service, _, name = action.partition(":")
        return service == self.service and any(
            fnmatch.fnmatchcase(name, pattern) for pattern in self.actions.split()
        )

    def statement(self, actions: list[str]) -> Statement:
        """Allows these actions of the service here, each once: not beside a wildcard that holds it."""
        names = [action.partition(":")[2] for action in actions]
        wide = [name for name in names if name.endswith("*")]
        kept = [name for name in names if not any(_beside(name, pattern) for pattern in wide)]
        condition = dict(self.condition) if self.condition else None
        return allow(self.sid, self.service, " ".join(kept), self.resources, condition)


def _beside(name: str, pattern: str) -> bool:
    return name != pattern and fnmatch.fnmatchcase(name, pattern)

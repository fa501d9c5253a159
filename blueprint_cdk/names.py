"""Names that an environment's resources get, from the rules in data/naming.json.

Only what something outside CloudFormation must know, or what AWS would keep under a name of its own (a log group
that a service makes by itself), is named here; everything else is named by CloudFormation below the stack's name.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict

from blueprint_cdk.data import load

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""No two hyphens in a row and none at the end: RDS accepts neither."""

NAME_MIN, NAME_MAX = 3, 20


class NamingRule(BaseModel):
    """One row of data/naming.json: the pattern's placeholders are fields of the Spec."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    pattern: str
    min_length: int = 1
    max_length: int
    charset: str
    service: str
    refusal: str = ""
    """What is said of a name that the charset refuses, where it is more than a wrong character."""
    when: dict[str, list[str]] | None = None
    """Which choices of a spec the name is needed with; None: always."""

    def problem(self, fields: dict[str, Any]) -> str:
        """Why the name that these fields (a Spec's) give is not acceptable; empty when it is, or is not needed."""
        value = self.pattern.format_map(fields)
        if not self.needed(fields) or re.fullmatch(self.charset, value):
            return ""
        refusal = self.refusal or "which has characters that AWS does not allow there"
        return f"{self.label} would be {value}, {refusal}."

    def needed(self, fields: dict[str, Any]) -> bool:
        """Whether an environment with these choices has the name."""
        chosen = {name: fields.get(name) for name in self.when or {}}
        return all(
            set(value if isinstance(value, list | tuple) else [value]) & set((self.when or {})[name])
            for name, value in chosen.items()
        )

    def room_for_name(self, fields: dict[str, Any]) -> int:
        """How long the environment's name can be, so that this name stays within its service's limit."""
        taken = len(self.pattern.format_map({**fields, "name": ""}))
        return self.max_length - taken


def naming_rules() -> list[NamingRule]:
    """All rules, in the order of the file."""
    return [NamingRule.model_validate(row) for row in load("naming")]


def longest_name(fields: dict[str, str]) -> tuple[int, NamingRule | None]:
    """The longest name that fits every rule, and the rule that allows no more (None: the blueprint's own 20).

    `fields` holds suffix, account_id and home_region; a rule with a domain of the team's own is left to its field.
    """
    limit, tightest = NAME_MAX, None
    for rule in naming_rules():
        if "{name}" not in rule.pattern:
            continue
        room = rule.room_for_name(fields)
        if room < limit:
            limit, tightest = room, rule
    return limit, tightest


def has_rule(key: str) -> bool:
    """Whether data/naming.json has a rule `key`."""
    return any(rule.key == key for rule in naming_rules())


def name_of(key: str, fields: dict[str, Any]) -> str:
    """The name that rule `key` gives; `fields` are the Spec's. KeyError for an unknown rule."""
    for rule in naming_rules():
        if rule.key == key:
            return rule.pattern.format_map(fields)
    raise KeyError(key)

"""The parts of the architecture that can be off: which there are, which need each other, and what a tier demands.

The rules are data (data/modules.json, data/tiers.json), so that whoever asks for an environment is told the same
before the blueprint refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from blueprint_cdk.data import load
from blueprint_cdk.sizes import TierName, tier_of

ModuleName = Literal["identity", "notifications", "analytics", "proxy", "canary"]

MODULES: tuple[str, ...] = tuple(row["key"] for row in load("modules"))

BEFORE_MODULES: tuple[ModuleName, ...] = ("proxy",)
"""What an environment has whose spec says nothing of modules: from before there were any, when each had a proxy."""


def modules_problem(modules: Sequence[str], tier: TierName) -> str:
    """Why an environment of the tier cannot have just these modules, as a sentence; empty when it can."""
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        return f"{unknown[0]} is not a module; there are {named(MODULES)}."
    twice = sorted({name for name in modules if list(modules).count(name) > 1})
    if twice:
        return f"{named(twice)} is named twice."
    for row in load("modules"):
        missing = [name for name in row["needs"] if name not in modules]
        if row["key"] in modules and missing:
            return f"{row['key']} needs {named(missing)} as well. {row['why']}"
    missing = [name for name in tier_of(tier).required_modules if name not in modules]
    return f"{tier} requires {named(missing)} as well." if missing else ""


def named(names: Sequence[str]) -> str:
    """Names in a sentence: identity, analytics and proxy."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

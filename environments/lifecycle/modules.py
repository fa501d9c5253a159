"""Modules: parts of an environment that can be off. Which there are and what they demand stands in the release.

The blueprint refuses what these rules refuse, in the same words (tests/blueprint_cdk/test_modules.py).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import Release


def modules_of(release: Release | None) -> list[dict[str, Any]]:
    """{"key", "title", "description", "needs", "why"} of each module; none for a release from before there were any."""
    found: list[dict[str, Any]] = release.description.get("modules", []) if release else []
    return found


def modules_default(release: Release, tier: str) -> list[str]:
    """What a request of the tier has that names no modules."""
    return _tier(release, tier, "default_modules")


def modules_required(release: Release, tier: str) -> list[str]:
    """What an environment of the tier must have."""
    return _tier(release, tier, "required_modules")


def modules_problem(release: Release, modules: Any, tier: str) -> str:
    """Why an environment of the tier cannot have just these modules, or an empty string."""
    rows = modules_of(release)
    known = [row["key"] for row in rows]
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        return "modules must be a list of names."
    unknown = [name[:80] for name in modules if name not in known]
    if unknown and not known:
        return f"Release {release.version} knows no modules."
    if unknown:
        return f"{unknown[0]} is not a module; there are {_named(known)}."
    twice = sorted({name for name in modules if modules.count(name) > 1})
    if twice:
        return f"{_named(twice)} is named twice."
    for row in rows:
        missing = [name for name in row["needs"] if name not in modules]
        if row["key"] in modules and missing:
            return f"{row['key']} needs {_named(missing)} as well. {row['why']}"
    missing = [name for name in modules_required(release, tier) if name not in modules]
    return f"{tier} requires {_named(missing)} as well." if missing else ""


def modules_offered(release: Release | None, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Each module as a form shows it: {"key", "title", "description", "needs", "required", "cost"}.

    `cost` is what it adds a month to this spec, in USD; None where the spec is too unfinished for a price.
    """
    if release is None:
        return []
    required = modules_required(release, spec.get("tier", ""))
    return [
        {**row, "required": row["key"] in required, "cost": _cost(release, row["key"], spec)}
        for row in modules_of(release)
    ]


def modules_ordered(release: Release, modules: Sequence[str]) -> list[str]:
    """In the release's order, so that the same modules are the same text."""
    order = [row["key"] for row in modules_of(release)]
    return sorted(modules, key=lambda name: order.index(name) if name in order else len(order))


def modules_completed(release: Release, spec: dict[str, Any]) -> list[str] | None:
    """The modules of an environment that comes to the release: those of its spec, or, when that is from before there
    were modules, what such an environment has; and what its tier requires. None: the release knows no modules.
    """
    rule = release.schema.get("properties", {}).get("modules")
    if rule is None:
        return None
    known = [row["key"] for row in modules_of(release)]
    had = [name for name in spec.get("modules", rule["default"]) if name in known]
    return modules_ordered(release, list({*had, *modules_required(release, spec["tier"])}))


def _cost(release: Release, key: str, spec: dict[str, Any]) -> Decimal | None:
    if not spec.get("size"):
        return None
    with_it, without = (
        Decimal(cost_estimate(release.costs, {**spec, "modules": modules})["total"])
        for modules in ([key], [])
    )
    return with_it - without


def _tier(release: Release, tier: str, name: str) -> list[str]:
    found: list[str] = release.description.get("tiers", {}).get(tier, {}).get(name, [])
    return found


def _named(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

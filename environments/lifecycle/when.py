"""Conditions in a release's data: what there is only with some choices of a spec."""

from collections.abc import Mapping
from typing import Any


def holds(when: Mapping[str, Any] | None, spec: Mapping[str, Any]) -> bool:
    """Whether the spec has each field's value among those named, or, of a field that is a list, all that are named.

    None, as most rows have, always holds: {"modules": ["identity"], "standby": ["pilot-light", "warm"]} says both.
    """
    return all(_has(spec.get(field), wanted) for field, wanted in (when or {}).items())


def _has(value: Any, wanted: list[Any]) -> bool:
    if isinstance(value, list | tuple):
        return set(wanted) <= set(value)
    return value in wanted

"""A detection's answer as findings: by property, with members of lists by their names, and without what is none."""

import json
from collections.abc import Iterator
from typing import Any

from environments.lifecycle.drift import Found
from environments.operations.models import Stack
from workers.aws.drift import ResourceDrift
from workers.changes import NAMES, by_name, leaves, name_of
from workers.known_drift import Row, known

SHOWN = 2000
"""Characters of a value that a finding keeps."""
Difference = tuple[str, Any, Any]
"""(path, expected, actual); a side that is absent is None."""


def findings_of(stack: Stack, drifts: list[ResourceDrift]) -> list[Found]:
    """What is drift of a stack, less what is known not to be."""
    return [found for drift in drifts for found, row in judged(stack, drift) if row is None]


def judged(stack: Stack, drift: ResourceDrift) -> list[tuple[Found, Row | None]]:
    """Every difference that CloudFormation told of a resource, each with the row that knows it, if one does."""
    common = {
        "region": stack.region,
        "stack": stack.key,
        "logical_id": drift.logical_id,
        "physical_id": drift.physical_id,
        "type": drift.type,
    }
    if drift.is_deleted:
        return [(Found(**common, property_path="", expected="It exists.", actual="It was deleted."), None)]
    told = {}
    for path, expected, actual in differences_of(drift):
        found = Found(**common, property_path=path[:500], expected=shown(expected), actual=shown(actual))
        told[path] = (found, known(drift.type, path, expected, actual))
    return list(told.values())


def differences_of(drift: ResourceDrift) -> Iterator[Difference]:
    """CloudFormation's property differences, by named paths: "/OptionSettings/3/Value" as "OptionSettings[ns name]"."""
    for row in drift.differences:
        parts = row["PropertyPath"].split("/")[1:]
        expected, actual = value_of(row["ExpectedValue"]), value_of(row["ActualValue"])
        path = named(parts, drift.expected, drift.actual)
        whole = isinstance(expected, list) and isinstance(actual, list)
        if whole and by_name(expected) is not None and by_name(actual) is not None:
            # Told as a whole where members were added or taken away.
            yield from leaves({path: expected}, {path: actual})
        else:
            yield path, expected, actual


def named(parts: list[str], expected: Any, actual: Any) -> str:
    """A path of CloudFormation's as a plan writes it."""
    path = ""
    for number, part in enumerate(parts):
        here = expected if isinstance(expected, list) else actual
        if isinstance(here, list):
            member = _at(expected, part) or _at(actual, part)
            names = _names(member)
            path += f"[{names or part}]"
            if names and parts[number + 1 :] == ["Value"]:
                return path
        else:
            path += f".{part}" if path else part
        expected, actual = _at(expected, part), _at(actual, part)
    return path


def _at(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return value[int(part)] if part.isdigit() and int(part) < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


def _names(member: Any) -> str:
    return next((found for names in NAMES if (found := name_of(member, names))), "")


def value_of(text: str) -> Any:
    """A value as CloudFormation tells it, which is text: JSON where it is more than a word; null for none."""
    if text == "null":
        return None
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def shown(value: Any) -> str:
    """A value as a finding keeps it; empty for none."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

"""EventBridge event patterns. Source: EventBridge user guide, "Creating event patterns"."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from sandbox.errors import AwsError
from sandbox.iam.policy import like

_MISSING = object()


def check(pattern: Any) -> dict[str, Any]:
    """The pattern as a dict. Raises InvalidEventPatternException."""
    try:
        document = json.loads(pattern) if isinstance(pattern, str) else pattern
    except ValueError as problem:
        raise AwsError(
            "InvalidEventPatternException", "Event pattern is not valid. Reason: not JSON", 400
        ) from problem
    if not isinstance(document, dict) or not document:
        raise AwsError(
            "InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object", 400
        )
    _check_leaves(document)
    return document


def _check_leaves(pattern: dict[str, Any]) -> None:
    for name, value in pattern.items():
        if name == "$or":
            for choice in value:
                _check_leaves(choice)
        elif isinstance(value, dict):
            _check_leaves(value)
        elif not isinstance(value, list) or not value:
            said = f'Event pattern is not valid. Reason: "{name}" must be an object or an array'
            raise AwsError("InvalidEventPatternException", said, 400)


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the event fits."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(choice, event) for choice in wanted):
                return False
            continue
        have = event.get(name, _MISSING)
        if isinstance(wanted, dict):
            if not matches(wanted, have if isinstance(have, dict) else {}):
                return False
        elif not _any(wanted, have):
            return False
    return True


def _any(wanted: list[Any], have: Any) -> bool:
    values = have if isinstance(have, list) else [have]
    return any(_one(want, value) for want in wanted for value in values or [_MISSING])


def _one(want: Any, value: Any) -> bool:
    if not isinstance(want, dict):
        return value is not _MISSING and type(want) is type(value) and bool(want == value)
    ((operator, argument),) = want.items()
    if operator == "exists":
        return (value is not _MISSING) == bool(argument)
    if value is _MISSING:
        return False
    if operator == "anything-but":
        return not _excluded(argument, value)
    if operator == "numeric":
        return isinstance(value, (int, float)) and all(
            _compare(argument[i], float(value), float(argument[i + 1])) for i in range(0, len(argument), 2)
        )
    text = str(value)
    if operator == "cidr":
        return ipaddress.ip_address(text) in ipaddress.ip_network(argument)
    if operator in ("prefix", "suffix") and isinstance(argument, dict):
        text, argument = text.lower(), str(argument["equals-ignore-case"]).lower()
    return {
        "prefix": lambda: text.startswith(argument),
        "suffix": lambda: text.endswith(argument),
        "equals-ignore-case": lambda: text.lower() == str(argument).lower(),
        "wildcard": lambda: like(text, argument),
    }.get(operator, lambda: False)()


def _excluded(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        ((operator, items),) = argument.items()
        return any(_one({operator: i}, value) for i in (items if isinstance(items, list) else [items]))
    return value in (argument if isinstance(argument, list) else [argument])


def _compare(operator: str, left: float, right: float) -> bool:
    return {
        "=": left == right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]

"""What a resource has where its properties say nothing: the defaults that its registry schema names.

CloudFormation CLI user guide, "Resource type handler contract": what a handler reads holds default values too. A
template's own properties stay as they are written: change sets and drift compare those.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from sandbox.schemas import Schema, coerced

_PLACEHOLDER = re.compile(r"<[a-z-]+>")  # KMS's KeyPolicy: a text for readers, not a value


def with_defaults(schema: Schema, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties, CFN-shaped, with the defaults of what they lack; what is nested gets its own where it is given.

    Left out are defaults of what can only be read or only be written, and those that the schema itself would refuse.
    """
    filled: dict[str, Any] = _filled(schema, schema.document, properties, "")
    return filled


def _filled(schema: Schema, part: dict[str, Any], value: Any, path: str) -> Any:
    part = schema.resolve(part)
    if isinstance(value, list):
        return [_filled(schema, part.get("items", {}), item, f"{path}*/") for item in value]
    if not isinstance(value, dict):
        return value
    known: dict[str, Any] = part.get("properties", {})
    result = {
        name: _filled(schema, known[name], item, f"{path}{name}/") if name in known else item
        for name, item in value.items()
    }
    for name, rule in known.items():
        if name in value or f"{path}{name}" in schema.read_only | schema.write_only:
            continue
        default = _default(schema, rule)
        if default is not None:
            result[name] = default
    return result


def _default(schema: Schema, rule: dict[str, Any]) -> Any:
    """A property's default as its type has it, or None."""
    given = rule.get("default", schema.resolve(rule).get("default"))
    if given is None or (isinstance(given, str) and _PLACEHOLDER.search(given)):
        return None
    value, refusals = coerced(schema, rule, given)
    return None if refusals else copy.deepcopy(value)

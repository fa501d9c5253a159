"""The CloudFormation registry schemas that cfn-lint ships: what a type accepts and what identifies it.

Read one file per type when it is first asked for; cfn-lint itself is not imported (it costs memory and time).
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@functools.cache
def _directory() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("cfn-lint is not installed: the sandbox reads its resource schemas")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"


@functools.cache
def _index(region: str) -> dict[str, str]:
    path = _directory() / "providers" / f"{region}.json"
    if not path.exists():
        path = _directory() / "providers" / "us-east-1.json"
    names: dict[str, str] = json.loads(path.read_text())
    return names


CUSTOM = "AWS::CloudFormation::CustomResource"
# cfn-lint writes rules of its own into the schemas. This one AWS does not have: a cluster that is restored from a
# snapshot keeps its user, and may take a new password (CloudFormation user guide, AWS::RDS::DBCluster, MasterUsername).
_NOT_THE_REGISTRYS = {"AWS::RDS::DBCluster": "dependentRequired"}


def registered(type_name: str) -> str:
    """The registry's name of a type: Custom::Anything is a custom resource."""
    return CUSTOM if type_name.startswith("Custom::") else type_name


def exists(type_name: str, region: str = "us-east-1") -> bool:
    """Whether the registry of that region has the type."""
    return registered(type_name) in _index(region)


@functools.cache
def provisioning(region: str) -> dict[str, str]:
    """What kind of type each of the region's is to ListTypes, by the handlers of its schema."""
    found = {}
    for name, file in _index(region).items():
        handlers = json.loads((_directory() / "resources" / f"{file}.json").read_text()).get("handlers") or {}
        without_update = "IMMUTABLE" if "create" in handlers else "NON_PROVISIONABLE"
        found[name] = "FULLY_MUTABLE" if "update" in handlers else without_update
    return found


def _names(paths: list[str] | None) -> frozenset[str]:
    return frozenset(p.removeprefix("/properties/") for p in paths or ())


@dataclass(frozen=True)
class Schema:
    """What the sandbox uses of a registry schema. Property paths are written without `/properties/`."""

    type_name: str
    document: dict[str, Any]
    primary_identifier: tuple[str, ...]
    read_only: frozenset[str]
    write_only: frozenset[str]
    create_only: frozenset[str]
    conditional_create_only: frozenset[str]
    tag_property: str | None
    tag_updatable: bool

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self.document.get("properties", {})
        return properties

    def max_length(self, name: str) -> int | None:
        length = self.resolve(self.properties.get(name, {})).get("maxLength")
        return int(length) if length else None

    def permissions(self, action: str) -> list[str]:
        """IAM actions that the registry says the handler of `create`, `update` or `delete` uses."""
        handlers = self.document.get("handlers") or {}
        return list((handlers.get(action) or {}).get("permissions", ()))

    def resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            target: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = target
        return part

    def tags_are_map(self) -> bool:
        if not self.tag_property:
            return False
        return self.resolve(self.properties.get(self.tag_property, {})).get("type") == "object"


@functools.cache
def load(type_name: str, region: str = "us-east-1") -> Schema:
    """The schema of a type. Raises KeyError where the registry has none."""
    file = _index(region)[registered(type_name)]
    document = json.loads((_directory() / "resources" / f"{file}.json").read_text())
    if registered(type_name) == CUSTOM:  # what else it takes is its provider's affair
        document = {**document, "additionalProperties": True}
    document.pop(_NOT_THE_REGISTRYS.get(type_name, ""), None)
    tagging = document.get("tagging") or {}
    taggable = tagging.get("taggable", document.get("taggable", True))
    tag_property = tagging.get("tagProperty", "/properties/Tags").removeprefix("/properties/")
    if not taggable or tag_property not in document.get("properties", {}):
        tag_property = None
    return Schema(
        type_name,
        document,
        tuple(p.removeprefix("/properties/") for p in document.get("primaryIdentifier", ())),
        _names(document.get("readOnlyProperties")),
        _names(document.get("writeOnlyProperties")),
        _names(document.get("createOnlyProperties")),
        _names(document.get("conditionalCreateOnlyProperties")),
        tag_property,
        bool(tagging.get("tagUpdatable", True)),
    )


@functools.cache
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:  # an ECMA expression that Python does not read: the rule is not applied
        return None


def check(schema: Schema, properties: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Validate properties as CloudFormation does before it calls a handler.

    Returns the properties with scalars turned into the schema's types ("443" becomes 443), and the refusals,
    each as `#/Path: reason` (empty: accepted).
    """
    return coerced(schema, schema.document, properties)


def coerced(schema: Schema, part: dict[str, Any], value: Any) -> tuple[Any, list[str]]:
    """As `check`, of one part of the schema."""
    refusals: list[str] = []
    value = _check(schema, part, value, "#", refusals)
    return value, refusals


def _check(schema: Schema, part: dict[str, Any], value: Any, path: str, refusals: list[str]) -> Any:
    part = schema.resolve(part)
    kinds = part.get("type")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if kinds:
        value, fits = _coerce(value, kinds)
        if not fits:
            refusals.append(f"{path}: expected type: {_title(kinds)}, found: {_title([_kind(value)])}")
            return value
    if "enum" in part and value not in part["enum"]:
        refusals.append(f"{path}: {value} is not a valid enum value")
    if isinstance(value, str):
        _check_string(part, value, path, refusals)
    elif isinstance(value, list):
        if len(value) < part.get("minItems", 0):
            refusals.append(f"{path}: expected minimum item count: {part['minItems']}, found: {len(value)}")
        if len(value) > part.get("maxItems", len(value)):
            refusals.append(f"{path}: expected maximum item count: {part['maxItems']}, found: {len(value)}")
        if "items" in part:
            value = [_check(schema, part["items"], v, f"{path}/{i}", refusals) for i, v in enumerate(value)]
    elif isinstance(value, dict):
        value = _check_object(schema, part, value, path, refusals)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < part.get("minimum", value):
            refusals.append(f"{path}: {value} is not greater or equal to {part['minimum']}")
        if value > part.get("maximum", value):
            refusals.append(f"{path}: {value} is not less or equal to {part['maximum']}")
    _check_alternatives(schema, part, value, path, refusals)
    return value


def _check_string(part: dict[str, Any], value: str, path: str, refusals: list[str]) -> None:
    if len(value) < part.get("minLength", 0):
        refusals.append(f"{path}: expected minLength: {part['minLength']}, actual: {len(value)}")
    if len(value) > part.get("maxLength", len(value)):
        refusals.append(f"{path}: expected maxLength: {part['maxLength']}, actual: {len(value)}")
    if "pattern" in part:
        pattern = _pattern(part["pattern"])
        if pattern is not None and not pattern.search(value):
            refusals.append(f"{path}: failed validation constraint for keyword [pattern]")


def _check_object(
    schema: Schema, part: dict[str, Any], value: dict[str, Any], path: str, refusals: list[str]
) -> dict[str, Any]:
    known = part.get("properties", {})
    for name in part.get("required", ()):
        if name not in value:
            refusals.append(f"{path}: required key [{name}] not found")
    for name, needs in (part.get("dependentRequired") or {}).items():
        if name in value:
            refusals.extend(f"{path}: required key [{n}] not found" for n in needs if n not in value)
    names = part.get("requiredXor") or ()
    if names and sum(n in value for n in names) != 1:
        refusals.append(f"{path}: exactly one of [{', '.join(names)}] is required")
    patterns = part.get("patternProperties") or {}
    result = {}
    for name, item in value.items():
        if name in known:
            place = re.sub(r"/\d+(?=/)", "/*", f"{path}/{name}").removeprefix("#/")
            if place in schema.read_only:
                refusals.append(f"{path}: extraneous key [{name}] is not permitted")
            result[name] = _check(schema, known[name], item, f"{path}/{name}", refusals)
            continue
        rule = next((r for p, r in patterns.items() if (_pattern(p) or re.compile("")).search(name)), None)
        if rule is None and part.get("additionalProperties", True) is False:
            refusals.append(f"{path}: extraneous key [{name}] is not permitted")
        if isinstance(part.get("additionalProperties"), dict) and rule is None:
            rule = part["additionalProperties"]
        result[name] = _check(schema, rule, item, f"{path}/{name}", refusals) if rule else item
    return result


def _check_alternatives(
    schema: Schema, part: dict[str, Any], value: Any, path: str, refusals: list[str]
) -> None:
    for keyword in ("anyOf", "oneOf"):
        choices = part.get(keyword)
        if not choices:
            continue
        found: list[list[str]] = []
        for choice in choices:
            reasons: list[str] = []
            _check(schema, choice, value, path, reasons)
            found.append(reasons)
        if all(found):
            refusals.append(f"{path}: #: {len(choices)} subschemas matched instead of one: {found[0][0]}")


def _coerce(value: Any, kinds: list[str]) -> tuple[Any, bool]:
    kind = _kind(value)
    if kind in kinds or (kind == "integer" and "number" in kinds):
        return value, True
    if "integer" in kinds and kind == "string" and re.fullmatch(r"-?\d+", value):
        return int(value), True
    if "integer" in kinds and kind == "number" and float(value).is_integer():
        return int(value), True
    if "number" in kinds and kind == "string":
        try:
            return float(value), True
        except ValueError:
            return value, False
    if "boolean" in kinds and kind == "string" and value.lower() in ("true", "false"):
        return value.lower() == "true", True
    if "string" in kinds and kind in ("integer", "number"):
        return str(value), True
    if "string" in kinds and kind == "boolean":
        return "true" if value else "false", True
    if "array" in kinds and kind in ("string", "object"):
        return [value], True
    return value, False


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    for kind, name in ((str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null"


def _title(kinds: list[str]) -> str:
    names = {"object": "JSONObject", "array": "JSONArray"}
    return " or ".join(names.get(k, k.capitalize()) for k in kinds)

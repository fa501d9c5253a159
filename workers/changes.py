"""What a new template changes in a stack: by resource and property, and whether CloudFormation replaces the resource.

Which properties replace is the release's own data (registry schemas: create-only and conditionally create-only).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 400
"""Characters of a value that a plan shows."""
ALWAYS, MAYBE, NEVER = "always", "maybe", "never"
AROUND = (
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Condition",
    "Metadata",
    "DependsOn",
)
SUB = re.compile(r"\$\{([A-Za-z0-9]+)(\.[^}]+)?\}")

Change = dict[str, Any]
"""{"logical_id", "type", "action": "added"|"modified"|"replaced"|"removed", "detail", "may_replace", "stateful",
"properties": [{"path", "before", "after", "replaces": "always"|"maybe"|"never"}]}."""


@dataclass(frozen=True)
class Rules:
    """A release's data on replacement. Of a type that it does not know every property may replace."""

    types: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    stateful: frozenset[str] = frozenset()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "Rules":
        """Of a release's description; older releases have none."""
        data = description.get("replacement", {})
        return cls(data.get("types", {}), frozenset(data.get("stateful", ())))

    def replaces(self, type_name: str, path: str) -> str:
        """Whether a change of the property replaces the resource."""
        rules = self.types.get(type_name)
        if rules is None:
            return MAYBE
        if any(_covers(rule, path) for rule in rules["create_only"]):
            return ALWAYS
        return MAYBE if any(_covers(rule, path) for rule in rules["conditional"]) else NEVER


def _covers(rule: str, path: str) -> bool:
    bare = path.split("[")[0]
    return bare == rule or bare.startswith(f"{rule}.") or rule.startswith(f"{bare}.")


def template_changes(old: Mapping[str, Any], new: Mapping[str, Any], rules: Rules) -> list[Change]:
    """Changes by logical id of the templates' Resources: added, modified and replaced, removed."""
    changes = [_change(name, new[name]["Type"], "added", rules) for name in new if name not in old]
    for name in new:
        if name in old and old[name] != new[name]:
            changes.append(_difference(name, old[name], new[name], rules))
    return changes + [_change(name, old[name]["Type"], "removed", rules) for name in old if name not in new]


def dependents(resources: Mapping[str, Any], changes: list[Change], rules: Rules) -> list[Change]:
    """Resources whose own text stays and which CloudFormation looks at again, for they refer to what changes.

    It may then modify them, or replace them where the property that refers is create-only.
    """
    told = {change["logical_id"] for change in changes}
    moving = {
        c["logical_id"]: bool(c["may_replace"] or c["action"] == "replaced")
        for c in changes
        if c["action"] != "added"
    }
    found: dict[str, Change] = {}
    again = True
    while again:
        again = False
        for name, resource in resources.items():
            if name in told or (name in found and found[name]["may_replace"]):
                continue
            hit = [
                path
                for path, target, attribute in references(resource.get("Properties", {}))
                if target in moving and (attribute or moving[target])
            ]
            if not hit:
                continue
            may_replace = any(rules.replaces(resource["Type"], path) != NEVER for path in hit)
            if name not in found or may_replace:
                found[name] = {
                    **_change(name, resource["Type"], "modified", rules),
                    "detail": "Refers to what changes.",
                    "may_replace": may_replace,
                }
                moving[name] = may_replace
                again = True
    return list(found.values())


def tagged(resources: Mapping[str, Any], rules: Rules) -> list[Change]:
    """Resources that get their stack's new tags, and nothing else."""
    return [
        {**_change(name, row["Type"], "modified", rules), "detail": "Its stack's tags change."}
        for name, row in resources.items()
    ]


def parameters_put(value: Any, values: Mapping[str, str]) -> Any:
    """A template's part with the values of these parameters in the place of each Ref to them."""
    if isinstance(value, list):
        return [parameters_put(item, values) for item in value]
    if not isinstance(value, dict) or not values:
        return value
    if set(value) == {"Ref"}:
        return values.get(value["Ref"], value)
    return {key: parameters_put(item, values) for key, item in value.items()}


def references(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, logical id, attribute) of each Ref (attribute empty), GetAtt and Sub within a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item, path)
    if not isinstance(value, dict):
        return
    if set(value) == {"Ref"}:
        yield path, str(value["Ref"]), ""
    elif set(value) == {"Fn::GetAtt"}:
        target = value["Fn::GetAtt"]
        name, attribute = target if isinstance(target, list) else str(target).split(".", 1)
        yield path, str(name), str(attribute)
    elif set(value) == {"Fn::Sub"}:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        for name, attribute in SUB.findall(text):
            yield path, name, attribute.lstrip(".")
        if isinstance(value["Fn::Sub"], list):
            yield from references(list(value["Fn::Sub"][1].values()), path)
    else:
        for key, item in value.items():
            yield from references(item, path if key.startswith("Fn::") else f"{path}.{key}".lstrip("."))


def _difference(name: str, old: Mapping[str, Any], new: Mapping[str, Any], rules: Rules) -> Change:
    kind = new["Type"]
    if old["Type"] != kind:
        return {**_change(name, kind, "replaced", rules), "detail": f"It was {old['Type']}."}
    rows = [
        {"path": path, "before": before, "after": after, "replaces": rules.replaces(kind, path)}
        for path, before, after in leaves(old.get("Properties", {}), new.get("Properties", {}))
    ]
    rows += [
        {"path": key, "before": _shown(old.get(key)), "after": _shown(new.get(key)), "replaces": NEVER}
        for key in AROUND
        if old.get(key) != new.get(key)
    ]
    told = {row["replaces"] for row in rows}
    return {
        **_change(name, kind, "replaced" if ALWAYS in told else "modified", rules),
        "may_replace": MAYBE in told and ALWAYS not in told,
        "properties": rows,
    }


def _change(name: str, kind: str, action: str, rules: Rules) -> Change:
    return {
        "logical_id": name,
        "type": kind,
        "action": action,
        "detail": "",
        "may_replace": False,
        "stateful": kind in rules.stateful,
        "properties": [],
    }


def leaves(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, before, after) of each part that differs; lists whose elements have names by those, others as a whole."""
    if old == new:
        return
    if _is_plain(old) and _is_plain(new):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from leaves(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
        return
    before, after = by_name(old), by_name(new)
    if (before and after is not None) or (after and before is not None):
        for key in [*before, *(key for key in after if key not in before)]:
            if before.get(key) != after.get(key):
                yield f"{path}[{key}]", _shown(before.get(key)), _shown(after.get(key))
        return
    yield path, _shown(old), _shown(new)


def _is_plain(value: Any) -> bool:
    """Whether it is an object of properties, and no function."""
    return isinstance(value, dict) and not any(key == "Ref" or key.startswith("Fn::") for key in value)


NAMES = (("Key",), ("Namespace", "OptionName"), ("Name",), ("Id",), ("SettingName",))
"""Members that name an element of a list, where all elements have them and no two the same."""
OF_RESOURCE = "ResourceName"
"""Named as well where it is there: Beanstalk's options of one scheduled action among several."""


def name_of(item: Any, names: tuple[str, ...]) -> str:
    """What these members call an element; empty where it lacks one of them."""
    if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in names):
        return ""
    of = item.get(OF_RESOURCE) if names == ("Namespace", "OptionName") else None
    return " ".join([*(item[name] for name in names), *([f"of {of}"] if of else [])])


def by_name(value: Any) -> dict[str, Any] | None:
    """A list's elements by name, each as its only other member or without its name; None for other values."""
    if not isinstance(value, list):
        return None
    if not value:
        return {}
    for names in NAMES:
        if not all(name_of(item, names) for item in value):
            continue
        found = {name_of(item, names): _nameless(item, names) for item in value}
        if len(found) == len(value):
            return found
    return None


def _nameless(item: dict[str, Any], names: tuple[str, ...]) -> Any:
    rest = {key: value for key, value in item.items() if key not in (*names, OF_RESOURCE)}
    return next(iter(rest.values())) if len(rest) == 1 else rest


def _shown(value: Any) -> str:
    """A value as a plan shows it; empty for none."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

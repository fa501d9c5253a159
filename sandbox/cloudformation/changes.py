"""What a template would change of a stack: the content of a change set, and "no updates are to be performed"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from sandbox import schemas
from sandbox.cloudformation.intrinsics import LATER
from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import GONE, STACK, resource_of, rows
from sandbox.cloudformation.template import Template, references
from sandbox.errors import AwsError
from sandbox.resource_types import at_path, tag_list
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

_MISSING = object()
_POLICIES = {"Delete": "Delete", "Retain": "Retain", "Snapshot": "Snapshot", "RetainExceptOnCreate": "Retain"}


@dataclass
class Preview:
    """changes: as DescribeChangeSet answers them. different: whether anything at all would change.

    refusals: property validation failures as (logical id, type, message).
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    different: bool = False
    refusals: list[tuple[str, str, str]] = field(default_factory=list)


def preview(
    world: World,
    stack: Record,
    template: Template,
    parameters: dict[str, dict[str, Any]],
    tags: dict[str, str],
) -> Preview:
    """Compare a template with what the stack has deployed. Raises AwsError where a value cannot be resolved."""
    existing = {n: r for n, r in rows(world, stack).items() if r.state != GONE}
    scope = StackScope(world, stack, template, parameters, existing, unknown=set())
    result = Preview()
    order = TopologicalSorter(template.depends).static_order()
    wanted = {name for name in template.resources if scope.resolver.included(name)}
    for name in order:
        if name in wanted:
            _one(world, scope, existing.get(name), name, tags, result)
    for name, row in existing.items():
        if name not in wanted:
            result.changes.append(_removal(row))
    outputs = {n: _output(scope, o) for n, o in template.outputs.items()}
    before = {
        o["OutputKey"]: (o["OutputValue"], o.get("ExportName"), o.get("Description"))
        for o in stack.data["outputs"]
    }
    after = {n: v for n, v in outputs.items() if v is not None}
    result.different = bool(result.changes) or after != before or tags != stack.tags
    result.changes.sort(key=lambda c: {"Remove": 0, "Modify": 1, "Add": 2}[c["ResourceChange"]["Action"]])
    return result


def _output(scope: StackScope, definition: dict[str, Any]) -> tuple[str, str | None, str | None] | None:
    condition = definition.get("Condition")
    if condition is not None and not scope.resolver.condition(condition):
        return None
    value = scope.resolver.resolve(definition["Value"])
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    name = (definition.get("Export") or {}).get("Name")
    return text, None if name is None else str(scope.resolver.resolve(name)), definition.get("Description")


def _one(
    world: World, scope: StackScope, row: Record | None, name: str, tags: dict[str, str], result: Preview
) -> None:
    definition = scope.resolver.template.resources[name]
    type_name = definition["Type"]
    properties = scope.properties(name)
    later = LATER in json.dumps(properties)
    _, refusals = schemas.check(schemas.load(type_name), properties)
    for text in refusals:
        if not later or " key [" in text:
            result.refusals.append((name, type_name, text))
    if row is None or not row.data["physical_id"]:
        if scope.unknown is not None:
            scope.unknown.add(name)
        change = {
            "Action": "Add",
            "LogicalResourceId": name,
            "ResourceType": type_name,
            "Scope": [],
            "Details": [],
            "AfterContext": _context(properties, definition),
        }
        result.changes.append({"Type": "Resource", "ResourceChange": change})
        return
    modified = _modification(world, scope, row, name, definition, properties, tags)
    if modified is not None:
        result.changes.append({"Type": "Resource", "ResourceChange": modified})
        if modified["Replacement"] != "False" and scope.unknown is not None:
            scope.unknown.add(name)


def _modification(
    world: World,
    scope: StackScope,
    row: Record,
    name: str,
    definition: dict[str, Any],
    properties: dict[str, Any],
    tags: dict[str, str],
) -> dict[str, Any] | None:
    handler = world.type(definition["Type"])
    before = row.data["properties"]
    details = list(_details(handler.schema, before, properties, definition))
    scopes = []
    if any(d["Target"]["Attribute"] == "Properties" for d in details):
        scopes.append("Properties")
    if any(d["Target"]["Attribute"] == "Tags" for d in details):
        scopes.append("Tags")
    if handler.schema.tag_property and row.data["tags"] != tags:
        scopes = [*scopes, "Tags"] if "Tags" not in scopes else scopes
        target = {
            "Attribute": "Tags",
            "RequiresRecreation": "Never",
            "Path": f"/Properties/{handler.schema.tag_property}",
            "BeforeValue": json.dumps(tag_list(row.data["tags"])),
            "AfterValue": json.dumps(tag_list(tags)),
            "AttributeChangeType": "Modify",
        }
        details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    for attribute, key, new in (
        ("Metadata", "metadata", definition.get("Metadata")),
        ("DeletionPolicy", "deletion_policy", definition.get("DeletionPolicy")),
        ("UpdateReplacePolicy", "replace_policy", definition.get("UpdateReplacePolicy")),
    ):
        if row.data.get(key) != new:
            scopes.append(attribute)
            target = {"Attribute": attribute, "RequiresRecreation": "Never", "Path": f"/{attribute}"}
            details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    if row.data["type"] != definition["Type"]:
        replacement = "True"
    else:
        record = resource_of(world, row)
        names = handler.replaces(record, before, properties) if record is not None else []
        replacement = _replacement(names, properties, details)
    if not scopes and replacement == "False":
        if definition["Type"] != STACK:
            return None
        # CloudFormation does not look into a nested stack for this, and says that it may change.
        target = {"Attribute": "Properties", "Name": "TemplateURL", "RequiresRecreation": "Never"}
        details.append({"Target": target, "Evaluation": "Dynamic", "ChangeSource": "Automatic"})
        scopes = ["Properties"]
    change = {
        "Action": "Modify",
        "LogicalResourceId": name,
        "PhysicalResourceId": row.data["physical_id"],
        "ResourceType": definition["Type"],
        "Replacement": replacement,
        "Scope": scopes,
        "Details": details,
        "BeforeContext": _context(before, {"Metadata": row.data.get("metadata")}),
        "AfterContext": _context(properties, definition),
    }
    if replacement == "True":
        change["PolicyAction"] = f"ReplaceAnd{_POLICIES[row.data.get('replace_policy') or 'Delete']}"
    return change


def _replacement(names: list[str], properties: dict[str, Any], details: list[dict[str, Any]]) -> str:
    """True, False or Conditional (API reference, ResourceChange). names: changed create-only paths of the resource."""
    if names:
        sure = any(LATER not in json.dumps(at_path(properties, name)) for name in names)
        return "True" if sure else "Conditional"
    if any(d["Target"].get("RequiresRecreation") == "Conditionally" for d in details):
        return "Conditional"
    return "False"


def _details(
    schema: schemas.Schema, before: dict[str, Any], after: dict[str, Any], definition: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for name in sorted({*before, *after}):
        for path, old, new in _differences(f"{name}", before.get(name, _MISSING), after.get(name, _MISSING)):
            later = LATER in json.dumps(new if new is not _MISSING else None)
            recreation = "Never"
            if _touches(schema.create_only, path, before, after):
                recreation = "Always"
            elif _touches(schema.conditional_create_only, path, before, after):
                recreation = "Conditionally"
            target: dict[str, Any] = {
                "Attribute": "Tags" if name == schema.tag_property else "Properties",
                "Name": name,
                "RequiresRecreation": recreation,
                "Path": f"/Properties/{path}",
                "AttributeChangeType": "Add"
                if old is _MISSING
                else "Remove"
                if new is _MISSING
                else "Modify",
            }
            if old is not _MISSING:
                target["BeforeValue"] = old if isinstance(old, str) else json.dumps(old)
            if new is not _MISSING:
                target["AfterValue"] = new if isinstance(new, str) else json.dumps(new)
            detail = {
                "Target": target,
                "Evaluation": "Dynamic" if later else "Static",
                "ChangeSource": "DirectModification",
            }
            if later:
                value = (definition.get("Properties") or {}).get(name)
                attributes = sorted(set(_attributes(value)))
                causes = sorted(set(references(value)) - {a.partition(".")[0] for a in attributes})
                detail["ChangeSource"] = "ResourceReference" if causes else "ResourceAttribute"
                detail["CausingEntity"] = ",".join(causes or attributes)
            yield detail


def _touches(paths: frozenset[str], path: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a difference at `path` lies in one of the schema's paths, or holds one that differs."""
    form = re.sub(r"/\d+(?=/|$)", "/*", path)
    for other in paths:
        if form == other or form.startswith(other + "/"):
            return True
        if other.startswith(form + "/") and at_path(before, other) != at_path(after, other):
            return True
    return False


def _attributes(value: Any) -> Iterator[str]:
    """The Fn::GetAtt of a value, each as `<logical id>.<attribute>`."""
    if isinstance(value, list):
        for item in value:
            yield from _attributes(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::GetAtt":
                yield item if isinstance(item, str) else f"{item[0]}.{item[1]}"
            else:
                yield from _attributes(item)


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _differences(f"{path}/{name}", old.get(name, _MISSING), new.get(name, _MISSING))
        return
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}/{index}", left, right)
        return
    yield path, old, new


def _context(properties: dict[str, Any], definition: dict[str, Any]) -> str:
    document: dict[str, Any] = {"Properties": properties}
    if definition.get("Metadata"):
        document["Metadata"] = definition["Metadata"]
    return json.dumps(document)


def _removal(row: Record) -> dict[str, Any]:
    change = {
        "Action": "Remove",
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.data["physical_id"],
        "ResourceType": row.data["type"],
        "Scope": [],
        "Details": [],
        "PolicyAction": _POLICIES[row.data.get("deletion_policy") or "Delete"],
        "BeforeContext": _context(row.data["properties"], {"Metadata": row.data.get("metadata")}),
    }
    return {"Type": "Resource", "ResourceChange": change}


def check_imports(
    world: World, stack: Record, template: Template, parameters: dict[str, dict[str, Any]]
) -> None:
    """Raise ValidationError for an import of an export that does not exist."""
    scope = StackScope(world, stack, template, parameters, {}, unknown=set(template.resources))
    for name in template.resources:
        if scope.resolver.included(name):
            scope.properties(name)
    for name in template.outputs:
        try:
            _output(scope, template.outputs[name])
        except AwsError as problem:
            if problem.message.startswith("No export"):
                raise

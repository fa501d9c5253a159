"""Outputs of a stack, and the exports among them that others hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.scope import StackScope
from sandbox.cloudformation.stacks import export_find, importers
from sandbox.errors import validation_error
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World


def outputs_of(world: World, stack: Record, scope: StackScope) -> list[dict[str, Any]]:
    """The outputs that the scope's template declares, as DescribeStacks answers them.

    Raises ValidationError for an export that another stack has, or that another stack uses as it was.
    """
    outputs = []
    for name, definition in scope.resolver.template.outputs.items():
        condition = definition.get("Condition")
        if condition is not None and not scope.resolver.condition(condition):
            continue
        output = {"OutputKey": name, "OutputValue": _as_text(scope.resolver.resolve(definition["Value"]))}
        if definition.get("Description"):
            output["Description"] = definition["Description"]
        export = (definition.get("Export") or {}).get("Name")
        if export is not None:
            output["ExportName"] = str(scope.resolver.resolve(export))
            _check_export(world, stack, output["ExportName"])
        outputs.append(output)
    new = {o["ExportName"]: o["OutputValue"] for o in outputs if "ExportName" in o}
    for output in stack.data["outputs"]:
        export = output.get("ExportName")
        users = importers(world, stack, export) if export else []
        if not users or new.get(export) == output["OutputValue"]:
            continue
        verb = "updated" if export in new else "deleted"
        raise validation_error(f"Export {export} cannot be {verb} as it is in use by {' and '.join(users)}")
    return outputs


def _check_export(world: World, stack: Record, name: str) -> None:
    found = export_find(world, stack.account, stack.region, name)
    if found is not None and found[0] is not stack:
        raise validation_error(
            f"Export with name {name} is already exported by stack {found[0].data['name']}. "
            "Rollback requested by user."
        )


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(v) for v in value)
    return str(value)

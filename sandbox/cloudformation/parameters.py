"""Parameters of a stack: checked against the template, types resolved."""

from __future__ import annotations

import re
from typing import Any

from sandbox.cloudformation.template import Template
from sandbox.context import Context
from sandbox.errors import validation_error


def settle(
    ctx: Context,
    template: Template,
    given: list[dict[str, Any]],
    previous: dict[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Parameter name to {"Value", "Resolved"?}. given: the API's Parameters; previous: those of the stack.

    Raises ValidationError in CloudFormation's words.
    """
    declared = template.parameters
    asked = {p["ParameterKey"]: p for p in given}
    unknown = sorted(set(asked) - set(declared))
    if unknown:
        raise validation_error(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    settled: dict[str, dict[str, Any]] = {}
    missing = []
    for name, rule in declared.items():
        entry = asked.get(name)
        if entry is not None and entry.get("UsePreviousValue"):
            if name not in previous:
                raise validation_error(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a "
                    "parameter key not in the previous template"
                )
            value = previous[name]["Value"]
        elif entry is not None and entry.get("ParameterValue") is not None:
            value = str(entry["ParameterValue"])
        elif "Default" in rule:
            default = rule["Default"]
            value = str(default).lower() if isinstance(default, bool) else str(default)
        else:
            missing.append(name)
            continue
        settled[name] = _checked(ctx, name, rule, value)
    if missing:
        raise validation_error(f"Parameters: [{', '.join(missing)}] must have values")
    return settled


def _checked(ctx: Context, name: str, rule: dict[str, Any], value: str) -> dict[str, Any]:
    kind = str(rule.get("Type", "String"))
    entry: dict[str, Any] = {"Value": value}
    if rule.get("NoEcho") in (True, "true"):
        entry["NoEcho"] = True
    if kind.startswith("AWS::SSM::Parameter::Value<"):
        record = ctx.store.get(ctx.account, ctx.region, "AWS::SSM::Parameter", value)
        if record is None:
            raise validation_error(
                f"Unable to fetch parameters [{value}] from parameter store for this account."
            )
        entry["Resolved"] = value = str(record.properties["Value"])
        kind = kind.removeprefix("AWS::SSM::Parameter::Value<").removesuffix(">")
    if kind.startswith("List<") or kind == "CommaDelimitedList":
        entry["List"] = True
    allowed = rule.get("AllowedValues")
    if allowed and value not in [str(a) for a in allowed]:
        raise validation_error(
            f"Parameter '{name}' must be one of AllowedValues"
            if not rule.get("ConstraintDescription")
            else f"Parameter '{name}' failed to satisfy constraint: {rule['ConstraintDescription']}"
        )
    pattern = rule.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        said = rule.get("ConstraintDescription") or f"must match pattern {pattern}"
        raise validation_error(f"Parameter {name} failed to satisfy constraint: {said}")
    if len(value) < int(rule.get("MinLength", 0)) or len(value) > int(rule.get("MaxLength", len(value))):
        raise validation_error(
            f"Parameter '{name}' must contain at least {rule.get('MinLength', 0)} and at most "
            f"{rule.get('MaxLength', 'unlimited')} characters"
        )
    if kind == "Number":
        _check_number(name, rule, value)
    return entry


def _check_number(name: str, rule: dict[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError as problem:
        raise validation_error(f"Parameter '{name}' must be a number.") from problem
    if number < float(rule.get("MinValue", number)):
        raise validation_error(f"Parameter '{name}' must be a number not less than {rule['MinValue']}")
    if number > float(rule.get("MaxValue", number)):
        raise validation_error(f"Parameter '{name}' must be a number not greater than {rule['MaxValue']}")


def value_of(entry: dict[str, Any]) -> Any:
    """What `Ref` of a parameter answers."""
    value = entry.get("Resolved", entry["Value"])
    if entry.get("List"):
        return [v.strip() for v in value.split(",")] if value else []
    return value


def shown(parameters: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """As DescribeStacks answers them; NoEcho values are ****."""
    answer = []
    for name, entry in parameters.items():
        shape = {"ParameterKey": name, "ParameterValue": "****" if entry.get("NoEcho") else entry["Value"]}
        if "Resolved" in entry:
            shape["ResolvedValue"] = entry["Resolved"]
        answer.append(shape)
    return answer

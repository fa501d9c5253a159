"""Intrinsic functions: turning template values into values."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.cloudformation.parameters import value_of
from sandbox.cloudformation.template import Template
from sandbox.errors import validation_error

NO_VALUE = object()
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows for a value that is known only after execution."""

ZONES = {"us-east-1": "abcdef", "us-west-1": "ac", "ca-central-1": "abd"}
"""Zone letters where they are not a, b, c."""


def zones(region: str) -> list[str]:
    """Names of a region's availability zones, as Fn::GetAZs answers."""
    return [region + letter for letter in ZONES.get(region, "abc")]


class Resolver:
    """Resolves values of one template for one stack.

    ref(logical id) and get_att(logical id, attribute) answer for resources (or LATER); import_value(name) for
    exports of other stacks, output_value(stack, output, region or "") for outputs of theirs.
    """

    def __init__(
        self,
        template: Template,
        parameters: dict[str, dict[str, Any]],
        pseudo: dict[str, Any],
        ref: Callable[[str], Any],
        get_att: Callable[[str, str], Any],
        import_value: Callable[[str], Any],
        output_value: Callable[[str, str, str], Any],
    ) -> None:
        self.template = template
        self.parameters = parameters
        self.pseudo = pseudo
        self._ref, self._get_att, self._import = ref, get_att, import_value
        self._output = output_value
        self._conditions: dict[str, bool] = {}

    # -- conditions

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            if name not in self.template.conditions:
                raise validation_error(f"Template error: unresolved condition dependency: {name}")
            self._conditions[name] = self._truth(self.template.conditions[name])
        return self._conditions[name]

    def included(self, logical_id: str) -> bool:
        """Whether the resource's condition holds."""
        name = self.template.resources[logical_id].get("Condition")
        return name is None or self.condition(name)

    def _truth(self, value: Any) -> bool:
        if isinstance(value, dict) and len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Condition":
                return self.condition(argument)
            if function == "Fn::Equals":
                left, right = (self.resolve(v) for v in argument)
                return bool(left == right)
            if function == "Fn::And":
                return all(self._truth(v) for v in argument)
            if function == "Fn::Or":
                return any(self._truth(v) for v in argument)
            if function == "Fn::Not":
                return not self._truth(argument[0])
        return str(self.resolve(value)).lower() == "true"

    # -- values

    def resolve(self, value: Any) -> Any:
        """The value without intrinsic functions; NO_VALUE members are left out."""
        if isinstance(value, list):
            return [r for r in (self.resolve(v) for v in value) if r is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {k: self.resolve(v) for k, v in value.items()}
        return {k: v for k, v in resolved.items() if v is not NO_VALUE}

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return value_of(self.parameters[name])
        if name in self.template.resources:
            return self._ref(name)
        raise validation_error(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _function(self, name: str, argument: Any) -> Any:
        method = getattr(self, "_fn_" + name.removeprefix("Fn::").lower(), None)
        if method is None:
            raise validation_error(f"Template error: {name} is not supported by the sandbox")
        return method(argument)

    def _fn_getatt(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._get_att(name, self.resolve(attribute))

    def _fn_sub(self, argument: Any) -> Any:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        values = {k: self.resolve(v) for k, v in own.items()}

        def put(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                return str(values[name])
            if "." in name and name not in self.pseudo:
                return str(self._get_att(*name.split(".", 1)))
            return str(self._reference(name))

        return re.sub(r"\$\{([^}]*)\}", put, text)

    def _fn_join(self, argument: Any) -> Any:
        separator, parts = argument
        parts = self.resolve(parts)
        if parts == LATER:
            return LATER
        if not isinstance(parts, list):
            raise validation_error(
                "Template error: every Fn::Join object requires two parameters, a list last"
            )
        return str(separator).join("true" if p is True else "false" if p is False else str(p) for p in parts)

    def _fn_select(self, argument: Any) -> Any:
        index, items = int(self.resolve(argument[0])), self.resolve(argument[1])
        if items == LATER:
            return LATER
        if not 0 <= index < len(items):
            raise validation_error(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            )
        return items[index]

    def _fn_split(self, argument: Any) -> Any:
        text = self.resolve(argument[1])
        return LATER if text == LATER else str(text).split(argument[0])

    def _fn_if(self, argument: Any) -> Any:
        name, yes, no = argument
        return self.resolve(yes if self.condition(name) else no)

    def _fn_equals(self, argument: Any) -> Any:
        return self._truth({"Fn::Equals": argument})

    def _fn_importvalue(self, argument: Any) -> Any:
        return self._import(str(self.resolve(argument)))

    def _fn_getstackoutput(self, argument: Any) -> Any:
        told = self.resolve(argument)
        return self._output(told["StackName"], told["OutputName"], told.get("Region", ""))

    def _fn_base64(self, argument: Any) -> Any:
        value = self.resolve(argument)
        return LATER if LATER in str(value) else base64.b64encode(str(value).encode()).decode()

    def _fn_findinmap(self, argument: Any) -> Any:
        names = [self.resolve(a) for a in argument[:3]]
        value: Any = self.template.mappings
        for name in names:
            if not isinstance(value, dict) or str(name) not in value:
                if len(argument) > 3 and "DefaultValue" in argument[3]:
                    return self.resolve(argument[3]["DefaultValue"])
                raise validation_error(
                    f"Template error: Unable to get mapping for {'::'.join(map(str, names))}"
                )
            value = value[str(name)]
        return value

    def _fn_getazs(self, argument: Any) -> Any:
        return zones(self.resolve(argument) or self.pseudo["AWS::Region"])

    def _fn_cidr(self, argument: Any) -> Any:
        block, count = self.resolve(argument[0]), int(self.resolve(argument[1]))
        bits = int(self.resolve(argument[2])) if len(argument) > 2 else 8
        if block == LATER:
            return [LATER] * count
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
        return [str(net) for net, _ in zip(subnets, range(count), strict=False)]

    def _fn_tojsonstring(self, argument: Any) -> Any:
        return json.dumps(self.resolve(argument), separators=(",", ":"))

    def _fn_length(self, argument: Any) -> Any:
        return len(self.resolve(argument))

    def _fn_transform(self, argument: Any) -> Any:
        raise validation_error("Transforms are not supported by the sandbox")

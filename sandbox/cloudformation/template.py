"""Templates: reading, the rules that hold before anything is made, and what depends on what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from sandbox import registry, schemas
from sandbox.errors import AwsError, validation_error

MAX_RESOURCES = 500  # CloudFormation quotas
MAX_PARAMETERS = 200
MAX_OUTPUTS = 200
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
    "Hooks",
}
IAM_TYPES = {
    "AWS::IAM::AccessKey": False,
    "AWS::IAM::Group": True,
    "AWS::IAM::InstanceProfile": True,
    "AWS::IAM::ManagedPolicy": True,
    "AWS::IAM::Policy": False,
    "AWS::IAM::Role": True,
    "AWS::IAM::User": True,
    "AWS::IAM::UserToGroupAddition": False,
}
_NAME_PROPERTIES = {"RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName"}


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short tags. libyaml's scanner: the one in Python takes a second for a bootstrap."""


def _short_tag(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {name: value}


_Loader.add_multi_constructor("!", _short_tag)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Template:
    """A parsed template that passed the first checks."""

    body: str
    document: dict[str, Any]
    depends: dict[str, set[str]] = field(default_factory=dict)
    """Logical id to the logical ids it needs first."""

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        resources: dict[str, dict[str, Any]] = self.document["Resources"]
        return resources

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        return self.document.get("Parameters") or {}

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        return self.document.get("Outputs") or {}

    @property
    def mappings(self) -> dict[str, Any]:
        return self.document.get("Mappings") or {}

    @property
    def conditions(self) -> dict[str, Any]:
        return self.document.get("Conditions") or {}

    @property
    def description(self) -> str | None:
        return self.document.get("Description")

    def capabilities(self) -> list[str]:
        """Capabilities that the caller has to acknowledge."""
        types = {r["Type"] for r in self.resources.values()} & set(IAM_TYPES)
        if not types:
            return []
        named = any(
            _NAME_PROPERTIES & set(r.get("Properties") or ())
            for r in self.resources.values()
            if IAM_TYPES.get(r["Type"])
        )
        return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"]


_parsed: dict[str, Template] = {}


def parse(body: str) -> Template:
    """Read and check a template. Raises ValidationError in CloudFormation's words."""
    if body in _parsed:
        return _parsed[body]
    try:
        document = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, Loader=_Loader)  # noqa: S506
    except (ValueError, yaml.YAMLError) as problem:
        raise validation_error(
            f"Template format error: {_kind_of(body)} not well-formed. ({problem})"
        ) from problem
    if not isinstance(document, dict):
        raise validation_error("Template format error: unsupported structure.")
    unknown = sorted(set(document) - _SECTIONS)
    if unknown:
        raise validation_error(f"Invalid template property or properties [{', '.join(unknown)}]")
    if document.get("Transform"):
        raise validation_error("Transforms are not supported by the sandbox")
    _check_resources(document)
    template = Template(body, document, _dependencies(document))
    _check_cycles(template)
    if len(_parsed) > 200:  # parsed templates are large; the oldest go first
        _parsed.pop(next(iter(_parsed)))
    _parsed[body] = template
    return template


def _kind_of(body: str) -> str:
    return "JSON" if body.lstrip().startswith("{") else "YAML"


def _check_resources(document: dict[str, Any]) -> None:
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise validation_error("Template format error: At least one Resources member must be defined.")
    for section, most in (
        ("Resources", MAX_RESOURCES),
        ("Parameters", MAX_PARAMETERS),
        ("Outputs", MAX_OUTPUTS),
    ):
        count = len(document.get(section) or ())
        if count > most:
            raise validation_error(
                f"Template format error: Number of {section.lower()}, {count}, is greater than maximum allowed, {most}"
            )
    conditions = document.get("Conditions") or {}
    for logical_id, resource in resources.items():
        if not re.fullmatch(r"[A-Za-z0-9]+", logical_id):
            raise validation_error(f"Template format error: Resource name {logical_id} is non alphanumeric.")
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise validation_error(
                f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
            )
        if resource.get("Condition") is not None and resource["Condition"] not in conditions:
            raise validation_error(
                f"Template format error: Unresolved condition dependency {resource['Condition']} in the Resources "
                "block of the template"
            )


def check_types(template: Template, region: str) -> None:
    """Raise ValidationError for types that the region's registry has not, then for those that the sandbox has not.

    The first sentence is CloudFormation's (github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1020).
    """
    names = sorted({resource["Type"] for resource in template.resources.values()})
    unknown = [name for name in names if not schemas.exists(name, region)]
    if unknown:
        raise validation_error(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    for name in names:
        if schemas.registered(name) not in registry.TYPES:
            raise validation_error(f"Resource type {name} is not supported by the sandbox")


def references(value: Any) -> Iterator[str]:
    """Names that a value refers to by Ref, GetAtt or Sub (resources, parameters, pseudo parameters)."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
        return
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str):
            yield item
        elif key == "Fn::GetAtt":
            yield item.split(".")[0] if isinstance(item, str) else item[0]
        elif key == "Fn::Sub":
            text, own = (item, {}) if isinstance(item, str) else (item[0], item[1])
            for name in re.findall(r"\$\{([^!][^}]*)\}", text):
                if name.strip() not in own:
                    yield name.strip().split(".")[0]
            yield from references(own)
        else:
            yield from references(item)


def _dependencies(document: dict[str, Any]) -> dict[str, set[str]]:
    resources = document["Resources"]
    parameters = document.get("Parameters") or {}
    depends: dict[str, set[str]] = {}
    for logical_id, resource in resources.items():
        needs = set()
        explicit = resource.get("DependsOn") or []
        for name in [explicit] if isinstance(explicit, str) else explicit:
            if name not in resources:
                raise validation_error(
                    f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of "
                    "the template"
                )
            needs.add(name)
        for name in references(resource.get("Properties")):
            if name in resources:
                needs.add(name)
            elif name not in parameters and not name.startswith("AWS::"):
                raise validation_error(
                    f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of "
                    "the template"
                )
        depends[logical_id] = needs
    for name in references(document.get("Outputs")):
        if name not in resources and name not in parameters and not name.startswith("AWS::"):
            raise validation_error(
                f"Template format error: Unresolved resource dependencies [{name}] in the Outputs block of the template"
            )
    return depends


def _check_cycles(template: Template) -> None:
    left = {name: set(needs) for name, needs in template.depends.items()}
    while left:
        free = [name for name, needs in left.items() if not needs & set(left) - set()]
        free = [name for name in free if name not in left[name]]
        if not free:
            raise validation_error(f"Circular dependency between resources: [{', '.join(sorted(left))}]")
        for name in free:
            del left[name]


def check_capabilities(template: Template, given: list[str]) -> None:
    """Raise InsufficientCapabilitiesException unless the caller acknowledged IAM resources."""
    for needed in template.capabilities():
        fits = {"CAPABILITY_NAMED_IAM"} | ({"CAPABILITY_IAM"} if needed == "CAPABILITY_IAM" else set())
        if not fits & set(given):
            raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]", 400)

"""A template's values as plain ones: names and ARNs that are not known yet become stable placeholders.

The same reference gives the same placeholder in the old and the new templates, so that policies can be compared.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUB = re.compile(r"\$\{([^!}][^}]*)\}")
NAME_PROPERTIES = (
    "RoleName",
    "UserName",
    "GroupName",
    "ManagedPolicyName",
    "BucketName",
    "QueueName",
    "TopicName",
    "TableName",
    "RepositoryName",
    "LogGroupName",
    "Name",
)
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::IAM::User": "arn:aws:iam::{account}:user/{name}",
    "AWS::IAM::Group": "arn:aws:iam::{account}:group/{name}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{account}:policy/{name}",
    "AWS::IAM::InstanceProfile": "arn:aws:iam::{account}:instance-profile/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{name}",
}
REF_IS_ARN = frozenset({"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::SecretsManager::Secret"})


@dataclass
class Place:
    """Where templates are deployed: account, region, stack names by key, and all templates by key."""

    account: str
    region: str
    names: Mapping[str, str]
    templates: Mapping[str, Mapping[str, Any]]
    exports: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, template in self.templates.items():
            for output in template.get("Outputs", {}).values():
                name = output.get("Export", {}).get("Name")
                if name is not None:
                    self.exports[str(Resolver(self, key).resolve(name))] = (key, output.get("Value"))


class Resolver:
    """Resolves values of one stack's template. `unresolved` are functions that it could not look through."""

    def __init__(self, place: Place, key: str) -> None:
        self.place, self.key = place, key
        self.template = place.templates[key]
        self.unresolved: set[str] = set()

    def resolve(self, value: Any) -> Any:
        """The value with each function in it replaced."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not None}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._ref(str(argument))
        if name == "Fn::GetAtt":
            target = argument if isinstance(argument, list) else str(argument).split(".", 1)
            return self._attribute(str(target[0]), str(target[1]))
        if name == "Fn::Join":
            parts = self.resolve(argument[1])
            return (
                str(argument[0]).join(map(str, parts))
                if isinstance(parts, list)
                else self._opaque(name, argument)
            )
        if name == "Fn::Sub":
            return self._sub(argument)
        if name == "Fn::ImportValue":
            return self._import(str(self.resolve(argument)))
        if name == "Fn::GetStackOutput":
            return self._output(self.resolve(argument))
        if name == "Fn::Select":
            choices = self.resolve(argument[1])
            index = self.resolve(argument[0])
            if isinstance(choices, list) and str(index).isdigit() and int(index) < len(choices):
                return choices[int(index)]
        if name == "Fn::Split":
            text = self.resolve(argument[1])
            if isinstance(text, str):
                return text.split(str(argument[0]))
        return self._opaque(name, argument)

    def _opaque(self, name: str, argument: Any) -> str:
        self.unresolved.add(name)
        digest = hashlib.sha256(json.dumps(argument, sort_keys=True, default=str).encode()).hexdigest()
        return f"unresolved-{name.removeprefix('Fn::')}-{digest[:10]}"

    def _ref(self, name: str) -> Any:
        place = self.place
        pseudo: dict[str, Any] = {
            "AWS::AccountId": place.account,
            "AWS::Region": place.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": place.names[self.key],
            "AWS::StackId": f"arn:aws:cloudformation:{place.region}:{place.account}:stack/{place.names[self.key]}/id",
            "AWS::NoValue": None,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template.get("Parameters", {}):
            return self.template["Parameters"][name].get("Default", f"parameter-{name}")
        if self._type(name) in REF_IS_ARN:
            return self.arn(name)
        return self.name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute == "Arn" or attribute.endswith("Arn"):
            return self.arn(name)
        return f"{self.name(name)}.{attribute}"

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def put(found: re.Match[str]) -> str:
            name = found[1].strip()
            if name in values:
                return str(self.resolve(values[name]))
            if "." in name:
                return self._attribute(*name.split(".", 1))
            known = (
                name.startswith("AWS::") or self._type(name) or name in self.template.get("Parameters", {})
            )
            return str(self._ref(name)) if known else found[0]

        return SUB.sub(put, text).replace("${!", "${")

    def _import(self, name: str) -> Any:
        found = self.place.exports.get(name)
        if found is None:
            return f"import-{name}"
        other = Resolver(self.place, found[0])
        value = other.resolve(found[1])
        self.unresolved |= other.unresolved
        return value

    def _output(self, told: Mapping[str, Any]) -> Any:
        """Another stack's output, by its names."""
        for key, name in self.place.names.items():
            output = self.place.templates.get(key, {}).get("Outputs", {}).get(told["OutputName"])
            if name == told["StackName"] and output is not None:
                other = Resolver(self.place, key)
                value = other.resolve(output["Value"])
                self.unresolved |= other.unresolved
                return value
        return f"output-{told['StackName']}-{told['OutputName']}"

    def _type(self, name: str) -> str:
        return str(self.template.get("Resources", {}).get(name, {}).get("Type", ""))

    def name(self, logical_id: str) -> str:
        """The physical name when the template gives one, else a placeholder: in.<stack>.<logical id>."""
        properties = self.template.get("Resources", {}).get(logical_id, {}).get("Properties", {})
        for key in NAME_PROPERTIES:
            given = properties.get(key)
            if isinstance(given, str):
                return given
            if isinstance(given, dict):
                told = self.resolve(given)
                if isinstance(told, str):
                    return told
        return f"in.{self.key}.{logical_id}"

    def arn(self, logical_id: str) -> str:
        """The ARN as its type has it, with name or placeholder."""
        kind = self._type(logical_id)
        place = self.place
        name = self.name(logical_id)
        form = ARNS.get(kind)
        if form is None:
            service = kind.split("::")[1].lower() if kind.count("::") == 2 else "unknown"
            return f"arn:aws:{service}:{place.region}:{place.account}:{name}"
        return form.format(name=name, account=place.account, region=place.region)

"""A stack's resolver: pseudo parameters, references to its resources, imports, dynamic references."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.cloudformation.intrinsics import LATER, Resolver
from sandbox.cloudformation.stacks import export_find, output_find, resource_of
from sandbox.cloudformation.template import Template
from sandbox.errors import AwsError, validation_error
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]*)\}\}")


def pseudo_parameters(stack: Record) -> dict[str, Any]:
    return {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::StackId": stack.arn,
        "AWS::StackName": stack.data["name"],
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": stack.data.get("notification_arns") or [],
    }


def check_dynamic_references(world: World, account: str, region: str, template: Template) -> None:
    """Raise ValidationError for {{resolve:ssm:…}} of a parameter that is not there, before anything is begun."""
    wanted = {m[2] for m in _DYNAMIC.finditer(template.body) if m[1] == "ssm" and "$" not in m[2]}
    missing = [f"ssm:{key}" for key in sorted(wanted) if _parameter(world, account, region, key) is None]
    if missing:
        raise validation_error(f"Parameters: [{', '.join(missing)}] cannot be found.")


def _parameter(world: World, account: str, region: str, key: str) -> Record | None:
    name = key.rsplit(":", 1)[0] if key.rpartition(":")[2].isdigit() else key
    return world.store.get(account, region, "AWS::SSM::Parameter", name)


class StackScope:
    """Resolves a template's values against the stack's rows.

    unknown: logical ids whose Ref and GetAtt will only be known later (change sets); they answer LATER.
    imports: names of exports that were used.
    """

    def __init__(
        self,
        world: World,
        stack: Record,
        template: Template,
        parameters: dict[str, dict[str, Any]],
        rows: dict[str, Record],
        unknown: set[str] | None = None,
    ) -> None:
        self.world, self.stack, self.rows = world, stack, rows
        self.unknown = unknown
        self.imports: list[str] = []
        self.resolver = Resolver(
            template,
            parameters,
            pseudo_parameters(stack),
            self._ref,
            self._get_att,
            self._import,
            self._output,
        )

    def _record(self, logical_id: str) -> Record | None:
        row = self.rows.get(logical_id)
        return resource_of(self.world, row) if row is not None else None

    def _ref(self, logical_id: str) -> Any:
        if self.unknown is not None and logical_id in self.unknown:
            return LATER
        record = self._record(logical_id)
        if record is None:
            row = self.rows.get(logical_id)
            if row is not None and row.data["physical_id"]:
                return row.data["physical_id"]
            if self.unknown is not None:
                return LATER
            raise validation_error(f"Unresolved resource dependencies [{logical_id}]")
        return self.world.type(record.type).ref(record)

    def _get_att(self, logical_id: str, attribute: str) -> Any:
        if self.unknown is not None and logical_id in self.unknown:
            return LATER
        record = self._record(logical_id)
        if record is None:
            if self.unknown is not None:
                return LATER
            raise validation_error(f"Unresolved resource dependencies [{logical_id}]")
        try:
            return self.world.type(record.type).attribute(record, attribute)
        except KeyError as problem:
            raise validation_error(
                f"Requested attribute {attribute} does not exist in schema for {record.type}"
            ) from problem

    def _import(self, name: str) -> Any:
        found = export_find(self.world, self.stack.account, self.stack.region, name)
        if found is None:
            raise validation_error(f"No export named {name} found.")
        if name not in self.imports:
            self.imports.append(name)
        return found[1]

    def _output(self, stack_name: str, output_name: str, region: str) -> str:
        """Unlike an import it holds nothing: the output may change and go while others read it."""
        found = output_find(
            self.world, self.stack.account, region or self.stack.region, stack_name, output_name
        )
        if found is None:
            raise validation_error(f"Stack {stack_name} has no output named {output_name}.")
        return found

    def properties(self, logical_id: str, resolver: Resolver | None = None) -> dict[str, Any]:
        """The resource's properties, dynamic references still in them."""
        definition = (resolver or self.resolver).template.resources[logical_id]
        resolved: dict[str, Any] = (resolver or self.resolver).resolve(definition.get("Properties") or {})
        return resolved

    def dynamic(self, value: Any) -> Any:
        """The value with {{resolve:…}} replaced by what SSM or Secrets Manager holds."""
        if isinstance(value, list):
            return [self.dynamic(v) for v in value]
        if isinstance(value, dict):
            return {k: self.dynamic(v) for k, v in value.items()}
        if isinstance(value, str) and "{{resolve:" in value:
            return _DYNAMIC.sub(self._look_up, value)
        return value

    def _look_up(self, match: re.Match[str]) -> str:
        service, key = match[1], match[2]
        account, region = self.stack.account, self.stack.region
        if service.startswith("ssm"):
            record = _parameter(self.world, account, region, key)
            if record is None:
                raise validation_error(f"Parameters: [{service}:{key}] cannot be found.")
            return str(record.properties["Value"])
        return self._secret(key)

    def _secret(self, key: str) -> str:
        # <id or ARN>:SecretString:<json key>:<stage>:<version>; an ARN holds colons of its own
        head, found, tail = key.partition(":SecretString")
        record = self.world.store.by_arn(head) or self.world.store.get(
            self.stack.account, self.stack.region, "AWS::SecretsManager::Secret", head
        )
        if record is None:
            for candidate in self.world.store.list(
                self.stack.account, self.stack.region, "AWS::SecretsManager::Secret"
            ):
                if candidate.get("Name") == head:
                    record = candidate
        if record is None:
            raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        value = secret_value(record)
        json_key = tail.lstrip(":").split(":")[0] if found else ""
        if not json_key:
            return value
        try:
            return str(json.loads(value)[json_key])
        except (ValueError, KeyError) as problem:
            raise AwsError(
                "ValidationError",
                f"Could not find a value associated with JSONKey {json_key} in SecretString",
            ) from problem


def secret_value(record: Record) -> str:
    """The current SecretString of a secret's record (the Secrets Manager handler keeps it in data)."""
    versions = record.data.get("versions") or {}
    for version in versions.values() if isinstance(versions, dict) else versions:
        if "AWSCURRENT" in (version.get("stages") or version.get("VersionStages") or ()):
            return str(version.get("SecretString") or version.get("value") or "")
    return str(record.data.get("SecretString") or record.properties.get("SecretString") or "{}")

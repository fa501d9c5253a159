"""What the tests of types share: parts of a template, the stack of one resource, and whether a thing is gone."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox

REGION = "eu-west-1"
Resources = dict[str, dict[str, Any]]


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def subnet(block: str, zone: str) -> dict[str, Any]:
    properties = {"VpcId": ref("Vpc"), "CidrBlock": block, "AvailabilityZone": zone}
    return {"Type": "AWS::EC2::Subnet", "Properties": properties}


class Aws:
    """Clients of the test's account."""

    def __init__(self, sandbox: Sandbox, keys: Keys) -> None:
        self._sandbox, self._keys = sandbox, keys
        self._clients: dict[tuple[str, str], Any] = {}

    def records(self, type_name: str) -> list[Any]:
        """What the sandbox keeps of a type whose service it does not serve."""
        found: list[Any] = self._sandbox.control(
            "GET", "resources", account=self._keys.account_id, type=type_name
        )
        return found

    def __call__(self, service: str, region: str = REGION) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = self._sandbox.client(service, self._keys, region)
        return self._clients[service, region]


Find = Callable[[Aws, dict[str, str]], Any]


@dataclass
class Row:
    """A resource, how its service finds it ({} or [] or a refusal: gone), and where the tagging API lists it."""

    name: str
    find: Find
    tag_region: str | None = REGION


def wanted_by(resources: Resources, name: str) -> Resources:
    """The resource and all that it refers to, however far."""
    wanted: set[str] = set()
    more = {name}
    while more:
        wanted |= more
        more = {other for w in wanted for other in _named_in(resources, resources[w])} - wanted
    return {key: resource for key, resource in resources.items() if key in wanted}


def _named_in(resources: Resources, value: Any) -> set[str]:
    """Logical names that a part of a template refers to."""
    if isinstance(value, str):
        return {name for name in re.findall(r"\$\{(\w+)", value) if name in resources}
    if isinstance(value, list):
        return {name for item in value for name in _named_in(resources, item)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in _named_in(resources, item)}
    for target in (value.get("Ref"), (value.get("Fn::GetAtt") or [None])[0], value.get("DependsOn")):
        if target in resources:
            found.add(str(target))
    return found


def gone(find: Find, aws: Aws, ids: dict[str, str]) -> bool:
    try:
        return not find(aws, ids)
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        assert any(word in code for word in ("NotFound", "NoSuch", "Nonexistent", "NonExistent", "404")), (
            refused
        )
        return True


def tagged(aws: Aws, key: str, region: str = REGION) -> list[str]:
    """ARNs that the tagging API lists for the stack's tag."""
    filters = [{"Key": "row", "Values": [key]}]
    answer = aws("resourcegroupstaggingapi", region).get_resources(TagFilters=filters)
    return [str(r["ResourceARN"]) for r in answer["ResourceTagMappingList"]]


class OneStack:
    """A stack of a test: created, updated, deleted, each waited for."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._client, self.name = aws("cloudformation"), name

    def create(self, resources: Resources) -> dict[str, str]:
        """Its physical ids by logical names."""
        self._id = self._client.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "row", "Value": self.name}],
        )["StackId"]
        return self._settled("CREATE_COMPLETE")

    def update(self, resources: Resources) -> dict[str, str]:
        """Its physical ids by logical names."""
        self._client.update_stack(
            StackName=self.name,
            TemplateBody=json.dumps({"Resources": resources}),
            Tags=[{"Key": "row", "Value": self.name}],
        )
        return self._settled("UPDATE_COMPLETE")

    def delete(self) -> None:
        self._client.delete_stack(StackName=self.name)
        self._settled("DELETE_COMPLETE")

    def _settled(self, wanted: str) -> dict[str, str]:
        """Wait until it is no longer in progress; it must then be in the wanted state."""
        deadline = time.monotonic() + 20
        while True:
            status = self._client.describe_stacks(StackName=self._id)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            assert time.monotonic() < deadline, f"{self.name} is still {status}"
            time.sleep(0.02)
        events = self._client.describe_stack_events(StackName=self._id)["StackEvents"]
        reasons = [e.get("ResourceStatusReason") for e in events if e["ResourceStatus"].endswith("_FAILED")]
        assert status == wanted, reasons
        found = self._client.describe_stack_resources(StackName=self._id)["StackResources"]
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}

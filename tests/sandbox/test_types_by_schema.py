"""Types that the sandbox carries by their registry schema alone: each is made, found, replaced, deleted and gone."""

import json
from itertools import groupby
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from sandbox import schemas
from sandbox.schema_types import SCHEMA_TYPES
from tests.sandbox.support import Stacks, refused, template
from tests.sandbox.types.samples import sample

ACCOUNT = "210000000012"
BY_SERVICE = {name: list(types) for name, types in groupby(SCHEMA_TYPES, key=lambda t: t.split("::")[1])}


@pytest.fixture(scope="module")
def stacks_of_us(sandbox: Sandbox, keys: Keys) -> Stacks:
    """In the one region that has every type."""
    return Stacks(sandbox.client("cloudformation", keys, "us-east-1"))


def records(sandbox: Sandbox, stack_id: str) -> dict[str, dict[str, Any]]:
    """Records of a stack's resources, by type."""
    found = sandbox.control("GET", "resources", account=ACCOUNT)
    return {r["type"]: r for r in found if r["stack"] == stack_id and r["type"] in SCHEMA_TYPES}


@pytest.fixture(scope="module")
def tagging(sandbox: Sandbox, keys: Keys) -> Any:
    """The tagging API where the stacks are; what is global shows there too."""
    return sandbox.client("resourcegroupstaggingapi", keys, "us-east-1")


def tagged(tagging: Any, value: str) -> set[str]:
    answer = tagging.get_resources(TagFilters=[{"Key": "row", "Values": [value]}])
    found = {r["ResourceARN"] for r in answer["ResourceTagMappingList"]}
    return {arn for arn in found if ":cloudformation:" not in arn}


@pytest.mark.parametrize("service", BY_SERVICE)
def test_types_are_made_found_by_tag_deleted_and_gone(
    service: str, sandbox: Sandbox, tagging: Any, stacks_of_us: Stacks
) -> None:
    stacks = stacks_of_us
    types = BY_SERVICE[service]
    name = f"schema-{service}"
    body = template(**{f"R{n}": {"Type": t, "Properties": sample(t)} for n, t in enumerate(types)})
    stack = stacks.create(name, body, Tags=[{"Key": "row", "Value": name}])
    assert stack["StackStatus"] == "CREATE_COMPLETE", [e for e in stacks.events(name) if "FAILED" in e[1]]
    made = records(sandbox, stack["StackId"])
    assert sorted(made) == sorted(types)
    ours = {r["arn"] for t, r in made.items() if schemas.load(t).tag_property}
    assert tagged(tagging, name) == ours
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert records(sandbox, stack["StackId"]) == {}
    assert tagged(tagging, name) == set()


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def test_create_only_property_replaces_and_attributes_can_be_read(stacks: Stacks) -> None:
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["T", "TopicArn"]}}}
    stack = stacks.create("by-schema", template(outputs, T=topic(TopicName="one")))
    assert stack["Outputs"][0]["OutputValue"] == f"arn:aws:sns:eu-west-1:{ACCOUNT}:one"
    assert stacks.physical("by-schema")["T"] == f"arn:aws:sns:eu-west-1:{ACCOUNT}:one"
    stacks.update("by-schema", template(outputs, T=topic(TopicName="one", DisplayName="shown")))
    assert stacks.physical("by-schema")["T"].endswith(":one")
    stack = stacks.update("by-schema", template(outputs, T=topic(TopicName="two", DisplayName="shown")))
    assert stack["Outputs"][0]["OutputValue"].endswith(":two")


def test_property_that_the_schema_has_not_is_refused(stacks: Stacks) -> None:
    stack = stacks.create("by-schema-no", template(T=topic(Colour="red")))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("extraneous key [Colour]" in reason for _, _, reason in stacks.events("by-schema-no"))


def test_other_types_are_refused_by_name(stacks: Stacks) -> None:
    body = json.dumps({"Resources": {"A": {"Type": "AWS::Evidently::Project", "Properties": {"Name": "n"}}}})
    answer = refused(stacks.client.create_stack, StackName="no", TemplateBody=body)
    assert answer == (
        "ValidationError",
        "Resource type AWS::Evidently::Project is not supported by the sandbox",
    )

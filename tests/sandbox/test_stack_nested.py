"""Nested stacks: made, read, updated, put back and deleted with their parent."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000016"
BUCKET = f"nested-{ACCOUNT}"
BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Bogus": 1}}


@pytest.fixture(scope="module")
def s3(sandbox: Sandbox, keys: Keys) -> Any:
    client = sandbox.client("s3", keys)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def child(s3: Any, key: str, name: str, **resources: Any) -> dict[str, Any]:
    """A nested stack that makes a parameter called `name` with its Value, and the given resources."""
    body = {
        "Parameters": {"Value": {"Type": "String"}},
        "Resources": {"P": parameter({"Ref": "Value"}, Name=name), **resources},
        "Outputs": {"Said": {"Value": {"Fn::GetAtt": ["P", "Value"]}}},
    }
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(body))
    url = f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/{key}"
    return {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, "Parameters": {"Value": "1"}},
    }


def valued(nested: dict[str, Any], value: str) -> dict[str, Any]:
    return {**nested, "Properties": {**nested["Properties"], "Parameters": {"Value": value}}}


def value(ssm: Any, name: str) -> str:
    return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])


def test_nested_stack_lives_and_dies_with_its_parent(stacks: Stacks, ssm: Any, s3: Any) -> None:
    nested = child(s3, "a.json", "/nested/a")
    outputs = {"Said": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Said"]}}}
    parent = stacks.create("outer", template(outputs, Inner=nested), Tags=[{"Key": "team", "Value": "x"}])
    assert (parent["StackStatus"], parent["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", "1")
    id = stacks.physical("outer")["Inner"]
    inner = stacks.client.describe_stacks(StackName=id)["Stacks"][0]
    assert (inner["ParentId"], inner["RootId"]) == (parent["StackId"], parent["StackId"])
    assert inner["StackName"].startswith("outer-Inner-") and inner["Tags"] == [{"Key": "team", "Value": "x"}]
    parent = stacks.update("outer", template(outputs, Inner=valued(nested, "2")))
    assert (parent["StackStatus"], parent["Outputs"][0]["OutputValue"]) == ("UPDATE_COMPLETE", "2")
    assert stacks.physical("outer")["Inner"] == id
    assert stacks.delete("outer")["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.client.describe_stacks(StackName=id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert refused(ssm.get_parameter, Name="/nested/a")[0] == "ParameterNotFound"


def test_failed_nested_stack_takes_its_parent_back(stacks: Stacks, ssm: Any, s3: Any) -> None:
    nested = child(s3, "b.json", "/nested/b", Bad={**BROKEN, "DependsOn": "P"})
    parent = stacks.create("outer-bad", template(Inner=nested))
    assert parent["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [r for n, s, r in stacks.events("outer-bad") if (n, s) == ("Inner", "CREATE_FAILED")]
    assert reasons[0].startswith("Embedded stack arn:aws:cloudformation:eu-west-1:")
    assert reasons[0].endswith(
        "was not successfully created: The following resource(s) failed to create: [Bad]. "
    )
    assert refused(ssm.get_parameter, Name="/nested/b")[0] == "ParameterNotFound"


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_failed_update_puts_the_nested_stack_back(where: str, stacks: Stacks, ssm: Any, s3: Any) -> None:
    name = f"back-{where}"
    nested = child(s3, f"{where}.json", f"/nested/{where}")
    stacks.create(name, template(Inner=nested))
    extra: dict[str, Any] = {}
    if where == "beside":
        extra["Bad"] = {**BROKEN, "DependsOn": "Inner"}
        child(s3, f"{where}.json", f"/nested/{where}")
    else:
        child(s3, f"{where}.json", f"/nested/{where}", Bad={**BROKEN, "DependsOn": "P"})
    parent = stacks.update(name, template(Inner=valued(nested, "2"), **extra))
    assert parent["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, f"/nested/{where}") == "1"
    inner = stacks.client.describe_stacks(StackName=stacks.physical(name)["Inner"])["Stacks"][0]
    expected = "UPDATE_COMPLETE" if where == "beside" else "UPDATE_ROLLBACK_COMPLETE"
    assert inner["StackStatus"] == expected
    assert inner["Parameters"] == [{"ParameterKey": "Value", "ParameterValue": "1"}]


def test_other_template_at_the_same_address_is_found(stacks: Stacks, ssm: Any, s3: Any) -> None:
    nested = child(s3, "same.json", "/nested/same")
    stacks.create("outer-same", template(Inner=nested))
    child(s3, "same.json", "/nested/same", More=parameter("m", Name="/nested/more"))
    body = template(Inner=nested)
    stacks.client.create_change_set(StackName="outer-same", ChangeSetName="c", TemplateBody=body)
    change = stacks.client.describe_change_set(StackName="outer-same", ChangeSetName="c")["Changes"][0]
    assert change["ResourceChange"]["Details"][0]["ChangeSource"] == "Automatic"
    stacks.client.execute_change_set(StackName="outer-same", ChangeSetName="c")
    assert stacks.wait("outer-same")["StackStatus"] == "UPDATE_COMPLETE"
    assert value(ssm, "/nested/more") == "m"

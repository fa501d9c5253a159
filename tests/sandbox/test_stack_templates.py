"""CloudFormation: intrinsic functions and parameters."""

import json
from typing import Any

import pytest

from tests.sandbox.support import Stacks, parameter, refused

ACCOUNT = "110000000031"


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Join": ["-", ["a", ref("AWS::Region")]]}, "a-eu-west-1"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "x,y,z"]}]}, "y"),
        ({"Fn::If": ["Yes", "on", "off"]}, "on"),
        ({"Fn::If": ["No", "on", ref("Word")]}, "given"),
        ({"Fn::FindInMap": ["Sizes", ref("AWS::Region"), "cpu"]}, "2"),
        ({"Fn::Select": [2, {"Fn::GetAZs": ""}]}, "eu-west-1c"),
        ({"Fn::Select": [1, {"Fn::Cidr": ["10.0.0.0/16", 2, 8]}]}, "10.0.1.0/24"),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::Sub": ["${a}-${!b}-${AWS::AccountId}", {"a": "x"}]}, "x-${b}-<account>"),
        ({"Fn::GetAtt": ["Other", "Value"]}, "seen"),
        (ref("FromSsm"), "from-ssm"),
        ("{{resolve:ssm:/intrinsic/source}}", "from-ssm"),
    ],
    ids=lambda v: json.dumps(v)[:24] if isinstance(v, dict) else None,
)  # fmt: skip
def test_intrinsic_functions(stacks: Stacks, ssm: Any, value: Any, expected: str) -> None:
    ssm.put_parameter(Name="/intrinsic/source", Value="from-ssm", Type="String", Overwrite=True)
    body = json.dumps(
        {
            "Parameters": {
                "Word": {"Type": "String", "Default": "given", "AllowedPattern": "[a-z]+"},
                "FromSsm": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/intrinsic/source"},
            },
            "Mappings": {"Sizes": {"eu-west-1": {"cpu": 2}}},
            "Conditions": {
                "Yes": {
                    "Fn::And": [{"Fn::Equals": [ref("Word"), "given"]}, {"Fn::Not": [{"Condition": "No"}]}]
                },
                "No": {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Equals": ["c", "d"]}]},
            },
            "Resources": {
                "Other": parameter("seen"),
                "P": parameter(value, Name="/intrinsic/p"),
                "Never": {**parameter("v"), "Condition": "No"},
            },
        }
    )
    made = stacks.create("intrinsic", body)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("intrinsic")
    # In a live account it is the person's own.
    expected = expected.replace("<account>", made["StackId"].split(":")[4])
    assert ssm.get_parameter(Name="/intrinsic/p")["Parameter"]["Value"] == expected
    assert "Never" not in stacks.physical("intrinsic")
    stacks.delete("intrinsic")


def test_output_is_read_from_another_stack_and_held_by_nobody(stacks: Stacks, ssm: Any) -> None:
    def producing(value: str, output: str) -> str:
        outputs = {output: {"Value": value}}
        return json.dumps({"Resources": {"A": parameter(value)}, "Outputs": outputs})

    def reading(output: str) -> str:
        read = {
            "Fn::GetStackOutput": {
                "StackName": "weak-from",
                "OutputName": output,
                "Region": ref("AWS::Region"),
            }
        }
        return json.dumps({"Resources": {"B": parameter(read, Name="/weak/b")}})

    stacks.create("weak-from", producing("one", "Host"))
    stacks.create("weak-to", reading("Host"))
    assert ssm.get_parameter(Name="/weak/b")["Parameter"]["Value"] == "one"
    assert stacks.update("weak-from", producing("two", "Other"))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.update("weak-to", reading("Other"))["StackStatus"] == "UPDATE_COMPLETE"
    assert ssm.get_parameter(Name="/weak/b")["Parameter"]["Value"] == "two"
    told = refused(stacks.client.update_stack, StackName="weak-to", TemplateBody=reading("Host"))
    assert told == ("ValidationError", "Stack weak-from has no output named Host.")
    assert ssm.get_parameter(Name="/weak/b")["Parameter"]["Value"] == "two"
    stacks.delete("weak-from")
    stacks.delete("weak-to")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([], "Parameters: [Size] must have values"),
        ([{"ParameterKey": "Size", "ParameterValue": "xl"}], "Parameter 'Size' must be one of AllowedValues"),
        (
            [{"ParameterKey": "Other", "ParameterValue": "1"}],
            "Parameters: [Other] do not exist in the template",
        ),
    ],
)
def test_parameters_are_checked(stacks: Stacks, parameters: list[dict[str, str]], said: str) -> None:
    body = json.dumps(
        {
            "Parameters": {"Size": {"Type": "String", "AllowedValues": ["s", "m"]}},
            "Resources": {"A": parameter("v")},
        }
    )
    assert (
        refused(stacks.client.create_stack, StackName="p", TemplateBody=body, Parameters=parameters)[1]
        == said
    )

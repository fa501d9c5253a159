"""What the registry's schemas decide about a stack: types of a region, what is refused, defaults."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000032"
PATTERN = "failed validation constraint for keyword [pattern]"


def of(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{name}", "Properties": properties}


def test_type_that_the_region_has_not_is_unrecognized(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> None:
    body = template(App=of("Pinpoint::App", Name="n"), Job=of("Snowball::Job"), Fine=parameter("v"))
    north = sandbox.client("cloudformation", keys, "eu-north-1")
    said = "Template format error: Unrecognized resource types: [AWS::Pinpoint::App, AWS::Snowball::Job]"
    change_set = {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
    for call, more in (
        (north.validate_template, {}),
        (north.create_stack, {"StackName": "north"}),
        (north.create_change_set, {"StackName": "north", **change_set}),
    ):
        assert refused(call, TemplateBody=body, **more) == ("ValidationError", said)
    assert refused(stacks.client.validate_template, TemplateBody=body)[1] == (
        "Template format error: Unrecognized resource types: [AWS::Snowball::Job]"
    )
    assert (
        stacks.create("west", template(App=of("Pinpoint::App", Name="n")))["StackStatus"] == "CREATE_COMPLETE"
    )


def test_types_are_those_of_the_region(sandbox: Sandbox, keys: Keys) -> None:
    def listed(region: str, **kind: str) -> list[str]:
        pages = (
            sandbox.client("cloudformation", keys, region)
            .get_paginator("list_types")
            .paginate(Visibility="PUBLIC", Type="RESOURCE", Filters={"Category": "AWS_TYPES"}, **kind)
        )
        return [row["TypeName"] for page in pages for row in page["TypeSummaries"]]

    west, north = listed("eu-west-1"), listed("eu-north-1")
    assert len(west) == len(set(west)) > 1000
    assert "AWS::S3::Bucket" in set(west) & set(north)
    # What has no handlers, or none for updates, is in lists of its own.
    assert west == listed("eu-west-1", ProvisioningType="FULLY_MUTABLE")
    assert "AWS::Backup::BackupSelection" in set(listed("eu-west-1", ProvisioningType="IMMUTABLE")) - set(
        west
    )
    push = "AWS::Pinpoint::App"
    assert push in set(listed("eu-west-1", ProvisioningType="NON_PROVISIONABLE")) - set(west)
    assert push not in listed("eu-north-1", ProvisioningType="NON_PROVISIONABLE")


@pytest.mark.parametrize(
    ("resource", "path", "reason"),
    [
        (of("ECR::Repository", Arn="arn"), "", "extraneous key [Arn] is not permitted"),
        (of("AppSync::Api", Name="n", Dns={"Http": "h"}), "/Dns", "extraneous key [Http] is not permitted"),
        (of("ECR::Repository", RepositoryName="Upper"), "/RepositoryName", PATTERN),
        (of("ECR::Repository", RepositoryName="r" * 257), "/RepositoryName", "expected maxLength: 256, actual: 257"),
        (of("ECR::Repository", RepositoryName="r"), "/RepositoryName", "expected minLength: 2, actual: 1"),
        (of("Events::Rule", State="ENABLED", Targets=[{"Id": "i"}]), "/Targets/0", "required key [Arn] not found"),
    ],
    ids=["read-only", "nested-read-only", "pattern", "too-long", "too-short", "nested"],
)  # fmt: skip
def test_schema_refuses_by_stack_and_by_change_set(
    stacks: Stacks, request: pytest.FixtureRequest, resource: dict[str, Any], path: str, reason: str
) -> None:
    name = "refuses-" + request.node.callspec.id
    stack = stacks.create(name, template(R=resource))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    said = [r for n, status, r in stacks.events(name) if (n, status) == ("R", "CREATE_FAILED")]
    assert said[0].startswith("Properties validation failed for resource R with message:\n")
    assert f"#{path}: {reason}" in said[0].splitlines()
    stacks.client.create_change_set(
        StackName=f"{name}-c", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template(R=resource)
    )
    events = stacks.client.describe_events(StackName=f"{name}-c", ChangeSetName="c")["OperationEvents"]
    found = [(e["ValidationPath"], e["ValidationStatusReason"]) for e in events]
    assert (f"/Resources/R/Properties{path}", reason) in found


def recorded(sandbox: Sandbox, kind: str) -> dict[str, Any]:
    (found,) = sandbox.control("GET", "resources", account=ACCOUNT, type=f"AWS::{kind}")
    properties: dict[str, Any] = found["properties"]
    return properties


def test_defaults_are_recorded_and_read_and_no_change_and_no_drift(sandbox: Sandbox, stacks: Stacks) -> None:
    function = of(
        "Lambda::Function",
        Code={"ZipFile": "x"},
        Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        DurableConfig={"ExecutionTimeout": 60},
    )
    outputs = {
        "Type": {"Value": {"Fn::GetAtt": ["Pair", "KeyType"]}},
        "Days": {"Value": {"Fn::GetAtt": ["Function", "DurableConfig.RetentionPeriodInDays"]}},
    }
    body = template(outputs, Pair=of("EC2::KeyPair", KeyName="k"), Function=function, Key=of("KMS::Key"))
    stack = stacks.create("defaults", body)
    assert {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]} == {"Type": "rsa", "Days": "14"}
    # KeyFormat has a default too, but can only be written; KeyPolicy's is a text for readers.
    assert recorded(sandbox, "EC2::KeyPair") == {"KeyName": "k", "KeyType": "rsa"}
    key = recorded(sandbox, "KMS::Key")
    assert (key["KeySpec"], key["MultiRegion"]) == ("SYMMETRIC_DEFAULT", False)
    assert "<account-id>" not in json.dumps(key)

    stacks.client.create_change_set(StackName="defaults", ChangeSetName="same", TemplateBody=body)
    answer = stacks.client.describe_change_set(StackName="defaults", ChangeSetName="same")
    assert answer["StatusReason"].startswith("The submitted information didn't contain changes.")
    stacks.client.create_change_set(
        StackName="defaults", ChangeSetName="drift", TemplateBody=body, DeploymentMode="REVERT_DRIFT"
    )
    answer = stacks.client.describe_change_set(StackName="defaults", ChangeSetName="drift")
    assert (answer["Status"], answer["StackDriftStatus"]) == ("FAILED", "IN_SYNC")
    stacks.client.detect_stack_drift(StackName="defaults")
    drifts = stacks.client.describe_stack_resource_drifts(StackName="defaults")["StackResourceDrifts"]
    assert {d["StackResourceDriftStatus"] for d in drifts} == {"IN_SYNC"}
    expected = {d["LogicalResourceId"]: json.loads(d["ExpectedProperties"]) for d in drifts}
    assert expected == {"Pair": {"KeyName": "k"}, "Function": function["Properties"], "Key": {}}


def test_default_written_out_is_no_replacement_and_taken_out_comes_back(
    sandbox: Sandbox, stacks: Stacks
) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }

    def role(**more: Any) -> str:
        return template(R=of("IAM::Role", AssumeRolePolicyDocument=trust, **more))

    stacks.create("written", role())
    before = stacks.physical("written")
    stack = stacks.update("written", role(Path="/", Description="d"), Capabilities=["CAPABILITY_IAM"])
    assert (stack["StackStatus"], stacks.physical("written")) == ("UPDATE_COMPLETE", before)
    stacks.update("written", role(Description="e"), Capabilities=["CAPABILITY_IAM"])
    assert recorded(sandbox, "IAM::Role")["Path"] == "/"

"""What CloudFormation refuses before it begins: limits, what is not there, what is taken."""

import json
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000013"


@pytest.fixture(scope="module")
def bucket(sandbox: Sandbox, keys: Keys) -> str:
    s3, name = sandbox.client("s3", keys), f"limits-{ACCOUNT}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="full", Body=b"x")
    return name


def handle() -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue"}


def declared(**sections: int) -> str:
    """A template with so many members in each section."""
    document: dict[str, Any] = {"Resources": {"A": handle()}}
    makers: dict[str, Any] = {
        "Resources": handle(),
        "Parameters": {"Type": "String", "Default": "d"},
        "Outputs": {"Value": "v"},
    }
    for section, count in sections.items():
        document[section] = {f"N{n}": makers[section] for n in range(count)}
    return json.dumps(document)


@pytest.mark.parametrize(("section", "most"), [("Resources", 500), ("Parameters", 200), ("Outputs", 200)])
def test_one_more_than_the_limit_is_refused(stacks: Stacks, section: str, most: int) -> None:
    stacks.client.validate_template(TemplateBody=declared(**{section: most}))
    for call, more in (
        (stacks.client.validate_template, {}),
        (stacks.client.create_stack, {"StackName": "many"}),
        (
            stacks.client.create_change_set,
            {"StackName": "many", "ChangeSetName": "c", "ChangeSetType": "CREATE"},
        ),
    ):
        code, said = refused(call, TemplateBody=declared(**{section: most + 1}), **more)
        assert code == "ValidationError" and f"{most + 1}, is greater than maximum allowed, {most}" in said


def test_template_by_url_may_have_a_megabyte(
    sandbox: Sandbox, keys: Keys, stacks: Stacks, bucket: str
) -> None:
    s3 = sandbox.client("s3", keys)
    body = template(A=parameter("v"))
    for key, size in (("most", 1_048_576), ("more", 1_048_577)):
        s3.put_object(Bucket=bucket, Key=key, Body=body.ljust(size))
    stacks.client.validate_template(TemplateURL=f"{sandbox.url}/{bucket}/most")
    answer = refused(stacks.client.validate_template, TemplateURL=f"{sandbox.url}/{bucket}/more")
    assert answer[0] == "ValidationError" and "may not exceed" in answer[1]


def test_change_set_that_imports_a_missing_export_fails_and_makes_nothing(stacks: Stacks) -> None:
    body = template(A=parameter({"Fn::ImportValue": "nobody-exports"}))
    stacks.client.create_change_set(
        StackName="imports", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body
    )
    answer = stacks.client.describe_change_set(StackName="imports", ChangeSetName="c")
    assert (answer["Status"], answer["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert answer["StatusReason"] == "No export named nobody-exports found."


def test_missing_ssm_parameter_refuses_stack_and_change_set(stacks: Stacks) -> None:
    asked = {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/not/there"}}
    by_type = json.dumps({"Parameters": asked, "Resources": {"A": handle()}})
    by_reference = template(A=parameter("{{resolve:ssm:/not/there:1}}"))
    change_set = {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
    for body, said in (
        (by_type, "Unable to fetch parameters [/not/there] from parameter store for this account."),
        (by_reference, "Parameters: [ssm:/not/there:1] cannot be found."),
    ):
        for call, more in ((stacks.client.create_stack, {}), (stacks.client.create_change_set, change_set)):
            assert refused(call, StackName="absent", TemplateBody=body, **more) == ("ValidationError", said)
    assert refused(stacks.client.describe_stacks, StackName="absent")[0] == "ValidationError"


def findings(stacks: Stacks, **query: Any) -> list[tuple[str, str, str]]:
    events = stacks.client.describe_events(**query)["OperationEvents"]
    return [(e["LogicalResourceId"], e["ValidationName"], e["ValidationFailureMode"]) for e in events]


def test_taken_name_fails_the_change_set_and_its_operation_says_why(stacks: Stacks, bucket: str) -> None:
    body = template(B={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}})
    asked = {"StackName": "taken", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": body}
    stacks.client.create_change_set(**asked)
    answer = stacks.client.describe_change_set(StackName="taken", ChangeSetName="c")
    assert answer["Status"] == "FAILED"
    assert "AWS::EarlyValidation::ResourceExistenceCheck" in answer["StatusReason"]
    event = stacks.client.describe_events(StackName="taken", ChangeSetName="c")["OperationEvents"][0]
    assert event["ValidationStatusReason"] == (
        f"Resource of type 'AWS::S3::Bucket' with identifier '{bucket}' already exists."
    )
    assert event["OperationType"] == "CREATE_CHANGESET"
    assert findings(stacks, OperationId=event["OperationId"], Filters={"FailedEvents": True}) == [
        ("B", "NAME_CONFLICT_VALIDATION", "FAIL")
    ]
    stacks.client.create_change_set(**{**asked, "ChangeSetName": "unchecked", "DisableValidation": True})
    answer = stacks.client.describe_change_set(StackName="taken", ChangeSetName="unchecked")
    assert answer["Status"] == "CREATE_COMPLETE"


def test_full_bucket_that_is_to_go_is_a_warning(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> None:
    stacks.create("full", template(A=parameter("v"), B={"Type": "AWS::S3::Bucket"}))
    sandbox.client("s3", keys).put_object(Bucket=stacks.physical("full")["B"], Key="k", Body=b"x")
    stacks.client.create_change_set(
        StackName="full", ChangeSetName="c", TemplateBody=template(A=parameter("v"))
    )
    answer = stacks.client.describe_change_set(StackName="full", ChangeSetName="c")
    assert answer["Status"] == "CREATE_COMPLETE"
    assert findings(stacks, StackName="full", ChangeSetName="c") == [
        ("B", "BUCKET_EMPTINESS_VALIDATION", "WARN")
    ]


def test_output_in_use_is_neither_changed_nor_deleted(stacks: Stacks) -> None:
    def exporting(value: str) -> str:
        return template({"O": {"Value": value, "Export": {"Name": "in-use"}}}, A=parameter(value))

    stacks.create("giver", exporting("one"))
    stacks.create("taker", template(A=parameter({"Fn::ImportValue": "in-use"})))
    stack = stacks.update("giver", exporting("two"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    said = "Export in-use cannot be updated as it is in use by taker"
    assert any(said in reason for _, _, reason in stacks.events("giver"))
    assert (
        stacks.delete("giver")["StackStatusReason"]
        == "Export in-use cannot be deleted as it is in use by taker"
    )
    assert stacks.client.list_imports(ExportName="in-use")["Imports"] == ["taker"]

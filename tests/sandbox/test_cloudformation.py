"""CloudFormation: create, delete, tokens, exports, reading."""

import time
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000003"
BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Bogus": 1}}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def test_created_in_the_order_of_dependencies(stacks: Stacks, ssm: Any) -> None:
    body = template(
        B=parameter({"Fn::Sub": "${A}!"}, Name="/order/b"),
        A=parameter("one", Name="/order/a"),
        outputs={"A": {"Value": ref("A")}},
    )
    stack = stacks.create("order", body, Tags=[{"Key": "team", "Value": "x"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"] == [{"OutputKey": "A", "OutputValue": "/order/a"}]
    done = [n for n, status, _ in stacks.events("order") if status == "CREATE_COMPLETE"]
    assert done == ["A", "B", "order"]
    assert ssm.get_parameter(Name="/order/b")["Parameter"]["Value"] == "/order/a!"
    tags = {
        t["Key"]: t["Value"]
        for t in ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/order/a")["TagList"]
    }
    assert tags["team"] == "x" and tags["aws:cloudformation:logical-id"] == "A"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"Type": "String"}, "#: required key [Value] not found"),
        ({"Type": "String", "Value": "v", "Colour": "red"}, "#: extraneous key [Colour] is not permitted"),
        ({"Type": "Text", "Value": "v"}, "#/Type: Text is not a valid enum value"),
        ({"Type": "String", "Value": ["v"]}, "#/Value: expected type: String, found: JSONArray"),
    ],
)
def test_schema_is_checked(stacks: Stacks, properties: dict[str, Any], said: str) -> None:
    name = f"schema-{abs(hash(said)) % 10**6}"
    stack = stacks.create(name, template(A={"Type": "AWS::SSM::Parameter", "Properties": properties}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        said in reason for n, status, reason in stacks.events(name) if (n, status) == ("A", "CREATE_FAILED")
    )


def test_failed_create_is_rolled_back_and_must_be_deleted(stacks: Stacks, ssm: Any) -> None:
    body = template(A=parameter("v", Name="/back/a"), B={**BROKEN, "DependsOn": "A"})
    stack = stacks.create("back", body)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = stacks.events("back")
    reason = next(r for n, s, r in events if (n, s) == ("back", "ROLLBACK_IN_PROGRESS"))
    assert reason == "The following resource(s) failed to create: [B]. Rollback requested by user."
    assert ("A", "DELETE_COMPLETE", "") in events
    assert refused(ssm.get_parameter, Name="/back/a")[0] == "ParameterNotFound"
    code, message = refused(stacks.client.update_stack, StackName="back", TemplateBody=body)
    assert code == "ValidationError" and message.endswith(
        "is in ROLLBACK_COMPLETE state and can not be updated."
    )
    assert stacks.delete("back")["StackStatus"] == "DELETE_COMPLETE"


def test_disabled_rollback_leaves_what_was_made(stacks: Stacks, ssm: Any) -> None:
    body = template(A=parameter("v", Name="/left/a"), B={**BROKEN, "DependsOn": "A"})
    assert stacks.create("left", body, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert ssm.get_parameter(Name="/left/a")["Parameter"]["Value"] == "v"
    assert (
        stacks.update("left", template(A=parameter("v", Name="/left/a"), B=parameter("w")))["StackStatus"]
        == "UPDATE_COMPLETE"
    )


def test_same_token_creates_once(stacks: Stacks) -> None:
    body = template(A=parameter("v"))
    first = stacks.client.create_stack(StackName="once", TemplateBody=body, ClientRequestToken="t-1")[
        "StackId"
    ]
    again = stacks.client.create_stack(StackName="once", TemplateBody=body, ClientRequestToken="t-1")[
        "StackId"
    ]
    assert first == again
    assert refused(stacks.client.create_stack, StackName="once", TemplateBody=body, ClientRequestToken="t-2") == (
        "AlreadyExistsException", "Stack [once] already exists")  # fmt: skip
    stacks.wait("once")
    events = stacks.client.describe_stack_events(StackName="once")["StackEvents"]
    assert {e["ClientRequestToken"] for e in events} == {"t-1"}
    assert len({e["OperationId"] for e in events}) == 1


def test_iam_needs_its_capability(stacks: Stacks) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    named = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": trust}}
    answer = refused(
        stacks.client.create_stack,
        StackName="cap",
        TemplateBody=template(R=named),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert answer == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")


def test_too_long_a_body_is_refused(stacks: Stacks) -> None:
    body = template(A=parameter("v" * 60_000))
    assert (
        "less than or equal to 51200"
        in refused(stacks.client.create_stack, StackName="long", TemplateBody=body)[1]
    )


def test_template_from_the_sandboxs_own_s3(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> None:
    s3 = sandbox.client("s3", keys)
    s3.create_bucket(Bucket="templates-of-3", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(
        Bucket="templates-of-3", Key="a/t.json", Body=template(A=parameter("v" * 3000), B=parameter("w"))
    )
    for n, url in enumerate(
        (
            f"{sandbox.url}/templates-of-3/a/t.json",
            "https://templates-of-3.s3.eu-west-1.amazonaws.com/a/t.json",
        )
    ):
        stacks.client.create_stack(StackName=f"url-{n}", TemplateURL=url)
        assert stacks.wait(f"url-{n}")["StackStatus"] == "CREATE_COMPLETE"
    answer = refused(
        stacks.client.create_stack, StackName="url-x", TemplateURL=f"{sandbox.url}/templates-of-3/none"
    )
    assert answer[1].startswith("S3 error")


def test_retained_resource_stays_without_its_stack(stacks: Stacks, ssm: Any) -> None:
    stacks.create(
        "retain",
        template(A={**parameter("v", Name="/retain/a"), "DeletionPolicy": "Retain"}, B=parameter("w")),
    )
    id = stacks.delete("retain")["StackId"]
    assert ssm.get_parameter(Name="/retain/a")["Parameter"]["Value"] == "v"
    assert ("A", "DELETE_SKIPPED", "") in stacks.events(id)


def test_retain_except_on_create_goes_with_a_failed_create(stacks: Stacks, ssm: Any) -> None:
    kept = {**parameter("v", Name="/except/a"), "DeletionPolicy": "RetainExceptOnCreate"}
    assert (
        stacks.create("except", template(A=kept, B={**BROKEN, "DependsOn": "A"}))["StackStatus"]
        == "ROLLBACK_COMPLETE"
    )
    assert refused(ssm.get_parameter, Name="/except/a")[0] == "ParameterNotFound"


def test_full_bucket_fails_the_deletion_until_it_is_retained(
    sandbox: Sandbox, keys: Keys, stacks: Stacks
) -> None:
    stacks.create("full", template(B={"Type": "AWS::S3::Bucket"}, P=parameter("v")))
    bucket = stacks.physical("full")["B"]
    sandbox.client("s3", keys).put_object(Bucket=bucket, Key="k", Body=b"x")
    stack = stacks.delete("full")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "DELETE_FAILED", "The following resource(s) failed to delete: [B]. ")  # fmt: skip
    assert any(
        "bucket you tried to delete is not empty" in r for n, _, r in stacks.events("full") if n == "B"
    )
    assert stacks.delete("full", RetainResources=["B"])["StackStatus"] == "DELETE_COMPLETE"
    assert sandbox.client("s3", keys).head_bucket(Bucket=bucket)["BucketRegion"] == "eu-west-1"


def test_termination_protection(stacks: Stacks) -> None:
    stacks.create("held", template(A=parameter("v")), EnableTerminationProtection=True)
    assert refused(stacks.client.delete_stack, StackName="held")[1] == (
        "Stack [held] cannot be deleted while TerminationProtection is enabled"
    )
    stacks.client.update_termination_protection(StackName="held", EnableTerminationProtection=False)
    assert stacks.delete("held")["StackStatus"] == "DELETE_COMPLETE"


def test_deletion_interrupts_a_creation(sandbox: Sandbox, stacks: Stacks, ssm: Any) -> None:
    sandbox.settings(speed=0.5)
    stacks.client.create_stack(
        StackName="stopped", TemplateBody=template(A=parameter("v", Name="/stopped/a"), Q=queue())
    )
    time.sleep(0.1)
    sandbox.settings(speed=0)
    assert stacks.delete("stopped")["StackStatus"] == "DELETE_COMPLETE"
    assert refused(ssm.get_parameter, Name="/stopped/a")[0] == "ParameterNotFound"


def test_failing_type_fails_with_its_message(sandbox: Sandbox, stacks: Stacks) -> None:
    sandbox.fault(
        "failing-type",
        type="AWS::SQS::Queue",
        action="create",
        message="No capacity",
        account=ACCOUNT,
        count=1,
    )
    body = template(Q=queue())
    assert stacks.create("failing", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any('"No capacity"' in r for n, s, r in stacks.events("failing") if s == "CREATE_FAILED")
    stacks.delete("failing")
    assert stacks.create("failing", body)["StackStatus"] == "CREATE_COMPLETE"


def test_exports_are_imported_and_held(stacks: Stacks, ssm: Any) -> None:
    def exporting(value: str) -> str:
        return template(
            A=parameter(value),
            outputs={"V": {"Value": {"Fn::GetAtt": ["A", "Value"]}, "Export": {"Name": "the-value"}}},
        )

    stacks.create("exporter", exporting("one"))
    stacks.create("importer", template(I=parameter({"Fn::ImportValue": "the-value"}, Name="/imported")))
    assert ssm.get_parameter(Name="/imported")["Parameter"]["Value"] == "one"
    assert stacks.client.list_imports(ExportName="the-value")["Imports"] == ["importer"]
    stack = stacks.delete("exporter")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "CREATE_COMPLETE", "Export the-value cannot be deleted as it is in use by importer")  # fmt: skip
    assert stacks.update("exporter", exporting("two"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    stacks.delete("importer")
    assert stacks.delete("exporter")["StackStatus"] == "DELETE_COMPLETE"


def test_missing_export_rolls_back(stacks: Stacks) -> None:
    stack = stacks.create("no-export", template(I=parameter({"Fn::ImportValue": "nowhere"})))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("No export named nowhere found." in r for _, _, r in stacks.events("no-export"))


def test_events_come_in_pages_newest_first(stacks: Stacks) -> None:
    stacks.create("pages", template(**{f"P{n}": parameter("v") for n in range(60)}))
    first = stacks.client.describe_stack_events(StackName="pages")
    assert len(first["StackEvents"]) == 100 and first["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    pages = stacks.client.get_paginator("describe_stack_events").paginate(StackName="pages")
    found = [e["EventId"] for p in pages for e in p["StackEvents"]]
    assert len(found) == len(set(found)) == 2 + 60 * 3


def test_events_of_one_operation(stacks: Stacks) -> None:
    stacks.create("operations", template(A=parameter("1")))
    id = stacks.client.update_stack(StackName="operations", TemplateBody=template(A=parameter("2")))[
        "OperationId"
    ]
    stack = stacks.wait("operations")
    assert stack["LastOperations"][0] == {"OperationType": "UPDATE_STACK", "OperationId": id}
    events = stacks.client.describe_events(OperationId=id)["OperationEvents"]
    assert {e["ResourceStatus"] for e in events} >= {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"}
    assert {e["OperationId"] for e in events} == {id}


def test_deleted_stack_is_found_by_its_arn_only(stacks: Stacks) -> None:
    stacks.create("over", template(A=parameter("v")))
    arn = stacks.delete("over")["StackId"]
    assert refused(stacks.client.describe_stacks, StackName="over") == (
        "ValidationError",
        "Stack with id over does not exist",
    )
    assert stacks.client.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    listed = stacks.client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert arn in {s["StackId"] for s in listed}


def test_drift_is_told_by_property(stacks: Stacks, sandbox: Sandbox, keys: Keys) -> None:
    stacks.create("drifting", template(Q=queue(VisibilityTimeout=30), P=parameter("v", Name="/drift/p")))
    sqs = sandbox.client("sqs", keys)
    sqs.set_queue_attributes(
        QueueUrl=stacks.physical("drifting")["Q"], Attributes={"VisibilityTimeout": "45"}
    )
    sandbox.client("ssm", keys).delete_parameter(Name="/drift/p")
    id = stacks.client.detect_stack_drift(StackName="drifting")["StackDriftDetectionId"]
    answer = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=id)
    assert (answer["StackDriftStatus"], answer["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    drifts = {
        d["LogicalResourceId"]: d
        for d in stacks.client.describe_stack_resource_drifts(StackName="drifting")["StackResourceDrifts"]
    }
    assert drifts["P"]["StackResourceDriftStatus"] == "DELETED"
    assert drifts["Q"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/VisibilityTimeout",
            "ExpectedValue": "30",
            "ActualValue": "45",
            "DifferenceType": "NOT_EQUAL",
        }
    ]


def test_drifts_come_in_pages_and_write_only_properties_are_none(
    stacks: Stacks, sandbox: Sandbox, keys: Keys
) -> None:
    names = [f"P{number}" for number in range(3)]
    made = {name: parameter("v", Name=f"/pages/{name}", Description="as made") for name in names}
    stacks.create("paged", template(**made))
    ssm = sandbox.client("ssm", keys)
    for name in names:
        ssm.put_parameter(Name=f"/pages/{name}", Value="w", Type="String", Overwrite=True)
    # AllowedPattern, Description, Policies, Tags and Tier of a parameter are write-only.
    ssm.put_parameter(Name="/pages/P0", Value="v", Type="String", Description="by hand", Overwrite=True)
    id = stacks.client.detect_stack_drift(StackName="paged")["StackDriftDetectionId"]
    answer = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=id)
    assert answer["DriftedStackResourceCount"] == 2
    request: dict[str, Any] = {
        "StackName": "paged",
        "StackResourceDriftStatusFilters": ["MODIFIED"],
        "MaxResults": 1,
    }
    first = stacks.client.describe_stack_resource_drifts(**request)
    second = stacks.client.describe_stack_resource_drifts(**request, NextToken=first["NextToken"])
    assert "NextToken" not in second
    pages = [first, second]
    found = [row["LogicalResourceId"] for page in pages for row in page["StackResourceDrifts"]]
    assert sorted(found) == ["P1", "P2"]


def test_independent_resources_are_made_and_deleted_side_by_side(sandbox: Sandbox, stacks: Stacks) -> None:
    names = [f"P{n}" for n in range(10)]
    sandbox.fault("slow", stack="beside", seconds=1, account=ACCOUNT)
    began = time.monotonic()
    assert stacks.create("beside", template(**{n: parameter("v") for n in names}))["StackStatus"] == (
        "CREATE_COMPLETE"
    )
    assert 1 <= time.monotonic() - began < 5  # one after the other: 10 s
    statuses = [status for name, status, _ in stacks.events("beside") if name in names]
    assert "CREATE_COMPLETE" not in statuses[:20]  # each has begun, and been initiated, before one is through
    began = time.monotonic()
    assert stacks.delete("beside")["StackStatus"] == "DELETE_COMPLETE"
    assert 1 <= time.monotonic() - began < 5

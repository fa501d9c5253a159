"""CloudFormation: updates, what they replace and remove, policies, and the way back."""

import json
import time
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000030"
BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Bogus": 1}}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def test_update_modifies_replaces_adds_and_removes(stacks: Stacks, ssm: Any) -> None:
    stacks.create(
        "change",
        template(Same=parameter("s"), Mod=parameter("1"), Rep=queue(QueueName="rep-1"), Gone=parameter("g")),
    )
    before = stacks.physical("change")
    stack = stacks.update(
        "change",
        template(Same=parameter("s"), Mod=parameter("2"), Rep=queue(QueueName="rep-2"), New=parameter("n")),
    )
    after = stacks.physical("change")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert after["Mod"] == before["Mod"] and ssm.get_parameter(Name=after["Mod"])["Parameter"]["Value"] == "2"
    assert after["Rep"].endswith("rep-2") and set(after) == {"Same", "Mod", "Rep", "New"}
    assert refused(ssm.get_parameter, Name=before["Gone"])[0] == "ParameterNotFound"
    touched = {n for n, s, _ in stacks.events("change") if s.startswith("UPDATE")}
    assert "Same" not in touched
    statuses = [s for n, s, _ in stacks.events("change") if n == "change"]
    assert statuses[-3:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_failed_update_puts_everything_back(stacks: Stacks, ssm: Any) -> None:
    stacks.create("undo", template(A=parameter("old", Name="/undo/a"), R=queue(QueueName="undo-1")))
    before = stacks.physical("undo")
    body = template(
        A=parameter("new", Name="/undo/a"),
        R={**queue(QueueName="undo-2"), "DependsOn": "A"},
        N={**parameter("n", Name="/undo/n"), "DependsOn": "R"},
        B={**BROKEN, "DependsOn": "N"},
    )
    stack = stacks.update("undo", body)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name="/undo/a")["Parameter"]["Value"] == "old"
    assert refused(ssm.get_parameter, Name="/undo/n")[0] == "ParameterNotFound"
    assert stacks.physical("undo") == before
    assert json.loads(body) != stacks.client.get_template(StackName="undo")["TemplateBody"]
    assert any(
        "failed to update: [B]" in r
        for n, s, r in stacks.events("undo")
        if s == "UPDATE_ROLLBACK_IN_PROGRESS"
    )


def test_rollback_that_fails_can_be_continued(sandbox: Sandbox, stacks: Stacks, ssm: Any) -> None:
    good = template(A=parameter("old", Name="/stuck/a"))
    stacks.create("stuck", good)
    sandbox.fault(
        "failing-type", type="AWS::IAM::ManagedPolicy", action="create", message="no more", account=ACCOUNT
    )
    policy = {"Type": "AWS::IAM::ManagedPolicy", "DependsOn": "A", "Properties": {"PolicyDocument": {}}}
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy["Properties"] = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    sandbox.settings(speed=0.1)  # the update of A lasts, so that the fault can come before its way back
    stacks.client.update_stack(
        StackName="stuck",
        TemplateBody=template(A=parameter("new", Name="/stuck/a"), P=policy),
        Capabilities=["CAPABILITY_IAM"],
    )
    time.sleep(0.1)
    sandbox.fault(
        "failing-type", type="AWS::SSM::Parameter", action="update", message="stuck", account=ACCOUNT
    )
    assert stacks.wait("stuck")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    sandbox.lift_faults()
    stacks.client.continue_update_rollback(StackName="stuck")
    assert stacks.wait("stuck")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name="/stuck/a")["Parameter"]["Value"] == "old"


def test_nothing_to_update_is_said(stacks: Stacks) -> None:
    body = template(A=parameter("v"))
    stacks.create("same", body)
    assert refused(stacks.client.update_stack, StackName="same", TemplateBody=body) == (
        "ValidationError", "No updates are to be performed.")  # fmt: skip


def test_cancelled_update_goes_back(sandbox: Sandbox, stacks: Stacks, ssm: Any) -> None:
    stacks.create("cancel", template(A=parameter("old", Name="/cancel/a")))
    sandbox.settings(speed=0.2)
    stacks.client.update_stack(
        StackName="cancel", TemplateBody=template(A=parameter("new", Name="/cancel/a"), Q=queue())
    )
    time.sleep(0.2)
    sandbox.settings(speed=0)
    stacks.client.cancel_update_stack(StackName="cancel")
    assert stacks.wait("cancel")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name="/cancel/a")["Parameter"]["Value"] == "old"
    assert ("cancel", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated") in stacks.events("cancel")


def test_stack_policy_forbids_replacement(stacks: Stacks) -> None:
    stacks.create("policed", template(Q=queue(QueueName="policed-1")))
    statements = [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            "Principal": "*",
            "Resource": "LogicalResourceId/Q",
        },
    ]
    stacks.client.set_stack_policy(StackName="policed", StackPolicyBody=json.dumps({"Statement": statements}))
    assert (
        stacks.update("policed", template(Q=queue(QueueName="policed-2")))["StackStatus"]
        == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert any("Action denied by stack policy" in r for _, _, r in stacks.events("policed"))
    (resource,) = stacks.client.describe_stack_resources(StackName="policed")["StackResources"]
    assert resource["ResourceStatus"] == "UPDATE_COMPLETE"
    assert (
        stacks.update("policed", template(Q=queue(QueueName="policed-1", VisibilityTimeout=9)))["StackStatus"]
        == "UPDATE_COMPLETE"
    )


def test_stack_policy_forbids_removal(stacks: Stacks) -> None:
    stacks.create("kept-by-policy", template(A=parameter("v"), B=parameter("w")))
    statements = [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "Update:Delete", "Principal": "*", "Resource": "LogicalResourceId/B"},
    ]
    stacks.client.set_stack_policy(
        StackName="kept-by-policy", StackPolicyBody=json.dumps({"Statement": statements})
    )
    stack = stacks.update("kept-by-policy", template(A=parameter("v")))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert set(stacks.physical("kept-by-policy")) == {"A", "B"}


def allowing(*denials: dict[str, Any]) -> str:
    """A stack policy: everything but these (action, resource or a condition)."""
    allow = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    denied = [
        {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", **d} for d in denials
    ]
    return json.dumps({"Statement": [allow, *denied]})


def test_stack_policy_by_type_of_resource(stacks: Stacks) -> None:
    stacks.create("by-type", template(Q=queue(VisibilityTimeout=1), A=parameter("1")))
    policy = allowing({"Condition": {"StringEquals": {"ResourceType": ["AWS::SQS::Queue"]}}})
    stacks.client.set_stack_policy(StackName="by-type", StackPolicyBody=policy)
    stack = stacks.update("by-type", template(Q=queue(VisibilityTimeout=1), A=parameter("2")))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    stack = stacks.update("by-type", template(Q=queue(VisibilityTimeout=2), A=parameter("2")))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    policy = allowing({"Condition": {"StringLike": {"ResourceType": ["AWS::SSM::*"]}}})
    stacks.client.set_stack_policy(StackName="by-type", StackPolicyBody=policy)
    assert stacks.update("by-type", template(Q=queue(VisibilityTimeout=2), A=parameter("2")))[
        "StackStatus"
    ] == ("UPDATE_COMPLETE")
    stack = stacks.update("by-type", template(Q=queue(VisibilityTimeout=2), A=parameter("3")))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize("how", ["body", "URL"])
def test_stack_policy_of_one_update_replaces_the_stacks_for_that_update_alone(
    sandbox: Sandbox, keys: Keys, stacks: Stacks, how: str
) -> None:
    name = f"once-{how}"
    stacks.create(
        name, template(A=parameter("1")), StackPolicyBody=allowing({"Resource": "LogicalResourceId/A"})
    )
    assert stacks.update(name, template(A=parameter("2")))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    during = {"StackPolicyDuringUpdateBody": allowing()}
    if how == "URL":
        s3 = sandbox.client("s3", keys)
        s3.create_bucket(Bucket=f"p-{ACCOUNT}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=f"p-{ACCOUNT}", Key="p.json", Body=allowing())
        during = {"StackPolicyDuringUpdateURL": f"{sandbox.url}/p-{ACCOUNT}/p.json"}
    assert stacks.update(name, template(A=parameter("2")), **during)["StackStatus"] == "UPDATE_COMPLETE"
    stacks.client.create_change_set(
        StackName=name, ChangeSetName="c", TemplateBody=template(A=parameter("3"))
    )
    stacks.client.execute_change_set(StackName=name, ChangeSetName="c")
    assert stacks.wait(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert json.loads(stacks.client.get_stack_policy(StackName=name)["StackPolicyBody"])["Statement"][1:]


def test_what_the_cleanup_cannot_delete_is_left_and_the_rest_goes(
    sandbox: Sandbox, keys: Keys, stacks: Stacks, ssm: Any
) -> None:
    stacks.create(
        "cleaned",
        template(
            Keep=parameter("k"), B={"Type": "AWS::S3::Bucket"}, P=parameter({"Ref": "B"}, Name="/cleaned/p")
        ),
    )
    bucket = stacks.physical("cleaned")["B"]
    sandbox.client("s3", keys).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert stacks.update("cleaned", template(Keep=parameter("k")))["StackStatus"] == "UPDATE_COMPLETE"
    assert refused(ssm.get_parameter, Name="/cleaned/p")[0] == "ParameterNotFound"
    assert [s for n, s, _ in stacks.events("cleaned") if n == "B"][-1] == "DELETE_FAILED"

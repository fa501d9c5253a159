"""Change sets: what they say, and that executing one does it."""

import json
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000004"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox.client("cloudformation", sandbox.account(ACCOUNT)))


def queue(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}


def changes(stacks: Stacks, stack: str, name: str, body: str, **more: Any) -> dict[str, Any]:
    """The described change set."""
    stacks.client.create_change_set(StackName=stack, ChangeSetName=name, TemplateBody=body, **more)
    answer: dict[str, Any] = stacks.client.describe_change_set(
        StackName=stack, ChangeSetName=name, IncludePropertyValues=True
    )
    return answer


def by_id(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in answer["Changes"]}


def test_creation_by_change_set(stacks: Stacks) -> None:
    answer = changes(stacks, "born", "first", template(A=parameter("v")), ChangeSetType="CREATE")
    assert (answer["Status"], answer["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert by_id(answer)["A"]["Action"] == "Add"
    assert stacks.client.describe_stacks(StackName="born")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    for _ in range(2):  # the same token again starts nothing
        stacks.client.execute_change_set(StackName="born", ChangeSetName="first", ClientRequestToken="t")
    assert stacks.wait("born")["StackStatus"] == "CREATE_COMPLETE"
    assert len([e for e in stacks.events("born") if e[:2] == ("born", "CREATE_IN_PROGRESS")]) == 1


def test_stack_in_review_can_be_deleted(stacks: Stacks) -> None:
    changes(stacks, "unborn", "first", template(A=parameter("v")), ChangeSetType="CREATE")
    assert stacks.delete("unborn")["StackStatus"] == "DELETE_COMPLETE"


def test_each_kind_of_change_is_told_with_its_values(stacks: Stacks) -> None:
    stacks.create(
        "told",
        template(Mod=parameter("1"), Rep=queue("told-1"), Dep=parameter({"Ref": "Rep"}), Gone=parameter("g")),
    )
    body = template(
        Mod=parameter("2"), Rep=queue("told-2"), Dep=parameter({"Ref": "Rep"}), New=parameter("n")
    )
    found = by_id(changes(stacks, "told", "c", body))
    assert {k: (v["Action"], v.get("Replacement")) for k, v in found.items()} == {
        "Mod": ("Modify", "False"),
        "Rep": ("Modify", "True"),
        "Dep": ("Modify", "False"),
        "Gone": ("Remove", None),
        "New": ("Add", None),
    }
    detail = found["Mod"]["Details"][0]
    assert (detail["Target"]["Path"], detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"]) == (
        "/Properties/Value",
        "1",
        "2",
    )
    assert detail["Target"]["RequiresRecreation"] == "Never"
    assert found["Rep"]["Details"][0]["Target"]["RequiresRecreation"] == "Always"
    assert found["Rep"]["PolicyAction"] == "ReplaceAndDelete"
    assert (found["Dep"]["Details"][0]["Evaluation"], found["Dep"]["Details"][0]["CausingEntity"]) == (
        "Dynamic",
        "Rep",
    )
    assert json.loads(found["Mod"]["BeforeContext"])["Properties"]["Value"] == "1"
    assert json.loads(found["Mod"]["AfterContext"])["Properties"]["Value"] == "2"
    stacks.client.execute_change_set(StackName="told", ChangeSetName="c")
    assert stacks.wait("told")["StackStatus"] == "UPDATE_COMPLETE"


def test_values_are_shown_only_when_asked_for(stacks: Stacks) -> None:
    stacks.create("shy", template(A=parameter("1")))
    changes(stacks, "shy", "c", template(A=parameter("2")))
    change = stacks.client.describe_change_set(StackName="shy", ChangeSetName="c")["Changes"][0][
        "ResourceChange"
    ]
    assert "BeforeContext" not in change and "BeforeValue" not in change["Details"][0]["Target"]


def test_without_changes_it_fails_and_says_so(stacks: Stacks) -> None:
    body = template(A=parameter("v"))
    stacks.create("still", body)
    answer = changes(stacks, "still", "c", body)
    assert (answer["Status"], answer["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert answer["StatusReason"].startswith("The submitted information didn't contain changes.")
    assert (
        refused(stacks.client.execute_change_set, StackName="still", ChangeSetName="c")[0]
        == "InvalidChangeSetStatus"
    )


def test_stack_tags_are_a_change(stacks: Stacks) -> None:
    body = template(A=parameter("v"))
    stacks.create("tagged", body)
    found = by_id(changes(stacks, "tagged", "c", body, Tags=[{"Key": "team", "Value": "x"}]))
    assert (found["A"]["Action"], found["A"]["Scope"]) == ("Modify", ["Tags"])


def test_change_set_is_stale_after_another_operation(stacks: Stacks) -> None:
    stacks.create("stale", template(A=parameter("1")))
    changes(stacks, "stale", "c", template(A=parameter("2")))
    stacks.update("stale", template(A=parameter("3")))
    assert (
        refused(stacks.client.execute_change_set, StackName="stale", ChangeSetName="c")[0]
        == "InvalidChangeSetStatus"
    )


def test_early_validation_names_the_property(stacks: Stacks) -> None:
    broken = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "Nonsense", "Value": "v"}}
    answer = changes(stacks, "early", "c", template(A=broken), ChangeSetType="CREATE")
    assert answer["Status"] == "FAILED" and "PropertyValidation" in answer["StatusReason"]
    event = stacks.client.describe_events(StackName="early", ChangeSetName="c")["OperationEvents"][0]
    assert (event["EventType"], event["ValidationName"], event["ValidationPath"]) == (
        "VALIDATION_ERROR", "PROPERTY_VALIDATION", "/Resources/A/Properties/Type")  # fmt: skip


def test_deleted_and_unknown_ones(stacks: Stacks) -> None:
    stacks.create("listed", template(A=parameter("1")))
    changes(stacks, "listed", "c", template(A=parameter("2")))
    assert [s["ChangeSetName"] for s in stacks.client.list_change_sets(StackName="listed")["Summaries"]] == [
        "c"
    ]
    stacks.client.delete_change_set(StackName="listed", ChangeSetName="c")
    assert (
        refused(stacks.client.describe_change_set, StackName="listed", ChangeSetName="c")[0]
        == "ChangeSetNotFound"
    )

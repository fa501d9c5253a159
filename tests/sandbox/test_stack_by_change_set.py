"""What holds of CreateStack and UpdateStack holds of a change set that is executed."""

import time
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000035"
BROKEN = {
    "Type": "AWS::SSM::Parameter",
    "Properties": {"Type": "String", "Value": "{{resolve:secretsmanager:none}}"},
}


def begin(stacks: Stacks, name: str, body: str, execution: dict[str, Any] | None = None, **more: Any) -> str:
    """Make a change set and execute it; the stack's id."""
    made = stacks.client.create_change_set(
        StackName=name, ChangeSetName=f"c{time.monotonic_ns()}", TemplateBody=body, **more
    )
    ready = stacks.client.get_waiter("change_set_create_complete")
    ready.wait(ChangeSetName=made["Id"], WaiterConfig={"Delay": stacks.pause_s})
    stacks.client.execute_change_set(ChangeSetName=made["Id"], **(execution or {}))
    return str(made["StackId"])


def execute(stacks: Stacks, name: str, body: str, **more: Any) -> dict[str, Any]:
    begin(stacks, name, body, **more)
    return stacks.wait(name)


def value(ssm: Any, name: str) -> str:
    return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])


def with_broken(name: str) -> str:
    """The stack's parameter `a` changed, and after it a resource that fails only when it is made."""
    return template(A=parameter("new", Name=f"/{name}/a"), B={**BROKEN, "DependsOn": "A"})


@pytest.mark.parametrize(
    ("failure", "status"),
    [(None, "ROLLBACK_COMPLETE"), ("ROLLBACK", "ROLLBACK_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED")],
)
def test_failed_creation(stacks: Stacks, ssm: Any, failure: str | None, status: str) -> None:
    name = f"born-{failure}"
    more = {"OnStackFailure": failure} if failure else {}
    stack = execute(stacks, name, with_broken(name), ChangeSetType="CREATE", **more)
    assert stack["StackStatus"] == status
    left = [p["Name"] for p in ssm.describe_parameters()["Parameters"] if p["Name"] == f"/{name}/a"]
    assert left == ([f"/{name}/a"] if status == "CREATE_FAILED" else [])


def test_failed_creation_that_is_to_delete_leaves_no_stack(stacks: Stacks) -> None:
    id = begin(stacks, "unborn", with_broken("unborn"), ChangeSetType="CREATE", OnStackFailure="DELETE")
    assert stacks.wait(id)["StackStatus"] == "DELETE_COMPLETE"


def test_failed_update_is_put_back_unless_it_is_told_to_stay(stacks: Stacks, ssm: Any) -> None:
    stacks.create("undo", template(A=parameter("old", Name="/undo/a")))
    assert execute(stacks, "undo", with_broken("undo"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, "/undo/a") == "old"
    stack = execute(stacks, "undo", with_broken("undo"), execution={"DisableRollback": True})
    assert (stack["StackStatus"], value(ssm, "/undo/a")) == ("UPDATE_FAILED", "new")
    stacks.client.rollback_stack(StackName="undo")
    assert stacks.wait("undo")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, "/undo/a") == "old"


def test_rollback_that_fails_is_continued(sandbox: Sandbox, stacks: Stacks, ssm: Any) -> None:
    stacks.create("stuck", template(A=parameter("old", Name="/stuck/a")))
    sandbox.fault(
        "slow", stack="stuck", seconds=1
    )  # the update of A lasts: the fault comes before its way back
    begin(stacks, "stuck", with_broken("stuck"))
    sandbox.fault("failing-type", after_s=0.2, type="AWS::SSM::Parameter", action="update", message="stuck")
    assert stacks.wait("stuck")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    sandbox.lift_faults()
    stacks.client.continue_update_rollback(StackName="stuck")
    assert stacks.wait("stuck")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, "/stuck/a") == "old"


def test_update_is_cancelled(sandbox: Sandbox, stacks: Stacks, ssm: Any) -> None:
    stacks.create("cancel", template(A=parameter("old", Name="/cancel/a")))
    queue = {"Type": "AWS::SQS::Queue", "DependsOn": "A"}
    sandbox.fault("slow", stack="cancel", type="AWS::SQS::Queue", seconds=30)
    begin(stacks, "cancel", template(A=parameter("new", Name="/cancel/a"), Q=queue))
    until = time.monotonic() + 10
    while value(ssm, "/cancel/a") == "old":
        assert time.monotonic() < until
        time.sleep(0.02)
    sandbox.lift_faults()
    stacks.client.cancel_update_stack(StackName="cancel")
    assert stacks.wait("cancel")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, "/cancel/a") == "old"
    assert ("cancel", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated") in stacks.events("cancel")


def test_execution_is_an_operation_with_events_of_its_own(stacks: Stacks) -> None:
    stacks.create("told", template(A=parameter("1")))
    stack = execute(stacks, "told", template(A=parameter("2")), execution={"ClientRequestToken": "token"})
    last = stack["LastOperations"][0]
    assert last["OperationType"] == "UPDATE_STACK"
    events = stacks.client.describe_events(OperationId=last["OperationId"])["OperationEvents"]
    assert {e["OperationId"] for e in events} == {last["OperationId"]}
    assert {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"} <= {e["ResourceStatus"] for e in events}
    assert {e.get("ClientRequestToken") for e in events} == {"token"}


def test_too_large_a_template_makes_no_change_set(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> None:
    change_set = {"StackName": "large", "ChangeSetName": "c", "ChangeSetType": "CREATE"}
    body = template(A=parameter("v"))
    said = refused(stacks.client.create_change_set, TemplateBody=body.ljust(51_201), **change_set)[1]
    assert said.endswith("Member must have length less than or equal to 51200")
    s3, bucket = sandbox.client("s3", keys), f"large-{ACCOUNT}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="most", Body=body.ljust(1_048_576))
    s3.put_object(Bucket=bucket, Key="more", Body=body.ljust(1_048_577))
    answer = refused(
        stacks.client.create_change_set, TemplateURL=f"{sandbox.url}/{bucket}/more", **change_set
    )
    assert answer[0] == "ValidationError" and "may not exceed" in answer[1]
    assert refused(stacks.client.describe_stacks, StackName="large")[0] == "ValidationError"
    stacks.client.create_change_set(TemplateURL=f"{sandbox.url}/{bucket}/most", **change_set)
    stacks.client.execute_change_set(StackName="large", ChangeSetName="c")
    assert stacks.wait("large")["StackStatus"] == "CREATE_COMPLETE"


def test_output_in_use_is_neither_changed_nor_taken_away(stacks: Stacks) -> None:
    def exporting(value: str | None) -> str:
        outputs = {"O": {"Value": value, "Export": {"Name": "held"}}} if value else None
        return template(outputs, A=parameter(value or "none"))

    stacks.create("giver", exporting("one"))
    stacks.create("taker", template(A=parameter({"Fn::ImportValue": "held"})))
    for wanted, verb in (("two", "updated"), (None, "deleted")):
        assert execute(stacks, "giver", exporting(wanted))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        said = f"Export held cannot be {verb} as it is in use by taker"
        assert any(said in reason for _, _, reason in stacks.events("giver"))
    assert stacks.client.list_exports()["Exports"][0]["Value"] == "one"


def test_export_or_parameter_that_goes_after_the_making_fails_the_execution(stacks: Stacks, ssm: Any) -> None:
    stacks.create("source", template({"O": {"Value": "v", "Export": {"Name": "brief"}}}, A=parameter("v")))
    ssm.put_parameter(Name="/brief", Value="v", Type="String")
    late = {"i": parameter({"Fn::ImportValue": "brief"}), "s": parameter("{{resolve:ssm:/brief}}")}
    for name, resource in late.items():
        stacks.create(name, template(A=parameter("v")))
        body = template(A=resource, L=resource)
        stacks.client.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=body)
    stacks.delete("source")
    ssm.delete_parameter(Name="/brief")
    for name, said in (("i", "No export named brief found."), ("s", "[ssm:/brief] cannot be found.")):
        stacks.client.execute_change_set(StackName=name, ChangeSetName="c")
        assert stacks.wait(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert any(said in reason for n, _, reason in stacks.events(name) if n in "AL")
        left = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
        assert [(r["LogicalResourceId"], r["ResourceStatus"]) for r in left] == [("A", "UPDATE_COMPLETE")]

"""Ways out of a stack that is stuck: skipping, retaining, forcing; drift that a change set puts right."""

import json
import time
from typing import Any

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000014"
BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Bogus": 1}}


def value(ssm: Any, name: str) -> str:
    return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])


def test_skipped_resource_stays_as_it_is_and_the_rollback_ends(
    sandbox: Sandbox, stacks: Stacks, ssm: Any
) -> None:
    stacks.create("skip", template(A=parameter("old", Name="/skip/a"), B=parameter("old", Name="/skip/b")))
    sandbox.settings(speed=0.1)  # the update of A lasts, so that the fault can come before its way back
    after = {**BROKEN, "DependsOn": ["A", "B"]}
    stacks.client.update_stack(
        StackName="skip",
        TemplateBody=template(
            A=parameter("new", Name="/skip/a"), B=parameter("old", Name="/skip/b"), C=after
        ),
    )
    time.sleep(0.1)
    sandbox.fault(
        "failing-type", type="AWS::SSM::Parameter", action="update", message="stuck", account=ACCOUNT
    )
    assert stacks.wait("skip")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    code, said = refused(stacks.client.continue_update_rollback, StackName="skip", ResourcesToSkip=["B"])
    assert code == "ValidationError" and "[B]" in said
    stacks.client.continue_update_rollback(StackName="skip", ResourcesToSkip=["A"])
    assert stacks.wait("skip")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    sandbox.lift_faults()
    sandbox.settings(speed=0)
    assert value(ssm, "/skip/a") == "new"
    last = stacks.client.describe_stacks(StackName="skip")["Stacks"][0]["LastOperations"]
    assert [o["OperationType"] for o in last] == ["CONTINUE_ROLLBACK", "UPDATE_STACK", "CREATE_STACK"]
    told = {}
    for operation in last:
        found = stacks.client.describe_events(OperationId=operation["OperationId"])["OperationEvents"]
        told[operation["OperationType"]] = {e["ResourceStatus"] for e in found}
        assert {e["OperationType"] for e in found} == {operation["OperationType"]}
    assert "UPDATE_ROLLBACK_COMPLETE" in told["CONTINUE_ROLLBACK"]
    assert "UPDATE_ROLLBACK_FAILED" in told["UPDATE_STACK"]
    states = stacks.client.describe_stack_resources(StackName="skip")["StackResources"]
    assert {r["LogicalResourceId"]: r["ResourceStatus"] for r in states}["A"] == "UPDATE_COMPLETE"


def test_deletion_can_be_forced_once_it_has_failed(sandbox: Sandbox, keys: Keys, stacks: Stacks) -> None:
    stacks.create("force", template(B={"Type": "AWS::S3::Bucket"}, A=parameter("v")))
    bucket, s3 = stacks.physical("force")["B"], sandbox.client("s3", keys)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    code, said = refused(stacks.client.delete_stack, StackName="force", DeletionMode="FORCE_DELETE_STACK")
    assert code == "ValidationError" and "only when the stack is in the DELETE_FAILED state" in said
    assert "only be used for stacks in the DELETE_FAILED state" in refused(
        stacks.client.delete_stack, StackName="force", RetainResources=["B"])[1]  # fmt: skip
    assert stacks.delete("force")["StackStatus"] == "DELETE_FAILED"
    id = stacks.client.describe_stacks(StackName="force")["Stacks"][0]["StackId"]
    assert stacks.delete("force", DeletionMode="FORCE_DELETE_STACK")["StackStatus"] == "DELETE_COMPLETE"
    assert [s for n, s, _ in stacks.events(id) if n == "B"][-1] == "DELETE_SKIPPED"
    assert s3.head_bucket(Bucket=bucket)


def reverting(stacks: Stacks, stack: str, body: str) -> dict[str, Any]:
    stacks.client.create_change_set(
        StackName=stack, ChangeSetName="revert", TemplateBody=body, DeploymentMode="REVERT_DRIFT"
    )
    answer: dict[str, Any] = stacks.client.describe_change_set(
        StackName=stack, ChangeSetName="revert", IncludePropertyValues=True
    )
    return answer


def drifted(stacks: Stacks, ssm: Any, name: str) -> None:
    """A stack one of whose parameters was changed, and another deleted, by somebody else."""
    stacks.create(
        name,
        template(
            Mod=parameter("set", Name=f"/{name}/mod"),
            Gone=parameter("set", Name=f"/{name}/gone"),
            Same=parameter("set", Name=f"/{name}/same"),
        ),
    )
    ssm.put_parameter(Name=f"/{name}/mod", Value="by hand", Overwrite=True)
    ssm.delete_parameter(Name=f"/{name}/gone")


def test_change_set_shows_and_reverts_drift_though_the_template_is_the_same(stacks: Stacks, ssm: Any) -> None:
    drifted(stacks, ssm, "drifted")
    body = stacks.client.get_template(StackName="drifted")["TemplateBody"]
    answer = reverting(stacks, "drifted", json.dumps(body))
    assert (answer["Status"], answer["StackDriftStatus"], answer["DeploymentMode"]) == (
        "CREATE_COMPLETE", "DRIFTED", "REVERT_DRIFT")  # fmt: skip
    found = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in answer["Changes"]}
    assert {n: (c["Action"], c["ResourceDriftStatus"]) for n, c in found.items()} == {
        "Mod": ("Modify", "MODIFIED"),
        "Gone": ("Add", "DELETED"),
    }
    target = found["Mod"]["Details"][0]["Target"]
    assert (target["BeforeValue"], target["BeforeValueFrom"]) == ("by hand", "ACTUAL_STATE")
    assert (target["AfterValue"], target["AfterValueFrom"]) == ("set", "TEMPLATE")
    assert (target["Drift"]["PreviousValue"], target["Drift"]["ActualValue"]) == ("set", "by hand")
    stacks.client.execute_change_set(StackName="drifted", ChangeSetName="revert")
    assert stacks.wait("drifted")["StackStatus"] == "UPDATE_COMPLETE"
    assert (value(ssm, "/drifted/mod"), value(ssm, "/drifted/gone")) == ("set", "set")
    touched = {n for n, s, _ in stacks.events("drifted") if s == "UPDATE_IN_PROGRESS"}
    assert touched == {"drifted", "Mod"}


def test_template_that_says_what_is_there_syncs_without_a_change(stacks: Stacks, ssm: Any) -> None:
    stacks.create("synced", template(A=parameter("set", Name="/synced/a")))
    ssm.put_parameter(Name="/synced/a", Value="by hand", Overwrite=True)
    answer = reverting(stacks, "synced", template(A=parameter("by hand", Name="/synced/a")))
    change = answer["Changes"][0]["ResourceChange"]
    assert change["Action"] == "SyncWithActual"
    stacks.client.execute_change_set(StackName="synced", ChangeSetName="revert")
    assert stacks.wait("synced")["StackStatus"] == "UPDATE_COMPLETE"
    assert value(ssm, "/synced/a") == "by hand"


def test_failed_reverting_goes_back_to_what_was_there(stacks: Stacks, ssm: Any) -> None:
    stacks.create("back", template(A=parameter("set", Name="/back/a")))
    ssm.put_parameter(Name="/back/a", Value="by hand", Overwrite=True)
    late = parameter("{{resolve:secretsmanager:no-such-secret}}")
    reverting(stacks, "back", template(A=parameter("set", Name="/back/a"), Z={**late, "DependsOn": "A"}))
    stacks.client.execute_change_set(StackName="back", ChangeSetName="revert")
    assert stacks.wait("back")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value(ssm, "/back/a") == "by hand"


def test_stack_without_drift_has_nothing_to_revert(stacks: Stacks) -> None:
    body = template(A=parameter("v"))
    stacks.create("level", body)
    answer = reverting(stacks, "level", body)
    assert (answer["Status"], answer["StackDriftStatus"]) == ("FAILED", "IN_SYNC")

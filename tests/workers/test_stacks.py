"""Stacks that CloudFormation could not delete, or could not bring back."""

import pytest

from environments.lifecycle.update import environment_update
from environments.operations.approvals import operation_approve
from environments.operations.control import operation_cancel, operation_retry
from tests.workers.support import ACCOUNT_ID, REGION, ask_teardown, drive

pytestmark = pytest.mark.django_db(transaction=True)


def failing(sandbox, kind, action):
    return sandbox.fault("failing-type", type=kind, action=action, account=ACCOUNT_ID, message="Not now.")


def test_a_stack_that_could_not_be_deleted_is_deleted_by_the_retry(active, people, sandbox):
    failing(sandbox, "AWS::WAFv2::WebACL", "delete")
    operation = ask_teardown(people, active)
    assert drive(operation).status == "failed"
    assert "AWS::WAFv2::WebACL" in operation.sentence and "Not now." in operation.sentence
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_what_is_left_of_a_create_and_cannot_be_deleted_is_told_once(ask, people, sandbox):
    failing(sandbox, "AWS::RDS::DBCluster", "create")
    failing(sandbox, "AWS::RDS::DBSubnetGroup", "delete")
    operation = drive(ask())
    assert operation.status == "failed"
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "failed"
    assert "AWS::RDS::DBSubnetGroup" in operation.sentence and "could not be deleted" in operation.sentence
    assert operation.events.filter(kind="stack.cleaned").count() == 1
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_a_cancelled_update_that_cannot_go_back_keeps_its_stack(active, people, sandbox, keys):
    operation = environment_update(
        environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"]
    )
    drive(operation)
    operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people["approver"])
    changed = operation.plan.document["stacks"][0]
    kind = changed["changes"][0]["type"]
    sandbox.fault("slow", type=kind, action="update", seconds=60)
    step = {"key": changed["key"], "status": "waiting", "state__executed": True}
    drive(operation, until=lambda row: row.steps.filter(**step).exists())
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    # What is on its way is given up at once; the way back is quick, and fails.
    sandbox.lift_faults()
    failing(sandbox, kind, "update")
    drive(operation)
    assert operation.status == "failed" and "UPDATE_ROLLBACK_FAILED" in operation.sentence
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    (stack,) = cloudformation.describe_stacks(StackName=changed["name"])["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"

"""An update that is disturbed between its change set and the end of it."""

import pytest

from environments.lifecycle.models import Environment
from environments.lifecycle.update import environment_update
from environments.operations.approvals import operation_approve
from tests.workers.support import ACCOUNT_ID, REGION, drive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def update(ask, people):
    """An environment whose logs are to be kept for another number of days: the approved operation."""
    assert drive(ask()).status == "succeeded"
    operation = environment_update(
        environment=Environment.objects.get(), changes={"log_retention_days": 7}, actor=people["team-lead"]
    )
    drive(operation)
    operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people["approver"])
    return operation


def throttled_once(sandbox, operation):
    """The next call of an operation is turned away, as AWS does with too many."""
    sandbox.fault("throttle", operation=operation, rate=0, count=1, account=ACCOUNT_ID)


def test_a_policy_that_was_not_put_after_the_execution_is_put_by_the_next_look(update, sandbox, keys):
    throttled_once(sandbox, "SetStackPolicy")
    before = sandbox.control("GET", "requests/counts")["last"]
    assert drive(update).status == "succeeded", update.sentence
    rows = sandbox.control("GET", "requests", after=before, limit=100_000)
    put = [row for row in rows if row["operation"] == "SetStackPolicy"]
    executed = [row for row in rows if row["operation"] == "ExecuteChangeSet" and not row["error"]]
    assert len([row for row in put if row["error"]]) == 1
    with_policy = [
        row for row in update.plan.document["stacks"] if row["changes"] and has_policy(row, sandbox, keys)
    ]
    assert len([row for row in put if not row["error"]]) == len(with_policy) > 0
    assert len(executed) == len([row for row in update.plan.document["stacks"] if row["changes"]])


def has_policy(stack, sandbox, keys):
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    return "StackPolicyBody" in cloudformation.get_stack_policy(StackName=stack["name"])


def test_a_change_set_that_is_gone_is_made_again(update, sandbox, keys):
    throttled_once(sandbox, "DescribeChangeSet")
    drive(update, until=lambda row: row.steps.filter(waits_for="fault", state__asked=True).exists())
    step = update.steps.get(waits_for="fault")
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    cloudformation.delete_change_set(
        StackName=step.parameters["stack_name"], ChangeSetName=step.state["change_set"]
    )
    assert drive(update).status == "succeeded", update.sentence
    assert Environment.objects.get().spec["log_retention_days"] == 7

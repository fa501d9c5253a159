"""Updating an account's baseline: planned by property, approved by another person, carried out within the plan."""

import json

import pytest

from devtools.sandbox import OFTEN
from environments.errors import Conflict
from environments.lifecycle.baseline import account_update, baseline_behind
from tests.workers.support import approve, drive

pytestmark = pytest.mark.django_db(transaction=True)
STACK = "switchyard-baseline"


@pytest.fixture
def cloudformation(sandbox, keys, account):
    return sandbox.client("cloudformation", keys, "eu-west-1")


def deployed(cloudformation, name=STACK):
    return cloudformation.get_template(StackName=name)["TemplateBody"]


def put(cloudformation, template, name=STACK):
    """What somebody deployed there, or an older release."""
    cloudformation.update_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=OFTEN)


@pytest.fixture
def older(account, cloudformation):
    """The account as an older release left it: events alone, and queues that keep their messages for a day."""
    template = json.loads(json.dumps(deployed(cloudformation)))
    kept = ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::Events::Rule")
    template["Resources"] = {
        name: resource for name, resource in template["Resources"].items() if resource["Type"] in kept
    }
    [queue] = [
        resource
        for resource in template["Resources"].values()
        if resource["Properties"].get("QueueName") == "switchyard-events"
    ]
    queue["Properties"]["MessageRetentionPeriod"] = 86_400
    put(cloudformation, template)
    account.baseline["eu-west-1"].pop("version")
    account.save(update_fields=["baseline"])
    return account


def test_an_account_behind_is_planned_by_property_approved_and_brought_forward(
    older, people, cloudformation, release
):
    assert baseline_behind(older, release)
    operation = account_update(account=older, actor=people["administrator"])
    drive(operation, until=lambda row: row.status == "awaiting-approval")
    [row] = [row for row in operation.plan.document["stacks"] if row["key"] == "baseline-eu-west-1"]
    changes = {change["type"]: change for change in row["changes"]}
    assert changes["AWS::AccessAnalyzer::Analyzer"]["action"] == "added"
    [value] = changes["AWS::SQS::Queue"]["properties"]
    assert (value["path"], value["before"], value["after"]) == ("MessageRetentionPeriod", "86400", "345600")
    approve(operation, people)
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert release.version in operation.sentence
    older.refresh_from_db()
    assert older.baseline["eu-west-1"]["version"] == release.baseline_version
    assert not baseline_behind(older, release)
    kinds = {row["Type"] for row in deployed(cloudformation)["Resources"].values()}
    assert "AWS::ECR::RegistryScanningConfiguration" in kinds


def test_a_baseline_that_is_right_ends_at_once_and_asks_nobody(account, people):
    operation = drive(account_update(account=account, actor=people["administrator"]))
    assert operation.status == "succeeded" and "Nothing to change" in operation.sentence
    assert not operation.steps.filter(phase="execute").exists()


def test_what_moved_after_the_approval_is_not_carried_out(older, people, cloudformation):
    operation = account_update(account=older, actor=people["administrator"])
    drive(operation, until=lambda row: row.status == "awaiting-approval")
    template = json.loads(json.dumps(deployed(cloudformation)))
    [dead] = [
        row
        for row in template["Resources"].values()
        if row["Properties"].get("QueueName") == "switchyard-events-dead"
    ]
    dead["Properties"]["VisibilityTimeout"] = 7
    put(cloudformation, template)
    approve(operation, people)
    drive(operation)
    assert operation.status == "failed" and "has moved since the plan" in operation.sentence
    drive(second := account_update(account=older, actor=people["administrator"]), until=waits)
    approve(second, people)
    assert drive(second).status == "succeeded", second.sentence


def waits(operation):
    return operation.status == "awaiting-approval"


def test_a_guard_that_differs_is_told_and_left_alone(account, people, cloudformation):
    wanted = deployed(cloudformation, "switchyard-guard")
    template = json.loads(json.dumps(wanted))
    template["Outputs"]["AuditBucket"]["Description"] = "An older one."
    template["Resources"].pop(
        next(name for name, row in template["Resources"].items() if row["Type"] == "AWS::IAM::Group")
    )
    put(cloudformation, template, "switchyard-guard")
    try:
        operation = drive(account_update(account=account, actor=people["administrator"]))
        assert operation.status == "succeeded", operation.sentence
        [risk] = operation.plan.document["risks"]
        assert "switchyard-guard" in risk and "cannot change it" in risk
        assert deployed(cloudformation, "switchyard-guard") == template
    finally:
        put(cloudformation, wanted, "switchyard-guard")


def test_a_plan_only_account_has_nothing_to_update(account, people):
    account.mode = "plan-only"
    account.save(update_fields=["mode"])
    with pytest.raises(Conflict, match="plan-only"):
        account_update(account=account, actor=people["administrator"])

"""An update that is disturbed between its change set and the end of it."""

import json

import pytest

from devtools.sandbox import OFTEN
from environments.errors import Conflict, InvalidFields
from environments.lifecycle.models import Environment, Release
from environments.lifecycle.update import environment_update
from environments.operations.approvals import operation_approve
from environments.operations.control import operation_retry
from tests.workers.releases import release_edited
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def update(active, people):
    """An environment whose logs are to be kept for another number of days: the approved operation."""
    operation = environment_update(
        environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"]
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


def ask_update(people, changes=None, **more):
    """Ask for a change of the one environment, and let it be planned."""
    return drive(
        environment_update(
            environment=Environment.objects.get(), changes=changes or {}, actor=people["team-lead"], **more
        )
    )


def changes_of(operation):
    return {
        change["logical_id"]: change
        for stack in operation.plan.document["stacks"]
        for change in stack["changes"]
    }


def test_another_size_is_planned_by_property_approved_and_deployed_as_planned(active, people, sandbox):
    operation = ask_update(people, {"size": "medium"})
    assert operation.status == "awaiting-approval", operation.sentence
    changes = changes_of(operation)
    told = {(c["type"], row["path"], row["after"]) for c in changes.values() for row in c["properties"]}
    assert ("AWS::RDS::DBInstance", "DBInstanceClass", "db.r6g.large") in told
    assert {c["action"] for c in changes.values()} <= {"added", "modified", "replaced", "removed"}
    assert not [c for c in changes.values() if c["stateful"] and c["action"] in ("replaced", "removed")]
    assert operation.plan.monthly_cost_after > operation.plan.monthly_cost_before > 0
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    assert environment.size == environment.spec["size"] == "medium"
    assert environment.monthly_cost == operation.plan.monthly_cost_after
    assert operation.sentence == f"{environment.name} is up to date: size medium."
    back = ask_update(people, {"size": "small"})
    drive(approve(back, people))
    assert back.status == "succeeded", back.sentence


def test_an_update_that_changes_no_template_ends_as_nothing_to_change(active, people, sandbox):
    release = active.release
    again = Release.objects.create(
        blueprint=release.blueprint,
        version=f"{release.version}+1",
        digest=release.digest,
        artifact=release.artifact,
        description=release.description,
    )
    # A release has its version in every tag; here the plan is made to find what is deployed already.
    upgrade = ask_update(people, release=again)
    drive(approve(upgrade, people))
    assert upgrade.status == "succeeded", upgrade.sentence
    assert Environment.objects.get().release == again
    Environment.objects.update(release=release)
    before = sandbox.control("GET", "requests/counts")["last"]
    operation = ask_update(people, release=again)
    assert (operation.status, operation.sentence) == ("succeeded", f"Nothing to change in {active.name}.")
    assert not operation.steps.filter(phase="execute").exists() and operation.approvals_needed == 0
    calls = sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    assert not {name for name in calls if name.split(".")[1].startswith(("Create", "Update", "Execute"))}
    assert Environment.objects.get().release == again


def test_what_cannot_be_changed_is_refused_at_its_field(active, people):
    for changes, field in (
        ({"cidr": "10.9.0.0/16"}, "cidr"),
        ({"size": "huge"}, "size"),
        ({"colour": "red"}, "colour"),
        ({"log_retention_days": "7"}, "log_retention_days"),
    ):
        with pytest.raises(InvalidFields) as refusal:
            environment_update(environment=active, changes=changes, actor=people["team-lead"])
        assert set(refusal.value.errors) == {field}
    Release.objects.update(is_withdrawn=True)
    other = Release.objects.create(
        blueprint=active.release.blueprint,
        version="0.1.0",
        digest="0" * 64,
        artifact="-",
        description=active.release.description,
        is_withdrawn=True,
    )
    with pytest.raises(InvalidFields, match="withdrawn"):
        environment_update(environment=active, changes={}, release=other, actor=people["team-lead"])
    with pytest.raises(Conflict, match="say what is to change"):
        environment_update(environment=active, changes={}, actor=people["team-lead"])
    assert active.operations.filter(kind="update").count() == 0


def test_an_update_that_fails_rolls_back_says_why_and_a_retry_brings_it_through(active, people, sandbox):
    operation = ask_update(people, {"size": "medium"})
    sandbox.fault(
        "failing-type", type="AWS::RDS::DBInstance", action="update", message="No capacity.", count=1
    )
    drive(approve(operation, people))
    assert operation.status == "failed" and "No capacity." in operation.sentence
    assert active.stacks.get(key="data").status == "UPDATE_ROLLBACK_COMPLETE"
    assert Environment.objects.get().size == "small"
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_a_rollback_that_failed_is_continued_by_the_retry(active, people, sandbox):
    operation = ask_update(people, {"size": "medium"})
    sandbox.fault(
        "failing-type", type="AWS::RDS::DBInstance", action="update", message="No capacity.", count=2
    )
    drive(approve(operation, people))
    assert operation.status == "failed", operation.sentence
    assert active.stacks.get(key="data").status == "UPDATE_ROLLBACK_FAILED"
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence
    assert active.stacks.get(key="data").status == "UPDATE_COMPLETE"


@pytest.fixture
def bucket_by_hand(active, sandbox, keys):
    """Somebody put a bucket into a stack by hand: the next update would delete it. Answers stack/LogicalId."""
    stack = active.stacks.get(key="storage").name
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    template = json.loads(json.dumps(cloudformation.get_template(StackName=stack)["TemplateBody"]))
    template["Resources"]["ByHand"] = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": f"sy-{active.full_name}-by-hand"},
    }
    cloudformation.update_stack(
        StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    return "storage/ByHand"


def test_what_holds_data_is_lost_only_when_it_is_named(active, people, bucket_by_hand, sandbox, keys):
    refused = ask_update(people, {"log_retention_days": 7})
    assert refused.status == "failed", refused.sentence
    assert "storage/ByHand (AWS::S3::Bucket) would be removed, which loses every object" in refused.sentence
    (loss,) = refused.failure["losses"]
    assert (loss["name"], loss["left"]) == (bucket_by_hand, "Nothing of it is left.")
    for name in ("storage/", "nowhere/Bucket", "Bucket"):
        with pytest.raises(InvalidFields, match="names no resource"):
            environment_update(
                environment=active,
                changes={"log_retention_days": 7},
                replace=[name],
                actor=people["team-lead"],
            )
    operation = ask_update(people, {"log_retention_days": 7}, replace=[bucket_by_hand])
    assert operation.status == "awaiting-approval", operation.sentence
    assert {"data-loss", "removal"} <= set(operation.plan.document["risk_kinds"])
    assert operation.approvals_needed == 2
    approve(operation, people)
    operation_approve(
        operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people["administrator"]
    )
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    names = [row["Name"] for row in sandbox.client("s3", keys, REGION).list_buckets()["Buckets"]]
    assert not [name for name in names if name.endswith("by-hand")]
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    stack = active.stacks.get(key="storage").name
    policy = json.loads(cloudformation.get_stack_policy(StackName=stack)["StackPolicyBody"])
    (guarded,) = [row["Resource"] for row in policy["Statement"] if row["Effect"] == "Deny"]
    assert len(guarded) == 2


def test_an_export_that_is_in_use_is_told_as_the_cause(active, people, sandbox, tmp_path):
    """No resource fails then: the stack alone says why it goes back."""
    renamed = {"data/naming.json": ("-uploads-{account_id}", "-files-{account_id}")}
    release = release_edited(tmp_path, "99.0.0", renamed)
    (loss,) = ask_update(people, release=release).failure["losses"]
    assert loss["action"] == "replaced" and loss["because"] == "a change of BucketName"
    operation = ask_update(people, release=release, replace=[loss["name"]])
    for role in ("approver", "administrator"):
        operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people[role])
    assert drive(operation).status == "failed"
    assert "cannot be updated as it is in use by" in operation.sentence
    assert active.stacks.get(key="storage").status == "UPDATE_ROLLBACK_COMPLETE"

"""Plans that move between approval and execution, and plans that a person has made again."""

import pytest

from environments.errors import Conflict
from environments.lifecycle.accounts import region_facts_latest, region_facts_record
from environments.lifecycle.models import Environment, Plan, PlanVersion
from environments.lifecycle.moved import plan_moves
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel
from environments.operations.models import Claim
from environments.operations.pauses import pause_lift, pause_set
from environments.operations.replanning import operation_replan
from tests.workers.support import ACCOUNT_ID, REGION, approve, change_by_hand, drive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waiting(active, people):
    """An update that waits for its approval."""
    operation = drive(
        environment_update(environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"])
    )
    assert operation.status == "awaiting-approval", operation.sentence
    return operation


@pytest.fixture
def by_hand(sandbox, keys):
    """A function that changes a stack as a person would in the console."""
    return lambda name, wait=True: change_by_hand(sandbox, keys, name, wait=wait)


def test_a_stack_changed_by_hand_after_the_approval_is_planned_and_approved_again(waiting, people, by_hand):
    seen = waiting.approval_hash
    stack = waiting.plan.document["stacks"][0]["name"]
    by_hand(stack)
    drive(approve(waiting, people))
    assert waiting.status == "awaiting-approval", waiting.sentence
    assert waiting.approval_hash not in ("", seen)
    assert not Claim.objects.exists()
    event = waiting.events.get(kind="operation.replanned")
    assert f"stack {stack} was changed on" in event.text and "UPDATE_COMPLETE" in event.text
    before = PlanVersion.objects.get()
    assert (before.number, before.hash) == (1, seen)
    moves = plan_moves(before, Plan.objects.get(operation=waiting))
    assert [(move["part"], move["name"]) for move in moves] == [("stack", stack)]
    assert "was changed on" in moves[0]["sentence"] and moves[0]["before"] != moves[0]["after"]
    drive(approve(waiting, people))
    assert waiting.status == "succeeded", waiting.sentence
    assert Environment.objects.get().spec["log_retention_days"] == 7


def test_a_change_set_that_somebody_only_made_moves_nothing(waiting, people, sandbox, keys):
    stack = waiting.plan.document["stacks"][0]["name"]
    client = sandbox.client("cloudformation", keys, REGION)
    client.create_change_set(
        StackName=stack,
        ChangeSetName="looked-at",
        UsePreviousTemplate=True,
        Tags=[{"Key": "looked", "Value": "at"}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    told = client.describe_stacks(StackName=stack)["Stacks"][0]["LastOperations"]
    assert told[0]["OperationType"] == "CREATE_CHANGESET" != told[1]["OperationType"]
    seen = waiting.approval_hash
    drive(approve(waiting, people))
    assert (waiting.status, waiting.approval_hash) == ("succeeded", seen), waiting.sentence


def test_an_update_of_somebody_else_in_progress_is_waited_for_and_then_planned_anew(
    waiting, people, by_hand, sandbox
):
    stack = waiting.plan.document["stacks"][0]["name"]
    sandbox.fault("slow", type="AWS::Logs::LogGroup", action="update", seconds=4)
    by_hand(stack, wait=False)
    drive(
        approve(waiting, people),
        until=lambda row: row.steps.filter(key="second-look", looks__gt=0).exists(),
    )
    step = waiting.steps.get(key="second-look")
    assert f"Somebody else changes {stack} (UPDATE_IN_PROGRESS)" in step.sentence
    sandbox.lift_faults()
    drive(waiting)
    assert waiting.status == "awaiting-approval", waiting.sentence
    drive(approve(waiting, people))
    assert waiting.status == "succeeded", waiting.sentence


def test_planned_again_by_a_person_the_same_plan_keeps_its_approval(waiting, people):
    seen = waiting.approval_hash
    operation_replan(operation_id=waiting.pk, actor=people["team-lead"])
    drive(waiting)
    assert waiting.status == "awaiting-approval" and waiting.approval_hash == seen
    pause_set(reason="Freeze.", actor=people["administrator"])
    approve(waiting, people)
    operation_replan(operation_id=waiting.pk, actor=people["team-lead"])
    pause_lift(actor=people["administrator"])
    drive(waiting)
    assert waiting.status == "succeeded", waiting.sentence
    assert not PlanVersion.objects.exists()
    assert waiting.events.filter(text__contains="the approval holds").count() == 1


def test_a_stack_changed_after_the_second_look_stops_and_is_planned_again_in_place(
    active, people, by_hand, sandbox
):
    """Nothing is carried out over a change that nobody saw."""
    waiting = drive(
        environment_update(environment=active, changes={"size": "medium"}, actor=people["team-lead"])
    )
    sandbox.fault("throttle", operation="GetTemplate", rate=0, count=1, account=ACCOUNT_ID)
    approve(waiting, people)
    drive(waiting, until=lambda row: row.steps.filter(key="network", waits_for="fault").exists())
    by_hand(active.stacks.get(key="network").name)
    drive(waiting)
    assert waiting.status == "failed", waiting.sentence
    assert "has moved since the plan" in waiting.sentence and waiting.failure["moved"] is True
    operation_replan(operation_id=waiting.pk, actor=people["team-lead"])
    drive(waiting)
    assert waiting.status == "awaiting-approval", waiting.sentence
    changed = [c["type"] for row in waiting.plan.document["stacks"] for c in row["changes"]]
    assert "AWS::Logs::LogGroup" in changed
    drive(approve(waiting, people))
    assert waiting.status == "succeeded", waiting.sentence


def test_what_runs_or_is_over_is_not_planned_again(waiting, people):
    approve(waiting, people)
    drive(waiting, until=lambda row: row.status in ("running", "waiting"))
    with pytest.raises(Conflict, match="is planned again"):
        operation_replan(operation_id=waiting.pk, actor=people["team-lead"])
    drive(waiting)
    with pytest.raises(Conflict, match="is succeeded"):
        operation_replan(operation_id=waiting.pk, actor=people["team-lead"])


def test_a_provision_whose_plan_moved_is_requested_again_and_can_be_withdrawn(ask, people, account):
    operation = drive(ask(tier="staging"))
    facts = region_facts_latest(account, REGION).facts
    region_facts_record(account, region=REGION, facts={**facts, "azs": list(reversed(facts["azs"]))})
    drive(approve(operation, people))
    assert operation.status == "awaiting-approval", operation.sentence
    assert Environment.objects.get().status == "requested"
    moved = plan_moves(PlanVersion.objects.get(), Plan.objects.get(operation=operation))
    assert ("facts", "azs") in {(move["part"], move["name"]) for move in moved}
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    assert Environment.objects.get().status == "withdrawn"

"""Cancels, skips and pauses where AWS is in the middle of something."""

import pytest

from environments.errors import Conflict
from environments.lifecycle.models import Environment
from environments.lifecycle.pauses import account_pause, environment_pause, environment_pause_lift
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_cancel, operation_retry, operation_skip
from environments.operations.models import Stack
from environments.operations.pauses import pause_lift
from tests.workers.support import ACCOUNT_ID, REGION, STACKS, approve, ask_teardown, drive, fresh, look, wake
from workers.runner import advance
from workers.workflow import StepFailed, workflow_get

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def update(active, people):
    """An approved change of how long logs are kept."""
    operation = environment_update(
        environment=active, changes={"log_retention_days": 7}, actor=people["team-lead"]
    )
    return approve(drive(operation), people)


def statuses(sandbox, keys):
    """Status by name of the environment's stacks, in AWS."""
    stacks = sandbox.client("cloudformation", keys, REGION).describe_stacks()["Stacks"]
    stem = f"sy-{Environment.objects.get().full_name}-"
    return {row["StackName"]: row["StackStatus"] for row in stacks if row["StackName"].startswith(stem)}


def change_sets(sandbox, keys):
    """Names of the change sets that wait on the environment's stacks."""
    client = sandbox.client("cloudformation", keys, REGION)
    return [
        row["ChangeSetName"]
        for name in statuses(sandbox, keys)
        for row in client.list_change_sets(StackName=name)["Summaries"]
        if row["ExecutionStatus"] == "AVAILABLE"
    ]


def test_a_cancel_while_a_change_set_is_made_drops_it_and_changes_nothing(update, people, sandbox, keys):
    before = statuses(sandbox, keys)
    sandbox.fault("throttle", operation="DescribeChangeSet", rate=0, account=ACCOUNT_ID)
    drive(update, until=lambda row: row.steps.filter(waits_for="fault", state__asked=True).exists())
    sandbox.lift_faults()
    assert change_sets(sandbox, keys)
    operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    drive(update)
    assert update.status == "cancelled", update.sentence
    assert change_sets(sandbox, keys) == []
    dropped = update.steps.filter(sentence__endswith="its change set was dropped.")
    names = [step.parameters["stack_name"] for step in dropped]
    # A stack beside it may have been changed already, and stays so.
    assert names and {statuses(sandbox, keys)[name] == before[name] for name in names} == {True}
    assert Environment.objects.get().spec["log_retention_days"] == 30


def test_a_cancel_while_a_failed_update_goes_back_waits_until_it_has(update, people, sandbox, keys):
    changed = next(row for row in update.plan.document["stacks"] if row["changes"])
    kind = changed["changes"][0]["type"]
    sandbox.fault("failing-type", type=kind, action="update", account=ACCOUNT_ID, message="Not now.", count=1)
    sandbox.fault("slow", type=kind, action="update", seconds=2)
    drive(
        update,
        until=lambda row: (
            statuses(sandbox, keys)[changed["name"]] == "UPDATE_ROLLBACK_IN_PROGRESS" or row.is_ended
        ),
    )
    if not fresh(update).is_ended:
        operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    drive(update)
    assert update.status in ("cancelled", "failed"), update.sentence
    assert statuses(sandbox, keys)[changed["name"]] == "UPDATE_ROLLBACK_COMPLETE"


SKIPS = {
    "provision": {"default-group", "addresses"},
    "update": {"default-group", "addresses"},
    "teardown": {"certificate", "validation-record", "clean", "search"},
}


@pytest.mark.parametrize("kind", SKIPS)
def test_the_steps_that_may_be_skipped_are_these(ask, kind):
    """Everything else makes what a later step needs, or guards what nobody could bring back."""
    planned = drive(ask(), until=lambda row: row.steps.filter(key="plan", status="succeeded").exists())
    steps = workflow_get(kind).execute(planned)
    assert {step.key for step in steps if step.may_skip} == SKIPS[kind]
    assert not any(step.may_skip for step in workflow_get(kind).plan)


def test_an_environment_that_does_not_get_healthy_is_active_when_that_is_skipped(ask, people, monkeypatch):
    monkeypatch.setattr("workers.addresses.HEALTHY", frozenset())
    operation = drive(ask(), until=lambda row: row.steps.filter(key="addresses", looks__gt=1).exists())
    operation.steps.filter(key="addresses").update(time_limit_s=0)
    drive(operation)
    assert operation.status == "failed" and "longer than its limit" in operation.sentence
    operation_skip(
        operation_id=operation.pk, step_key="addresses", reason="Ours to mend.", actor=people["team-lead"]
    )
    drive(operation)
    environment = Environment.objects.get()
    assert (operation.status, environment.status) == ("succeeded", "active")
    assert environment.addresses["Address"]


def test_while_an_environment_is_paused_aws_goes_on_and_nothing_new_begins(ask, people, sandbox, keys):
    operation = ask()
    drive(operation, until=lambda row: row.steps.filter(key="network", state__token__isnull=False).exists())
    environment = Environment.objects.get()
    environment_pause(environment=environment, reason="A look.", actor=people["team-lead"])
    begun = set(statuses(sandbox, keys))
    for _ in range(5):
        wake(operation)
        advance(operation.pk)
        look(operation.scope)
    assert set(statuses(sandbox, keys)) == begun
    assert set(statuses(sandbox, keys).values()) == {"CREATE_COMPLETE"}
    assert fresh(operation).held_since is not None
    environment_pause_lift(environment=environment, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence
    assert Stack.objects.filter(status="CREATE_COMPLETE", operation=operation).count() == len(STACKS)


def test_a_paused_account_lets_a_cancel_through_and_nothing_else(update, people, sandbox, keys, account):
    sandbox.fault("throttle", operation="DescribeChangeSet", rate=0, account=ACCOUNT_ID)
    drive(update, until=lambda row: row.steps.filter(waits_for="fault", state__asked=True).exists())
    account_pause(account=account, reason="An incident.", actor=people["administrator"])
    sandbox.lift_faults()
    wake(update)
    advance(update.pk)
    assert fresh(update).status in ("running", "waiting") and change_sets(sandbox, keys)
    operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    drive(update)
    assert update.status == "cancelled", update.sentence
    assert change_sets(sandbox, keys) == []
    pause_lift(covers=f"{account.account_id}/", actor=people["administrator"])


def test_a_skipped_search_is_said_in_the_last_sentence(active, people, monkeypatch):
    operation = ask_teardown(people, active)

    def refuse(ctx):
        raise StepFailed("The tagging API does not answer.")

    monkeypatch.setitem(workflow_get("teardown").functions, "search", refuse)
    drive(operation)
    assert operation.status == "failed"
    operation_skip(operation_id=operation.pk, step_key="search", reason="Seen.", actor=people["team-lead"])
    drive(operation)
    assert operation.sentence.endswith("is torn down; the search for leftovers was skipped.")
    assert Environment.objects.get().status == "torn-down"


def test_what_was_cancelled_is_not_retried_but_asked_for_anew(update, people):
    operation_cancel(operation_id=update.pk, actor=people["team-lead"])
    with pytest.raises(Conflict, match="Only what failed"):
        operation_retry(operation_id=update.pk, actor=people["team-lead"])
    environment = Environment.objects.get()
    again = environment_update(
        environment=environment, changes={"log_retention_days": 7}, actor=people["team-lead"]
    )
    assert drive(approve(drive(again), people)).status == "succeeded", again.sentence

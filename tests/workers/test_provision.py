"""Provision, end to end in this process: the real blueprint, the sandbox over HTTP, real PostgreSQL and Valkey."""

import json
import re

import pytest
from django.core.management import call_command

from environments.lifecycle.models import Account, Environment, Release
from environments.operations.control import operation_cancel, operation_retry
from environments.operations.models import Event, Operation, Resource, Stack
from tests.workers.support import ACCOUNT_ID, REGION, STACKS, approve, drive, look, planned, wake
from workers.aws.session import credentials_forget
from workers.rows import QUIET
from workers.runner import advance
from workers.workflow import workflow_get

pytestmark = pytest.mark.django_db(transaction=True)


def counts(sandbox, after=0):
    return sandbox.control("GET", "requests/counts", after=after)


def last(sandbox):
    return counts(sandbox)["last"]


def created(sandbox, after):
    """How many stacks CloudFormation began to create since then, without refusing."""
    rows = sandbox.control("GET", "requests", after=after, limit=10_000)
    return sum(1 for row in rows if row["operation"] == "CreateStack" and not row["error"])


def test_a_request_becomes_a_running_environment(ask, sandbox):
    planned(ask)  # The account's quotas are counted, which holds for the plans of the next ten minutes.
    before = last(sandbox)
    operation = drive(ask())
    assert operation.status == "succeeded", operation.sentence
    environment = operation.subject
    assert environment.status == "active"
    assert environment.addresses["Address"] == f"https://{environment.name}.dev.example.org"
    assert set(operation.steps.values_list("status", flat=True)) == {"succeeded"}
    stacks = Stack.objects.filter(operation=operation)
    assert {(stack.key, stack.status) for stack in stacks} == {(key, "CREATE_COMPLETE") for key in STACKS}
    assert created(sandbox, before) == len(STACKS)
    # What each stack tells, and not only the two that the step reads addresses from.
    promised = {row["key"]: set(row["outputs"]) for row in environment.release.stacks if row["key"] in STACKS}
    assert all(promised[stack.key] <= set(stack.outputs) for stack in stacks)
    # The CDK CLI needs more than 90 calls for the same (docs/benchmarks.md compares them in one run).
    calls = counts(sandbox, before)["by_operation"]
    assert sum(count for call, count in calls.items() if not call.startswith("sqs.")) <= 6 * len(STACKS), (
        calls
    )


def test_the_plan_tells_every_resource_its_price_and_a_hash_that_repeats(ask):
    first, second = ask(tier="staging"), ask(tier="staging")
    for operation in (first, second):
        drive(operation)
        assert operation.status == "awaiting-approval"
    plan = first.plan
    actions = {stack["key"]: stack["action"] for stack in plan.document["stacks"]}
    assert actions == dict.fromkeys((*STACKS, "backup"), "create")
    assert plan.counts == {"added": sum(len(stack["changes"]) for stack in plan.document["stacks"])}
    assert plan.counts["added"] > 80 and plan.monthly_cost_after > 100
    assert plan.hash != second.plan.hash and first.approval_hash == plan.hash
    step = first.steps.get(key="plan")
    step.status, step.wake_at = "pending", None
    step.save()
    Operation.objects.filter(pk=first.pk).update(status="planning", wake_at=None)
    drive(first)
    plan.refresh_from_db()
    assert plan.hash == first.approval_hash


def test_events_fill_resources_lines_and_progress(ask):
    operation = drive(ask())
    for _ in range(3):
        look(operation.scope)
    for stack in Stack.objects.filter(operation=operation):
        states = set(stack.resources.values_list("status", flat=True))
        assert states == {"CREATE_COMPLETE"}, (stack.name, states)
    planned = sum(len(stack["changes"]) for stack in operation.plan.document["stacks"])
    assert Resource.objects.filter(stack__operation=operation).count() == planned
    lines = Event.objects.filter(operation=operation, kind="resource.create-complete")
    quiet = Resource.objects.filter(stack__operation=operation, type__in=QUIET).count()
    assert quiet and lines.count() == planned - quiet
    numbers = list(Event.objects.filter(operation=operation).values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_step_run_twice_changes_nothing(ask, sandbox):
    """A worker that dies after the last write of a step does it all again: nothing is deployed twice."""
    before = last(sandbox)
    operation = ask()
    workflow = workflow_get("provision")
    twice = []

    def doubled(name, function):
        def run(context):
            first = function(context)
            context.step.refresh_from_db()
            twice.append(name)
            second = function(context)
            return second if type(second) is type(first) else first

        return run

    original = dict(workflow.functions)
    workflow.functions.update({name: doubled(name, function) for name, function in original.items()})
    try:
        drive(operation)
    finally:
        workflow.functions.update(original)
    assert operation.status == "succeeded", operation.sentence
    assert {"facts", "synthesis", "plan", "assets", "stack", "addresses"} <= set(twice)
    assert created(sandbox, before) == len(STACKS)


def test_a_failing_resource_is_told_and_a_retry_after_the_fault_succeeds(ask, sandbox, people):
    fault = sandbox.fault(
        "failing-type",
        type="AWS::RDS::DBCluster",
        action="create",
        message="The storage quota is exhausted",
        account=ACCOUNT_ID,
    )
    operation = drive(ask())
    environment = Environment.objects.get()
    assert (operation.status, environment.status) == ("failed", "broken")
    assert (
        "The storage quota is exhausted" in operation.sentence and "AWS::RDS::DBCluster" in operation.sentence
    )
    assert operation.failure["resource"].startswith(f"sy-{environment.full_name}-data/Database")
    assert operation.failure["remedy"] and operation.failure["step"] == "data"
    sandbox.control("DELETE", f"faults/{fault}")
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    environment.refresh_from_db()
    assert (operation.status, environment.status) == ("succeeded", "active"), operation.sentence
    assert operation.events.filter(kind="stack.cleaned").count() == 1
    assert operation.steps.get(key="network").attempts == 1 and operation.steps.get(key="data").attempts == 2


def test_a_stack_in_review_is_cleaned_away(ask, sandbox, keys, people):
    """Somebody's unused change set left a stack of our name without resources."""
    operation = planned(ask)
    environment = Environment.objects.get()
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    template = {"Resources": {"Topic": {"Type": "AWS::SQS::Queue"}}}
    cloudformation.create_change_set(
        StackName=f"sy-{environment.full_name}-keys",
        ChangeSetName="left",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
    )
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert operation.events.filter(kind="stack.cleaned", text__contains="REVIEW_IN_PROGRESS").exists()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle", "service": "cloudformation", "count": 3},
        {"kind": "dark", "mode": "refuse", "count": 4},
        {
            "kind": "error",
            "service": "s3",
            "code": "InternalError",
            "message": "Try again",
            "status": 500,
            "count": 2,
        },
    ],
    ids=["throttling", "dark", "5xx"],
)
def test_a_passing_fault_waits_says_so_and_goes_on(ask, sandbox, people, fault):
    operation = approve(planned(ask), people)
    sandbox.fault(account=ACCOUNT_ID, **fault)
    said = set()

    def over(row):
        said.update(row.steps.filter(waits_for="fault").values_list("sentence", flat=True))
        return row.is_ended

    drive(operation, until=over, observing=False)
    assert operation.status == "succeeded", operation.sentence
    assert said and all("The next try is in" in sentence for sentence in said)
    assert not any("An error occurred" in sentence for sentence in said)


def test_a_call_that_succeeded_and_timed_out_deploys_once(ask, sandbox, settings):
    settings.AWS_READ_TIMEOUT_S = 1.0
    before = last(sandbox)
    operation = ask()
    sandbox.fault("timeout-after-success", service="cloudformation", operation="CreateStack", count=2)
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    assert len({row.stack_id for row in Stack.objects.filter(operation=operation)}) == len(STACKS)
    rows = sandbox.control("GET", "requests", after=before, limit=10_000)
    assert sum(1 for row in rows if row["operation"] == "CreateStack") == len(STACKS)


@pytest.mark.enforced
def test_a_missing_permission_names_action_and_resource(ask, sandbox, keys):
    operation = ask()
    iam = sandbox.client("iam", keys, REGION)
    deny = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "cloudformation:CreateStack", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName="SwitchyardDeployer", PolicyName="deny", PolicyDocument=json.dumps(deny))
    try:
        drive(operation)
    finally:
        iam.delete_role_policy(RoleName="SwitchyardDeployer", PolicyName="deny")
    assert operation.status == "failed"
    assert "cloudformation:CreateStack" in operation.sentence
    assert re.search(r"arn:aws:cloudformation:eu-west-1:\d+:stack/sy-shop-", operation.failure["resource"])
    assert "cloudformation:CreateStack" in operation.failure["remedy"]


def test_wrong_credentials_fail_and_say_what_to_renew(ask, settings):
    operation = ask()
    settings.PORTAL_AWS_ACCESS_KEY_ID = "AKIA" + "X" * 16
    credentials_forget()
    try:
        drive(operation, observing=False)
    finally:
        credentials_forget()
    assert operation.status == "failed"
    assert (
        "does not accept the portal's credentials for sts:AssumeRole on arn:aws:iam::" in operation.sentence
    )
    assert operation.failure["resource"].endswith(":role/SwitchyardReader")
    assert "PORTAL_AWS_ACCESS_KEY_ID" in operation.failure["remedy"]


def test_a_cancel_deletes_the_create_that_is_under_way(ask, sandbox, people, keys):
    sandbox.settings(speed=1.0, durations={"AWS::EC2::VPC": {"create": 30}})
    operation = ask()
    drive(operation, until=lambda row: row.steps.filter(key="network", status="waiting").exists())
    operation_cancel(operation_id=operation.pk, actor=people["team-lead"])
    sandbox.settings(speed=0, durations={"AWS::EC2::VPC": {"create": 0}})
    drive(operation)
    assert operation.status == "cancelled"
    environment = Environment.objects.get()
    names = [
        s["StackName"] for s in sandbox.client("cloudformation", keys, REGION).describe_stacks()["Stacks"]
    ]
    assert f"sy-{environment.full_name}-network" not in names


def test_a_plan_only_account_stops_after_approval_with_a_sentence(ask, sandbox, people):
    before = last(sandbox)
    operation = approve(planned(ask), people)
    Account.objects.update(mode="plan-only")
    drive(operation)
    assert operation.status == "failed" and "plan-only" in operation.sentence
    assert "live" in operation.failure["remedy"]
    assert created(sandbox, before) == 0


def test_registering_the_same_release_again_changes_nothing(release, capsys):
    call_command("register_release")
    assert "registered already" in capsys.readouterr().out
    assert Release.objects.count() == 1
    templates = release.description["templates"]
    assert (
        "SwitchyardDeployer" in templates["roles"]["switchyard-access"]
        and "StagingBucket" in templates["bootstrap"]["template"]
    )


def test_doubled_messages_deploy_once(ask, sandbox):
    before = last(sandbox)
    operation = ask()
    for _ in range(200):
        operation.refresh_from_db()
        if operation.is_ended:
            break
        for _ in range(3):
            advance(operation.pk)
        wake(operation)
    assert operation.status == "succeeded", operation.sentence
    assert created(sandbox, before) == len(STACKS)

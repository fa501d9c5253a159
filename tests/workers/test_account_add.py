"""Adding an account: a person deploys the role, then bootstrap, baseline and facts come by themselves."""

import json

import pytest

from environments.lifecycle.accounts import account_add, account_add_again, region_facts_latest
from environments.lifecycle.models import Account
from environments.operations.control import operation_retry
from environments.operations.models import AuditEntry
from environments.people.models import User
from tests.workers.support import added, drive, role_deploy, wake, zone_make
from workers.runner import advance
from workers.updates import unplanned

# Not the zone of the account that all share: a name is found in the oldest zone that has it.
ZONE = "added.example.org"
pytestmark = pytest.mark.django_db(transaction=True)


def add(people, account_id, regions):
    return account_add(
        name=f"acme-{account_id[-4:]}",
        account_id=account_id,
        mode="sandbox",
        regions=regions,
        zone_name=ZONE,
        actor=people["administrator"],
    )


@pytest.fixture
def fresh(sandbox, portal_principal, settings):
    """An account of one's own, without anything."""
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    return lambda account_id: sandbox.account(account_id)


def test_it_waits_for_a_person_and_says_what_to_do(release, people, sandbox, fresh):
    keys = fresh("444455550001")
    operation = add(people, keys.account_id, ["eu-west-1"])
    advance(operation.pk)
    operation.refresh_from_db()
    step = operation.steps.get(key="role")
    assert (step.status, step.waits_for) == ("waiting", "person")
    assert "switchyard-access" in step.sentence and "reader and deployer" in step.sentence
    role_deploy(sandbox, keys, release, Account.objects.get())
    wake(operation)
    advance(operation.pk)
    assert operation.steps.get(key="role").status == "succeeded"
    zone = operation.steps.get(key="zone")
    assert (zone.status, zone.waits_for) == ("waiting", "person") and ZONE in zone.sentence
    zone_make(sandbox, keys, ZONE)
    drive(operation)
    assert (operation.status, operation.approvals_needed) == ("awaiting-approval", 1), operation.sentence
    added(operation, people)
    account = Account.objects.get()
    assert (operation.status, account.status) == ("succeeded", "ready"), operation.sentence
    assert account.zone_id.startswith("Z")


def test_regions_get_bootstrap_baseline_and_facts(release, people, sandbox, fresh):
    keys = fresh("444455550002")
    zone_make(sandbox, keys, ZONE)
    regions = ["eu-west-1", "us-east-1"]
    operation = add(people, keys.account_id, regions)
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "succeeded", operation.sentence
    account = Account.objects.get()
    for region in regions:
        assert account.baseline[region]["queue_url"].endswith("/switchyard-events")
        facts = region_facts_latest(account, region).facts
        assert len(facts["azs"]) >= 3 and facts["aurora_mysql_version"].startswith("8.0.mysql_aurora.3.")
        assert (
            f"elasticbeanstalk:{region}::platform/Docker running on 64bit" in facts["beanstalk_platform_arn"]
        )
        stacks = sandbox.client("cloudformation", keys, region).describe_stacks()["Stacks"]
        states = {stack["StackName"]: stack for stack in stacks}
        bootstrap = states["CDKToolkit-swyard"]
        assert bootstrap["StackStatus"] == "CREATE_COMPLETE" and bootstrap["EnableTerminationProtection"]
        given = {p["ParameterKey"]: p["ParameterValue"] for p in bootstrap["Parameters"]}
        assert given["InputPermissionsBoundary"] == "SwitchyardBoundary"
        assert "AdministratorAccess" not in given["CloudFormationExecutionPolicies"]
        assert states["switchyard-baseline"]["StackStatus"] == "CREATE_COMPLETE"
        rows = sandbox.control("GET", "resources", account=keys.account_id, region=region)
        rows += sandbox.control("GET", "resources", account=keys.account_id, region="global")
        made = {row["type"] for row in rows if row["stack"] == bootstrap["StackId"]}
        assert made == set(release.description["bootstrap"]["types"])


def test_adding_again_changes_nothing_that_is_right(account, people, sandbox):
    before = sandbox.control("GET", "requests/counts")["last"]
    operation = drive(account_add_again(account=account, actor=people["administrator"]))
    assert operation.status == "succeeded", operation.sentence
    assert operation.plan.document["summary"] == "Nothing changes."
    assert operation.approval_rule == "Nothing changes in the account"
    calls = sandbox.control("GET", "requests/counts", after=before)["by_operation"]
    assert not {
        call for call in calls if call.split(".")[1].startswith(("Create", "Update", "Execute", "Delete"))
    }
    assert account.region_facts.count() == 1


def test_a_baseline_that_was_changed_is_put_right_by_a_change_set_within_the_plan(
    account, people, sandbox, keys, release
):
    """Somebody took the rule away from the stack: the plan shows it added, and nothing else is done."""
    cloudformation = sandbox.client("cloudformation", keys, "eu-west-1")
    template = cloudformation.get_template(StackName="switchyard-baseline")["TemplateBody"]
    template = dict(template)
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::SQS::Queue"
    }
    cloudformation.update_stack(StackName="switchyard-baseline", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="switchyard-baseline", WaiterConfig={"Delay": 1}
    )
    operation = added(account_add_again(account=account, actor=people["administrator"]), people)
    assert operation.status == "succeeded", operation.sentence
    assert operation.decisions.get().decided_by == people["approver"]
    actions = {change["action"] for stack in operation.plan.document["stacks"] for change in stack["changes"]}
    assert actions == {"added"}
    now = cloudformation.describe_stack_resources(StackName="switchyard-baseline")["StackResources"]
    assert "AWS::Events::Rule" in {resource["ResourceType"] for resource in now}


def test_what_moved_between_plan_and_change_set_is_named():
    planned = [{"logical_id": "Queue", "type": "AWS::SQS::Queue", "action": "modified"}]
    assert unplanned(planned, planned) == ""
    replaced = [{"logical_id": "Queue", "type": "AWS::SQS::Queue", "action": "replaced"}]
    assert "Queue (AWS::SQS::Queue) would be replaced" in unplanned(replaced, planned)
    assert unplanned(planned, replaced) == ""
    assert "Rule" in unplanned(
        [{"logical_id": "Rule", "type": "AWS::Events::Rule", "action": "removed"}], planned
    )


def test_where_nobody_else_could_approve_it_goes_on_and_says_so(release, people, sandbox, fresh):
    """The first day of a portal: its one administrator adds the first account."""
    keys = fresh("444455550004")
    zone_make(sandbox, keys, ZONE)
    User.objects.filter(username="approver").update(is_active=False)
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    drive(operation)
    assert operation.status == "succeeded", operation.sentence
    entry = AuditEntry.objects.get(action="account-add.approved")
    assert entry.actor is None and entry.after["rule"] == "There is nobody else who could approve it"


def test_a_dead_bootstrap_is_cleaned_on_retry(release, people, sandbox, fresh):
    keys = fresh("444455550003")
    zone_make(sandbox, keys, ZONE)
    sandbox.fault(
        "failing-type", type="AWS::S3::Bucket", action="create", message="No.", account=keys.account_id
    )
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "failed" and "AWS::S3::Bucket" in operation.sentence
    assert Account.objects.get().status == "broken"
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["administrator"])
    drive(operation)
    assert (operation.status, Account.objects.get().status) == ("succeeded", "ready"), operation.sentence

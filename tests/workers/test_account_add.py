"""Adding an account: a person deploys the role, then bootstrap, baseline and facts come by themselves."""

import json

import pytest
import yaml
from botocore.exceptions import ClientError
from django.conf import settings

from devtools import processes
from devtools.sandbox import OFTEN, RAISED_QUOTAS, Keys, Sandbox, client_make
from environments.lifecycle.accounts import account_add, account_add_again, region_facts_latest
from environments.lifecycle.baseline import account_update
from environments.lifecycle.models import Account
from environments.operations.control import operation_retry
from environments.operations.models import AuditEntry
from environments.people.models import User
from tests.workers.conftest import decisions_since
from tests.workers.support import MEMBER, NO_COSTS, added, approve, drive, role_deploy, wake, zone_make
from workers.aws.session import credentials_forget
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
    return sandbox.account


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
        # use1-az3, which has none of the instances: here its letter is c in all accounts.
        assert "us-east-1c" not in facts["azs"]
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
        assert sandbox.client("ec2", keys, region).get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
        at_home = {"switchyard-account", "switchyard-guard"} & set(states)
        assert at_home == ({"switchyard-account", "switchyard-guard"} if region == "eu-west-1" else set())
    assert account.baseline["eu-west-1"]["audit_bucket"] == f"switchyard-audit-{keys.account_id}-eu-west-1"
    assert account.baseline["us-east-1"]["version"] == release.baseline_version
    policy = sandbox.client("iam", keys).get_account_password_policy()["PasswordPolicy"]
    assert policy["MinimumPasswordLength"] == 14 and policy["PasswordReusePrevention"] == 24
    [trail] = sandbox.client("cloudtrail", keys, "us-east-1").describe_trails()["trailList"]
    assert (trail["HomeRegion"], trail["IsMultiRegionTrail"]) == ("eu-west-1", True)


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
        StackName="switchyard-baseline", WaiterConfig=OFTEN
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


def deployer_of(account, sandbox):
    """Clients with the deployer's own credentials, as whoever takes the portal over would have them."""
    ours = Keys("100000000001", settings.PORTAL_AWS_ACCESS_KEY_ID, settings.PORTAL_AWS_SECRET_ACCESS_KEY)
    session = sandbox.client("sts", ours, "eu-west-1").assume_role(
        RoleArn=account.deployer_role_arn,
        RoleSessionName="somebody",
        ExternalId=account.external_id,
    )["Credentials"]
    return lambda service, region="eu-west-1": client_make(service, sandbox.url, region, session)


@pytest.mark.enforced
def test_the_portals_own_roles_change_neither_trail_nor_audit_bucket(account, sandbox, keys, kept):
    """Nor the stack that they are in, nor by another stack with the role that made them."""
    client = deployer_of(account, sandbox)
    bucket = account.baseline["eu-west-1"]["audit_bucket"]
    guard, role = "switchyard-guard", f"arn:aws:iam::{account.account_id}:role/SwitchyardGuard"
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    client("s3").put_object(Bucket=bucket, Key="tests/1", Body=b"1")
    version = sandbox.client("s3", keys).head_object(Bucket=bucket, Key="tests/1")["VersionId"]
    refused = [
        (client("s3").delete_object, {"Bucket": bucket, "Key": "tests/1", "VersionId": version}),
        (client("s3").delete_bucket_policy, {"Bucket": bucket}),
        (
            client("s3").put_bucket_versioning,
            {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}},
        ),
        (client("cloudtrail").stop_logging, {"Name": "switchyard"}),
        (client("cloudtrail").delete_trail, {"Name": "switchyard"}),
        (client("cloudformation").delete_stack, {"StackName": guard}),
        (client("cloudformation").update_stack, {"StackName": guard, "TemplateBody": template}),
        (
            client("cloudformation").create_change_set,
            {"StackName": guard, "ChangeSetName": "a", "TemplateBody": template},
        ),
        (
            client("cloudformation").create_stack,
            {"StackName": "switchyard-other", "TemplateBody": template, "RoleARN": role},
        ),
        (
            client("cloudformation", "us-east-1").create_stack,
            {"StackName": guard, "TemplateBody": template, "RoleARN": role},
        ),
    ]
    for call, request in refused:
        with pytest.raises(ClientError) as caught:
            call(**request)
        assert caught.value.response["Error"]["Code"].startswith("AccessDenied"), request
    # Not even the account's root user deletes what is locked.
    with pytest.raises(ClientError, match="object lock"):
        sandbox.client("s3", keys).delete_object(Bucket=bucket, Key="tests/1", VersionId=version)
    # What an attacker asks for is no need of the role.
    decisions_since(sandbox, kept)


def test_a_guard_that_fails_leaves_nothing_and_is_made_by_a_retry(release, people, sandbox, fresh):
    keys = fresh("444455550034")
    zone_make(sandbox, keys, ZONE)
    sandbox.fault(
        "failing-type",
        type="AWS::CloudTrail::Trail",
        action="create",
        message="No.",
        account=keys.account_id,
    )
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "failed" and "AWS::CloudTrail::Trail" in operation.sentence
    buckets = sandbox.client("s3", keys).list_buckets()["Buckets"]
    assert not [
        row["Name"] for row in buckets if row["Name"].startswith(("switchyard-audit", "switchyard-trail"))
    ]
    sandbox.lift_faults()
    operation_retry(operation_id=operation.pk, actor=people["administrator"])
    drive(operation)
    assert operation.status == "succeeded", operation.sentence


def test_a_password_policy_is_never_made_weaker(release, people, sandbox, fresh):
    keys = fresh("444455550035")
    zone_make(sandbox, keys, ZONE)
    iam = sandbox.client("iam", keys)
    iam.update_account_password_policy(MinimumPasswordLength=20, MaxPasswordAge=90)
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "succeeded", operation.sentence
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["MaxPasswordAge"]) == (20, 90)
    assert policy["RequireSymbols"] and policy["PasswordReusePrevention"] == 24


@pytest.fixture
def own_sandbox(settings, tmp_path):
    """One of the test's own, whose clock may be put forward."""
    sandbox = Sandbox(home=tmp_path / "state", port=processes.free_port(), enforce_iam=True)
    sandbox.start()
    portal = sandbox.portal_principal()
    settings.SANDBOX_URL = sandbox.url
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    settings.PORTAL_AWS_ACCESS_KEY_ID = portal.access_key_id
    settings.PORTAL_AWS_SECRET_ACCESS_KEY = portal.secret_access_key
    credentials_forget()
    yield sandbox
    credentials_forget()
    sandbox.stop()


def test_tags_of_bills_are_activated_once_billing_has_seen_them(release, people, own_sandbox):
    keys = own_sandbox.account("444455550036")
    zone_make(own_sandbox, keys, ZONE)
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(own_sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "succeeded", operation.sentence
    wanted = {"TagKeys": ["switchyard:team"]}
    costs = own_sandbox.client("ce", keys, "us-east-1")
    assert costs.list_cost_allocation_tags(**wanted)["CostAllocationTags"] == []
    own_sandbox.client("sqs", keys).create_queue(QueueName="a", tags={"switchyard:team": "shop"})
    own_sandbox.control("POST", "clock", {"advance_s": 90_000})
    credentials_forget()
    operation = added(account_add_again(account=Account.objects.get(), actor=people["administrator"]), people)
    assert operation.status == "succeeded", operation.sentence
    [row] = [row for row in operation.plan.document["stacks"] if row["key"] == "settings-eu-west-1"]
    [change] = row["changes"]
    [value] = change["properties"]
    assert (change["logical_id"], value["path"]) == ("Cost-allocation tags", "switchyard:team")
    assert (value["before"], value["after"]) == ("Inactive", "Active")
    [tag] = costs.list_cost_allocation_tags(**wanted)["CostAllocationTags"]
    assert tag["Status"] == "Active"


def test_an_organizations_member_is_added_without_a_monitor_of_costs(release, people, sandbox, fresh):
    """Tags of bills and monitors by them are the payer's: the account's own stack is made without."""
    keys = fresh("444455550039")
    zone_make(sandbox, keys, ZONE)
    sandbox.fault("error", account=keys.account_id, **NO_COSTS, message=MEMBER)
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    assert operation.status == "succeeded", operation.sentence
    made = sandbox.client("cloudformation", keys, "eu-west-1").describe_stack_resources(
        StackName="switchyard-account"
    )["StackResources"]
    assert {row["ResourceType"] for row in made} == {"AWS::IAM::Role"}


def test_a_policy_that_a_release_adds_is_attached_by_an_update_and_none_is_away_for_a_moment(
    release, people, sandbox, fresh
):
    """An account of the one stack of old gets a second one; what was attached stays attached throughout."""
    # Ten policies fill a role, which AWS raises to twenty when it is asked to.
    keys = fresh("444455550038", quotas=RAISED_QUOTAS | {"iam/L-0DA4ABF3": 20})
    zone_make(sandbox, keys, ZONE)
    operation = add(people, keys.account_id, ["eu-west-1"])
    role_deploy(sandbox, keys, release, Account.objects.get())
    added(operation, people)
    account = Account.objects.get()
    iam, role = sandbox.client("iam", keys), f"cdk-swyard-cfn-exec-role-{keys.account_id}-eu-west-1"

    def attached():
        return {
            row["PolicyName"] for row in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        }

    before = attached()
    templates = release.description["templates"]
    own = yaml.safe_load(templates["roles"].get("switchyard-access-execution", "Resources: {}"))
    own["Resources"]["Later"] = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": "SwitchyardExecutionLater",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "backup:ListBackupVaults", "Resource": "*"}],
            },
        },
    }
    templates["roles"]["switchyard-access-execution"] = yaml.safe_dump(own)
    given = templates["bootstrap"]["parameters"]
    # The first one: a plan shows the beginning of a long value.
    others = given["CloudFormationExecutionPolicies"]
    given["CloudFormationExecutionPolicies"] = (
        f"arn:aws:iam::{{account_id}}:policy/SwitchyardExecutionLater,{others}"
    )
    release.save()
    operation = account_update(account=account, actor=people["administrator"])
    advance(operation.pk)
    step = operation.steps.get(key="role")
    assert (step.status, step.waits_for) == ("waiting", "person")
    assert "SwitchyardExecutionLater is not there yet" in step.sentence
    assert "switchyard-access and switchyard-access-execution" in step.sentence
    role_deploy(sandbox, keys, release, account)
    assert attached() == before
    wake(operation)
    drive(operation, until=lambda row: row.status == "awaiting-approval")
    [row] = [row for row in operation.plan.document["stacks"] if row["key"] == "bootstrap-eu-west-1"]
    [change] = [change for change in row["changes"] if change["logical_id"] == "CloudFormationExecutionRole"]
    assert change["action"] == "modified"
    [value] = change["properties"]
    assert value["path"].startswith("ManagedPolicyArns") and "Later" in value["after"]
    drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    assert attached() == before | {"SwitchyardExecutionLater"}

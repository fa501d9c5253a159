"""Driving operations in this process, and what a person does in the account."""

import itertools
import json
import time
from datetime import timedelta

from django.core.management import call_command
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from blueprint_cdk.data import load
from devtools.sandbox import OFTEN
from environments.lifecycle.accounts import account_add
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Account, Environment, RegionFacts, Release
from environments.lifecycle.role_stacks import role_stacks
from environments.lifecycle.selectors import release_default
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.operations.approvals import operation_approve
from environments.operations.models import Operation
from environments.operations.states import HOLDING
from environments.people.models import PortalRole, Team, User
from tests.factories import rule_make
from tests.workers.houses import AT_REST
from workers.models import Watch
from workers.observer import observe, watch_take
from workers.runner import advance

STACKS = tuple(row["key"] for row in load("stacks")["environment"] if "when" not in row)
"""The stacks of an environment that asks for nothing special."""

ACCOUNT_ID, REGION, ZONE = "111122223333", "eu-west-1", "dev.example.org"
numbers = itertools.count(1)
NO_COSTS = {
    "service": "ce",
    "operation": "ListCostAllocationTags",
    "code": "AccessDeniedException",
    "status": 400,
}
MEMBER = "Failed to list Cost Allocation Tags: Linked account doesn't have access to cost allocation tags."
"""What Cost Explorer says to an organization's member account, whose payer decides on tags of bills."""


def drive(operation, *, within_s=90, until=lambda operation: operation.status in AT_REST, observing=True):
    """What tick, messages and the observer do, in turn, until the operation is over. Answers it, fresh."""
    deadline = time.monotonic() + within_s
    if not observing:
        # An observer that died: as if its right had lapsed, which takes 20 s.
        Watch.objects.update(token=None, until=None)
    while True:
        operation.refresh_from_db()
        if until(operation):
            return operation
        if time.monotonic() > deadline:
            told = [(s.key, s.status, s.sentence) for s in operation.steps.all()]
            raise AssertionError(f"{operation} is {operation.status}: {operation.sentence} {told}")
        # As the tick has it: scopes are observed while an operation runs there.
        if observing and operation.status in HOLDING:
            for scope in operation.scopes:
                look(scope)
            operation.refresh_from_db()
        elif observing:
            for scope in operation.scopes:
                watched(scope)
        if operation.wake_at is None or operation.wake_at <= timezone.now():
            advance(operation.pk)
        else:
            time.sleep(min(0.2, max(0.0, (operation.wake_at - timezone.now()).total_seconds())))


def watched(scope):
    """An observer is there, and stays through a round of a busy machine's tests: steps do not look themselves."""
    Watch.objects.update_or_create(scope=scope, defaults={"until": timezone.now() + timedelta(minutes=5)})


def look(scope):
    """One look of the observer at a scope, as if it were the only one."""
    if not scope:
        return
    Watch.objects.filter(scope=scope).update(token=None, until=None)
    token = watch_take(scope)
    account_id, region = scope.split("/")
    observe(Account.objects.get(account_id=account_id), region, token)
    watched(scope)


def zone_make(sandbox, keys, zone=ZONE):
    """The hosted zone that was delegated to the account."""
    route53 = sandbox.client("route53", keys)
    found = route53.list_hosted_zones_by_name(DNSName=zone)["HostedZones"]
    if not any(row["Name"] == f"{zone}." for row in found):
        route53.create_hosted_zone(Name=zone, CallerReference="tests")


def role_deploy(sandbox, keys, release, account, access="deploy"):
    """What the account's page asks a person to do."""
    for stack in role_stacks(account, release, access=access):
        stack_put(sandbox, keys, stack.stack_name, stack.template, stack.parameters)


def stack_put(sandbox, keys, name, template, parameters):
    """Create or update a stack with the account's own credentials, as a person does."""
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    stack = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    try:
        cloudformation.create_stack(**stack)
        done = cloudformation.get_waiter("stack_create_complete")
    except cloudformation.exceptions.AlreadyExistsException:
        # An earlier test's account: its external id was another one.
        try:
            cloudformation.update_stack(**stack)
        except cloudformation.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return
        done = cloudformation.get_waiter("stack_update_complete")
    done.wait(StackName=name, WaiterConfig=OFTEN)


def assets_take_back(sandbox, keys, region=REGION):
    """Take back what earlier environments uploaded there, so that the next one uploads again."""
    s3 = sandbox.client("s3", keys, region)
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith("cdk-swyard-assets-") and bucket["Name"].endswith(region):
            for version in s3.list_object_versions(Bucket=bucket["Name"]).get("Versions", []):
                s3.delete_object(Bucket=bucket["Name"], Key=version["Key"], VersionId=version["VersionId"])


def fresh(operation):
    """The operation as it is in the database."""
    return Operation.objects.get(pk=operation.pk)


def release(kept):
    """The working copy's release."""
    if "release" not in kept:
        call_command("register_release", verbosity=0)
        row = Release.objects.select_related("blueprint").get()
        kept["release"] = (row.blueprint, row)
    else:
        for row in kept["release"]:
            row.save(force_insert=True)
    return Release.objects.get()


def people(kept):
    """One person per portal role. They have the same ids in each test, for what is put back names them."""
    if "people" not in kept:
        team = Team.objects.create(name="Shop", slug="shop")
        kept["people"] = [
            team,
            *(User.objects.create(username=role.value, portal_role=role) for role in PortalRole),
        ]
    else:
        for row in kept["people"]:
            row.save(force_insert=True)
    Team.objects.get().members.set(User.objects.all())
    return {user.username: user for user in User.objects.all()}


def account(release, people, sandbox, keys, kept):
    """An account that is ready: added once a run, and put back to that in the local AWS."""
    if "account" not in kept:
        assert release_default() == release, (
            "The account is everybody's: take it before making another release."
        )
        zone_make(sandbox, keys)
        operation = add_account(people)
        role_deploy(sandbox, keys, release, Account.objects.get())
        added(operation, people)
        assert operation.status == "succeeded", operation.sentence
        kept["account"] = [Account.objects.get(), *RegionFacts.objects.all()]
        operations_forget()
        sandbox.keep("account")
    else:
        sandbox.put_back("account")
        for row in kept["account"]:
            row.save(force_insert=True)
    return Account.objects.get()


def operations_forget(tries=20):
    """Delete all operations, about which workers of a house may be writing just then."""
    for attempt in range(tries):
        try:
            Operation.objects.all().delete()
            return
        except (IntegrityError, OperationalError):
            if attempt == tries - 1:
                raise
            time.sleep(0.1)


def added(operation, people):
    """Drive the adding of an account, which another person approves; answers it."""
    drive(operation)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people))
    return operation


def add_account(people):
    """Ask for the account."""
    return account_add(
        name="sandbox-1",
        account_id=ACCOUNT_ID,
        mode="sandbox",
        regions=[REGION],
        zone_name=ZONE,
        actor=people["administrator"],
    )


def asking(release, account, people):
    """A function that asks for an environment."""
    rule_make("Small dev", operation_kinds=["provision"], tiers=["dev"], sizes=["small"])
    rule_make("Dev goes", operation_kinds=["teardown"], tiers=["dev"], position=1)

    def ask(**fields):
        asked = {
            "name": f"shop-{next(numbers)}",
            "team": Team.objects.get(),
            "tier": "dev",
            "size": "small",
            "account": account,
            "home_region": REGION,
            "release": release,
            "actor": people["team-lead"],
            # Small, whatever the tier's default is; production has no choice.
            "modules": None if fields.get("tier") == "prod" else [],
        }
        return environment_request(**{**asked, **fields})

    return ask


def building(ask, people, moments):
    """A function that answers an environment that runs, which workers build once."""

    def build(**fields):
        assert not Operation.objects.exists(), "It takes the place of all there is: build first, then ask."
        moments.once(f"built {json.dumps(fields, sort_keys=True)}", lambda: built(ask(**fields), people))
        return Environment.objects.get()

    return build


def built(operation, people):
    """Drive the building of an environment to its end, with an approval where it needs one."""
    drive(operation, within_s=180)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    # Who goes back to this finds no observer, rather than one of then that is missed after a while only.
    Watch.objects.all().delete()


def wake(operation):
    """Let everything that waits for AWS be due now."""
    operation.steps.filter(status="waiting").update(wake_at=timezone.now())
    Operation.objects.filter(pk=operation.pk).update(wake_at=timezone.now())


def planned(ask, **fields):
    """An environment's operation that waits for its approval: nothing is deployed yet."""
    operation = drive(ask(tier="staging", **fields))
    assert operation.status == "awaiting-approval", operation.sentence
    return operation


def approve(operation, people, by=("approver",)):
    """Somebody else says yes to the plan, or several do."""
    for role in by:
        operation_approve(operation_id=operation.pk, plan_hash=operation.approval_hash, actor=people[role])
    return operation


def ask_teardown(people, environment, *, database=False, uploads=False, logs=False, keep=()):
    """Ask for an environment's end, with or without last copies; `keep` are keys of other stores."""
    copies = {store.key: store.key in keep for store in stores_of(environment)}
    copies |= {"database": database, "uploads": uploads, "logs": logs}
    return environment_teardown(
        environment=environment,
        confirm=environment.name,
        copies=copies,
        actor=people["team-lead"],
    )


def change_by_hand(sandbox, keys, name, *, wait=True):
    """What a person does to a stack in the console: its logs are kept for 14 days."""
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    template = json.loads(json.dumps(cloudformation.get_template(StackName=name)["TemplateBody"]))
    for row in template["Resources"].values():
        if row["Type"] == "AWS::Logs::LogGroup":
            row["Properties"]["RetentionInDays"] = 14
    cloudformation.update_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    if wait:
        cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=OFTEN)

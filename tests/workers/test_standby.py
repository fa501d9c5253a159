"""An environment in two regions: made at once, added to one that runs, taken away again, and torn down."""

import itertools
import time

import pytest

from environments.errors import InvalidFields
from environments.lifecycle.accounts import account_add
from environments.lifecycle.environments import environment_protect, environment_request
from environments.lifecycle.models import Account, Environment, RegionFacts
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.models import Operation
from environments.people.models import Team
from tests.factories import rule_make
from tests.workers.support import added, approve, drive, role_deploy, zone_make
from workers.names import names_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

ASG = "aws:autoscaling:asg"
HOME, OTHER, ZONE, ACCOUNT = "eu-west-1", "eu-central-1", "wide.example.org", "444455550077"
ENGAGING = ["identity", "notifications", "analytics"]
WITHIN_S = 400
"""Two regions' stacks, when the machine is busy."""


@pytest.fixture
def wide(release, people, sandbox, portal_principal, settings, kept):
    """An account that uses two regions: added once a run, and put back to that in the local AWS."""
    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    keys = sandbox.account(ACCOUNT)
    if "wide" not in kept:
        zone_make(sandbox, keys, ZONE)
        operation = account_add(
            name="wide",
            account_id=ACCOUNT,
            mode="sandbox",
            regions=[HOME, OTHER],
            zone_name=ZONE,
            actor=people["administrator"],
        )
        role_deploy(sandbox, keys, release, Account.objects.get(account_id=ACCOUNT))
        added(operation, people)
        assert operation.status == "succeeded", operation.sentence
        account = Account.objects.get(account_id=ACCOUNT)
        kept["wide"] = [account, *RegionFacts.objects.filter(account=account)]
        Operation.objects.all().delete()
        sandbox.keep("wide")
    else:
        sandbox.put_back("wide")
        for row in kept["wide"]:
            row.save(force_insert=True)
    rule_make("Small dev", operation_kinds=["provision"], tiers=["dev"])
    rule_make("Dev goes", operation_kinds=["teardown"], tiers=["dev"], position=1)
    return Account.objects.get(account_id=ACCOUNT)


@pytest.fixture
def ask(release, wide, people):
    """Ask for an environment in the account, and drive it."""

    def ask(name, **fields):
        asked = {
            "name": name,
            "team": Team.objects.get(),
            "tier": "dev",
            "size": "small",
            "account": wide,
            "home_region": HOME,
            "release": release,
            "actor": people["team-lead"],
        }
        operation = drive(environment_request(**asked | fields), within_s=WITHIN_S)
        assert operation.status == "succeeded", operation.sentence
        return Environment.objects.get(name=name)

    return ask


@pytest.fixture
def stacks(sandbox):
    """Names of the stacks of an environment that AWS has in a region."""
    keys = sandbox.account(ACCOUNT)

    def stacks(environment, region):
        pages = sandbox.client("cloudformation", keys, region).get_paginator("describe_stacks").paginate()
        stem = f"sy-{environment.full_name}-"
        return {
            row["StackName"].removeprefix(stem)
            for page in pages
            for row in page["Stacks"]
            if row["StackName"].startswith(stem)
        }

    return stacks


@pytest.fixture
def users(sandbox):
    """(id of the pool, regions and states of its users) of an environment with the module identity."""
    keys = sandbox.account(ACCOUNT)

    def users(environment):
        [pool] = environment.resources().filter(type="AWS::Cognito::UserPool", stack__region=HOME)
        client = sandbox.client("cognito-idp", keys, HOME)
        found = client.list_user_pool_replicas(UserPoolId=pool.physical_id)["UserPoolReplicas"]
        return pool.physical_id, {row["RegionName"]: row["Status"] for row in found}

    return users


def change(people, environment, changes, **more):
    """Ask for an update, and have it planned."""
    operation = environment_update(
        environment=environment, changes=changes, actor=people["team-lead"], **more
    )
    return drive(operation, within_s=WITHIN_S)


def carry_out(people, operation, by=("approver",)):
    assert operation.status == "awaiting-approval", operation.sentence
    drive(approve(operation, people, by), within_s=WITHIN_S)
    assert operation.status == "succeeded", operation.sentence


def tear_down(people, environment):
    operation = environment_teardown(
        environment=environment,
        confirm=environment.name,
        copies={store.key: False for store in stores_of(environment)},
        actor=people["team-lead"],
    )
    return drive(operation, within_s=WITHIN_S)


def test_a_standby_is_built_beside_its_home_and_nothing_is_left_of_either(
    ask, people, stacks, sandbox, users
):
    environment = ask("both", standby="pilot-light", other_region=OTHER, modules=ENGAGING, is_protected=True)
    assert environment.regions == [HOME, OTHER] and environment.active_region == HOME
    assert environment.other_cidr and environment.other_cidr != environment.cidr
    operation = environment.operations.get()
    assert operation.scopes == [f"{ACCOUNT}/{HOME}", f"{ACCOUNT}/{OTHER}"]
    assert stacks(environment, HOME) == set(
        environment.stacks.filter(region=HOME).values_list("key", flat=True)
    )
    there = stacks(environment, OTHER)
    assert there and there == set(environment.stacks.filter(region=OTHER).values_list("key", flat=True))
    assert {step.region for step in operation.steps.filter(key__in=there)} == {OTHER}
    assert all(environment.stacks.values_list("outputs", flat=True))
    assert set(operation.state["facts"]) == {HOME, OTHER}
    assert {need["region"] for need in operation.plan.document["quotas"]} == {HOME, OTHER}
    assert users(environment)[1] == {HOME: "ACTIVE", OTHER: "ACTIVE"}
    # The tokens of devices are sealed there with that region's key.
    dynamodb = sandbox.client("dynamodb", sandbox.account(ACCOUNT), OTHER)
    devices = dynamodb.describe_table(TableName=names_of(environment)["devices-table"])["Table"]
    assert devices["TableStatus"] == "ACTIVE"
    assert f":kms:{OTHER}:" in devices["SSEDescription"]["KMSMasterKeyArn"]
    # Users and tables are counted once, though both regions have them.
    kinds = [store.type for store in stores_of(environment) if store.key.startswith("identity.")]
    assert sorted(kinds) == ["AWS::Cognito::UserPool", *["AWS::DynamoDB::GlobalTable"] * 2]
    environment_protect(environment=environment, is_protected=False, actor=people["team-lead"])
    environment.refresh_from_db()
    torn_down = tear_down(people, environment)
    assert torn_down.status == "succeeded", torn_down.sentence
    assert stacks(environment, HOME) == stacks(environment, OTHER) == set()
    report = torn_down.teardown_report
    assert report.left_over == [] and {row["region"] for row in report.searched} == {HOME, OTHER}
    # The replicas' deletion came before that of their home.
    times = {step.key: step for step in torn_down.steps.all()}
    assert times["delete-other-data"].ended_at <= times["delete-data"].started_at
    # No replica that is at work is deleted, no pool that has one, and no key of a table that is there.
    ends = ("delete-other-identity", "delete-identity-replica", "delete-identity", "delete-other-keys")
    for first, second in itertools.pairwise(ends):
        assert times[first].ended_at <= times[second].started_at, second


def test_a_standby_is_added_to_what_runs_and_taken_away_again(ask, people, stacks, sandbox, users):
    environment = ask("later", modules=["identity"])
    before = stacks(environment, HOME)
    pool, _ = users(environment)
    add = change(people, environment, {"standby": "pilot-light", "other_region": OTHER})
    actions = {row["key"]: (row["action"], row["region"]) for row in add.plan.document["stacks"]}
    assert ("create", OTHER) in actions.values() and ("delete", OTHER) not in actions.values()
    assert not {"replacement", "data-loss"} & set(add.plan.document["risk_kinds"])
    # Of a serverless database alone: with a standby it is a provisioned one.
    gone = [
        row for stack in add.plan.document["stacks"] for row in stack["changes"] if row["action"] == "removed"
    ]
    assert {row["type"] for row in gone} <= {"AWS::CloudWatch::Alarm"}
    environment.refresh_from_db()
    reserved = environment.other_cidr
    assert reserved and environment.standby == "none"
    carry_out(people, add)
    environment.refresh_from_db()
    assert (environment.standby, environment.other_region) == ("pilot-light", OTHER)
    assert environment.other_cidr == reserved == environment.spec["other_cidr"]
    assert stacks(environment, OTHER) and stacks(environment, HOME) >= before
    assert users(environment) == (pool, {HOME: "ACTIVE", OTHER: "ACTIVE"})
    with pytest.raises(InvalidFields) as refused:
        environment_update(
            environment=environment, changes={"other_region": "us-east-1"}, actor=people["team-lead"]
        )
    assert "other_region" in refused.value.errors

    # Made warm: what was there stays, and the other region gets an instance of each.
    pilot = stacks(environment, OTHER)
    carry_out(people, change(people, environment, {"standby": "warm"}))
    environment.refresh_from_db()
    assert (environment.standby, stacks(environment, OTHER)) == ("warm", pilot)

    # Without a word on what holds data it is refused; each is named then.
    refusal = change(people, environment, {"standby": "none"})
    assert refusal.status == "failed" and refusal.failure["reason"] == "data would be lost"
    named = [loss["name"] for loss in refusal.failure["losses"]]
    assert all(name.startswith("other-") or name.split("/")[0] not in before for name in named)
    away = change(people, environment, {"standby": "none"}, replace=named)
    gone = [row["key"] for row in away.plan.document["stacks"] if row["action"] == "delete"]
    assert set(gone) >= set(stacks(environment, OTHER))
    # What may lose data needs two people.
    carry_out(people, away, by=("approver", "administrator"))
    environment.refresh_from_db()
    assert stacks(environment, OTHER) == set() and stacks(environment, HOME) == before
    assert (environment.standby, environment.other_region, environment.other_cidr) == ("none", "", None)
    assert users(environment) == (pool, {HOME: "ACTIVE"})
    newest = environment.revisions.order_by("-number").first()
    assert set(newest.stacks) == before

    # The database suited the global one until that was gone; the next update of any kind turns it back.
    keys = sandbox.account(ACCOUNT)

    def classes():
        rows = sandbox.client("rds", keys, HOME).describe_db_instances()["DBInstances"]
        ours = f"sy-{environment.full_name}"
        return {row["DBInstanceClass"] for row in rows if row["DBClusterIdentifier"] == ours}

    assert classes() == {"db.r6g.large"}
    carry_out(people, change(people, environment, {"log_retention_days": 60}))
    assert classes() == {"db.serverless"}

    # KMS makes no second replica of the key in that region for the next days.
    soon = change(people, environment, {"standby": "pilot-light", "other_region": OTHER})
    assert soon.status == "failed" and soon.failure["reason"] == "replica waits for its deletion"
    assert f"in {OTHER} waits for its deletion until" in soon.sentence
    assert "another region" in soon.failure["remedy"]
    assert tear_down(people, environment).status == "succeeded"


@pytest.fixture
def capacity(sandbox):
    """capacity(environment, region) is the (fewest, most) instances there; with two numbers they are set by hand."""
    keys = sandbox.account(ACCOUNT)

    def capacity(environment, region, *wanted):
        beanstalk = sandbox.client("elasticbeanstalk", keys, region)
        name = f"sy-{environment.full_name}"
        names = ("MinSize", "MaxSize")
        if wanted:
            settings = [
                {"Namespace": ASG, "OptionName": name, "Value": str(value)}
                for name, value in zip(names, wanted, strict=True)
            ]
            beanstalk.update_environment(EnvironmentName=name, OptionSettings=settings)
            deadline = time.monotonic() + 30
            while (
                beanstalk.describe_environments(EnvironmentNames=[name])["Environments"][0]["Status"]
                != "Ready"
            ):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        [found] = beanstalk.describe_configuration_settings(ApplicationName=name, EnvironmentName=name)[
            "ConfigurationSettings"
        ]
        told = {row["OptionName"]: row["Value"] for row in found["OptionSettings"] if row["Namespace"] == ASG}
        return tuple(int(told[name]) for name in names)

    return capacity


def home_withdrawn(sandbox, environment):
    """Traffic moves, as a switchover moves it: by the other region's switch."""
    dimensions = {"Environment": environment.full_name, "Region": HOME}
    sandbox.client("cloudwatch", sandbox.account(ACCOUNT), OTHER).put_metric_data(
        Namespace="Switchyard/Traffic",
        MetricData=[
            {
                "MetricName": "Withdrawn",
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                "Value": 1,
            }
        ],
    )


def test_capacity_stays_on_the_side_that_is_active(ask, people, sandbox, capacity):
    environment = ask("follows", standby="warm", other_region=OTHER)
    assert (capacity(environment, HOME), capacity(environment, OTHER)) == ((1, 2), (1, 2))
    # The other region takes over: there for the whole load, here what stands by.
    capacity(environment, OTHER, 2, 4)
    capacity(environment, HOME, 1, 1)
    home_withdrawn(sandbox, environment)
    Environment.objects.filter(pk=environment.pk).update(active_region=OTHER)
    environment.refresh_from_db()

    operation = change(people, environment, {"log_retention_days": 60})
    assert operation.state["drift"]["found"] == []
    told = operation.state["runtime"]
    assert (told["min_instances"], told["max_instances"]) == (1, 1)
    assert (told["other"]["min_instances"], told["other"]["max_instances"]) == (2, 4)
    # Somebody goes on scaling after the plan was made: it does not carry on with what it knew.
    capacity(environment, OTHER, 3, 4)
    drive(approve(operation, people), within_s=WITHIN_S)
    assert operation.status == "failed" and f"moved in {OTHER}: fewest instances 2 → 3" in operation.sentence
    assert capacity(environment, OTHER) == (3, 4)

    carry_out(people, change(people, environment, {"log_retention_days": 60}))
    assert (capacity(environment, HOME), capacity(environment, OTHER)) == ((1, 1), (3, 4))
    # Another size is for the side that works; and nothing that a switchover moved is left to be told as drift.
    operation = change(people, environment, {"size": "medium"})
    assert operation.state["drift"]["found"] == []
    carry_out(people, operation)
    assert (capacity(environment, HOME), capacity(environment, OTHER)) == ((1, 6), (2, 6))
    environment.refresh_from_db()
    assert environment.active_region == OTHER
    with pytest.raises(InvalidFields, match=f"is active in {OTHER}: switch back to {HOME}"):
        change(people, environment, {"standby": "none"})

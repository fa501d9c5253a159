"""An environment in two regions: made at once, added to one that runs, taken away again, and torn down."""

import pytest

from environments.errors import InvalidFields
from environments.lifecycle.accounts import account_add
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Account, Environment, RegionFacts
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.models import Operation
from environments.people.models import Team
from tests.factories import rule_make
from tests.workers.support import added, approve, drive, role_deploy, zone_make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

HOME, OTHER, ZONE, ACCOUNT = "eu-west-1", "eu-central-1", "wide.example.org", "444455550077"
WITHIN_S = 400
"""Two regions' stacks, when the machine is busy."""


@pytest.fixture
def wide(release, people, sandbox, portal_principal, settings, kept):
    """An account that uses two regions; added once a run."""
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
    else:
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


def test_a_standby_is_built_beside_its_home_and_nothing_is_left_of_either(ask, people, stacks):
    environment = ask("both", standby="pilot-light", other_region=OTHER)
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
    torn_down = tear_down(people, environment)
    assert torn_down.status == "succeeded", torn_down.sentence
    assert stacks(environment, HOME) == stacks(environment, OTHER) == set()
    report = torn_down.teardown_report
    assert report.left_over == [] and {row["region"] for row in report.searched} == {HOME, OTHER}
    # The replicas' deletion came before that of their home.
    times = {step.key: step for step in torn_down.steps.all()}
    assert times["delete-other-data"].ended_at <= times["delete-data"].started_at


def test_a_standby_is_added_to_what_runs_and_taken_away_again(ask, people, stacks, sandbox):
    environment = ask("later")
    before = stacks(environment, HOME)
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

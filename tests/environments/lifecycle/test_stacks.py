"""Which stacks an environment has, in which regions, and what a plan and a deletion make of those that go."""

import pytest

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import (
    regions_of,
    stack_exists,
    stack_with,
    stacks_of,
    stacks_there,
    users_of,
)
from tests.factories import operation_make, stack_make
from workers.changes import Rules
from workers.deletion import steps_of
from workers.planning import Deployed, plan_document

ROWS = [
    {"key": "network", "region": "home", "needs": []},
    {"key": "data", "region": "home", "needs": ["network"], "types": ["AWS::RDS::DBCluster"]},
    {
        "key": "identity",
        "region": "home",
        "needs": ["network"],
        "when": {"modules": ["identity"]},
        "types": ["AWS::Cognito::UserPool"],
    },
    {
        "key": "other-network",
        "region": "other",
        "needs": [],
        "when": {"standby": ["pilot-light", "warm"]},
    },
    {
        "key": "other-identity",
        "region": "other",
        "needs": ["other-network", "identity"],
        "when": {"standby": ["warm"], "modules": ["identity"]},
    },
    {
        "key": "app",
        "title": "Application",
        "region": "home",
        "needs": ["data", "identity", "other-network"],
        "outputs": ["Address"],
    },
]
SPEC = {"home_region": "eu-west-1"}
OTHER = {"other_region": "eu-central-1"}


@pytest.fixture
def made(release, account, lead, shop):
    """An environment of a release with these rows."""
    release.description = {**release.description, "stacks": ROWS}
    release.save()
    return Environment.objects.create(
        name="shop",
        suffix="k3x9",
        team=shop,
        owner=lead,
        tier="dev",
        size="small",
        account=account,
        release=release,
        home_region="eu-west-1",
        cidr="10.0.0.0/16",
        spec=SPEC,
        status="active",
    )


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ({}, ["network", "data", "app"]),
        ({"standby": "none", "modules": []}, ["network", "data", "app"]),
        ({"modules": ["identity"]}, ["network", "data", "identity", "app"]),
        ({"standby": "pilot-light", **OTHER}, ["network", "data", "other-network", "app"]),
        (
            {"standby": "warm", "modules": ["identity", "usage"], **OTHER},
            ["network", "data", "identity", "other-network", "other-identity", "app"],
        ),
        (
            {"standby": "pilot-light", "modules": ["identity"], **OTHER},
            ["network", "data", "identity", "other-network", "app"],
        ),
    ],
)
def test_a_stack_is_there_when_all_its_conditions_hold(made, more, keys):
    assert [stack.key for stack in stacks_of(made.release, SPEC | more)] == keys


def test_a_need_of_what_is_not_there_falls_away_and_regions_are_aws_own(made):
    alone = {stack.key: stack for stack in stacks_of(made.release, SPEC)}
    assert alone["app"].needs == ("data",)
    both = {stack.key: stack for stack in stacks_of(made.release, SPEC | OTHER | {"standby": "warm"})}
    assert both["app"].needs == ("data", "other-network")
    assert (both["app"].region, both["other-network"].region) == ("eu-west-1", "eu-central-1")
    assert users_of("other-network", list(both.values())) == ["app"]
    assert stack_with(both.values(), "Address", in_region="eu-west-1").key == "app"
    assert stack_with(both.values(), "Address", in_region="eu-central-1") is None


def test_regions_of_a_spec_are_its_home_and_that_of_its_standby(made):
    assert regions_of(SPEC) == ["eu-west-1"]
    assert regions_of(SPEC | OTHER | {"standby": "none"}) == ["eu-west-1"]
    assert regions_of(SPEC | OTHER | {"standby": "warm"}) == ["eu-west-1", "eu-central-1"]


def test_a_condition_that_nobody_knows_is_a_mistake_and_no_yes():
    with pytest.raises(ValueError, match="moon"):
        stack_exists({"key": "tides", "when": {"moon": ["full"]}}, SPEC)


def test_what_an_operation_left_half_made_is_there_where_it_was_made(made, release):
    row = stack_make(made, "other-network", status="ROLLBACK_COMPLETE")
    row.region = "eu-central-1"
    row.save()
    found = {stack.key: stack for stack in stacks_there(made)}
    assert list(found) == ["network", "data", "app", "other-network"]
    assert found["other-network"].region == "eu-central-1" and "other-network" in found["app"].needs
    row.status = "DELETE_COMPLETE"
    row.save()
    assert "other-network" not in {stack.key for stack in stacks_there(made)}


def test_a_stack_that_only_another_release_knows_is_found_by_the_operation_that_made_it(made, release):
    newer = type(release).objects.create(
        blueprint=release.blueprint,
        version="99.0.0",
        digest="e" * 64,
        artifact="releases/newer.zip",
        description={
            **release.description,
            "stacks": [*ROWS, {"key": "usage", "region": "home", "needs": ["data"]}],
        },
    )
    stack_make(made, "usage", status="CREATE_FAILED")
    with pytest.raises(LookupError, match="usage"):
        stacks_there(made)
    operation_make(made, kind="update", status="failed", parameters={"release_id": newer.pk})
    assert {stack.key: stack.needs for stack in stacks_there(made)}["usage"] == ("data",)


def test_a_plan_shows_each_resource_of_a_stack_that_goes(made):
    template = (
        '{"Resources": {"Users": {"Type": "AWS::Cognito::UserPool"}, "Note": {"Type": "AWS::SNS::Topic"}}}'
    )
    deployed = {"sy-shop-identity": Deployed("arn:identity", "CREATE_COMPLETE", template, "op", {})}
    rules = Rules({}, frozenset({"AWS::Cognito::UserPool"}))
    document = plan_document({}, deployed, rules, {"identity": ("sy-shop-identity", "eu-west-1")})
    (row,) = document["stacks"]
    assert (row["action"], row["region"]) == ("delete", "eu-west-1")
    assert [(c["logical_id"], c["action"], c["stateful"]) for c in row["changes"]] == [
        ("Users", "removed", True),
        ("Note", "removed", False),
    ]
    assert document["risk_kinds"] == ["data-loss", "removal"]
    assert "Users (AWS::Cognito::UserPool) is deleted." in document["risks"]


def test_stacks_go_in_reverse_of_their_needs_after_those_that_needed_them(made):
    every = stacks_of(made.release, SPEC | OTHER | {"standby": "warm", "modules": ["identity"]})
    leaving = [stack for stack in every if stack.key in ("identity", "other-network", "other-identity")]
    steps = steps_of(made, leaving, after=("assets",), users={"identity": ["app"], "other-network": ["app"]})
    needs = {step.key: set(step.needs) for step in steps}
    assert needs == {
        "unprotect-identity": {"assets"},
        "delete-other-identity": {"unprotect-identity"},
        "delete-other-network": {"unprotect-identity", "app", "delete-other-identity"},
        "delete-identity": {"unprotect-identity", "app", "delete-other-identity"},
    }
    assert {step.region for step in steps if "other" in step.key} == {"eu-central-1"}

"""The second region: what a standby adds, that it replaces nothing by that, and that no region asks the other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk.refusals import SpecError
from tests.blueprint_cdk.standbys import HOME_STACKS, KINDS, ROWS, SIZES, exports, of_type
from tests.blueprint_cdk.support import OTHER, SPEC, STANDBY, Assembly, Synthesise
from tests.blueprint_cdk.test_permanence import property_at, resources, schema_of

# -- what is asked for


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"standby": "hot"}, "standby", "must be one of"),
        ({"standby": "warm"}, "other_region", "a standby needs a region"),
        ({"standby": "warm", "other_region": OTHER}, "other_cidr", "a network there"),
        ({**STANDBY, "standby": "warm", "other_region": "eu-west-1"}, "other_region", "is the home region"),
        ({**STANDBY, "standby": "warm", "other_region": "mars-1"}, "other_region", "not a region"),
        ({**STANDBY, "standby": "warm", "other_cidr": "10.20.0.0/16"}, "other_cidr", "overlaps 10.20.0.0/18"),
        ({**STANDBY, "standby": "warm", "other_cidr": "172.17.0.0/16"}, "other_cidr", "Docker"),
        ({**STANDBY, "other_cidr": "10.0.0.0/8"}, "other_cidr", "between /16 and /20"),
        (
            {**STANDBY, "name": "a" * 20, "standby": "warm", "other_region": "ap-southeast-1"},
            "other_region",
            "at most 19 characters in ap-southeast-1",
        ),
    ],
)
def test_standby_is_refused_at_its_field(change: dict[str, Any], field: str, words: str) -> None:
    from blueprint_cdk.refusals import parse
    from blueprint_cdk.spec import Spec

    with pytest.raises(SpecError) as refusal:
        parse(Spec, {**SPEC, **change})
    assert (refusal.value.field, words in refusal.value.sentence) == (field, True), refusal.value.sentence
    assert refusal.value.sentence.endswith(".")


def test_missing_facts_of_the_other_region_are_named(synthesise: Synthesise, tmp_path: Any) -> None:
    from blueprint_cdk.synthesis import synthesise as run
    from tests.blueprint_cdk.support import FACTS

    spec = {**SPEC, **STANDBY, "standby": "warm"}
    request = {"app": "environment", "spec": spec, "facts": {"eu-west-1": FACTS}, "out": str(tmp_path / "o")}
    with pytest.raises(SpecError, match="Nothing is known about eu-central-1"):
        run(request)


def test_what_may_change_later_is_said_by_the_schema() -> None:
    from blueprint_cdk.describe import schema_of as described
    from blueprint_cdk.spec import Spec

    fields = described(Spec)["properties"]
    assert fields["standby"]["changeable"] is True
    assert {name for name, field in fields.items() if field.get("changeable") == "once"} == {
        "other_region",
        "other_cidr",
    }


# -- what there is


@pytest.mark.parametrize("standby", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_described_stacks_are_the_synthesised_ones(synthesise: Synthesise, size: str, standby: str) -> None:
    assembly = synthesise(size=size, standby=standby, modules=["proxy", "canary"])
    described = {row["key"]: row for row in ROWS if "modules" not in row.get("when", {})}
    assert set(assembly.templates()) == {f"sy-shop-k3x9-{key}" for key in described}
    artifacts = assembly.manifest["artifacts"]
    for key, row in described.items():
        template, name = assembly.template(key), f"sy-shop-k3x9-{key}"
        found = {resource["Type"] for resource in template["Resources"].values()}
        # A pilot light's proxy has no targets yet.
        maybe = {"AWS::RDS::DBInstance", "AWS::RDS::DBProxyTargetGroup"} if key == "other-data" else set()
        if key in ("app", "other-app"):
            # Ways to the database that only stand in for the proxy.
            maybe = {"AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"}
        if key == "data":
            # Readers that come with demand are of the sizes that have some.
            maybe = {
                "AWS::ApplicationAutoScaling::ScalableTarget",
                "AWS::ApplicationAutoScaling::ScalingPolicy",
            }
        assert found <= set(row["types"]) and set(row["types"]) - found <= maybe, key
        shown = [output for output in template["Outputs"] if not output.startswith("ExportsOutput")]
        copies = row.get("joins", {}).get("copies", {})
        assert sorted(shown) == sorted([*row["outputs"], *copies.values()]), key
        needed = {need for need in artifacts[name]["dependencies"] if not need.endswith(".assets")}
        assert needed == {f"sy-shop-k3x9-{need}" for need in row["needs"] if need in described}, key
        region = OTHER if row["region"] == "other" else "eu-west-1"
        assert artifacts[name]["environment"] == f"aws://111122223333/{region}", key
        if row["stateful"]:
            assert (assembly.folder / f"{name}.policy.json").exists(), key
        assert set(template.get("Parameters", {})) == {
            *row.get("parameters", {}),
            *(["Joined"] if "joins" in row else []),
        }, key
        assert len(template["Resources"]) < 300 and len(json.dumps(template)) < 800_000


def test_parameters_are_outputs_of_stacks_that_come_before() -> None:
    rows = {row["key"]: row for row in ROWS}
    for row in rows.values():
        for source in row.get("parameters", {}).values():
            stack, _, output = source.partition(".")
            assert stack in row["needs"] and output in rows[stack]["outputs"]


def test_no_stack_asks_the_other_region(warm: Assembly) -> None:
    """Whatever is dark, the stacks of the other region can be changed: no import, no export, no dynamic reference of
    home's; no function that looks there.
    """
    at = {
        name: warm.manifest["artifacts"][name]["environment"].rpartition("/")[2] for name in warm.templates()
    }
    exported = {name: at[name.partition(":")[0]] for name in exports(warm)}
    for name, template in warm.templates().items():
        text = json.dumps(template)
        imported = [value for value in exported if f'"Fn::ImportValue": "{value}"' in text]
        assert {exported[value] for value in imported} <= {at[name]}, name
        assert "resolve:ssm" not in text and "Custom::" not in text and "AWS::Lambda" not in text
    assert "ImportValue" in json.dumps(warm.template("other-app"))


# -- additive


@pytest.mark.parametrize("standby", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_standby_replaces_nothing_and_moves_no_export(
    synthesise: Synthesise, size: str, standby: str
) -> None:
    before, after = synthesise(size=size, modules=["proxy"]), synthesise(size=size, standby=standby)
    assert set(before.templates()) == HOME_STACKS < set(after.templates())
    was, now = resources(before), resources(after)
    # What watches a serverless database goes with it.
    gone = {was[place]["Type"] for place in set(was) - set(now)}
    assert gone == ({"AWS::CloudWatch::Alarm"} if size == "small" else set())
    for place in set(was) & set(now):
        resource = was[place]
        schema = schema_of(resource["Type"])
        for pointer in [
            *schema.get("createOnlyProperties", []),
            *schema.get("conditionalCreateOnlyProperties", []),
        ]:
            assert property_at(now[place].get("Properties", {}), pointer) == property_at(
                resource.get("Properties", {}), pointer
            ), (place, pointer)
    assert exports(before).items() <= exports(after).items()
    # Nothing is exported by home for a standby: taken away with it, it would still be in use.
    assert {name for name in exports(after) if name.partition(":")[0] in HOME_STACKS} == set(exports(before))


@pytest.mark.parametrize("size", SIZES)
def test_what_changes_at_home_is_named(synthesise: Synthesise, size: str) -> None:
    was, now = (
        resources(synthesise(size=size, modules=["proxy"])),
        resources(synthesise(size=size, standby="warm")),
    )
    changed = {
        (stack.rpartition("-")[2], now[stack, key]["Type"])
        for stack, key in set(was) & set(now)
        if now[stack, key] != was[stack, key]
    }
    instances = {
        ("data", "AWS::RDS::DBInstance"),
        ("data", "AWS::RDS::DBCluster"),
        ("operations", "AWS::CloudWatch::Alarm"),
    }
    assert changed == {
        ("keys", "AWS::SecretsManager::Secret"),
        ("storage", "AWS::S3::Bucket"),
        ("app", "AWS::Route53::RecordSet"),
        # They speak of the other region, too.
        ("access", "AWS::IAM::Role"),
        # A standby costs.
        ("operations", "AWS::Budgets::Budget"),
        # It shows the alarm on the standby's lag, which is new.
        ("operations", "AWS::CloudWatch::Dashboard"),
        *(instances if size == "small" else set()),
    }


def test_taking_the_standby_away_leaves_what_was_before(synthesise: Synthesise) -> None:
    """But for the database's instances, which stay what a standby needs: see `Size.with_other_region`."""
    before, after = synthesise(size="medium"), synthesise(size="medium", **STANDBY)
    assert before.templates() == after.templates()
    small = synthesise(**STANDBY)
    assert {row["Properties"]["DBInstanceClass"] for row in small.all("AWS::RDS::DBInstance")} == {
        "db.r6g.large"
    }
    assert "ServerlessV2ScalingConfiguration" not in small.one("AWS::RDS::DBCluster")


def test_both_kinds_of_standby_have_the_same_names_and_exports(pilot: Assembly, warm: Assembly) -> None:
    assert exports(pilot) == exports(warm)
    light, full = resources(pilot), resources(warm)
    assert set(light) <= set(full)
    assert {full[place]["Type"] for place in set(full) - set(light)} == {
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBProxyTargetGroup",
    }


def test_the_two_regions_share_no_name_that_is_world_wide(warm: Assembly) -> None:
    for kind, name in (
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::RDS::DBCluster", "DBClusterIdentifier"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
    ):
        names = [row["Properties"][name] for row in warm.all(kind)]
        assert len(set(names)) == len(names) >= 2, kind
    named = [row["Properties"].get("RoleName") for row in warm.all("AWS::IAM::Role")]
    # Those that people take are made at home, for both regions; so is the one that copies what was at home before.
    people = [row["Properties"]["RoleName"] for row in of_type(warm, "access", "AWS::IAM::Role")]
    assert len(people) == 4
    assert sorted(name for name in named if name) == sorted([*people, "sy-shop-k3x9-uploads-backfill"])


def test_other_regions_stacks_wait_for_no_more_than_they_need(warm: Assembly) -> None:
    """The runner is there as soon as its region's network and buckets are; the traffic waits for no alarm."""
    artifacts = warm.manifest["artifacts"]

    def needs(key: str) -> set[str]:
        found = {
            need for need in artifacts[f"sy-shop-k3x9-{key}"]["dependencies"] if not need.endswith(".assets")
        }
        return {need.removeprefix("sy-shop-k3x9-") for need in found}

    assert needs("other-runner") == {"other-network", "other-keys", "other-storage"}
    assert "other-operations" not in needs("other-failover")

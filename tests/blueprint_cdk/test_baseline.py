"""The account's baseline: CloudFormation's events reach one queue, and nothing else does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from blueprint_cdk import VERSION
from blueprint_cdk.baseline.events import told
from blueprint_cdk.baseline.guard import AWS_ROLES
from blueprint_cdk.data import load
from blueprint_cdk.refusals import SpecError
from tests.blueprint_cdk.linting import lint

PINNED = Path(__file__).with_name("baseline_versions.json")
SPEC = {"account_id": "111122223333", "region": "eu-west-1", "regions": ["eu-west-1", "us-east-1"]}
Template = dict[str, Any]


def synthesised(out: Path, **spec: Any) -> dict[str, Template]:
    """The templates of a baseline by stack."""
    from blueprint_cdk.synthesis import synthesise

    synthesise({"app": "baseline", "spec": {**SPEC, **spec}, "out": str(out)})
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in out.glob("*.template.json")
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """The stacks of the account's first region."""
    return synthesised(tmp_path_factory.mktemp("baseline"))


@pytest.fixture(scope="module")
def template(home: dict[str, Template]) -> Template:
    return home["switchyard-baseline"]


@pytest.fixture(scope="module")
def guard(home: dict[str, Template]) -> Template:
    return home["switchyard-guard"]


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    rows = [row for row in template["Resources"].values() if row["Type"] == kind]
    return {row["Properties"].get("QueueName", kind): row for row in rows}


def test_described_types_are_the_synthesised_ones(home: dict[str, Template]) -> None:
    rows = {row["name"]: row for row in load("stacks")["baseline"]}
    assert set(rows) == set(home)
    for name, template in home.items():
        types = sorted({resource["Type"] for resource in template["Resources"].values()})
        assert (types, list(template.get("Outputs", {}))) == (rows[name]["types"], rows[name]["outputs"])


def test_what_there_is_once_is_made_in_the_home_region_alone(
    tmp_path: Path, home: dict[str, Template]
) -> None:
    other = synthesised(tmp_path / "out", region="us-east-1")
    assert set(other) == {"switchyard-baseline"}
    assert set(home) == {"switchyard-baseline", "switchyard-account", "switchyard-guard"}


def test_cfn_lint_finds_nothing_in_any_of_four_regions(tmp_path: Path, home: dict[str, Template]) -> None:
    for template in [*home.values(), *synthesised(tmp_path / "out", region="us-east-1").values()]:
        assert lint(json.dumps(template)) == ()


def test_a_change_of_the_baseline_raises_its_version(home: dict[str, Template]) -> None:
    """Accounts are told that they are behind by the version; a template that changed without it would tell nobody."""
    told = json.loads(PINNED.read_text())
    text = json.dumps([home, load("account")["settings"]], sort_keys=True).replace(VERSION, "VERSION")
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert told.get(str(load("account")["version"])) == digest, (
        f"Raise `version` in blueprint_cdk/data/account.json, and add {digest} to {PINNED.name} for it."
    )


def one(template: Template, kind: str) -> dict[str, Any]:
    [found] = [row["Properties"] for row in template["Resources"].values() if row["Type"] == kind]
    return dict(found)


def test_trail_is_of_all_regions_validated_and_into_a_locked_bucket(guard: Template) -> None:
    trail = one(guard, "AWS::CloudTrail::Trail")
    assert trail["IsMultiRegionTrail"] and trail["IsLogging"] and trail["EnableLogFileValidation"]
    assert trail["IncludeGlobalServiceEvents"]
    fields = [
        {field["Field"]: field.get("Equals") for field in row["FieldSelectors"]}
        for row in trail["AdvancedEventSelectors"]
    ]
    assert fields[0] == {"eventCategory": ["Management"]}
    assert fields[1]["eventCategory"] == ["Data"] and "resources.ARN" in fields[1]
    bucket = guard["Resources"][trail["S3BucketName"]["Ref"]]
    assert bucket["Properties"]["BucketName"].startswith("switchyard-trail-")
    assert bucket["UpdateReplacePolicy"] == "Retain"


def test_buckets_are_locked_in_compliance_mode_closed_and_tls_only(guard: Template) -> None:
    buckets = {
        name: row["Properties"]
        for name, row in guard["Resources"].items()
        if row["Type"] == "AWS::S3::Bucket"
    }
    assert {row["BucketName"].rsplit("-", 4)[0] for row in buckets.values()} == {
        "switchyard-audit",
        "switchyard-trail",
    }
    policies = [
        row["Properties"] for row in guard["Resources"].values() if row["Type"] == "AWS::S3::BucketPolicy"
    ]
    for name, bucket in buckets.items():
        assert bucket["ObjectLockEnabled"] is True
        rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        assert rule == {"Mode": "COMPLIANCE", "Days": 365}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        [policy] = [row["PolicyDocument"] for row in policies if row["Bucket"] == {"Ref": name}]
        denied = [row for row in policy["Statement"] if row["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [row["Condition"] for row in denied]


def test_guard_carries_no_release_and_takes_its_own_role(
    tmp_path: Path, guard: Template, template: Template
) -> None:
    """What nobody may change must not change with every release."""
    assert VERSION in json.dumps(template) and VERSION not in json.dumps(guard)
    synthesised(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    stack = manifest["artifacts"]["switchyard-guard"]["properties"]
    assert stack["cloudFormationExecutionRoleArn"] == "arn:aws:iam::111122223333:role/SwitchyardGuard"
    assert stack["terminationProtection"] is True


def test_groups_may_only_take_aws_roles_and_only_with_mfa(guard: Template) -> None:
    groups = [row["Properties"] for row in guard["Resources"].values() if row["Type"] == "AWS::IAM::Group"]
    assert {row["GroupName"] for row in groups} == {f"switchyard-{role}" for role in AWS_ROLES}
    for group in groups:
        [policy] = group["Policies"]
        [statement] = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
        role = group["GroupName"].removeprefix("switchyard-")
        assert statement["Resource"].endswith(f":role/sy-*-{role}")
        assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
        assert statement["Condition"]["StringEquals"] == {"sts:SourceIdentity": "${aws:username}"}
    own = one(guard, "AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
    [deny] = [row for row in own if row["Effect"] == "Deny"]
    assert deny["Condition"] == {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    # Without it, the first sign-in of a person whose password has to be changed would be the last one.
    assert "iam:ChangePassword" in deny["NotAction"]


def test_costs_are_watched_by_environment(home: dict[str, Template]) -> None:
    monitor = one(home["switchyard-account"], "AWS::CE::AnomalyMonitor")
    assert (monitor["MonitorType"], monitor["MonitorDimension"]) == ("DIMENSIONAL", "TAG")
    assert json.loads(monitor["MonitorSpecification"]) == {"Tags": {"Key": "switchyard:environment"}}
    assert "switchyard:environment" in load("account")["settings"]["cost_tags"]


def test_no_release_replaces_the_monitor_of_costs(tmp_path: Path, home: dict[str, Template]) -> None:
    """Its tags are create-only, and whom it tells names it by its ARN."""
    from blueprint_cdk.synthesis import synthesise

    out = synthesise({"app": "baseline", "spec": SPEC, "out": str(tmp_path / "next"), "release": "99.0.0"})
    account = json.loads((out / "switchyard-account.template.json").read_text())
    assert account == home["switchyard-account"]
    tags = json.loads((out / "manifest.json").read_text())["artifacts"]["switchyard-account"]["properties"][
        "tags"
    ]
    assert tags == {"switchyard:baseline": "account"}


def test_costs_of_a_member_account_are_its_payers_to_watch(tmp_path: Path) -> None:
    account = synthesised(tmp_path / "out", pays=False)["switchyard-account"]
    assert {row["Type"] for row in account["Resources"].values()} == {"AWS::IAM::Role"}


def test_scans_are_made_last_for_nobody_may_turn_them_off(template: Template) -> None:
    [scans] = [row for row in template["Resources"].values() if row["Type"].endswith("ScanningConfiguration")]
    others = {name for name, row in template["Resources"].items() if row is not scans}
    assert set(scans["DependsOn"]) == others


def test_insight_reads_trusted_advisor_and_costs_within_the_boundary(home: dict[str, Template]) -> None:
    role = one(home["switchyard-account"], "AWS::IAM::Role")
    [policy] = role["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert {action.partition(":")[0] for action in statement["Action"]} == {
        "budgets",
        "ce",
        "trustedadvisor",
    }
    assert all(action.partition(":")[2].startswith(("Get", "List", "View")) for action in statement["Action"])
    assert role["PermissionsBoundary"].endswith("policy/SwitchyardBoundary")
    trusted = {row["Principal"]["AWS"] for row in role["AssumeRolePolicyDocument"]["Statement"]}
    assert trusted == {"arn:aws:iam::111122223333:role/SwitchyardReader"}


def test_every_image_is_scanned_and_copied_to_the_other_regions(template: Template) -> None:
    scans = one(template, "AWS::ECR::RegistryScanningConfiguration")
    assert scans["ScanType"] == "ENHANCED"
    [rule] = scans["Rules"]
    assert rule["ScanFrequency"] == "CONTINUOUS_SCAN"
    assert rule["RepositoryFilters"] == [{"Filter": "*", "FilterType": "WILDCARD"}]
    [copies] = one(template, "AWS::ECR::ReplicationConfiguration")["ReplicationConfiguration"]["Rules"]
    assert copies["Destinations"] == [{"Region": "us-east-1", "RegistryId": "111122223333"}]


def test_access_from_outside_is_looked_for(template: Template) -> None:
    assert one(template, "AWS::AccessAnalyzer::Analyzer")["Type"] == "ACCOUNT"


def test_passwords_are_long_and_never_used_again() -> None:
    policy = load("account")["settings"]["password_policy"]
    assert policy["MinimumPasswordLength"] >= 14 and policy["PasswordReusePrevention"] == 24
    assert all(value for name, value in policy.items() if name.startswith(("Require", "Allow")))


def test_rule_takes_status_changes_of_the_portals_own_stacks(template: dict[str, Any]) -> None:
    [rule] = of_type(template, "AWS::Events::Rule").values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.cloudformation"]
    assert pattern["detail-type"] == [
        "CloudFormation Stack Status Change",
        "CloudFormation Resource Status Change",
    ]
    assert pattern["detail"]["$or"] == told()
    # EventBridge takes patterns of 2,048 characters (Event pattern size, in its quotas).
    assert len(json.dumps(pattern)) < 2048
    prefixes = [row["prefix"].rpartition("stack/")[2] for row in pattern["detail"]["stack-id"]]
    assert prefixes == ["sy-", "CDKToolkit-swyard", "switchyard-"]


def test_queues_are_encrypted_and_unreadable_messages_are_kept(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    assert set(queues) == {"switchyard-events", "switchyard-events-dead"}
    for queue in queues.values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    redrive = queues["switchyard-events"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 5


def test_only_the_rule_may_send_and_only_over_tls(template: dict[str, Any]) -> None:
    policies = [row for row in template["Resources"].values() if row["Type"] == "AWS::SQS::QueuePolicy"]
    allowed = []
    for policy in policies:
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert any(
            row["Effect"] == "Deny" and row["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for row in statements
        )
        allowed += [row for row in statements if row["Effect"] == "Allow"]
    [allow] = allowed
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert list(allow["Condition"]) == ["ArnEquals"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account_id": "12"}, "account_id"),
        ({"region": "mars-1"}, "region"),
        ({"regions": ["mars-1"]}, "regions"),
        ({"retention_days": 0}, "retention_days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_baseline_is_refused_at_its_field(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    from blueprint_cdk.synthesis import synthesise

    spec = {"account_id": "111122223333", "region": "eu-west-1", **change}
    with pytest.raises(SpecError) as caught:
        synthesise({"app": "baseline", "spec": spec, "out": str(tmp_path / "out")})
    assert caught.value.field == field
    assert not (tmp_path / "out").exists()

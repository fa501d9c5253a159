"""The stack of an Application: from a commit to a version that no environment owns."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from blueprint_cdk import runtime
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.data import load
from blueprint_cdk.policies import STATEFUL_TYPES
from blueprint_cdk.refusals import SpecError, parse
from environments.lifecycle.costs import cost_estimate, types_unpriced
from tests.blueprint_cdk.applications import (
    BOUNDARY,
    GITHUB,
    NAME,
    SPEC,
    Make,
    Template,
    actions,
    of,
    one,
    stages,
    statements,
)
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.test_rules import findings

runtime.prepare()

PINNED = {
    "ArtifactsBucket88671897": "AWS::S3::Bucket",
    "Key9BCD29C7": "AWS::KMS::Key",
    "RegistryRepository5A933889": "AWS::ECR::Repository",
    "Repository7817FAF0": "AWS::CodeCommit::Repository",
}
"""Logical ids of what cannot be made again: changing one leaves it behind and makes an empty one."""


def test_described_types_and_outputs_are_the_synthesised_ones(deliver: Make) -> None:
    both = [deliver(), deliver(**GITHUB)]
    [row] = load("stacks")["application"]
    assert row["types"] == sorted({r["Type"] for t in both for r in t["Resources"].values()})
    assert set(row["outputs"]) == {name for t in both for name in t["Outputs"]}


@pytest.mark.parametrize("changes", [{}, GITHUB], ids=["codecommit", "github"])
def test_cfn_lint_finds_nothing_in_any_of_four_regions(deliver: Make, changes: dict[str, Any]) -> None:
    text = json.dumps(deliver(**changes))
    assert lint(text) == ()
    assert len(deliver(**changes)["Resources"]) < 300 and len(text) < 800_000


def test_registry_keeps_versions_scans_and_never_moves_a_tag(delivery: Template) -> None:
    registry = one(delivery, "AWS::ECR::Repository")
    assert registry["ImageTagMutability"] == "IMMUTABLE"
    assert registry["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert registry["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(registry["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [row["rulePriority"] for row in rules] == [1, 2, 3]
    first = rules[0]["selection"]
    assert (first["tagPatternList"], first["countType"]) == (["release-*"], "imageCountMoreThan")


def test_code_is_kept_encrypted_and_starts_the_pipeline(delivery: Template) -> None:
    repository = one(delivery, "AWS::CodeCommit::Repository")
    assert repository["RepositoryName"] == NAME and repository["KmsKeyId"]
    [rule] = [
        row
        for row in of(delivery, "AWS::Events::Rule").values()
        if row["EventPattern"]["source"] == ["aws.codecommit"]
    ]
    assert rule["EventPattern"]["detail"]["referenceName"] == ["main"]
    assert rule["EventPattern"]["resources"] == [f"arn:aws:codecommit:eu-west-1:111122223333:{NAME}"]
    assert rule["Targets"][0]["Arn"] == f"arn:aws:codepipeline:eu-west-1:111122223333:{NAME}"
    assert actions(statements(delivery, "RepositoryStarterRole")) == {"codepipeline:StartPipelineExecution"}
    assert stages(delivery)["Source"]["Configuration"]["PollForSourceChanges"] == "false"


def test_code_on_github_comes_through_a_connection(deliver: Make) -> None:
    delivery = deliver(**GITHUB)
    assert not of(delivery, "AWS::CodeCommit::Repository")
    assert one(delivery, "AWS::CodeConnections::Connection")["ProviderType"] == "GitHub"
    source = stages(delivery)["Source"]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert source["Configuration"]["FullRepositoryId"] == "example/shop"
    assert "codeconnections:UseConnection" in actions(statements(delivery, "PipelineSourceRole"))
    assert delivery["Outputs"]["RepositoryUrl"]["Value"] == "https://github.com/example/shop.git"


def test_artifacts_are_closed_encrypted_and_go_after_half_a_year(delivery: Template) -> None:
    bucket = one(delivery, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = {row["Id"]: row for row in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["expire"]["ExpirationInDays"] == 180
    assert rules["tidy"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    denied = [
        row
        for row in one(delivery, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
        if row["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [row["Condition"] for row in denied]


def test_key_is_rotated_kept_and_open_to_logs_of_this_account_and_to_events(delivery: Template) -> None:
    key = one(delivery, "AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    rows = {row.get("Sid", ""): row for row in key["KeyPolicy"]["Statement"]}
    groups = rows["Logs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert groups == [
        f"arn:aws:logs:eu-west-1:111122223333:log-group:/switchyard/{NAME}/*",
        f"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/codepipeline/{NAME}",
    ]
    findings = rows["Findings"]
    assert findings["Principal"] == {"Service": "events.amazonaws.com"}
    assert findings["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    # EventBridge names no source where it puts something into an encrypted topic (docs/decisions/0273).
    assert "Condition" not in findings


def test_the_pipeline_reads_the_encrypted_repository(delivery: Template, deliver: Make) -> None:
    rows = {row["Sid"]: row for row in statements(delivery, "PipelineSourceRole") if "Sid" in row}
    assert rows["CodeKey"]["Condition"] == {"StringLike": {"kms:ViaService": "codecommit.*.amazonaws.com"}}
    people = load("application")["aws_roles"]["parts"]["code"]["statements"][1]
    assert set(rows["CodeKey"]["Action"]) == set(people["actions"])
    assert "CodeKey" not in {row.get("Sid") for row in statements(deliver(**GITHUB), "PipelineSourceRole")}


def test_every_role_has_the_boundary_and_no_wildcard_action(deliver: Make) -> None:
    for delivery in (deliver(), deliver(**GITHUB)):
        roles = of(delivery, "AWS::IAM::Role").values()
        assert len(roles) >= 9
        assert all(role["PermissionsBoundary"] == BOUNDARY for role in roles)
        assert not [action for action in actions(statements(delivery, "")) if "*" in action]


def test_what_cannot_be_made_again_is_kept_protected_and_pinned(
    deliver: Make, tmp_path: Path, delivery: Template
) -> None:
    from blueprint_cdk.synthesis import synthesise

    found = {
        name: row["Type"] for name, row in delivery["Resources"].items() if row["Type"] in STATEFUL_TYPES
    }
    assert found == PINNED
    for name in PINNED:
        row = delivery["Resources"][name]
        assert (row["DeletionPolicy"], row["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    out = synthesise({"app": "application", "spec": SPEC, "out": str(tmp_path / "out")})
    _, deny = json.loads((out / f"{NAME}.policy.json").read_text())["Statement"]
    assert deny["Resource"] == [f"LogicalResourceId/{name}" for name in sorted(PINNED)]
    manifest = json.loads((out / "manifest.json").read_text())["artifacts"][NAME]["properties"]
    assert manifest["terminationProtection"] is True
    assert manifest["tags"]["switchyard:application"] == "shop-k3x9"
    # Nothing that may change later gives another resource in the place of one that is kept.
    later = deliver(team="pay", owner="bob@example.com", branch="trunk", blocks_from="critical")
    assert {name: later["Resources"][name]["Type"] for name in PINNED} == PINNED


def test_two_applications_share_no_name(deliver: Make, tmp_path: Path, delivery: Template) -> None:
    from blueprint_cdk.synthesis import synthesise

    out = synthesise({"app": "application", "spec": {**SPEC, "suffix": "q7w2"}, "out": str(tmp_path / "out")})
    assert NAME not in (out / "sy-app-shop-q7w2.template.json").read_text()


def test_every_type_is_priced_or_free_and_the_estimate_adds_up(deliver: Make) -> None:
    costs = {**load("application")["costs"], "region_factor": {"eu-west-1": "1.10"}}
    types = [row["Type"] for t in (deliver(), deliver(**GITHUB)) for row in t["Resources"].values()]
    assert types_unpriced(costs, types) == []
    known = {kind for item in costs["items"] for kind in item["types"]} | set(costs["free_types"])
    assert known == set(types)
    estimate = cost_estimate(costs, {"home_region": "eu-west-1"})
    assert Decimal(5) < Decimal(estimate["total"]) < Decimal(20)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Shop"}, "name"),
        ({"region": "mars-1"}, "region"),
        ({"source": "github"}, "github_repository"),
        ({"github_repository": "example/shop"}, "github_repository"),
        ({**GITHUB, "github_repository": "no-owner"}, "github_repository"),
        ({"blocks_from": "low"}, "blocks_from"),
        ({"log_retention_days": 2}, "log_retention_days"),
        ({"branch": "-x"}, "branch"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_application_is_refused_at_its_field(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    from blueprint_cdk.synthesis import synthesise

    out = tmp_path / "out"
    with pytest.raises(SpecError) as caught:
        synthesise({"app": "application", "spec": {**SPEC, **change}, "out": str(out)})
    assert caught.value.field == field
    assert not out.exists()


def nag(folder: Path, spec: ApplicationSpec, *, acknowledging: bool) -> list[tuple[str, str]]:
    """What cdk-nag finds in an Application's stack."""
    import aws_cdk as cdk
    import cdk_nag

    from blueprint_cdk import application
    from blueprint_cdk.synthesis import new_app

    app = new_app(folder / "out")
    application.compose(app, spec, release="1.0.0")
    for path, id, reason in acknowledged(spec) if acknowledging else ():
        construct: Any = app
        for part in path.split("/"):
            construct = construct.node.find_child(part)
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=id, reason=reason))
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        assert "ValidationFailed" in str(error)
    return [row for row in findings(folder / "out") if row[0].startswith("AwsSolutions")]


def acknowledged(spec: ApplicationSpec) -> list[tuple[str, str, str]]:
    fields = {**spec.model_dump(), "prefix": spec.prefix}
    return [
        (row["construct"].format_map(fields), row["id"].format_map(fields), row["reason"])
        for row in load("acknowledged_application")
        if row.get("source", spec.source) == spec.source
    ]


@pytest.mark.parametrize("changes", [{}, GITHUB], ids=["codecommit", "github"])
def test_cdk_nag_finds_what_is_acknowledged_and_nothing_else(tmp_path: Path, changes: dict[str, Any]) -> None:
    spec = parse(ApplicationSpec, {**SPEC, **changes})
    assert nag(tmp_path / "with", spec, acknowledging=True) == []
    wanted = sorted((id, path) for path, id, _ in acknowledged(spec))
    assert nag(tmp_path / "without", spec, acknowledging=False) == wanted
    assert all(len(row["reason"]) > 30 for row in load("acknowledged_application"))

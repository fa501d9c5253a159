"""The stack of an Application: from a commit to a version that no environment owns."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from blueprint_cdk import runtime
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.data import load
from blueprint_cdk.policies import STATEFUL_TYPES
from blueprint_cdk.refusals import SpecError, parse
from environments.lifecycle.costs import cost_estimate, types_unpriced
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.test_rules import findings

runtime.prepare()

NAME = "sy-app-shop-k3x9"
BOUNDARY = "arn:aws:iam::111122223333:policy/SwitchyardBoundary"
SPEC: dict[str, Any] = {
    "name": "shop",
    "suffix": "k3x9",
    "team": "web",
    "owner": "ann@example.com",
    "account_id": "111122223333",
    "region": "eu-west-1",
    "findings_email": "web@example.com",
    "permissions_boundary_arn": BOUNDARY,
}
GITHUB = {"source": "github", "github_repository": "example/shop"}
STAGES = ["Source", "Secrets", "Quality", "Dependencies", "Image", "Gate", "Approval", "Deploy"]
PINNED = {
    "ArtifactsBucket88671897": "AWS::S3::Bucket",
    "Key9BCD29C7": "AWS::KMS::Key",
    "RegistryRepository5A933889": "AWS::ECR::Repository",
    "Repository7817FAF0": "AWS::CodeCommit::Repository",
}
"""Logical ids of what cannot be made again: changing one leaves it behind and makes an empty one."""
Template = dict[str, Any]
Make = Callable[..., Template]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The template of a spec; equal changes give the same one again."""
    from blueprint_cdk.synthesis import synthesise

    made: dict[str, Template] = {}

    def template(**changes: Any) -> Template:
        key = json.dumps(changes, sort_keys=True)
        if key not in made:
            out = tmp_path_factory.mktemp("application")
            synthesise({"app": "application", "spec": {**SPEC, **changes}, "out": str(out)})
            made[key] = json.loads((out / f"{NAME}.template.json").read_text())
        return made[key]

    return template


@pytest.fixture(scope="module")
def template(make: Make) -> Template:
    return make()


def of(template: Template, kind: str) -> dict[str, Any]:
    """Properties of a type's resources, by logical id."""
    return {name: row["Properties"] for name, row in template["Resources"].items() if row["Type"] == kind}


def one(template: Template, kind: str) -> dict[str, Any]:
    [found] = of(template, kind).values()
    return dict(found)


def stages(template: Template) -> dict[str, Any]:
    """The only action of each stage, by the stage's name."""
    return {
        stage["Name"]: stage["Actions"][0] for stage in one(template, "AWS::CodePipeline::Pipeline")["Stages"]
    }


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """What the role whose logical id begins so may do."""
    return [
        statement
        for policy in of(template, "AWS::IAM::Policy").values()
        if policy["Roles"][0]["Ref"].startswith(role)
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def actions(rows: list[dict[str, Any]]) -> set[str]:
    return {
        action
        for row in rows
        for action in ([row["Action"]] if isinstance(row["Action"], str) else row["Action"])
    }


def project(template: Template, function: str) -> dict[str, Any]:
    rows = of(template, "AWS::CodeBuild::Project").values()
    found = {row["Name"]: row for row in rows}
    return dict(found[f"{NAME}-{function}"])


def test_described_types_and_outputs_are_the_synthesised_ones(make: Make) -> None:
    both = [make(), make(**GITHUB)]
    [row] = load("stacks")["application"]
    assert row["types"] == sorted({r["Type"] for t in both for r in t["Resources"].values()})
    assert set(row["outputs"]) == {name for t in both for name in t["Outputs"]}


@pytest.mark.parametrize("changes", [{}, GITHUB], ids=["codecommit", "github"])
def test_cfn_lint_finds_nothing_in_any_of_four_regions(make: Make, changes: dict[str, Any]) -> None:
    text = json.dumps(make(**changes))
    assert lint(text) == ()
    assert len(make(**changes)["Resources"]) < 300 and len(text) < 800_000


def test_pipeline_leads_from_the_code_to_a_version_with_every_check_between(template: Template) -> None:
    pipeline = one(template, "AWS::CodePipeline::Pipeline")
    assert (pipeline["PipelineType"], pipeline["ExecutionMode"]) == ("V2", "QUEUED")
    assert pipeline["ArtifactStore"]["EncryptionKey"]["Type"] == "KMS"
    assert list(stages(template)) == STAGES
    providers = [action["ActionTypeId"]["Provider"] for action in stages(template).values()]
    assert providers == [
        "CodeCommit",
        "CodeBuild",
        "CodeBuild",
        "InspectorScan",
        "CodeBuild",
        "InspectorScan",
        "Manual",
        "CodeBuild",
    ]


@pytest.mark.parametrize(
    ("blocks_from", "levels"),
    [
        ("critical", {"Critical"}),
        ("high", {"Critical", "High"}),
        ("medium", {"Critical", "High", "Medium"}),
    ],
)
def test_dependencies_and_image_pass_with_no_finding_that_blocks(
    make: Make, blocks_from: str, levels: set[str]
) -> None:
    found = stages(make(blocks_from=blocks_from))
    for stage, mode in (("Dependencies", "SourceCodeScan"), ("Gate", "ECRImageScan")):
        configuration = found[stage]["Configuration"]
        assert configuration["InspectorRunMode"] == mode
        assert {name: value for name, value in configuration.items() if name.endswith("Threshold")} == {
            f"{level}Threshold": "0" for level in levels
        }
        # The list of what is in it.
        [output] = found[stage]["OutputArtifacts"]
        assert output["Name"].endswith("Sbom")
    assert found["Gate"]["Configuration"]["ImageTag"] == "#{source.CommitId}"


def test_a_commit_cannot_change_what_it_is_checked_by(template: Template) -> None:
    """Buildspecs are in the template, whole and readable; a file of the repository's is never asked."""
    for function in ("secrets", "quality", "image", "release"):
        text = project(template, function)["Source"]["BuildSpec"]
        parsed = yaml.safe_load(text)
        assert parsed["version"] == 0.2 and parsed["phases"]["build"]["commands"]
        assert text.startswith("#") and text == Path(
            "blueprint_cdk/application/buildspecs", f"{function}.yml"
        ).read_text(encoding="utf-8")


def test_tools_of_the_checks_are_pinned(template: Template) -> None:
    for function in ("secrets", "quality"):
        commands = "\n".join(
            yaml.safe_load(project(template, function)["Source"]["BuildSpec"])["phases"]["install"][
                "commands"
            ]
        )
        assert re.findall(r"install --quiet --disable-pip-version-check (\S+)", commands)
        assert all("==" in name for name in re.findall(r"pip-version-check (\S+)", commands))
    assert "phpstan/phpstan:" in commands


@pytest.mark.parametrize("function", ["secrets", "quality", "image", "release"])
def test_scripts_of_the_checks_are_shell(template: Template, function: str) -> None:
    """CodeBuild runs them with sh, which must read them."""
    spec = yaml.safe_load(project(template, function)["Source"]["BuildSpec"])
    for phase in spec["phases"].values():
        for command in phase["commands"]:
            done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)


def test_checks_read_code_and_write_logs_and_nothing_else(template: Template) -> None:
    own = {"kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetBucketVersioning"}
    for role in ("SecretsRole", "QualityRole"):
        assert actions(statements(template, role)) == own | {"s3:GetObject", "s3:GetObjectVersion"}
    for function in ("secrets", "quality"):
        environment = project(template, function)["Environment"]
        assert environment["PrivilegedMode"] is False
    groups = of(template, "AWS::Logs::LogGroup").values()
    assert {row["LogGroupName"] for row in groups} >= {
        f"/switchyard/{NAME}/secrets",
        f"/switchyard/{NAME}/quality",
    }
    assert all(row["RetentionInDays"] == 30 and row["KmsKeyId"] for row in groups)


def test_image_is_built_and_pushed_to_the_one_registry(template: Template) -> None:
    build = project(template, "image")
    assert build["Environment"]["PrivilegedMode"] is True
    [push] = [row for row in statements(template, "ImageRole") if row["Sid"] == "Push"]
    assert push["Resource"] == f"arn:aws:ecr:eu-west-1:111122223333:repository/{NAME}"
    assert "ecr:PutImage" in push["Action"] and "ecr:BatchDeleteImage" not in push["Action"]
    variables = json.loads(stages(template)["Image"]["Configuration"]["EnvironmentVariables"])
    assert variables == [{"name": "COMMIT", "value": "#{source.CommitId}", "type": "PLAINTEXT"}]
    assert yaml.safe_load(build["Source"]["BuildSpec"])["env"]["exported-variables"] == ["IMAGE_DIGEST"]


def test_a_version_is_the_digest_that_was_approved(template: Template) -> None:
    """The stage in CodeDeploy's place: it sets a tag, and the portal deploys what bears one."""
    found = stages(template)
    assert list(found).index("Approval") == list(found).index("Deploy") - 1
    told = {
        row["name"]: row["value"]
        for row in json.loads(found["Deploy"]["Configuration"]["EnvironmentVariables"])
    }
    assert told == {"COMMIT": "#{source.CommitId}", "IMAGE_DIGEST": "#{image.IMAGE_DIGEST}"}
    assert "release-$COMMIT" in project(template, "release")["Source"]["BuildSpec"]
    [mark] = [row for row in statements(template, "ReleaseRole") if row["Sid"] == "Mark"]
    assert set(mark["Action"]) == {"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"}


def test_registry_keeps_versions_scans_and_never_moves_a_tag(template: Template) -> None:
    registry = one(template, "AWS::ECR::Repository")
    assert registry["ImageTagMutability"] == "IMMUTABLE"
    assert registry["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert registry["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(registry["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [row["rulePriority"] for row in rules] == [1, 2, 3]
    first = rules[0]["selection"]
    assert (first["tagPatternList"], first["countType"]) == (["release-*"], "imageCountMoreThan")


def test_code_is_kept_encrypted_and_starts_the_pipeline(template: Template) -> None:
    repository = one(template, "AWS::CodeCommit::Repository")
    assert repository["RepositoryName"] == NAME and repository["KmsKeyId"]
    [rule] = [
        row
        for row in of(template, "AWS::Events::Rule").values()
        if row["EventPattern"]["source"] == ["aws.codecommit"]
    ]
    assert rule["EventPattern"]["detail"]["referenceName"] == ["main"]
    assert rule["EventPattern"]["resources"] == [f"arn:aws:codecommit:eu-west-1:111122223333:{NAME}"]
    assert rule["Targets"][0]["Arn"] == f"arn:aws:codepipeline:eu-west-1:111122223333:{NAME}"
    assert actions(statements(template, "RepositoryStarterRole")) == {"codepipeline:StartPipelineExecution"}
    assert stages(template)["Source"]["Configuration"]["PollForSourceChanges"] == "false"


def test_code_on_github_comes_through_a_connection(make: Make) -> None:
    template = make(**GITHUB)
    assert not of(template, "AWS::CodeCommit::Repository")
    assert one(template, "AWS::CodeConnections::Connection")["ProviderType"] == "GitHub"
    source = stages(template)["Source"]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert source["Configuration"]["FullRepositoryId"] == "example/shop"
    assert "codeconnections:UseConnection" in actions(statements(template, "PipelineSourceRole"))
    assert template["Outputs"]["RepositoryUrl"]["Value"] == "https://github.com/example/shop.git"


def test_artifacts_are_closed_encrypted_and_go_after_half_a_year(template: Template) -> None:
    bucket = one(template, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = {row["Id"]: row for row in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["expire"]["ExpirationInDays"] == 180
    assert rules["tidy"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    denied = [
        row
        for row in one(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
        if row["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [row["Condition"] for row in denied]


def test_key_is_rotated_kept_and_open_to_logs_and_events_of_this_account_alone(template: Template) -> None:
    key = one(template, "AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    rows = {row.get("Sid", ""): row for row in key["KeyPolicy"]["Statement"]}
    groups = rows["Logs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert groups == [
        f"arn:aws:logs:eu-west-1:111122223333:log-group:/switchyard/{NAME}/*",
        f"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/codepipeline/{NAME}",
    ]
    assert rows["Findings"]["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_findings_and_failed_runs_reach_people(template: Template) -> None:
    topic = one(template, "AWS::SNS::Topic")
    assert topic["KmsMasterKeyId"]
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "web@example.com"}]
    rules = {row["Name"]: row for row in of(template, "AWS::Events::Rule").values()}
    images = rules[f"{NAME}-images"]["EventPattern"]
    assert images["detail"]["severity"] == ["CRITICAL", "HIGH"]
    assert images["resources"] == [{"prefix": f"arn:aws:ecr:eu-west-1:111122223333:repository/{NAME}"}]
    assert rules[f"{NAME}-failures"]["EventPattern"]["detail"]["state"] == ["FAILED"]
    assert stages(template)["Approval"]["Configuration"]["NotificationArn"]


def test_scans_write_into_a_group_with_key_and_retention(template: Template) -> None:
    groups = {row["LogGroupName"]: row for row in of(template, "AWS::Logs::LogGroup").values()}
    scans = groups[f"/aws/codepipeline/{NAME}"]
    assert scans["RetentionInDays"] == 30 and scans["KmsKeyId"]


def test_the_pipelines_own_role_hands_on_artifacts_and_takes_the_roles_of_its_actions(
    template: Template,
) -> None:
    own = [
        statement
        for policy in of(template, "AWS::IAM::Policy").values()
        if re.fullmatch(r"PipelineRole[0-9A-F]{8}", policy["Roles"][0]["Ref"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert {action.partition(":")[0] for action in actions(own)} == {"s3", "kms", "sts"}
    taken = {action["RoleArn"]["Fn::GetAtt"][0] for action in stages(template).values()}
    assert len(taken) == 4
    assert taken == {row["Resource"]["Fn::GetAtt"][0] for row in own if row["Action"] == "sts:AssumeRole"}


def test_every_role_has_the_boundary_and_no_wildcard_action(make: Make) -> None:
    for template in (make(), make(**GITHUB)):
        roles = of(template, "AWS::IAM::Role").values()
        assert len(roles) >= 9
        assert all(role["PermissionsBoundary"] == BOUNDARY for role in roles)
        assert not [action for action in actions(statements(template, "")) if "*" in action]


def test_what_cannot_be_made_again_is_kept_protected_and_pinned(
    make: Make, tmp_path: Path, template: Template
) -> None:
    from blueprint_cdk.synthesis import synthesise

    found = {
        name: row["Type"] for name, row in template["Resources"].items() if row["Type"] in STATEFUL_TYPES
    }
    assert found == PINNED
    for name in PINNED:
        row = template["Resources"][name]
        assert (row["DeletionPolicy"], row["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    out = synthesise({"app": "application", "spec": SPEC, "out": str(tmp_path / "out")})
    _, deny = json.loads((out / f"{NAME}.policy.json").read_text())["Statement"]
    assert deny["Resource"] == [f"LogicalResourceId/{name}" for name in sorted(PINNED)]
    manifest = json.loads((out / "manifest.json").read_text())["artifacts"][NAME]["properties"]
    assert manifest["terminationProtection"] is True
    assert manifest["tags"]["switchyard:application"] == "shop-k3x9"
    # Nothing that may change later gives another resource in the place of one that is kept.
    later = make(team="pay", owner="bob@example.com", branch="trunk", blocks_from="critical")
    assert {name: later["Resources"][name]["Type"] for name in PINNED} == PINNED


def test_two_applications_share_no_name(make: Make, tmp_path: Path, template: Template) -> None:
    from blueprint_cdk.synthesis import synthesise

    out = synthesise({"app": "application", "spec": {**SPEC, "suffix": "q7w2"}, "out": str(tmp_path / "out")})
    assert NAME not in (out / "sy-app-shop-q7w2.template.json").read_text()


def test_every_type_is_priced_or_free_and_the_estimate_adds_up(make: Make) -> None:
    costs = {**load("application")["costs"], "region_factor": {"eu-west-1": "1.10"}}
    types = [row["Type"] for t in (make(), make(**GITHUB)) for row in t["Resources"].values()]
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

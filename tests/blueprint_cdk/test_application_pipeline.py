"""The pipeline of an Application: from a commit, past every check, to a version that somebody approved."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.blueprint_cdk.applications import (
    NAME,
    Make,
    Template,
    actions,
    of,
    one,
    project,
    stages,
    statements,
)

STAGES = ["Source", "Secrets", "Quality", "Dependencies", "Image", "Gate", "Approval", "Deploy"]


def test_pipeline_leads_from_the_code_to_a_version_with_every_check_between(delivery: Template) -> None:
    pipeline = one(delivery, "AWS::CodePipeline::Pipeline")
    assert (pipeline["PipelineType"], pipeline["ExecutionMode"]) == ("V2", "QUEUED")
    assert pipeline["ArtifactStore"]["EncryptionKey"]["Type"] == "KMS"
    assert list(stages(delivery)) == STAGES
    providers = [action["ActionTypeId"]["Provider"] for action in stages(delivery).values()]
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
    deliver: Make, blocks_from: str, levels: set[str]
) -> None:
    found = stages(deliver(blocks_from=blocks_from))
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


def test_a_commit_cannot_change_what_it_is_checked_by(delivery: Template) -> None:
    """Buildspecs are in the delivery, whole and readable; a file of the repository's is never asked."""
    for function in ("secrets", "quality", "image", "release"):
        text = project(delivery, function)["Source"]["BuildSpec"]
        parsed = yaml.safe_load(text)
        assert parsed["version"] == 0.2 and parsed["phases"]["build"]["commands"]
        assert text.startswith("#") and text == Path(
            "blueprint_cdk/application/buildspecs", f"{function}.yml"
        ).read_text(encoding="utf-8")


def test_tools_of_the_checks_are_pinned(delivery: Template) -> None:
    for function in ("secrets", "quality"):
        commands = "\n".join(
            yaml.safe_load(project(delivery, function)["Source"]["BuildSpec"])["phases"]["install"][
                "commands"
            ]
        )
        assert re.findall(r"install --quiet --disable-pip-version-check (\S+)", commands)
        assert all("==" in name for name in re.findall(r"pip-version-check (\S+)", commands))
    assert "phpstan/phpstan:" in commands


@pytest.mark.parametrize("function", ["secrets", "quality", "image", "release"])
def test_scripts_of_the_checks_are_shell(delivery: Template, function: str) -> None:
    """CodeBuild runs them with sh, which must read them."""
    spec = yaml.safe_load(project(delivery, function)["Source"]["BuildSpec"])
    for phase in spec["phases"].values():
        for command in phase["commands"]:
            done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)


def test_checks_read_code_and_write_logs_and_nothing_else(delivery: Template) -> None:
    own = {"kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetBucketVersioning"}
    for role in ("SecretsRole", "QualityRole"):
        assert actions(statements(delivery, role)) == own | {"s3:GetObject", "s3:GetObjectVersion"}
    for function in ("secrets", "quality"):
        environment = project(delivery, function)["Environment"]
        assert environment["PrivilegedMode"] is False
    groups = of(delivery, "AWS::Logs::LogGroup").values()
    assert {row["LogGroupName"] for row in groups} >= {
        f"/switchyard/{NAME}/secrets",
        f"/switchyard/{NAME}/quality",
    }
    assert all(row["RetentionInDays"] == 30 and row["KmsKeyId"] for row in groups)


def test_image_is_built_and_pushed_to_the_one_registry(delivery: Template) -> None:
    build = project(delivery, "image")
    assert build["Environment"]["PrivilegedMode"] is True
    [push] = [row for row in statements(delivery, "ImageRole") if row["Sid"] == "Push"]
    assert push["Resource"] == f"arn:aws:ecr:eu-west-1:111122223333:repository/{NAME}"
    assert "ecr:PutImage" in push["Action"] and "ecr:BatchDeleteImage" not in push["Action"]
    variables = json.loads(stages(delivery)["Image"]["Configuration"]["EnvironmentVariables"])
    assert variables == [{"name": "COMMIT", "value": "#{source.CommitId}", "type": "PLAINTEXT"}]
    assert yaml.safe_load(build["Source"]["BuildSpec"])["env"]["exported-variables"] == ["IMAGE_DIGEST"]


def test_a_version_is_the_digest_that_was_approved(delivery: Template) -> None:
    """The stage in CodeDeploy's place: it sets a tag, and the portal deploys what bears one."""
    found = stages(delivery)
    assert list(found).index("Approval") == list(found).index("Deploy") - 1
    told = {
        row["name"]: row["value"]
        for row in json.loads(found["Deploy"]["Configuration"]["EnvironmentVariables"])
    }
    assert told == {"COMMIT": "#{source.CommitId}", "IMAGE_DIGEST": "#{image.IMAGE_DIGEST}"}
    assert "release-$COMMIT" in project(delivery, "release")["Source"]["BuildSpec"]
    [mark] = [row for row in statements(delivery, "ReleaseRole") if row["Sid"] == "Mark"]
    assert set(mark["Action"]) == {"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"}


def test_findings_and_failed_runs_reach_people(delivery: Template) -> None:
    topic = one(delivery, "AWS::SNS::Topic")
    assert topic["KmsMasterKeyId"]
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "web@example.com"}]
    rules = {row["Name"]: row for row in of(delivery, "AWS::Events::Rule").values()}
    images = rules[f"{NAME}-images"]["EventPattern"]
    assert images["detail"]["severity"] == ["CRITICAL", "HIGH"]
    assert images["resources"] == [{"prefix": f"arn:aws:ecr:eu-west-1:111122223333:repository/{NAME}"}]
    assert rules[f"{NAME}-failures"]["EventPattern"]["detail"]["state"] == ["FAILED"]
    assert stages(delivery)["Approval"]["Configuration"]["NotificationArn"]


def test_scans_write_into_a_group_with_key_and_retention(delivery: Template) -> None:
    groups = {row["LogGroupName"]: row for row in of(delivery, "AWS::Logs::LogGroup").values()}
    scans = groups[f"/aws/codepipeline/{NAME}"]
    rows = {row.get("Sid"): row for row in statements(delivery, "PipelineScansRole")}
    named = f"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/codepipeline/{NAME}"
    assert (rows["LogGroup"]["Action"], rows["LogGroup"]["Resource"]) == ("logs:CreateLogGroup", named)
    assert rows["Log"]["Resource"] == f"{named}:*"
    assert scans["RetentionInDays"] == 30 and scans["KmsKeyId"]


def test_the_pipelines_own_role_hands_on_artifacts_and_takes_the_roles_of_its_actions(
    delivery: Template,
) -> None:
    own = [
        statement
        for policy in of(delivery, "AWS::IAM::Policy").values()
        if re.fullmatch(r"PipelineRole[0-9A-F]{8}", policy["Roles"][0]["Ref"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert {action.partition(":")[0] for action in actions(own)} == {"s3", "kms", "sts"}
    taken = {action["RoleArn"]["Fn::GetAtt"][0] for action in stages(delivery).values()}
    assert len(taken) == 4
    assert taken == {row["Resource"]["Fn::GetAtt"][0] for row in own if row["Action"] == "sts:AssumeRole"}

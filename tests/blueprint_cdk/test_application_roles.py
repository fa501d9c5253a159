"""What people may do with an Application: every AWS role, action, application and second factor, allowed and denied.

Decided twice, by the sandbox and by iam-simulate, as for environments (test_aws_roles).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from blueprint_cdk.aws_roles import application_parts, application_roles
from tests.blueprint_cdk.applications import GITHUB, NAME, Make, Template, of
from tests.blueprint_cdk.aws_role_table import AUDITOR, DEVELOPER, HERE, NOBODY, OPERATOR, REGION, Row
from tests.blueprint_cdk.deciding import ANNA, Asked, judged, naming, session, tags_of, taking
from tests.sandbox.iam.cases import Case, Document

ROLES = (OPERATOR, DEVELOPER, AUDITOR)
APPLICATIONS = {"own": "shop-k3x9", "other": "till-a1b2", "namesake": "shop-k3x9-c4d5"}
"""The namesake's name begins as the own one does, suffix and all."""
APPLICATION = "switchyard:application"
PIPELINE = f"arn:aws:codepipeline:{HERE}:{{prefix}}"
CODE = f"arn:aws:codecommit:{HERE}:{{prefix}}"
IMAGES = f"arn:aws:ecr:{HERE}:repository/{{prefix}}"
KEY = f"arn:aws:kms:{HERE}:key/0a1b"
LOGS = f"arn:aws:logs:{HERE}:log-group:/switchyard/{{prefix}}/quality:log-stream:1"
SCANS = f"arn:aws:logs:{HERE}:log-group:/aws/codepipeline/{{prefix}}:log-stream:1"
VIA_CODECOMMIT = {"kms:ViaService": f"codecommit.{REGION}.amazonaws.com"}

TABLE: tuple[Row, ...] = (
    Row("codepipeline:GetPipelineState", PIPELINE, ROLES),
    Row("codepipeline:PutApprovalResult", f"{PIPELINE}/Approval/Approval", (OPERATOR,)),
    # An approval that somebody puts into another stage is not theirs.
    Row("codepipeline:PutApprovalResult", f"{PIPELINE}/Deploy/Deploy", NOBODY),
    Row("codepipeline:StartPipelineExecution", PIPELINE, (OPERATOR, DEVELOPER)),
    Row("codepipeline:RetryStageExecution", f"{PIPELINE}/Quality", (OPERATOR, DEVELOPER)),
    Row("codepipeline:UpdatePipeline", PIPELINE, NOBODY),
    Row("codepipeline:DisableStageTransition", f"{PIPELINE}/Approval", NOBODY),
    Row("codebuild:BatchGetBuilds", f"arn:aws:codebuild:{HERE}:project/{{prefix}}-quality", ROLES),
    Row("codebuild:StartBuild", f"arn:aws:codebuild:{HERE}:project/{{prefix}}-release", NOBODY),
    Row("codebuild:UpdateProject", f"arn:aws:codebuild:{HERE}:project/{{prefix}}-secrets", NOBODY),
    Row("logs:GetLogEvents", LOGS, (OPERATOR, DEVELOPER)),
    Row("logs:GetLogEvents", SCANS, (OPERATOR, DEVELOPER)),
    Row("ecr:DescribeImageScanFindings", IMAGES, ROLES),
    # ECR asks Inspector in their name (ECR user guide, "IAM permissions required for enhanced scanning").
    Row("inspector2:ListFindings", "*", ROLES, everywhere=True),
    Row("inspector2:ListCoverage", "*", ROLES, everywhere=True),
    Row("inspector2:Disable", "*", NOBODY),
    # Whoever may push an image, or its tag, makes versions that no check has seen.
    Row("ecr:PutImage", IMAGES, NOBODY),
    Row("ecr:BatchDeleteImage", IMAGES, NOBODY),
    Row("codecommit:GitPull", CODE, (DEVELOPER,)),
    Row("codecommit:GitPush", CODE, (DEVELOPER,)),
    Row("codecommit:DeleteRepository", CODE, NOBODY),
    *(
        Row(action, KEY, (DEVELOPER,), tagged=True, keys=VIA_CODECOMMIT)
        for action in (
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        )
    ),
    # By hand, or by another service, the key opens nothing.
    Row("kms:Decrypt", KEY, NOBODY, tagged=True),
    Row("kms:Decrypt", KEY, NOBODY, tagged=True, keys={"kms:ViaService": f"ecr.{REGION}.amazonaws.com"}),
    Row("kms:ScheduleKeyDeletion", KEY, NOBODY, tagged=True),
    Row(
        "elasticbeanstalk:UpdateEnvironment", f"arn:aws:elasticbeanstalk:{HERE}:environment/sy-x/sy-x", NOBODY
    ),
    Row("cloudformation:UpdateStack", f"arn:aws:cloudformation:{HERE}:stack/{{prefix}}/0a1b", NOBODY),
)


@pytest.fixture(scope="module")
def roles(delivery: Template) -> dict[str, dict[str, Any]]:
    """The IAM roles that people take, by AWS role."""
    return roles_of(delivery)


def roles_of(template: Template) -> dict[str, dict[str, Any]]:
    rows = of(template, "AWS::IAM::Role").values()
    return {row["RoleName"].removeprefix(f"{NAME}-"): row for row in rows if "RoleName" in row}


def doing(role: dict[str, Any], row: Row, application: str) -> Case:
    """A session of the role does something with an application; the table's names are that one's."""
    keys = {f"aws:PrincipalTag/{APPLICATION}": tags_of(role)[APPLICATION], **row.keys}
    if row.tagged:
        keys |= {f"aws:ResourceTag/{APPLICATION}": application}
    name = f"{role['RoleName']}: {row.action} on {row.resource}, {application} {sorted(row.keys.items())}"
    return session(role, name, row.action, row.resource.replace("{prefix}", f"sy-app-{application}"), keys)


def test_a_role_is_taken_by_its_people_with_a_second_factor_under_their_own_name(
    roles: dict[str, dict[str, Any]],
    people: dict[str, tuple[Document, ...]],
) -> None:
    assert tuple(roles) == ROLES
    asked = []
    for wanted, member, mfa in itertools.product(ROLES, people, (True, False)):
        case = taking(roles[wanted], people[member], mfa=mfa)
        asked.append(Asked(replace(case, name=f"{case.name} {member}"), mfa and wanted == member))
        asked.append(Asked(naming(case, member), mfa and wanted == member))
    for keys in ({"sts:SourceIdentity": "bert"}, {"sts:RoleSessionName": "bert"}):
        asked.append(Asked(taking(roles[OPERATOR], people[OPERATOR], mfa=True, **keys), False))
    assert sum(row.allowed for row in asked) == 2 * len(ROLES)
    assert judged(asked) == []


def test_a_role_does_what_the_table_says_with_its_own_application_and_nothing_with_others(
    roles: dict[str, dict[str, Any]],
) -> None:
    asked = [
        Asked(doing(roles[key], row, application), key in row.may and (kind == "own" or row.everywhere))
        for row, (kind, application), key in itertools.product(TABLE, APPLICATIONS.items(), ROLES)
    ]
    assert len(asked) > 200 and 20 < sum(row.allowed for row in asked) < len(asked) / 2
    assert judged(asked) == []


def test_nobody_approves_without_a_second_factor(
    roles: dict[str, dict[str, Any]],
    people: dict[str, tuple[Document, ...]],
) -> None:
    asked = []
    for row, member in itertools.product(TABLE, people):
        case = doing(roles[OPERATOR], row, APPLICATIONS["own"])
        keys = {"aws:username": "anna", "aws:MultiFactorAuthPresent": "false", **row.keys}
        case = replace(
            case,
            name=f"{case.name} {member}",
            identity=people[member],
            boundary=None,
            keys=keys,
            principal=ANNA,
        )
        asked.append(Asked(case, False))
    assert judged(asked) == []


def test_every_part_is_used_and_every_action_is_in_the_table_or_only_looks() -> None:
    assert {part for role in application_roles("codecommit") for part in role.parts} == set(
        application_parts()
    )
    table = {row.action for row in TABLE}
    for part in application_parts().values():
        for statement in part.statements:
            for action in statement.actions:
                verb = action.partition(":")[2]
                looks = verb.startswith(("BatchGet", "Describe", "Filter", "Get", "List"))
                assert action in table or looks, action


def test_code_on_github_is_nobodys_in_aws(deliver: Make) -> None:
    text = json.dumps(roles_of(deliver(**GITHUB)))
    assert "codepipeline:PutApprovalResult" in text and "codecommit:" not in text and "kms:" not in text


def test_every_role_has_its_name_boundary_tag_and_a_session_that_ends(
    roles: dict[str, dict[str, Any]],
) -> None:
    for row, role in zip(roles.values(), application_roles("codecommit"), strict=True):
        assert row["RoleName"] == f"{NAME}-{role.key}"
        assert len(f"sy-app-{'x' * 20}-k3x9-{role.key}") <= 64
        assert row["PermissionsBoundary"].endswith("policy/SwitchyardBoundary")
        assert row["MaxSessionDuration"] == role.session_s <= 4 * 3600
        assert {"Key": APPLICATION, "Value": NAME.removeprefix("sy-app-")} in row["Tags"]

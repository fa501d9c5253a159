"""The template of an Application, and what is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
Template = dict[str, Any]
Make = Callable[..., Template]


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

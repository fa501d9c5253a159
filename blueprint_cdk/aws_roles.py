"""The AWS roles of an environment (aws-operator, aws-developer …), from data/aws_roles.json; and those of an
Application, from data/application.json.

A role is made of parts; a part says in words what it allows, and in statements where: by the environment's names, or
by the tag that resource and role have in common (ABAC). The same text for every environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from blueprint_cdk.data import load

ENVIRONMENT_TAG = "switchyard:environment"
CODE = "code"
"""The part of an Application's roles that is about its repository in CodeCommit."""


class Statement(BaseModel):
    """What is allowed where. `tagged`: the resource's tags, "own" for the value that the role itself has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sid: str
    actions: list[str]
    resources: list[str]
    tagged: dict[str, str | list[str]] = Field(default_factory=dict)
    condition: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def document(self, fields: Mapping[str, str], regions: Sequence[str]) -> dict[str, Any]:
        """The statement as IAM takes it; `fields` fill the resources' {prefix} and {account_id}, in each region."""
        made: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": self.actions,
            "Resource": list(
                dict.fromkeys(
                    _filled(resource, {**fields, "region": region})
                    for resource in self.resources
                    for region in regions
                )
            ),
        }
        condition = dict(self.condition)
        if self.tagged:
            condition["StringEquals"] = {
                f"aws:ResourceTag/{tag}": f"${{aws:PrincipalTag/{tag}}}" if value == "own" else value
                for tag, value in self.tagged.items()
            }
        return {**made, "Condition": condition} if condition else made


class Part(BaseModel):
    """Something that a role may do, in words, in statements, and by which commands (CAPITALS are to be put in)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str
    commands: list[str] = Field(default_factory=list)
    statements: list[Statement]


class AwsRole(BaseModel):
    """One AWS role. `who`: whom it is for; `session_s`: how long a session of it lasts at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    who: str
    session_s: int = Field(ge=3600, le=43_200)
    parts: list[str]

    def statements(
        self, parts: Mapping[str, Part], fields: Mapping[str, str], regions: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Its policy's statements in one environment, or for one Application, which is in these regions."""
        return [row.document(fields, regions) for part in self.parts for row in parts[part].statements]


def aws_roles() -> list[AwsRole]:
    """Every AWS role, in the order that pages show."""
    return [AwsRole.model_validate(row) for row in load("aws_roles")["roles"]]


def aws_parts() -> dict[str, Part]:
    """What roles are made of, by key."""
    return {key: Part.model_validate(row) for key, row in load("aws_roles")["parts"].items()}


def application_roles(source: str) -> list[AwsRole]:
    """Every AWS role of an Application; where the code is not AWS's, none has a part in it."""
    rows = [AwsRole.model_validate(row) for row in load("application")["aws_roles"]["roles"]]
    if source == "codecommit":
        return rows
    return [row.model_copy(update={"parts": [part for part in row.parts if part != CODE]}) for row in rows]


def application_parts() -> dict[str, Part]:
    """What the roles of an Application are made of, by key."""
    rows = load("application")["aws_roles"]["parts"]
    return {key: Part.model_validate(row) for key, row in rows.items()}


def trust(account_id: str) -> dict[str, Any]:
    """Who may take an AWS role: a person of the account, after a second factor, under their own name and no other.

    `aws:username` is there for IAM users only. No session tags: with those, a person could bring an environment's tag.
    """
    own = {"sts:SourceIdentity": "${aws:username}"}
    session = {**own, "sts:RoleSessionName": "${aws:username}"}
    people = {
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{account_id}:user/people/*"},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
    }

    def let(sid: str, action: str, equal: dict[str, str]) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": action,
            "Condition": {**people, "StringEquals": equal},
        }

    return {
        "Version": "2012-10-17",
        "Statement": [
            let("WithMfaAndUnderOnesOwnName", "sts:AssumeRole", session),
            # It knows no session name (Service Authorization Reference); without the statement above it gives nothing.
            let("OwnName", "sts:SetSourceIdentity", own),
        ],
    }


def _filled(text: str, fields: Mapping[str, str]) -> str:
    """Not str.format: policies have variables of IAM's in braces, too."""
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", value)
    return text

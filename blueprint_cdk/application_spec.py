"""What the blueprint is told about one Application: where its code is, and what its pipeline lets pass.

Imports no CDK, so that `describe` needs no Node.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from blueprint_cdk.data import load
from blueprint_cdk.fields import EMAIL, LOG_RETENTION_DAYS, REGIONS, AccountId, Owned
from blueprint_cdk.refusals import SpecError

SourceName = Literal["codecommit", "github"]
SeverityName = Literal["critical", "high", "medium"]

NAMES: dict[str, str] = load("application")["names"]
"""Physical names by what they are of; placeholders are fields of the spec, and `prefix`."""


class ApplicationSpec(Owned):
    """One Application. Team, owner, branch, gate, mail, retention and protection may change; the rest never."""

    account_id: AccountId = Field(title="Account", description="The AWS account it is built in, 12 digits.")
    region: str = Field(
        title="Region",
        description="The account's first region. The registry copies images to the others.",
        json_schema_extra={"enum": list(REGIONS)},
    )
    source: SourceName = Field(
        default="codecommit",
        title="Source",
        description="codecommit: a repository is made. github: one that is there, through CodeConnections.",
    )
    github_repository: str | None = Field(
        default=None,
        title="Repository on GitHub",
        description="As owner/name; for the source github alone.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$",
        examples=["example/shop"],
    )
    branch: str = Field(
        default="main",
        title="Branch",
        description="Each commit on it starts the pipeline. Letters, digits and . _ / - make its name.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,98}$",
        json_schema_extra={"changeable": True},
    )
    blocks_from: SeverityName = Field(
        default="high",
        title="Blocked from",
        description="The least severe finding, in dependencies or image, that no version passes with.",
        json_schema_extra={"changeable": True},
    )
    findings_email: str = Field(
        default="",
        title="Findings go to",
        description="An address that gets a mail for each failed run, finding and waiting approval; empty: none.",
        max_length=254,
        pattern=EMAIL,
        json_schema_extra={"changeable": True},
    )
    log_retention_days: int = Field(
        default=30,
        title="Days that logs are kept",
        json_schema_extra={"enum": list(LOG_RETENTION_DAYS), "changeable": True},
    )
    deletion_protection: bool = Field(
        default=True, title="Deletion protection", description="CloudFormation refuses to delete the stack."
    )
    permissions_boundary_arn: str | None = Field(
        default=None,
        title="Permissions boundary",
        description="ARN of the policy that no role of the pipeline can go beyond.",
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:policy/[A-Za-z0-9+=,.@_/-]+$",
    )

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        if value not in REGIONS:
            raise ValueError(
                f"{value} is not a region of this blueprint; choose one of {', '.join(REGIONS)}."
            )
        return value

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, value: int) -> int:
        if value not in LOG_RETENTION_DAYS:
            raise ValueError(f"Logs can be kept for {', '.join(map(str, LOG_RETENTION_DAYS))} days.")
        return value

    @model_validator(mode="after")
    def _source_is_whole(self) -> ApplicationSpec:
        if self.source == "github" and not self.github_repository:
            raise SpecError("Name the repository on GitHub, as owner/name.", "github_repository")
        if self.source == "codecommit" and self.github_repository:
            raise SpecError("A repository on GitHub goes with the source github alone.", "github_repository")
        return self

    def named(self, rule: str, **more: str) -> str:
        """The physical name that a rule of data/application.json gives; `more` are placeholders of that rule alone
        (function, event). KeyError for an unknown rule.
        """
        return NAMES[rule].format_map({**self.model_dump(), "prefix": self.prefix, **more})

    @property
    def prefix(self) -> str:
        """What every physical name of the Application begins with."""
        return NAMES["prefix"].format_map(self.model_dump())

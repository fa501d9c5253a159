"""What the blueprint is told of an account: the input of its baseline."""

from __future__ import annotations

from pydantic import Field, field_validator

from blueprint_cdk.fields import REGIONS, AccountId, Frozen, region_known


class BaselineSpec(Frozen):
    """What exists once per account, and once per account and region."""

    account_id: AccountId = Field(title="Account")
    region: str = Field(title="Region", json_schema_extra={"enum": list(REGIONS)})
    qualifier: str = Field(default="swyard", title="CDK qualifier", pattern=r"^[a-z0-9]{1,10}$")
    regions: tuple[str, ...] = Field(
        default=(),
        title="The account's regions",
        description="The first one is home: it has what there is once per account. None: this region alone.",
    )
    pays: bool = Field(
        default=True,
        title="Pays its own bill",
        description="False for an organization's member account: only who pays may watch costs by tags.",
    )
    retention_days: int = Field(
        default=365,
        title="Days that trail and audit are locked",
        description="Nobody can shorten it, nor delete the buckets before: not even the account's root user.",
        ge=1,
        le=3650,
    )

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        return region_known(value)

    @field_validator("regions")
    @classmethod
    def _known_regions(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(region_known(value) for value in values)

    @property
    def is_home(self) -> bool:
        """Whether this region has what there is once per account."""
        return (*self.regions, self.region)[0] == self.region

    @property
    def others(self) -> list[str]:
        """The account's other regions."""
        return sorted(set(self.regions) - {self.region})

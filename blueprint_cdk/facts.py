"""What the blueprint is told beside a spec: RegionFacts for a region, Runtime for what runs in an environment now."""

from __future__ import annotations

from pydantic import Field, field_validator

from blueprint_cdk.fields import AURORA_VERSION, PLATFORM_ARN, AccountId, Frozen


class RegionFacts(Frozen):
    """What the portal resolved about a region before; another input of synthesis, versioned by the portal."""

    azs: tuple[str, ...] = Field(
        min_length=3, description="Availability Zones; the first three by name are used."
    )
    beanstalk_platform_arn: str = Field(pattern=PLATFORM_ARN)
    aurora_mysql_version: str = Field(pattern=AURORA_VERSION)
    elb_account_id: AccountId | None = Field(
        default=None,
        description="Account that writes load balancer logs, in regions older than August 2022 that still need it.",
    )

    @field_validator("azs")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("azs names a zone twice.")
        return value

    @property
    def zones(self) -> list[str]:
        """The three zones used. By name, so that the order in which AWS listed them cannot move a subnet."""
        return sorted(self.azs)[:3]


class Running(Frozen):
    """What moves while an environment runs in one region, as it is now."""

    version_label: str | None = Field(
        default=None,
        title="Application version",
        description="Label of the version that runs; none: the placeholder.",
        min_length=1,
        max_length=100,
    )
    platform_arn: str | None = Field(
        default=None,
        title="Platform",
        description="The Beanstalk platform version it runs on; none: the region's.",
        pattern=PLATFORM_ARN,
    )
    min_instances: int | None = Field(default=None, title="Fewest instances", ge=0, le=10000)
    max_instances: int | None = Field(default=None, title="Most instances", ge=0, le=10000)
    aurora_mysql_version: str | None = Field(
        default=None,
        title="Database version",
        description="Aurora MySQL version of the cluster; none: the region's.",
        pattern=AURORA_VERSION,
    )
    db_min_acu: float | None = Field(default=None, title="Least capacity units of the database", ge=0)
    db_max_acu: float | None = Field(default=None, title="Most capacity units of the database", ge=0)
    maintenance: bool = Field(
        default=False,
        title="Maintenance page",
        description="Whether the load balancer answers every request with its maintenance page.",
    )
    global_database: bool = Field(
        default=False,
        title="In a global database",
        description="Whether the cluster is in a global database, which its instances have to suit as long as it is.",
    )


class Runtime(Running):
    """What moves while an environment runs, as it is now: read back before each synthesis, so that a new template puts
    nothing old back. Empty for a new environment: it begins with the placeholder and what its size says.
    """

    other: Running | None = Field(
        default=None,
        title="Other region",
        description="The same of the other region; none: what the size and the kind of standby say.",
    )

"""Sizes and tiers as typed rows of data/sizes.json and data/tiers.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from blueprint_cdk.data import load

if TYPE_CHECKING:
    from blueprint_cdk.facts import Running

SizeName = Literal["small", "medium", "large"]
TierName = Literal["dev", "staging", "prod"]
StandbyName = Literal["none", "pilot-light", "warm"]


class Size(BaseModel):
    """What a size buys. ACU are Aurora capacity units; CPU in percent; the rate limit is per client address.

    Readers above `db_readers` come and go by themselves, up to `db_max_readers`. Either deployment policy takes a
    version that is not healthy back by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    nat_gateways: int
    instance_type: str
    min_instances: int
    max_instances: int
    target_cpu_percent: int
    deployment_policy: Literal["Immutable", "TrafficSplitting"]
    rolling_update_type: Literal["Health", "Immutable"]
    db_instance_class: str
    db_min_acu: float | None
    db_max_acu: float | None
    db_readers: int
    db_max_readers: int
    db_insights: Literal["standard", "advanced"]
    rate_limit_per_5_min: int
    with_other_region: dict[str, Any] = {}
    """What differs once there is another region: instances of a global database are memory-optimised, and a serverless
    primary should keep 8 capacity units, which cost more than an instance (Aurora user guide, "Configuration
    requirements of an Amazon Aurora global database": recommended, not enforced)."""

    def running(self, runtime: Running) -> Size:
        """The size with the capacity that runs now, where that is known. Provisioned instances have no units."""
        units = self.db_min_acu is not None
        now = {
            "min_instances": runtime.min_instances,
            "max_instances": runtime.max_instances,
            "db_min_acu": runtime.db_min_acu if units else None,
            "db_max_acu": runtime.db_max_acu if units else None,
        }
        return self.model_copy(update={name: value for name, value in now.items() if value is not None})

    def standing_by(self, standby: StandbyName) -> Size:
        """The application's capacity in the region of a standby: as home's, beginning with one instance or none."""
        return self.model_copy(update={"min_instances": 1 if standby == "warm" else 0})


class BackupRule(BaseModel):
    """When AWS Backup makes a recovery point (cron in UTC), for how many days it is kept, and its copy in the other
    region where there is a standby; None: it is not copied.

    What is moved to cold storage has to stay there for 90 days (AWS Backup API, Lifecycle).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    schedule: str
    keep_days: int
    copy_days: int | None = None
    cold_after_days: int | None = None


class Tier(BaseModel):
    """What a tier demands, independent of size. `backup_retention_days` is for Aurora's own backups, `backups` for
    those of AWS Backup; a tier without any has no vault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backup_retention_days: int
    backups: tuple[BackupRule, ...] = ()
    default_modules: list[str]
    required_modules: list[str]


def size_of(name: SizeName, *, other_region: str | None = None, in_global: bool = False) -> Size:
    """The row of a size. With another region, and as long as the cluster is in a global database, it is what a standby
    needs: the update that takes a standby away changes home before it deletes the global database.
    """
    size = Size.model_validate(load("sizes")[name])
    return size.model_copy(update=size.with_other_region) if other_region or in_global else size


def tier_of(name: TierName) -> Tier:
    """The row of a tier."""
    return Tier.model_validate(load("tiers")[name])

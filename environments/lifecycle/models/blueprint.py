"""Blueprints and their releases."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Blueprint(models.Model):
    """A CDK app that environments are made from."""

    name = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title


class Release(models.Model):
    """One immutable, versioned snapshot of a blueprint; forms, names and costs use its own data."""

    blueprint = models.ForeignKey(Blueprint, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the snapshot's files.")
    artifact = models.CharField(max_length=200, help_text="Where the snapshot lies in the artifact store.")
    description = models.JSONField(
        help_text="What `python -m blueprint_cdk describe` printed: schema, naming, costs, stacks, regions, lock."
    )
    is_default = models.BooleanField(default=False, help_text="Offered first in new requests.")
    is_withdrawn = models.BooleanField(default=False, help_text="No new environments from it.")
    registered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-registered_at"]
        constraints = [
            models.UniqueConstraint(fields=["blueprint", "version"], name="release_version_once"),
            models.UniqueConstraint(
                fields=["blueprint"], condition=Q(is_default=True), name="release_one_default"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.blueprint.name} {self.version}"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the Spec."""
        schema: dict[str, Any] = self.description["schema"]
        return schema

    @property
    def naming(self) -> list[dict[str, Any]]:
        """Rules that derive physical names from an environment's name."""
        naming: list[dict[str, Any]] = self.description["naming"]
        return naming

    @property
    def costs(self) -> dict[str, Any]:
        """The price table."""
        costs: dict[str, Any] = self.description["costs"]
        return costs

    @property
    def stacks(self) -> list[dict[str, Any]]:
        """The stacks it makes: key, title, region, needs, stateful, types."""
        stacks: list[dict[str, Any]] = self.description["stacks"]
        return stacks

    @property
    def baseline_version(self) -> int:
        """Which state of an account's baseline it makes; accounts with a lower one are behind."""
        return int(self.description.get("baseline", {}).get("version", 1))

    @property
    def account_settings(self) -> dict[str, Any]:
        """Settings of an account that no stack makes: password_policy, disk_encryption, cost_tags. Older ones: none."""
        settings: dict[str, Any] = self.description.get("baseline", {}).get("settings", {})
        return settings

    @property
    def regions(self) -> list[str]:
        """Regions that it supports."""
        regions: list[str] = self.description["regions"]
        return regions

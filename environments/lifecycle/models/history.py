"""What an environment was deployed as, time after time; and comparisons of templates, which workers make."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models.blueprint import Release
from environments.lifecycle.models.environment import Environment
from environments.operations.models import Operation


class Revision(models.Model):
    """One state that an operation brought an environment to, written in the transaction that ended the operation.

    stacks: {key: {"name", "region", "hash", "assembly"}}: of each stack the template's hash and the assembly of the
    artifact store that has it. All are of one assembly, unless an operation failed between two stacks (`partial`).
    """

    class Outcome(models.TextChoices):
        DEPLOYED = "deployed"
        PARTIAL = "partial"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField(help_text="Counts per environment, from 1.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.DEPLOYED)
    operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="revisions")
    kind = models.CharField(max_length=40, help_text="Of the operation: provision, update …")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="revisions")
    spec = models.JSONField(help_text="All that the blueprint was told.")
    facts_version = models.PositiveIntegerField(null=True, help_text="Of the home region's facts.")
    assembly = models.CharField(max_length=200, blank=True, help_text="Where it lies in the artifact store.")
    stacks = models.JSONField(default=dict)
    monthly_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True, help_text="Estimate, USD.")
    back_to = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The one it was rolled back to.",
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["environment", "number"], name="revision_number_once")]
        indexes = [
            # Of all environments, what they cost and who has which release at a moment.
            models.Index(fields=["environment", "made_at"], name="revision_moment"),
            models.Index(fields=["assembly"], condition=~Q(assembly=""), name="revision_assembly"),
        ]

    def __str__(self) -> str:
        return f"{self.environment}, revision {self.number}"

    @property
    def is_deployed(self) -> bool:
        return self.outcome == self.Outcome.DEPLOYED

    @property
    def assemblies(self) -> set[str]:
        """Every assembly that one of its stacks was made from."""
        return {stack["assembly"] for stack in self.stacks.values()} | ({self.assembly} - {""})


class Comparison(models.Model):
    """Templates of two sides compared, made by a worker and kept: it is the same for the same two sides for ever.

    A side is {"stacks": {key: {"assembly", "name"}}, "as": {placeholder: text}, "by": id of the release} for what was
    deployed, or {"release": id, "size"} for a release, of which a worker makes the templates of a reference spec.
    `document` is {"stacks": [{"key", "action", "changes": […]}], "counts": {action: n}}; changes are as in a plan.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        MADE = "made"
        FAILED = "failed"

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of both sides as canonical JSON.")
    left = models.JSONField()
    right = models.JSONField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    sentence = models.TextField(blank=True, help_text="Why it could not be made.")
    document = models.JSONField(default=dict)
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)
    made_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"comparison {self.key[:12]}"

    @property
    def stacks(self) -> list[dict[str, Any]]:
        """By stack, what differs."""
        rows: list[dict[str, Any]] = self.document.get("stacks", [])
        return rows

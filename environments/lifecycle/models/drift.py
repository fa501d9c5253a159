"""Drift: looks at what environments really are, and what was found by resource and property."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models.environment import Environment
from environments.operations.models import Operation


class CheckStatus(models.TextChoices):
    WAITING = "waiting"
    DETECTING = "detecting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


CHECK_OPEN = (CheckStatus.WAITING, CheckStatus.DETECTING)


class FindingStatus(models.TextChoices):
    OPEN = "open"
    ACCEPTED = "accepted"
    FIXED = "fixed"
    GONE = "gone"


FINDING_LIVE = (FindingStatus.OPEN, FindingStatus.ACCEPTED)


class DriftCheck(models.Model):
    """One look at one environment in one of its regions: of a night, or asked for by a person. It needs no claim and
    changes nothing.

    state: {"stacks": {stack id: {"key", "name", "detection", "drifted": true|false when complete}}}.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="drift_checks")
    night = models.DateField(null=True, blank=True, help_text="Of the nightly round; empty: asked for.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    scope = models.CharField(max_length=60, help_text="account/region.")
    status = models.CharField(max_length=12, choices=CheckStatus.choices, default=CheckStatus.WAITING)
    sentence = models.CharField(max_length=500, default="Waiting for a worker.")
    due_at = models.DateTimeField(default=timezone.now, help_text="When a worker looks at it next.")
    asked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)
    faults = models.PositiveSmallIntegerField(default=0, help_text="Passing faults in a row.")
    state = models.JSONField(default=dict, blank=True)
    found = models.PositiveIntegerField(default=0, help_text="Findings that were open when it ended.")
    new = models.PositiveIntegerField(default=0, help_text="Those that it was the first to see.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "night", "scope"],
                condition=Q(night__isnull=False),
                name="drift_night_once",
            ),
            models.UniqueConstraint(
                fields=["environment", "scope"],
                condition=Q(status__in=CHECK_OPEN),
                name="drift_check_one_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "scope"], condition=Q(status__in=CHECK_OPEN), name="drift_check_due"
            ),
            models.Index(fields=["environment", "-id"], name="drift_check_latest"),
        ]

    def __str__(self) -> str:
        return f"drift check {self.pk} of {self.environment_id}"

    @property
    def is_open(self) -> bool:
        return self.status in CHECK_OPEN


class DriftFinding(models.Model):
    """One property of one resource that is not what the template says; its path is empty for a deleted resource."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="drift_findings")
    region = models.CharField(max_length=30)
    stack = models.CharField(max_length=40, help_text="The stack's key: network, data, app.")
    logical_id = models.CharField(max_length=255)
    physical_id = models.CharField(max_length=600, blank=True)
    type = models.CharField(max_length=128)
    property_path = models.CharField(max_length=500, blank=True)
    expected = models.TextField(blank=True)
    actual = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=FindingStatus.choices, default=FindingStatus.OPEN)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_until = models.DateField(
        null=True, blank=True, help_text="The last day on which it is accepted (UTC)."
    )
    accepted_why = models.TextField(blank=True)
    fixed_by = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="drift_fixed"
    )

    class Meta:
        ordering = ["stack", "logical_id", "property_path"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "stack", "logical_id", "property_path"],
                condition=Q(status__in=FINDING_LIVE),
                name="drift_finding_live_once",
            )
        ]
        indexes = [
            models.Index(fields=["environment", "status"], name="drift_finding_of"),
            models.Index(
                fields=["accepted_until"], condition=Q(status="accepted"), name="drift_finding_lapses"
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.logical_id}.{self.property_path}" if self.property_path else f"{self.logical_id} deleted"
        )

    @property
    def what(self) -> str:
        """Resource and property in a few words."""
        return f"{self.logical_id} ({self.type}) {self.property_path or 'was deleted'}"

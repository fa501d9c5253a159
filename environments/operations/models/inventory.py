"""Snapshots of what CloudFormation said last, kept fresh by workers, so that no page calls AWS."""

from django.db import models
from django.db.models import Q

from environments.operations.models.operation import Operation, Subject


class Stack(Subject):
    """One CloudFormation stack of a subject, as last seen."""

    account_id = models.CharField(max_length=12)
    region = models.CharField(max_length=30)
    key = models.CharField(max_length=40, help_text="Its key in the blueprint: network, data, app.")
    name = models.CharField(max_length=128)
    stack_id = models.CharField(max_length=400, blank=True, help_text="ARN; empty until it was created.")
    status = models.CharField(max_length=60, blank=True)
    status_reason = models.TextField(blank=True)
    last_token = models.CharField(max_length=128, blank=True, help_text="ClientRequestToken last seen.")
    template_hash = models.CharField(max_length=64, blank=True)
    outputs = models.JSONField(default=dict, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    operation = models.ForeignKey(
        Operation,
        null=True,
        on_delete=models.SET_NULL,
        related_name="stacks",
        help_text="The last one on it.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_id", "region", "name"], name="stack_name_once"),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="stack_subject"),
            models.Index(
                fields=["account_id", "region"],
                condition=Q(status__endswith="_IN_PROGRESS"),
                name="stack_moving",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """One resource of a stack, as last seen, with the times of its last change."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="resources")
    logical_id = models.CharField(max_length=255)
    physical_id = models.CharField(max_length=600, blank=True)
    type = models.CharField(max_length=128)
    status = models.CharField(max_length=60)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["started_at", "logical_id"]
        constraints = [models.UniqueConstraint(fields=["stack", "logical_id"], name="resource_once")]

    def __str__(self) -> str:
        return f"{self.logical_id} ({self.type})"

"""Who said yes or no to an operation, to which plan, and why."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from environments.operations.models.operation import Operation


class Decision(models.Model):
    """One person's approval or rejection of one plan hash."""

    class Verdict(models.TextChoices):
        APPROVED = "approved"
        REJECTED = "rejected"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="decisions")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)
    plan_hash = models.CharField(max_length=64)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "decided_by", "plan_hash"], name="decision_once_per_person_and_plan"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.decided_by}"

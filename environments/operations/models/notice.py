"""What somebody should be told: an outbox, written in the transaction in which it happened."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.operations.models.operation import Operation, Subject


class Notice(Subject):
    """One thing to tell. Who is told, and how, is settled later, from people's and teams' own choices."""

    topic = models.CharField(
        max_length=60, help_text="Dotted, past tense: operation.failed, environment.drifted."
    )
    subject_label = models.CharField(max_length=120, help_text="The subject's name at that moment.")
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.CASCADE, related_name="notices"
    )
    sentence = models.TextField(help_text="What happened, and what to do.")
    data = models.JSONField(default=dict, blank=True)
    key = models.CharField(
        max_length=120, unique=True, help_text="The same thing is told once, however often it is found."
    )
    at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When it was addressed to people.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(told_at__isnull=True), name="notice_untold"),
            models.Index(fields=["subject_type", "subject_id", "-id"], name="notice_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.sentence}"

"""What workers remember for themselves: who watches which region, and when it was polled last."""

from django.db import models


class Watch(models.Model):
    """The right to watch one account and region, so that one observer at a time drains its queue."""

    scope = models.CharField(max_length=60, unique=True, help_text="account/region.")
    token = models.UUIDField(null=True, blank=True, editable=False)
    until = models.DateTimeField(null=True, blank=True, help_text="When the right passes unless renewed.")
    observed_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True, help_text="When all stacks were looked at last.")
    dark_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when neither the queue nor CloudFormation could be read."
    )
    handled = models.JSONField(
        default=list,
        blank=True,
        help_text="Receipt handles of messages that are in rows and not deleted yet.",
    )

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return self.scope

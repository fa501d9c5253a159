"""The sandbox's faults as an administrator sees them: what was asked for, and what a worker last saw there."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class SandboxOrder(models.Model):
    """Something to do in the sandbox, which a worker carries there: the web process calls no AWS, local or not."""

    class Verb(models.TextChoices):
        """What to do."""

        SET = "set", "Set"
        END = "end", "End"
        END_ALL = "end-all", "End all"
        SCRIPT = "script", "Set a script"
        END_SCRIPT = "end-script", "End a script"
        ADVANCE = "advance", "Put the clock forward"

    class Status(models.TextChoices):
        """How far it is. An order that stays `sent` was held by a worker that died."""

        PENDING = "pending", "Pending"
        SENT = "sent", "Sent"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"

    verb = models.CharField(max_length=10, choices=Verb.choices)
    body = models.JSONField(
        default=dict, blank=True, help_text="The fault, script or time, as the sandbox's control API has it."
    )
    fault_id = models.CharField(
        max_length=40, blank=True, help_text="Which fault or script: the one made, or the one to end."
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    sentence = models.TextField(blank=True, help_text="Why it was refused.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.fault_id or self.body.get('kind', '')}".strip()


class SandboxView(models.Model):
    """What a worker last saw in the sandbox: one row. Times in it are ISO texts, by the portal's clock."""

    THE_ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE)
    faults = models.JSONField(default=list)
    log = models.JSONField(default=list, help_text="The last entries, newest first.")
    problem = models.TextField(
        blank=True, help_text="Why the sandbox could not be looked at; empty: it could."
    )
    ahead_s = models.FloatField(default=0.0, help_text="By how much the sandbox's clock is ahead.")
    seen_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When a page last asked for a look.")

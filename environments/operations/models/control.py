"""Brakes and clocks: pauses, limits of parallel operations, and scheduled occurrences."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Pause(models.Model):
    """While it is there, no worker starts or moves what it covers. Lifting it is deleting the row (audited)."""

    EVERYTHING = "everything"

    covers = models.CharField(
        max_length=60,
        unique=True,
        help_text='"everything"; a scope as account/region; "account/" for all its regions; or a subject, as'
        ' "environment/17".',
    )
    label = models.CharField(
        max_length=120, blank=True, help_text="What people call it, where that is not what it covers."
    )
    reason = models.TextField()
    since = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.told} paused: {self.reason}"

    @property
    def region(self) -> str:
        """The region of an account that it covers; empty when that is not all it covers."""
        account, _, region = self.covers.partition("/")
        return region if len(account) == 12 and account.isdecimal() else ""

    @property
    def told(self) -> str:
        """What it covers, as people say it: everything, environment shop, account 111122223333."""
        if self.label:
            return self.label
        return f"account {self.covers[:-1]}" if self.covers.endswith("/") else self.covers


class OperationLimit(models.Model):
    """How many operations may run at once in a scope. CloudFormation's and Beanstalk's limits are per region."""

    scope = models.CharField(
        max_length=60, unique=True, help_text='account/region, or "*" for every scope without a row.'
    )
    max_running = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.scope}: {self.max_running}"


class Occurrence(models.Model):
    """One due moment of a schedule, done once however many beats there are."""

    schedule = models.CharField(max_length=80)
    due_at = models.DateTimeField()
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="occurrence_once")]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.due_at:%Y-%m-%d %H:%M}"


class Pulse(models.Model):
    """When something that happens again and again happened last: the tick. One row per name, of no history."""

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"

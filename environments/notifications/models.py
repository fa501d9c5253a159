"""Preferences, channels, deliveries and inboxes."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.notifications.topics import Group
from environments.operations.models import Notice
from environments.people.models import Team


class Medium(models.TextChoices):
    """By which way somebody is told outside of the portal."""

    MAIL = "mail", "Mail"
    CHAT = "chat", "Chat"
    WEBHOOK = "webhook", "Webhook"


class Preference(models.Model):
    """What a person chose for one group. Without a row, the defaults of their role hold (preferences.py)."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_preferences"
    )
    group = models.CharField(max_length=10, choices=Group.choices)
    mail = models.BooleanField()
    chat = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "group"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.group} of {self.person}"


class Channel(models.Model):
    """A chat or a webhook: of a team, of a person (a chat), or, with neither, for everything.

    What is secret is encrypted with keys that live outside the database: a chat's whole address (it holds a token),
    and a webhook's signing secrets.
    """

    class Kind(models.TextChoices):
        CHAT = Medium.CHAT.value, "Chat"
        WEBHOOK = Medium.WEBHOOK.value, "Webhook"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=60)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="notification_channels"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="notification_channels",
    )
    groups = ArrayField(models.CharField(max_length=10, choices=Group.choices), default=list)
    url = models.CharField(max_length=500, blank=True, help_text="Of a webhook. A chat's is a secret.")
    address = models.TextField(blank=True, editable=False, help_text="Of a chat, encrypted.")
    masked = models.CharField(max_length=80, help_text="Enough of the address to know it by.")
    secret = models.TextField(blank=True, editable=False, help_text="Signs webhooks; encrypted.")
    old_secret = models.TextField(blank=True, editable=False, help_text="The one before; encrypted.")
    old_secret_until = models.DateTimeField(null=True, blank=True, help_text="It signs too until then.")
    is_enabled = models.BooleanField(default=True)
    disabled_why = models.CharField(max_length=300, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    hold_until = models.DateTimeField(null=True, blank=True, help_text="Nothing is sent there until then.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=True) | Q(person__isnull=True), name="channel_of_one"
            ),
            models.UniqueConstraint(
                fields=["person"], condition=Q(person__isnull=False), name="channel_own_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_name(self) -> str:
        return f"{self.name}-{self.pk}"


class Delivery(models.Model):
    """One message to one target, and how it went. Several notices of one topic may go as one mail or chat message."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        FAILED = "failed", "Failed, tried again"
        DELIVERED = "delivered", "Delivered"
        ABANDONED = "abandoned", "Given up"

    OPEN = (Status.PENDING, Status.FAILED)

    key = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="Stays: receivers drop doubles by it."
    )
    medium = models.CharField(max_length=10, choices=Medium.choices)
    topic = models.CharField(max_length=60)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    channel = models.ForeignKey(Channel, null=True, on_delete=models.CASCADE, related_name="deliveries")
    notices = models.ManyToManyField(Notice, related_name="deliveries")
    is_test = models.BooleanField(default=False, help_text="Sent at once, tried once, with words of its own.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    claim_token = models.UUIDField(null=True, blank=True, editable=False)
    claim_until = models.DateTimeField(null=True, blank=True, editable=False)
    sentence = models.CharField(max_length=300, blank=True, help_text="How the last attempt went.")
    response_code = models.PositiveSmallIntegerField(null=True, blank=True)
    response_text = models.CharField(max_length=500, blank=True, help_text="First characters of the answer.")
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False) | Q(channel__isnull=False), name="delivery_has_target"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(status__in=["pending", "failed"]),
                name="delivery_due",
            ),
            models.Index(fields=["channel", "-id"], name="delivery_channel"),
            models.Index(fields=["status", "-id"], name="delivery_status"),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} by {self.medium} ({self.status})"

    @property
    def message_id(self) -> str:
        """The `webhook-id`, and the left part of a mail's Message-ID."""
        return f"msg_{self.key.hex}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class Entry(models.Model):
    """A notice in a person's inbox in the portal."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="inbox")
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="entries")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-notice_id"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["person", "notice"], name="entry_once")]
        indexes = [
            models.Index(fields=["person"], condition=Q(read_at__isnull=True), name="entry_unread"),
            models.Index(fields=["person", "-notice"], name="entry_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} for {self.person}"

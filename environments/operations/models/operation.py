"""Operation, its steps, its events, and the claims that running operations hold."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.operations.states import (
    DRIVEN,
    ENDED,
    HOLDING,
    RETRYABLE,
    STEP_DONE,
    STEP_LIVE,
    ClaimMode,
    OperationStatus,
    Phase,
    StepStatus,
)


class Subject(models.Model):
    """What a row is about: an environment, an account, a member. The engine never asks which."""

    subject_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    subject_id = models.BigIntegerField()
    subject = GenericForeignKey("subject_type", "subject_id")

    class Meta:
        abstract = True


class Operation(Subject):
    """One long piece of work on a subject. This row is the truth; a queue message carries only its id."""

    kind = models.CharField(max_length=40)
    subject_label = models.CharField(max_length=120, help_text="The subject's name when it was asked for.")
    status = models.CharField(max_length=20, choices=OperationStatus.choices, default=OperationStatus.PENDING)
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.PLAN)
    sentence = models.TextField(blank=True, help_text="How things are, and what to do next.")
    failure = models.JSONField(
        null=True, blank=True, help_text='{"step", "resource", "reason", "remedy"} of the last failure.'
    )
    parameters = models.JSONField(default=dict, blank=True, help_text="What was asked for.")
    state = models.JSONField(
        default=dict, blank=True, help_text="What the steps share; written under the lease."
    )

    claim_mode = models.CharField(max_length=10, choices=ClaimMode.choices)
    scope = models.CharField(
        max_length=60, blank=True, help_text="Account and region that the limits count, as account/region."
    )
    more_scopes = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="Further ones, of an operation that works in two regions: it needs a place in each.",
    )
    priority = models.SmallIntegerField(default=0, help_text="Higher goes first.")

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="operations_requested"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(null=True, blank=True, help_text="A notice that runs until then.")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    approvals_needed = models.SmallIntegerField(default=0)
    approval_hash = models.CharField(max_length=64, blank=True, help_text="Hash of the plan to be approved.")
    approval_rule = models.CharField(
        max_length=200,
        blank=True,
        help_text="The rule that said how many people have to approve, if one did.",
    )
    approval_terms = models.JSONField(
        default=dict, blank=True, help_text="What its kind wants of approvers, when its plan was made."
    )
    approval_expires_at = models.DateTimeField(null=True, blank=True)
    approval_call_at = models.DateTimeField(
        null=True, blank=True, help_text="When approvers are reminded, or administrators told, next."
    )

    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    blocked_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    queued_at = models.DateTimeField(null=True, blank=True, help_text="Since when it queues, or last queued.")

    stuck_since = models.DateTimeField(
        null=True, blank=True, help_text="When the watchdog found that it does not move; empty: it does."
    )
    stuck = models.JSONField(
        default=dict, blank=True, help_text='{"cause", "why", "remedy"} while it does not move.'
    )

    wake_at = models.DateTimeField(null=True, blank=True, help_text="When a worker should look again.")
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_worker = models.CharField(max_length=120, blank=True, editable=False)
    lease_losses = models.SmallIntegerField(
        default=0, editable=False, help_text="Workers in a row that took it and did not come back."
    )
    held_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when a pause holds it; such time is no step's.",
    )
    due_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when a tick finds it due and nobody takes it."
    )
    event_count = models.IntegerField(default=0, help_text="Number of the newest event.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["wake_at"], condition=Q(status__in=sorted(DRIVEN)), name="operation_due"),
            models.Index(fields=["subject_type", "subject_id", "-id"], name="operation_subject"),
            models.Index(fields=["status", "-id"], name="operation_status"),
            models.Index(fields=["kind", "status"], name="operation_kind"),
            models.Index(fields=["scope"], condition=Q(status__in=sorted(HOLDING)), name="operation_holding"),
            models.Index(fields=["scope"], condition=Q(status="queued"), name="operation_queue"),
            GinIndex(
                fields=["more_scopes"],
                condition=~Q(more_scopes=[]) & Q(status__in=sorted(HOLDING | {"queued"})),
                name="operation_more_scopes",
            ),
            models.Index(
                fields=["approval_call_at"],
                condition=Q(status=OperationStatus.AWAITING_APPROVAL),
                name="operation_call",
            ),
            models.Index(
                fields=["stuck_since"], condition=Q(stuck_since__isnull=False), name="operation_stuck"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_label} (operation {self.pk})"

    @property
    def scopes(self) -> list[str]:
        """All places that it works in, as account/region; none for one that works in no account."""
        return [self.scope, *self.more_scopes] if self.scope else []

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED

    @property
    def can_retry(self) -> bool:
        return self.status in RETRYABLE

    @property
    def can_cancel(self) -> bool:
        return not self.is_ended and self.cancel_requested_at is None


class Step(models.Model):
    """A named, idempotent part of an operation, and a node of its graph."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=120)
    phase = models.CharField(max_length=10, choices=Phase.choices)
    position = models.SmallIntegerField()
    needs = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    region = models.CharField(max_length=30, blank=True)
    parameters = models.JSONField(default=dict, blank=True, help_text="What this step is told, set once.")
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.PENDING)
    sentence = models.TextField(blank=True)
    state = models.JSONField(
        default=dict, blank=True, help_text="Tokens and intents, stored before the call they belong to."
    )
    attempts = models.IntegerField(default=0, help_text="Times it was begun by hand: 1, and 1 per retry.")
    looks = models.IntegerField(default=0, help_text="Times it was run since it was begun.")
    faults = models.IntegerField(default=0, help_text="Passing faults in a row.")
    time_limit_s = models.IntegerField(default=3600)
    progress_done = models.IntegerField(default=0)
    progress_total = models.IntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    waits_for = models.CharField(
        max_length=10, blank=True, help_text='"aws", "person", "notice", "fault" or "dark".'
    )

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["operation", "key"], name="step_key_once")]
        indexes = [
            # How long a step took in earlier runs, and which steps are under way.
            models.Index(fields=["key", "-ended_at"], condition=Q(status="succeeded"), name="step_history"),
            models.Index(
                fields=["started_at"], condition=Q(status__in=sorted(STEP_LIVE)), name="step_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of operation {self.operation_id}"

    @property
    def is_done(self) -> bool:
        return self.status in STEP_DONE

    @property
    def may_skip(self) -> str:
        """What is given up by skipping it, in a sentence; empty when it cannot be skipped."""
        return str(self.parameters.get("may_skip", ""))


class Event(models.Model):
    """A line of what happened. `number` counts per operation without a gap."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="events")
    number = models.IntegerField()
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=60, help_text="Dotted, past tense: stack.created.")
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.INFO)
    step_key = models.CharField(max_length=60, blank=True)
    text = models.TextField()
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["operation", "number"], name="event_number_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.text}"


class Claim(Subject):
    """The right of a running operation to a subject. Rows exist only while it is held."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="claims")
    mode = models.CharField(max_length=10, choices=ClaimMode.choices)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # The rule that matters most: at most one operation changes, ends or recovers a subject.
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"],
                condition=~Q(mode=ClaimMode.KEEP),
                name="claim_exclusive",
            ),
            models.UniqueConstraint(
                fields=["operation", "subject_type", "subject_id"], name="claim_once_per_operation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} by operation {self.operation_id}"

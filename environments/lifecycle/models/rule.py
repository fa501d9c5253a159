"""The rules that say how many people a plan needs."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from environments.lifecycle.states import Tier
from environments.people.models import PortalRole


class Risk(models.TextChoices):
    """What a plan can carry that a person should look at: the words of Plan.document["risk_kinds"]."""

    REPLACEMENT = "replacement", "Replaces a resource"
    REMOVAL = "removal", "Removes a resource"
    DATA_LOSS = "data-loss", "May lose data"
    IAM_BROADENING = "iam-broadening", "Broadens what IAM allows"
    DRIFT = "drift", "Finds changes made by hand"


GRAVE = frozenset({Risk.REPLACEMENT, Risk.DATA_LOSS, Risk.IAM_BROADENING})
"""Risks that a rule covers without a person only when it names them."""


def risks_usual() -> list[str]:
    """What a new rule covers unless it says otherwise: everything that is not grave."""
    return [risk.value for risk in Risk if risk not in GRAVE]


class ApprovalRule(models.Model):
    """Which plans need the yes of how many people. Checked by position; the first enabled one that fits decides.

    Every condition that is empty is none. A plan that no rule fits needs one person.
    """

    MOST_HOURS = 30 * 24

    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)

    operation_kinds = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every kind of change."
    )
    tiers = ArrayField(
        models.CharField(max_length=10, choices=Tier.choices),
        default=list,
        blank=True,
        help_text="Empty: every tier.",
    )
    sizes = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, help_text="Empty: every size."
    )
    min_monthly_cost = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="USD a month after the change, at least.",
    )
    max_monthly_cost = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="USD a month after the change, at most.",
    )
    min_cost_increase = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="USD a month more than before, at least.",
    )
    max_cost_increase = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="USD a month more than before, at most.",
    )
    risks_needed = ArrayField(
        models.CharField(max_length=20, choices=Risk.choices),
        default=list,
        blank=True,
        help_text="The plan carries at least one of these. Empty: it need not carry any.",
    )
    risks_covered = ArrayField(
        models.CharField(max_length=20, choices=Risk.choices),
        default=risks_usual,
        blank=True,
        help_text="The plan carries no risk beyond these.",
    )

    approvals = models.PositiveSmallIntegerField(
        default=1,
        validators=[MaxValueValidator(2)],
        help_text="How many people have to approve: 0, 1 or 2. Never who asked.",
    )
    approver_roles = ArrayField(
        models.CharField(max_length=20, choices=PortalRole.choices),
        default=list,
        blank=True,
        help_text="Only these portal roles may approve. Empty: all that may approve at all.",
    )
    another_team = models.BooleanField(
        default=False,
        help_text="At least one of those who approve is not of the environment's team.",
    )
    expires_after_h = models.PositiveSmallIntegerField(
        default=168,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text="Hours until an approval that nobody gave expires.",
    )
    remind_after_h = models.PositiveSmallIntegerField(
        default=24,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text="Hours until approvers are reminded, once. Empty: never.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(approvals__lte=2), name="rule_approvals_at_most_two"),
            models.CheckConstraint(
                condition=Q(remind_after_h__isnull=True) | Q(remind_after_h__lt=F("expires_after_h")),
                name="rule_reminds_before_it_expires",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def expires_after(self) -> timedelta:
        return timedelta(hours=self.expires_after_h)

    @property
    def remind_after(self) -> timedelta | None:
        return timedelta(hours=self.remind_after_h) if self.remind_after_h is not None else None

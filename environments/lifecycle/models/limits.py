"""How long environments live, and how much a team may have: rules as data."""

from django.db import models
from django.db.models import Q

from environments.lifecycle.states import AtLimit, Tier
from environments.people.models import Team


class ExpiryRule(models.Model):
    """How long a tier's environments live: one row per tier. Days count from the request of each."""

    tier = models.CharField(max_length=10, choices=Tier.choices, unique=True)
    default_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="When a request names no expiry; empty: it gets none."
    )
    maximum_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="As far as its owner extends it alone; empty: no maximum."
    )
    approves_teardown = models.BooleanField(
        default=False,
        help_text="What has expired is torn down with last copies by this rule; else a person approves that.",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                # What may live for a limited time begins with an expiry.
                condition=Q(maximum_days__isnull=True) | Q(default_days__lte=models.F("maximum_days")),
                name="expiry_default_within_maximum",
            ),
            models.CheckConstraint(
                condition=Q(maximum_days__isnull=True) | Q(default_days__isnull=False),
                name="expiry_maximum_has_default",
            ),
        ]

    def __str__(self) -> str:
        return f"expiry of {self.get_tier_display().lower()}"

    @property
    def audit_name(self) -> str:
        """What the audit calls it."""
        return self.tier

    @property
    def is_required(self) -> bool:
        """Whether no environment of the tier is without an expiry: where there is a maximum."""
        return self.maximum_days is not None


class TeamLimit(models.Model):
    """How many environments a team may have, and what they may cost by estimate; teams without a row have no limit."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="limit")
    max_environments = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: any number.")
    max_monthly_cost = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="USD, by estimate; empty: no cap."
    )
    at_limit = models.CharField(max_length=20, choices=AtLimit.choices, default=AtLimit.STOP_NEW)
    reached_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is reached.")

    class Meta:
        ordering = ["team__name"]

    def __str__(self) -> str:
        return f"limit of {self.team}"

    @property
    def audit_name(self) -> str:
        """What the audit calls it."""
        return self.team.slug

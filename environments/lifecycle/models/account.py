"""AWS accounts, and the facts of their regions that synthesis is told."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from environments.lifecycle.states import AccountMode, AccountStatus


class Account(models.Model):
    """An AWS account that the portal may deploy to, by assuming a role."""

    name = models.SlugField(max_length=40, unique=True)
    account_id = models.CharField(max_length=12, unique=True, validators=[RegexValidator(r"^\d{12}$")])
    mode = models.CharField(max_length=10, choices=AccountMode.choices)
    is_on_sandbox = models.BooleanField(
        default=False,
        help_text="It lives in the portal's sandbox, whatever its mode: no real account is ever reached for it.",
    )
    status = models.CharField(max_length=10, choices=AccountStatus.choices, default=AccountStatus.ADDING)
    regions = ArrayField(models.CharField(max_length=30), help_text="Regions that environments may use.")
    zone_name = models.CharField(max_length=200, help_text="The delegated hosted zone, as dev.example.org.")
    zone_id = models.CharField(max_length=40, blank=True)
    external_id = models.CharField(max_length=64, help_text="What AssumeRole must carry; made by the portal.")
    baseline = models.JSONField(
        default=dict, blank=True, help_text="Per region, what the baseline put there: queue_url, bootstrap."
    )
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(mode=AccountMode.SANDBOX) | models.Q(is_on_sandbox=True),
                name="account_sandbox_mode_on_sandbox",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reader_role_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role/SwitchyardReader"

    @property
    def deployer_role_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role/SwitchyardDeployer"

    @property
    def boundary_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:policy/SwitchyardBoundary"

    @property
    def home_region(self) -> str:
        """Where what there is once per account is: where the guard was made, whatever regions came and went."""
        made = [region for region, row in self.baseline.items() if "audit_bucket" in row]
        return str([*made, *self.regions, ""][0])

    @property
    def access(self) -> str:
        """How much the role template lets the portal do there: "read" or "deploy"."""
        return "read" if self.mode == AccountMode.PLAN_ONLY else "deploy"


class RegionFacts(models.Model):
    """What synthesis must know of a region (AZs, Beanstalk platform …). Rows are versions, never changed."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="region_facts")
    region = models.CharField(max_length=30)
    version = models.PositiveIntegerField()
    facts = models.JSONField()
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["account", "region", "-version"]
        verbose_name_plural = "region facts"
        constraints = [
            models.UniqueConstraint(fields=["account", "region", "version"], name="region_facts_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.region} v{self.version}"


class QuotaSnapshot(models.Model):
    """What an account may have and has of things in a region, as workers counted it: {key: {"used", "limit"}}."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="quota_snapshots")
    region = models.CharField(max_length=30)
    quotas = models.JSONField(default=dict)
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "region"], name="quota_snapshot_once"),
        ]

    def __str__(self) -> str:
        return f"quotas of {self.account} in {self.region}"

"""Environments, their plans, the rules that approve, and what a teardown left."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from environments.lifecycle.models.account import Account
from environments.lifecycle.models.blueprint import Release
from environments.lifecycle.states import GONE, EnvironmentStatus, Tier
from environments.operations.models import Operation, Resource, Stack
from environments.people.models import Team

TEXT = models.CharField(max_length=18)


def block_of(field: str) -> Func:
    """The /16 that an address range lies in, as an expression: "10.12.16.0/20" is in "10.12.0.0/16"."""
    masked = Func(Cast(field, models.GenericIPAddressField()), 16, function="set_masklen")
    return Func(
        masked, function="network", template="(%(function)s(%(expressions)s)::text)", output_field=TEXT
    )


class Environment(models.Model):
    """One instance of a blueprint. Home is fixed at creation; which region is active is runtime state."""

    name = models.CharField(max_length=20)
    suffix = models.CharField(
        max_length=4, help_text="Makes physical names unique for ever, so that a name can be used again."
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="environments")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="environments_owned"
    )
    tier = models.CharField(max_length=10, choices=Tier.choices)
    size = models.CharField(max_length=20)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="environments")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="environments")
    home_region = models.CharField(max_length=30)
    other_region = models.CharField(max_length=30, blank=True)
    active_region = models.CharField(max_length=30, blank=True)
    cidr = models.CharField(max_length=18)
    # An index casts it to an address, which an empty text is not.
    other_cidr = models.CharField(  # noqa: DJ001
        max_length=18,
        null=True,
        blank=True,
        help_text="The address range in its other region; empty without a standby.",
    )
    spec = models.JSONField(help_text="All that the blueprint is told about it.")
    status = models.CharField(
        max_length=20, choices=EnvironmentStatus.choices, default=EnvironmentStatus.REQUESTED
    )
    status_since = models.DateTimeField(default=timezone.now)
    is_canary = models.BooleanField(
        default=False, help_text="Built, changed and torn down to show that its account can be live."
    )
    is_protected = models.BooleanField(default=False, help_text="Teardown is refused until this is off.")
    addresses = models.JSONField(
        default=dict, blank=True, help_text="Outputs people use: label to address, filled when it is active."
    )
    runtime = models.JSONField(
        default=dict,
        blank=True,
        help_text="What moves at run time, as workers saw it last: see lifecycle.runtime.FACTS.",
    )
    runtime_at = models.DateTimeField(null=True, blank=True, help_text="When that was seen.")
    drift_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when it is not what its templates say; empty: no open finding.",
    )
    drift_count = models.PositiveIntegerField(default=0, help_text="Open findings.")
    drift_checked_at = models.DateTimeField(null=True, blank=True, help_text="When it was looked at last.")
    monthly_cost = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, help_text="Estimate in USD, from the release's prices."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="It is torn down then; empty: never.")
    expiry_from = models.DateTimeField(
        default=timezone.now, help_text="What its tier's longest life counts from: its request."
    )
    expiry_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to tell or act for its expiry next; empty: all is done."
    )
    expiry_warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When people were first told of this expiry."
    )
    created_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nobody here looks after what it still has in AWS."
    )
    left_behind = models.JSONField(
        default=dict,
        blank=True,
        help_text="What it had in AWS when it was forgotten, why, and what that costs.",
    )

    operations = GenericRelation(Operation, content_type_field="subject_type", object_id_field="subject_id")
    stacks = GenericRelation(Stack, content_type_field="subject_type", object_id_field="subject_id")

    class Meta:
        ordering = ["name", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=~Q(status__in=sorted(GONE)), name="environment_name_once"
            ),
            models.UniqueConstraint(fields=["account", "name", "suffix"], name="environment_suffix_once"),
        ]
        indexes = [
            models.Index(fields=["status", "name"], name="environment_status"),
            models.Index(fields=["team", "status"], name="environment_team"),
            models.Index(fields=["account", "home_region"], name="environment_place"),
            models.Index(
                fields=["account", "other_region"],
                condition=~Q(other_region=""),
                name="environment_other_place",
            ),
            models.Index(fields=["-created_at"], name="environment_created"),
            models.Index(fields=["expires_at"], name="environment_expires"),
            # For the tick, which asks every few seconds.
            models.Index(
                fields=["expiry_due_at"],
                condition=Q(expiry_due_at__isnull=False),
                name="environment_expiry_due",
            ),
            models.Index(
                fields=["drift_since"], condition=Q(drift_since__isnull=False), name="environment_drifted"
            ),
            # For requests, which settle ranges and domains.
            models.Index(F("account"), block_of("cidr"), name="environment_block"),
            models.Index(F("account"), block_of("other_cidr"), name="environment_other_block"),
            models.Index(KeyTextTransform("domain", "spec"), name="environment_domain"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """Name and suffix: the value of the tag switchyard:environment and the stem of its stack names."""
        return f"{self.name}-{self.suffix}"

    @property
    def audit_name(self) -> str:
        """What the audit calls it: its name alone can be another environment's later."""
        return self.full_name

    @property
    def regions(self) -> list[str]:
        """Its home, and the region of its standby, where it has one or gets one."""
        return [self.home_region, *filter(None, [self.other_region])]

    @property
    def scopes(self) -> list[str]:
        """Its regions as account/region, which limits and pauses are of."""
        return [f"{self.account.account_id}/{region}" for region in self.regions]

    @property
    def standby(self) -> str:
        """Its standby as it is deployed: none, pilot-light or warm."""
        return str(self.spec.get("standby") or "none")

    @property
    def is_gone(self) -> bool:
        return self.status in GONE

    def resources(self) -> "models.QuerySet[Resource]":
        """Resources of all its stacks, as last seen."""
        return Resource.objects.filter(stack__in=self.stacks.all()).select_related("stack")


class Plan(models.Model):
    """What an operation would change, in words and as data, with the hash that approvals carry.

    document: {"summary": sentence, "stacks": [{"key", "name", "region", "action": "create"|"delete"|…,
    "template_hash", "changes": [{"logical_id", "type", "action": "added"|"modified"|"replaced"|"removed",
    "detail"}]}], "risks": [sentence], "risk_kinds": [a Risk], "losses": [{"store", "key", "what", "count",
    "bytes", "copy"}], "iam": [{"sentence", "who", "action", "count", "resource", "judged"}], "quotas": [{"key", "name",
    "need", "used", "pending", "limit", "link"}], "unpriced": [{"type", "count"}]}.
    hashed: what the hash covers. seen: what explains it ({"looked_at", "facts_version", "stacks": {name: {"status",
    "changed_at"}}}).
    """

    operation = models.OneToOneField(Operation, on_delete=models.CASCADE, related_name="plan")
    hash = models.CharField(max_length=64)
    hashed = models.JSONField(default=dict)
    seen = models.JSONField(default=dict)
    document = models.JSONField()
    cost = models.JSONField(
        default=dict,
        help_text='{"currency", "period", "total", "items": [{"label", "quantity", "amount", …}]}.',
    )
    monthly_cost_before = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    monthly_cost_after = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    assembly = models.CharField(max_length=200, blank=True, help_text="Where it lies in the artifact store.")
    price_basis = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        help_text="The price that approvals stand on: one more than 5 % away from it asks again.",
    )
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"plan of operation {self.operation_id}"

    @property
    def is_empty(self) -> bool:
        """Whether no stack is created, changed or deleted, and nothing of one copied."""
        stacks = self.document.get("stacks", [])
        return all(stack["action"] == "none" and "copies" not in stack for stack in stacks)

    @property
    def counts(self) -> dict[str, int]:
        """Changes by action over all stacks."""
        totals: dict[str, int] = {}
        for stack in self.document.get("stacks", []):
            for change in stack.get("changes", []):
                totals[change["action"]] = totals.get(change["action"], 0) + 1
        return totals


class PlanVersion(models.Model):
    """A plan that a later one of the same operation took the place of. `number` counts from 1."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="plan_versions")
    number = models.PositiveSmallIntegerField()
    hash = models.CharField(max_length=64)
    hashed = models.JSONField()
    seen = models.JSONField(default=dict)
    document = models.JSONField()
    cost = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["operation", "number"]
        constraints = [
            models.UniqueConstraint(fields=["operation", "number"], name="plan_version_number_once")
        ]

    def __str__(self) -> str:
        return f"plan {self.number} of operation {self.operation_id}"


class TeardownReport(models.Model):
    """What remained after a teardown, in three lists; it is torn down when `left_over` is empty.

    kept: [{"type", "id", "region", "why", "monthly_cost", "until"}]; deleting: [{"type", "id", "region",
    "date"}]; left_over: [{"type", "id", "region", "found_by", "remedy"}].
    """

    operation = models.OneToOneField(Operation, on_delete=models.CASCADE, related_name="teardown_report")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="teardown_reports")
    kept = models.JSONField(default=list)
    deleting = models.JSONField(default=list)
    left_over = models.JSONField(default=list)
    searched = models.JSONField(default=list, help_text="What was looked at: service, lister, region.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"report of {self.environment}"

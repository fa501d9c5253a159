"""Applications of teams: what is delivered, and the versions that environments can run."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.lifecycle.models.account import Account
from environments.lifecycle.models.blueprint import Release
from environments.lifecycle.states import APPLICATION_GONE, ApplicationStatus
from environments.operations.models import Operation, Resource, Stack
from environments.people.models import Team


class Application(models.Model):
    """A team's own application: repository, pipeline, registry. It belongs to an account, and to no environment."""

    name = models.CharField(max_length=20)
    suffix = models.CharField(
        max_length=4, help_text="Makes physical names unique for ever, so that a name can be used again."
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="applications")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="applications_owned"
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="applications")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="applications")
    region = models.CharField(max_length=30, help_text="Where its stack is: the account's first region.")
    spec = models.JSONField(help_text="All that the blueprint is told about it.")
    status = models.CharField(
        max_length=20, choices=ApplicationStatus.choices, default=ApplicationStatus.ADDING
    )
    status_since = models.DateTimeField(default=timezone.now)
    outputs = models.JSONField(
        default=dict, blank=True, help_text="Outputs of its stack: RepositoryUrl, PipelineName, RegistryUri …"
    )
    monthly_cost = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, help_text="Estimate in USD, from the release's prices."
    )
    versions_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="When its registry was looked at last."
    )
    left_behind = models.JSONField(
        default=list, blank=True, help_text='What stays in AWS when it is gone: [{"type", "id"}].'
    )
    created_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)

    operations = GenericRelation(Operation, content_type_field="subject_type", object_id_field="subject_id")
    stacks = GenericRelation(Stack, content_type_field="subject_type", object_id_field="subject_id")

    class Meta:
        ordering = ["name", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=~Q(status__in=sorted(APPLICATION_GONE)),
                name="application_name_once",
            ),
            models.UniqueConstraint(fields=["account", "name", "suffix"], name="application_suffix_once"),
        ]
        indexes = [
            models.Index(fields=["status", "name"], name="application_status"),
            models.Index(fields=["team", "status"], name="application_team"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """Name and suffix: the value of the tag switchyard:application."""
        return f"{self.name}-{self.suffix}"

    @property
    def audit_name(self) -> str:
        """What the audit calls it: its name alone can be another application's later."""
        return self.full_name

    @property
    def stack_name(self) -> str:
        """Its stack, and the beginning of all its physical names."""
        return f"sy-app-{self.full_name}"

    @property
    def scopes(self) -> list[str]:
        """Its region as account/region, which limits and pauses are of."""
        return [f"{self.account.account_id}/{self.region}"]

    @property
    def is_gone(self) -> bool:
        return self.status in APPLICATION_GONE

    def resources(self) -> "models.QuerySet[Resource]":
        """Resources of its stack, as last seen."""
        return Resource.objects.filter(stack__in=self.stacks.all()).select_related("stack")


class Version(models.Model):
    """An image that passed the pipeline and a person's approval: its registry has the tag release-<commit> on it."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="versions")
    commit = models.CharField(max_length=64)
    digest = models.CharField(max_length=71, help_text="sha256:…, by which it is pulled.")
    pushed_at = models.DateTimeField(help_text="When its image came into the registry.")
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="When the registry was seen without it; empty: it is there."
    )

    class Meta:
        ordering = ["-pushed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "commit"], name="version_commit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.commit[:12]}"

"""Who uses the portal: users, their teams and portal roles, their API tokens, and what one proposes to another."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken, AuthTokenManager


class Team(models.Model):
    """Who owns environments."""

    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=30, unique=True)
    email = models.EmailField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PortalRole(models.TextChoices):
    """What a person may do in the portal. What each may is one table: environments/people/rights.py."""

    ADMINISTRATOR = "administrator", "Administrator"
    APPROVER = "approver", "Approver"
    TEAM_LEAD = "team-lead", "Team lead"
    ENGINEER = "engineer", "Engineer"
    AUDITOR = "auditor", "Auditor"


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox ships no types
    """A person. `is_superuser` opens admin pages, but no service looks at it: rights come from the role."""

    portal_role = models.CharField(max_length=20, choices=PortalRole.choices, default=PortalRole.ENGINEER)
    teams = models.ManyToManyField(Team, related_name="members", blank=True)
    time_zone = models.CharField(max_length=60, default="UTC", help_text="IANA name, for times on pages.")

    class Meta:
        ordering = ["username"]
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class TokenScope(models.TextChoices):
    """What a token may be used for, within what its person may do."""

    READ = "read", "Read everything its person sees"
    OPERATE = "operate", "Request, cancel, retry and tear down"
    APPROVE = "approve", "Approve and reject"
    ADMINISTER = "administer", "Accounts, releases, teams, limits, pauses, tokens"


class ApiToken(AbstractAuthToken):
    """A person's key for scripts. Only its SHA-512 digest is stored; it is shown once, when made."""

    objects = AuthTokenManager()

    # knox's own relation name would clash with its unused default model.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80, help_text="What it is for: nightly-tests.")
    scopes = ArrayField(models.CharField(max_length=20, choices=TokenScope.choices), default=list)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def is_usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expiry is None or self.expiry > timezone.now())


class ProposalStatus(models.TextChoices):
    """How far a proposal is."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


class Proposal(models.Model):
    """A change of the portal's own settings that waits for a second person, or has had one.

    `before` and `after` are what the subject was, and would be, as JSON; null is "not there". What is decided is
    exactly this: `digest` covers it, and it is carried out only while the subject is still as `before` says.
    """

    Status = ProposalStatus

    verb = models.CharField(max_length=40, help_text="What would be done: rule.change, person.create.")
    subject_type = models.ForeignKey(ContentType, null=True, on_delete=models.PROTECT, related_name="+")
    subject_id = models.BigIntegerField(null=True)
    subject = GenericForeignKey("subject_type", "subject_id")
    subject_label = models.CharField(max_length=120)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    sealed = models.JSONField(
        default=dict,
        editable=False,
        help_text="What nobody is shown, as a password's hash; gone once decided.",
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 of verb, subject, before and after.")
    reason = models.TextField(blank=True, help_text="Why, in the words of who proposed it.")

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)
    is_alone = models.BooleanField(
        default=False, help_text="Nobody else could decide it, so it was done at once."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"],
                condition=models.Q(status="open", subject_id__isnull=False),
                name="proposal_one_open_per_subject",
            )
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(status="open"), name="proposal_open"),
            models.Index(fields=["status", "-id"], name="proposal_status"),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What differs: [{"field", "before", "after"}], in the order of the fields; null is "not there"."""
        before, after = self.before or {}, self.after or {}
        return [
            {"field": name, "before": before.get(name), "after": after.get(name)}
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]

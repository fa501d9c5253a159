"""Who uses the portal: users, their teams and portal roles, and their API tokens."""

from django.contrib.auth.models import AbstractUser
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

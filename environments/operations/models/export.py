"""What of the audit lies in a locked bucket, where the database's owner cannot reach it."""

from django.db import models
from django.db.models import Q, Value


class AuditExport(models.Model):
    """One object, of one hour: the chain's head and rows, approvals and reports since the one before it.

    Opened before it is written, so that it is written once however often a worker dies. The next one is opened when
    it lies there.
    """

    due_at = models.DateTimeField(unique=True)
    since = models.DateTimeField(help_text="Approvals and reports from then on, until `until`.")
    until = models.DateTimeField()
    after_id = models.BigIntegerField(help_text="Audit rows behind this one, up to `through_id`.")
    through_id = models.BigIntegerField()
    account_id = models.CharField(max_length=12)
    region = models.CharField(max_length=30)
    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=120, unique=True)
    sha256 = models.CharField(max_length=64, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, help_text="Why it could not be written yet.")

    class Meta:
        ordering = ["-due_at"]
        constraints = [
            # One at a time: each begins where the one before it has ended.
            models.UniqueConstraint(
                Value(1), condition=Q(written_at__isnull=True), name="audit_export_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} in {self.bucket}"

"""Audit: who did what, from where, before and after. The database chains and guards the rows itself."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils import timezone

# One writer at a time, so that each row sees its predecessor's hash. The lock lasts to the end of the
# transaction; audit is the last line of a service, so that is short.
CHAIN = """
    PERFORM pg_advisory_xact_lock(726001);
    SELECT hash INTO NEW.previous_hash FROM operations_auditentry ORDER BY id DESC LIMIT 1;
    NEW.previous_hash := coalesce(NEW.previous_hash, '');
    NEW.id := nextval(pg_get_serial_sequence('operations_auditentry', 'id'));
    NEW.hash := encode(sha256(convert_to(concat_ws(
        E'\\x1f', NEW.previous_hash, NEW.id, NEW.at, NEW.actor_name, NEW.action, NEW.subject, NEW.origin,
        NEW.before::text, NEW.after::text
    ), 'UTF8')), 'hex');
    RETURN NEW;
"""


class AuditEntry(models.Model):
    """One audited act. Rows are added and read, never changed: the portal's database role cannot."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150, help_text='"switchyard" when the portal itself acted.')
    action = models.CharField(max_length=80, help_text="Dotted, past tense: environment.requested.")
    subject = models.CharField(max_length=200, help_text="What it was done to, as type:name.")
    origin = models.CharField(max_length=200, blank=True, help_text="Address and door: 10.1.2.3 api.")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_hash = models.CharField(max_length=64, default="", editable=False)
    hash = models.CharField(max_length=64, default="", editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject", "-id"], name="audit_subject"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["actor", "-id"], name="audit_actor"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="audit_chain", when=pgtrigger.Before, operation=pgtrigger.Insert, func=CHAIN
            ),
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name} {self.action} {self.subject}"

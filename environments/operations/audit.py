"""Recording who did what. The last line of each service that changes something a person asked for."""

from contextvars import ContextVar
from typing import Any

from environments.operations.models import AuditEntry

# Where the current act comes from: "10.1.2.3 browser", "10.1.2.3 api", "command". Set by the faces.
origin: ContextVar[str] = ContextVar("audit_origin", default="")

PORTAL = "switchyard"


def audit_record(
    action: str,
    subject: Any,
    *,
    actor: Any,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add an audit row. `actor` None is the portal itself; `subject` is a model object or "type:name".

    Objects whose names come again have an `audit_name` that does not.
    """
    name = subject
    if not isinstance(subject, str):
        name = f"{subject._meta.model_name}:{getattr(subject, 'audit_name', subject)}"
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor is not None else PORTAL,
        action=action,
        subject=name[:200],
        origin=origin.get(),
        before=before,
        after=after,
    )

"""How many operations may run side by side in a scope. The caller has checked the right."""

from typing import Any

from django.db import transaction

from environments.errors import Conflict
from environments.operations.audit import audit_record
from environments.operations.models import OperationLimit

EVERY_SCOPE = "*"


def limit_set(*, scope: str, max_running: int, actor: Any) -> OperationLimit:
    """Give a scope ("account/region", or "*" for all others) its limit, in operations. It acts from the next start."""
    with transaction.atomic():
        limit, fresh = OperationLimit.objects.select_for_update().get_or_create(
            scope=scope, defaults={"max_running": max_running}
        )
        before = None if fresh else {"max_running": limit.max_running}
        limit.max_running = max_running
        limit.save(update_fields=["max_running"])
        audit_record(
            "limit.set", f"limit:{scope}", actor=actor, before=before, after={"max_running": max_running}
        )
    return limit


def limit_remove(*, limit: OperationLimit, actor: Any) -> None:
    """Let the scope fall back to the limit of all others. Raises Conflict for that one itself."""
    if limit.scope == EVERY_SCOPE:
        raise Conflict("This limit holds for every scope without its own: change it instead.")
    with transaction.atomic():
        OperationLimit.objects.filter(pk=limit.pk).delete()
        audit_record(
            "limit.removed", f"limit:{limit.scope}", actor=actor, before={"max_running": limit.max_running}
        )

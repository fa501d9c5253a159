"""Opening an operation: what every kind has in common."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from environments.errors import Conflict
from environments.operations.audit import audit_record
from environments.operations.events import event_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation
from environments.operations.queue import wake
from environments.operations.states import OPEN, OperationStatus


def operation_open(
    *,
    kind: str,
    subject: models.Model,
    scope: str = "",
    more_scopes: Sequence[str] = (),
    parameters: dict[str, Any] | None = None,
    priority: int = 0,
    not_before: datetime | None = None,
    actor: Any,
) -> Operation:
    """Record that `actor` wants this done, and queue it on commit. The caller has checked rights and state.

    Raises Conflict when the same kind is already open on the subject: a second request is a double click.
    """
    definition = kind_get(kind)
    subject_type = ContentType.objects.get_for_model(subject)
    with transaction.atomic():
        type(subject)._default_manager.select_for_update().get(pk=subject.pk)
        double = Operation.objects.filter(
            subject_type=subject_type, subject_id=subject.pk, kind=kind, status__in=OPEN
        ).first()
        if double is not None:
            raise Conflict(
                f"Operation {double.pk} already does this ({double.status}). Wait for it, or cancel it first."
            )
        operation = Operation.objects.create(
            kind=kind,
            subject_type=subject_type,
            subject_id=subject.pk,
            subject_label=str(subject),
            claim_mode=definition.claim_mode,
            scope=scope,
            more_scopes=list(more_scopes),
            parameters=parameters or {},
            priority=priority,
            not_before=not_before,
            status=OperationStatus.PENDING,
            sentence="Waiting for a worker.",
            requested_by=actor,
        )
        event_write(operation.pk, "operation.requested", f"{definition.title} of {subject} was requested.")
        audit_record(
            f"{kind}.requested", subject, actor=actor, after={"operation": operation.pk, **(parameters or {})}
        )
        wake(operation.pk)
    return operation

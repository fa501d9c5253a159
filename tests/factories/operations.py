"""Operations and their steps, stacks and their resources."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from environments.lifecycle.models import Environment
from environments.operations.events import Draft, events_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation, Resource, Stack, Step


def operation_make(
    subject: Any, *, kind: str = "provision", status: str = "running", **fields: Any
) -> Operation:
    """An operation of a subject, without steps; events say that it was asked for."""
    operation = Operation.objects.create(
        kind=kind,
        subject_type=ContentType.objects.get_for_model(subject),
        subject_id=subject.pk,
        subject_label=str(subject),
        claim_mode=kind_get(kind).claim_mode,
        status=status,
        sentence=fields.pop("sentence", f"It is {status}."),
        **fields,
    )
    events_write(operation.pk, [Draft("operation.requested", f"{kind} was requested.")])
    return operation


def step_make(operation: Operation, key: str, *, phase: str = "execute", **fields: Any) -> Step:
    """A step at the end of its phase."""
    position = operation.steps.filter(phase=phase).count()
    title = fields.pop("title", key.capitalize())
    return Step.objects.create(
        operation=operation, key=key, title=title, phase=phase, position=position, **fields
    )


def stack_make(
    environment: Environment, key: str, *, status: str = "CREATE_COMPLETE", **fields: Any
) -> Stack:
    """A stack snapshot of an environment."""
    return Stack.objects.create(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id=environment.pk,
        account_id=environment.account.account_id,
        region=environment.home_region,
        key=key,
        name=f"sy-{environment.full_name}-{key}",
        status=status,
        seen_at=timezone.now(),
        **fields,
    )


def resource_make(
    stack: Stack, logical_id: str, kind: str, *, status: str = "CREATE_COMPLETE", **fields: Any
) -> Resource:
    """A resource snapshot of a stack."""
    return Resource.objects.create(
        stack=stack, logical_id=logical_id, type=kind, status=status, seen_at=timezone.now(), **fields
    )


def minutes_ago(minutes: float) -> datetime:
    """A moment in the past."""
    return timezone.now() - timedelta(minutes=minutes)

"""The brake: while a pause is there, nothing that it covers starts, goes on or expires. What AWS has begun goes on.

A pause covers everything, a region of an account ("111122223333/eu-west-1"), an account ("111122223333/"), or one
subject ("environment/17").
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q

from environments.errors import Conflict, Invalid
from environments.operations.audit import audit_record
from environments.operations.kinds import kind_get
from environments.operations.models import Operation, Pause
from environments.operations.queue import wake
from environments.operations.states import DRIVEN, OperationStatus

WOKEN = 200
"""The most operations that are sent for at once when a pause is lifted; the next ticks bring the rest."""


def pause_set(*, covers: str = Pause.EVERYTHING, label: str = "", reason: str, actor: Any) -> Pause:
    """Stop workers from moving what this covers. The caller has checked the right. Raises Invalid (no reason)."""
    if not reason.strip():
        raise Invalid("Say why, so that others know what to wait for.", field="reason")
    with transaction.atomic():
        pause, fresh = Pause.objects.get_or_create(
            covers=covers, defaults={"reason": reason, "set_by": actor, "label": label}
        )
        if fresh:
            audit_record("pause.set", f"pause:{covers}", actor=actor, after={"reason": reason})
    return pause


def pause_lift(*, covers: str = Pause.EVERYTHING, actor: Any) -> None:
    """Let workers go on, at once with what waits in a pause's place. Raises Conflict (it is not paused)."""
    with transaction.atomic():
        deleted, _ = Pause.objects.filter(covers=covers).delete()
        if not deleted:
            raise Conflict("It is not paused.")
        audit_record("pause.lifted", f"pause:{covers}", actor=actor)
        for operation_id in _held_back(covers):
            wake(operation_id)


def pause_covering(*scopes: str, subject: models.Model | None = None) -> Pause | None:
    """The pause that covers work in one of these scopes ("account/region") or on this subject, if there is one; by one
    query.
    """
    words = [Pause.EVERYTHING, *(word for scope in scopes for word in _scope_words(scope))]
    if subject is not None:
        words.append(subject_word(ContentType.objects.get_for_model(subject), subject.pk))
    return _widest(Pause.objects.filter(covers__in=words))


def operation_pause(operation: Operation) -> Pause | None:
    """The pause that covers an operation, the widest first; by one query beyond its subject's own."""
    return _widest(Pause.objects.filter(covers__in=operation_words(operation)))


def operation_words(operation: Operation) -> list[str]:
    """All that a pause may cover, and this operation with it."""
    own = subject_word(operation.subject_type, operation.subject_id)
    scopes = kind_get(operation.kind).scopes(operation)
    return [Pause.EVERYTHING, *(word for scope in scopes for word in _scope_words(scope)), own]


def paused_among(operations: Iterable[Operation]) -> dict[int, Pause]:
    """Of many operations those that a pause covers, by id; by one query. Have their subjects prefetched."""
    pauses = {pause.covers: pause for pause in Pause.objects.all()}
    found = {}
    for operation in operations if pauses else ():
        word = next((word for word in operation_words(operation) if word in pauses), None)
        if word is not None:
            found[operation.pk] = pauses[word]
    return found


def stands_still(operation: Operation) -> bool:
    """Whether a worker has to leave it alone now.

    A cancel is let through a pause that somebody set on a part: who stops an account may want to stop what runs in
    it. While everything is paused, as after a restore, no worker calls AWS for any reason.
    """
    pause = operation_pause(operation)
    if pause is None:
        return False
    return pause.covers == Pause.EVERYTHING or operation.status != OperationStatus.CANCELLING


def subject_word(subject_type: ContentType, subject_id: int) -> str:
    """How a pause names one subject."""
    return f"{subject_type.model}/{subject_id}"


def _scope_words(scope: str) -> list[str]:
    """A scope and its account; an account's own scope is itself."""
    account = scope.split("/")[0]
    return list(dict.fromkeys([f"{account}/", scope])) if account else []


def _widest(pauses: models.QuerySet[Pause]) -> Pause | None:
    return min(
        pauses.select_related("set_by"),
        key=lambda row: (row.covers != Pause.EVERYTHING, row.pk),
        default=None,
    )


def _held_back(covers: str) -> list[int]:
    """Ids of operations that a worker may take up again; which of them another pause covers, it finds out itself."""
    rows = Operation.objects.filter(status__in=DRIVEN)
    name, _, number = covers.partition("/")
    if number.isdecimal():
        rows = rows.filter(subject_type__model=name, subject_id=int(number))
    elif covers != Pause.EVERYTHING:
        rows = rows.filter(Q(scope__startswith=covers) | Q(more_scopes__contains=[covers]))
    return list(rows.order_by("-priority", "id").values_list("pk", flat=True)[:WOKEN])

"""Claims: which running operation has which right to a subject, and who waits for whom."""

from collections.abc import Collection

from django.db import connection
from django.db.models import Q

from environments.operations.models import Claim, Operation, OperationLimit
from environments.operations.states import HOLDING, ClaimMode, OperationStatus

M = ClaimMode

# EXCLUDES[wanted] = held modes that make it wait. Recovery waits only for an end or another recovery.
EXCLUDES: dict[str, frozenset[str]] = {
    M.KEEP: frozenset({M.END, M.RECOVER}),
    M.CHANGE: frozenset({M.CHANGE, M.END, M.RECOVER}),
    M.END: frozenset({M.KEEP, M.CHANGE, M.END, M.RECOVER}),
    M.RECOVER: frozenset({M.END, M.RECOVER}),
}


def claim_take(operation: Operation) -> Operation | None:
    """Take the operation's claim and a place within its scope's limit; answers who blocks it, or None.

    Call inside a transaction that holds the operation's row. Two takers of one subject are settled by an
    advisory lock, and by the unique constraint behind it. A recovery's caller has made lesser claims go before.
    """
    claim_lock(operation)
    blocker = _overtaken_by(operation) or _held_by(operation)
    if blocker is not None:
        return blocker
    Claim.objects.get_or_create(
        operation=operation,
        subject_type_id=operation.subject_type_id,
        subject_id=operation.subject_id,
        defaults={"mode": operation.claim_mode},
    )
    return None


def claim_lock(operation: Operation) -> None:
    """Until the transaction ends, nobody else takes or breaks a claim on the operation's subject."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)", [operation.subject_type_id, operation.subject_id % 2**31]
        )


def claims_lesser(recovery: Operation) -> list[int]:
    """Ids of operations whose claim a recovery breaks: those that keep or change its subject."""
    return list(
        Claim.objects.filter(
            subject_type_id=recovery.subject_type_id,
            subject_id=recovery.subject_id,
            mode__in=[M.KEEP, M.CHANGE],
        )
        .exclude(operation=recovery)
        .order_by("operation_id")
        .values_list("operation_id", flat=True)
    )


def claim_release(operation: Operation) -> list[int]:
    """Give up all claims; answers the ids of queued operations that may have waited for them."""
    Claim.objects.filter(operation=operation).delete()
    same_subject = Q(subject_type_id=operation.subject_type_id, subject_id=operation.subject_id)
    same_scope = in_scopes(operation.scopes)
    return list(
        Operation.objects.filter(same_subject | same_scope, status=OperationStatus.QUEUED)
        .order_by("-priority", "id")
        .values_list("pk", flat=True)[:20]
    )


def in_scopes(scopes: Collection[str]) -> Q:
    """Of operations: those that work in one of these scopes."""
    return Q(scope__in=list(scopes)) | Q(more_scopes__overlap=list(scopes)) if scopes else Q(pk__in=[])


def scope_rooms(operation: Operation) -> dict[str, tuple[int, int]]:
    """Of each of the operation's scopes that has a limit: the limit, and how many others run there.

    Locks the scopes for the transaction, always in one order: who looked here starts, or does not, before the next
    one looks.
    """
    if operation.claim_mode == M.RECOVER:
        return {}
    scopes = sorted(operation.scopes)
    with connection.cursor() as cursor:
        for scope in scopes:
            cursor.execute("SELECT pg_advisory_xact_lock(726002, hashtext(%s))", [scope])
    rows = OperationLimit.objects.filter(scope__in=[*scopes, "*"])
    limits = dict(rows.values_list("scope", "max_running"))
    running = Operation.objects.filter(status__in=HOLDING).exclude(pk=operation.pk)
    return {
        scope: (limit, running.filter(in_scopes([scope])).count())
        for scope in operation.scopes
        if (limit := limits.get(scope, limits.get("*"))) is not None
    }


def _held_by(operation: Operation) -> Operation | None:
    claim = (
        Claim.objects.filter(
            subject_type_id=operation.subject_type_id,
            subject_id=operation.subject_id,
            mode__in=EXCLUDES[operation.claim_mode],
        )
        .exclude(operation=operation)
        .select_related("operation")
        .first()
    )
    return claim.operation if claim else None


def _overtaken_by(operation: Operation) -> Operation | None:
    """A queued operation on the same subject that goes first: recovery, then priority, then age."""
    if operation.claim_mode == M.RECOVER:
        return None
    first = Q(claim_mode=M.RECOVER) | Q(priority__gt=operation.priority)
    first |= Q(priority=operation.priority, pk__lt=operation.pk)
    return (
        Operation.objects.filter(
            first,
            subject_type_id=operation.subject_type_id,
            subject_id=operation.subject_id,
            status=OperationStatus.QUEUED,
            not_before__isnull=True,
            claim_mode__in=EXCLUDES[operation.claim_mode],
        )
        .order_by("-priority", "pk")
        .first()
    )

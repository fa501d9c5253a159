"""Leases: which worker may move an operation now, and the fence that keeps a late one from writing.

A slow worker is not a dead one: when its lease has passed and another took over, every write of the first
finds its token gone and stops.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, SmallIntegerField, When
from django.utils import timezone

from environments.operations.models import Operation
from environments.operations.states import DRIVEN


class LeaseLost(Exception):
    """Somebody else moves this operation now, or it has ended. Drop everything; nothing was written."""


@dataclass(frozen=True)
class Lease:
    """The right to move one operation until it is released or not renewed in time."""

    operation_id: int
    token: uuid.UUID

    @contextmanager
    def fenced(self) -> Iterator[Operation]:
        """A transaction with the operation's row locked, entered only while the lease is ours.

        Raises LeaseLost otherwise. Never make an AWS call inside.
        """
        with transaction.atomic():
            operation = (
                Operation.objects.select_for_update(of=("self",))
                .filter(pk=self.operation_id, lease_token=self.token)
                .first()
            )
            if operation is None:
                raise LeaseLost(f"Operation {self.operation_id} is no longer ours.")
            yield operation

    def renew(self) -> None:
        """Extend the lease by its full length from now; raises LeaseLost."""
        renewed = Operation.objects.filter(pk=self.operation_id, lease_token=self.token).update(
            lease_until=_end_of_lease()
        )
        if not renewed:
            raise LeaseLost(f"Operation {self.operation_id} is no longer ours.")

    def release(self, *, wake_at: datetime | None) -> None:
        """Let go, and say when to look again (None: never, until somebody wakes it)."""
        Operation.objects.filter(pk=self.operation_id, lease_token=self.token).update(
            lease_token=None, lease_until=None, lease_worker="", lease_losses=0, wake_at=wake_at
        )


def _end_of_lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.ENGINE_LEASE_S)


def lease_take(operation_id: int, *, worker: str) -> Lease | None:
    """Take the lease by one conditional UPDATE; None when another worker holds it or nothing is to do."""
    token = uuid.uuid4()
    now = timezone.now()
    taken = (
        Operation.objects.filter(pk=operation_id, status__in=DRIVEN)
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .update(
            lease_token=token,
            lease_until=_end_of_lease(),
            lease_worker=worker[:120],
            # A token that is still there is that of a worker which did not come back.
            lease_losses=Case(
                When(lease_token__isnull=False, then=F("lease_losses") + 1),
                default=F("lease_losses"),
                output_field=SmallIntegerField(),
            ),
            due_since=None,
        )
    )
    return Lease(operation_id, token) if taken else None

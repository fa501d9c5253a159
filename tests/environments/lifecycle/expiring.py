"""What tests of expiry do: let an environment have expired, begin what that asked for, read what was told."""

from datetime import timedelta

from django.utils import timezone as clock

from environments.lifecycle.expiry import expiry_set
from environments.lifecycle.models import Environment
from environments.operations.models import Notice, Operation
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


def expire(environment, ago=MINUTE, *, warned=True):
    """Let it have expired so long ago, and its people be warned in time."""
    now = clock.now()
    expiry_set(environment, now - ago, now - 3 * DAY)
    Environment.objects.filter(pk=environment.pk).update(
        expiry_due_at=now - ago, expiry_warned_at=now - 2 * DAY if warned else None
    )
    environment.refresh_from_db()


def told(topic="environment."):
    """The sentences of such notices, oldest first."""
    return list(
        Notice.objects.filter(topic__startswith=topic).order_by("id").values_list("sentence", flat=True)
    )


def begin(operation):
    """Let it run, as if it had been planned and approved; answers it."""
    Operation.objects.filter(pk=operation.pk).update(status=OperationStatus.QUEUED, phase="execute")
    operation.refresh_from_db()
    assert operation_try_start(operation), operation.sentence
    return operation
